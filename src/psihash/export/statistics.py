"""Statistics of matching, by peer and purpose, in numbers that may be shared.

Pure: the node counts, this module shows. In the shareable form a number from 1 to 4 is shown as
"1-4" and a duration only where it stands for five or more, because small numbers tell of single
cases. There are no sums beside the parts, from which a hidden part could be worked out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from psihash.export.csv_table import line
from psihash.export.report import SMALL_CELL

SCHEMA: Final = "psihash-statistics/1"
CONTRIBUTIONS: Final = "contributions"
"""The group of the sentences about them."""
COLUMNS: Final = ("peer", "purpose", "group", "what", "count", "median_hours")


@dataclass(frozen=True, slots=True)
class Cell:
    """One number. ``group`` and ``what`` are words of ours."""

    group: str
    what: str
    count: int
    median_seconds: int | None = None
    """Of how long each took, where it took any time."""


@dataclass(frozen=True, slots=True)
class PurposeRow:
    """All cells of one peer and purpose, in order."""

    peer: str
    purpose: str
    """As the agreements word it; empty for what concerns all purposes."""
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Contributed:
    """What went to centres or came from members, and was taken in."""

    given: bool
    """By us; else by members to us."""
    new_collections: int
    added_to: int
    """Collections of the centre that got additions; of what we gave, how many additions."""
    agencies: int
    """Centres, or members."""


@dataclass(frozen=True, slots=True)
class Statistics:
    agency: str
    since: str | None
    until: str
    rows: tuple[PurposeRow, ...]
    internal: bool
    """Exact numbers, for this agency alone."""
    contributed: tuple[Contributed, ...] = ()


def shown(statistics: Statistics, count: int) -> str:
    """A number as it may be shown."""
    if not statistics.internal and 0 < count < SMALL_CELL:
        return f"1-{SMALL_CELL - 1}"
    return str(count)


def shown_hours(statistics: Statistics, cell: Cell) -> str:
    """A cell's median in hours, empty where there is none or too few stand behind it."""
    if cell.median_seconds is None or (not statistics.internal and cell.count < SMALL_CELL):
        return ""
    return f"{cell.median_seconds / 3600:.1f}"


def more_than(statistics: Statistics, count: int) -> str:
    """A number as reports have it: the round one below it. Exact inside the agency; small ones as
    they may be shown."""
    if statistics.internal or count <= 10:
        return shown(statistics, count)
    unit = 10 ** (len(str(count - 1)) - 1)
    return f"more than {(count - 1) // unit * unit:,}"


def sentences(statistics: Statistics) -> Iterator[str]:
    """What was contributed, in one line for each direction: "Taken in from 12 members: 240 new
    collections, additions to more than 100"."""
    for each in statistics.contributed:
        agencies = shown(statistics, each.agencies)
        what = "centre" if each.given else "member"
        plural = "" if agencies == "1" else "s"
        begin = "Given to" if each.given else "Taken in from"
        new = shown(statistics, each.new_collections)
        yield (
            f"{begin} {agencies} {what}{plural}: {new} new collection{'' if new == '1' else 's'}, "
            f"additions to {more_than(statistics, each.added_to)}"
        )


def write_csv(statistics: Statistics, stream: BinaryIO) -> int:
    """One row for each number, as :data:`COLUMNS`, and one for each sentence about contributions;
    returns how many."""
    stream.write(b"\xef\xbb\xbf" + line(COLUMNS))
    count = 0
    for row, cell in cells(statistics):
        numbers = (shown(statistics, cell.count), shown_hours(statistics, cell))
        stream.write(line((row.peer, row.purpose, cell.group, cell.what, *numbers)))
        count += 1
    for sentence in sentences(statistics):
        stream.write(line(("", "", CONTRIBUTIONS, sentence, "", "")))
        count += 1
    return count


def cells(statistics: Statistics) -> Iterator[tuple[PurposeRow, Cell]]:
    """Every cell with its row."""
    for row in statistics.rows:
        for cell in row.cells:
            yield row, cell


def document(statistics: Statistics) -> dict[str, Any]:
    """The JSON form. Counts are text, because some are "1-4"."""
    return {
        "schema": SCHEMA,
        "agency": statistics.agency,
        "since": statistics.since,
        "until": statistics.until,
        "internal": statistics.internal,
        "contributions": list(sentences(statistics)),
        "rows": [
            {
                "peer": row.peer,
                "purpose": row.purpose,
                "group": cell.group,
                "what": cell.what,
                "count": shown(statistics, cell.count),
                "median_hours": shown_hours(statistics, cell) or None,
            }
            for row, cell in cells(statistics)
        ],
    }
