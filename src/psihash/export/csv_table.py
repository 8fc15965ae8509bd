"""CSV for spreadsheets: one row per matched item, or per algorithm and link below rung ``items``.

RFC 4180 with commas, every cell quoted, CRLF, UTF-8 with BOM (without it Excel reads Latin-1).
Cells that a spreadsheet would run as a formula are disarmed: labels are the peer's text. Columns
are documented in ``docs/exports.md``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from psihash.casework.handling import Handling
from psihash.export.report import (
    ExportReport,
    any_says,
    first_things_first,
    has_items,
    identified_there_open_here,
    link_bounds,
    one_line,
)
from psihash.hashset.model import Category, Verdict
from psihash.session.result import MatchedItem, SessionResult
from psihash.terms import AlgorithmId

_VERDICT_COLUMNS: Final = (
    "categories",
    "victim_identified",
    "offender_identified",
    "distributed",
    "votes",
    "dated",
    "country",
    "series",
    "submissions",
    "source",
    "disagreement",
)
_CONTEXT_COLUMNS: Final = ("session", "peer", "agreement", "case", "peer_case", "closed", "receipt")
_HANDLING_COLUMNS: Final = ("handling", "tlp", "handling_note")

ITEM_COLUMNS: Final = (
    "identified_there_open_here",
    *(algorithm.value for algorithm in AlgorithmId),
    "further_digests",
    "matched_by",
    "media_type",
    "size",
    "own_collections",
    *(f"own_{name}" for name in _VERDICT_COLUMNS),
    "peer_collections",
    "peer_kinds",
    *(f"peer_{name}" for name in _VERDICT_COLUMNS),
    "peer_contact",
    *_CONTEXT_COLUMNS,
    *_HANDLING_COLUMNS,
)
"""Columns from rung ``items`` upwards."""

COUNT_COLUMNS: Final = (
    "row",
    "algorithm",
    "own",
    "matched",
    "own_collection",
    "peer_collection",
    "matched_items",
    "matched_items_min",
    "matched_items_max",
    *_CONTEXT_COLUMNS,
    *_HANDLING_COLUMNS,
)
"""Columns at ``count`` and ``series``; ``row`` is ``algorithm`` or ``link``."""

SEPARATOR: Final = " | "
"""Between the values of one cell. A value's own bars become slashes."""

# A spreadsheet takes a cell for a formula by its first character; where its list separator is the
# semicolon, it also splits cells there, and each part is then a cell of its own.
_FORMULA = re.compile('(?:^|(?<=;))(?=["\\s]*[=+\\-@\uff1d\uff0b\uff0d\uff20])')


def write_csv(
    result: SessionResult, stream: BinaryIO, handling: Handling | None = None
) -> ExportReport:
    """Write the table; memory is bounded by one row."""
    context = _context(result, handling)
    if has_items(result):
        columns: tuple[str, ...] = ITEM_COLUMNS
        rows = _item_rows(result, context)
    else:
        columns = COUNT_COLUMNS
        rows = _count_rows(result, context)
    written = stream.write(b"\xef\xbb\xbf" + line(columns))
    records = 0
    for row in rows:
        written += stream.write(line(row))
        records += 1
    return ExportReport("csv", records, written)


def cell(text: str) -> str:
    """One cell's text: a single line that no spreadsheet takes for a formula."""
    if not text or text.isalnum():
        return text  # Most cells: empty, a number, a digest, yes or no.
    # The tab is looked for before one_line() drops it: a leading one is an attack as well.
    disarmed = "'" + text if text[:1] in ("\t", "\r", "\n") else text
    return _FORMULA.sub("'", one_line(disarmed))


def line(cells: Iterable[str]) -> bytes:
    """One row of a table, with its end."""
    quoted = ('"' + cell(text).replace('"', '""') + '"' for text in cells)
    return (",".join(quoted) + "\r\n").encode()


def _item_rows(result: SessionResult, context: list[str]) -> Iterator[list[str]]:
    for _, item in first_things_first(result):
        yield [
            _flag(_identified_there_open_here(result, item)),
            *(item.digests.get(algorithm, "") for algorithm in AlgorithmId),
            " ".join(f"{algorithm.value}:{text}" for algorithm, text in item.further_digests),
            " ".join(algorithm.value for algorithm in item.matched_by),
            item.media_type or "",
            _number(item.size),
            _join(item.collections),
            *_verdict_cells([verdict for _, verdict in item.verdicts]),
            _join(item.peer_collections),
            _join(_distinct(record.kind.value for record in item.records)),
            *_verdict_cells([v for record in item.records for v in record.verdicts]),
            _join(_contacts(item)),
            *context,
        ]


def _identified_there_open_here(result: SessionResult, item: MatchedItem) -> bool | None:
    """Nothing where the peer said nothing about the victim: that is no "no"."""
    stated = any_says(v.victim_identified for record in item.records for v in record.verdicts)
    return None if stated is None else identified_there_open_here(result, item)


def _contacts(item: MatchedItem) -> Iterable[str]:
    return _distinct(record.contact for record in item.records if record.contact)


def _count_rows(result: SessionResult, where: list[str]) -> Iterator[list[str]]:
    context = [
        _number(result.matched_items),
        _number(result.matched_items_min),
        _number(result.matched_items_max),
        *where,
    ]
    for algorithm, part in result.algorithms.items():
        counts = [str(part.own), _number(part.matched)]
        yield ["algorithm", algorithm.value, *counts, "", "", *context]
    for link in result.links:
        least, most = link_bounds(result, link)
        matched = str(least) if least == most else f"{least} to {most}"
        yield ["link", "", "", matched, link.own, link.peer, *context]


def _context(result: SessionResult, handling: Handling | None) -> list[str]:
    told = ("", "", "") if handling is None else (handling.code, handling.tlp, handling.note)
    return [*(str(getattr(result, name)) for name in _CONTEXT_COLUMNS), *told]


def _verdict_cells(verdicts: list[Verdict]) -> list[str]:
    stated = [v.submissions for v in verdicts if v.submissions is not None]
    return [
        _categories(verdicts),
        _flag(any_says(v.victim_identified for v in verdicts)),
        _flag(any_says(v.offender_identified for v in verdicts)),
        _flag(any_says(v.distributed for v in verdicts)),
        str(len(verdicts)) if verdicts else "",
        max((v.dated for v in verdicts if v.dated), default=""),
        _join(_distinct(v.country for v in verdicts if v.country)),
        _join(_distinct(label for v in verdicts for label in v.series)),
        _number(max(stated, default=None)),
        _join(_distinct(v.source for v in verdicts if v.source)),
        " ".join(_disagreement(verdicts)),
    ]


def _categories(verdicts: list[Verdict]) -> str:
    """``us:1 x3 | us:2``: each category with its dialect and, from two, its number of votes."""
    votes: dict[str, int] = {}
    for verdict in verdicts:
        if verdict.category is not None:
            text = _category(verdict.category)
            votes[text] = votes.get(text, 0) + 1
    return _join(f"{text} x{count}" if count > 1 else text for text, count in votes.items())


def _category(category: Category) -> str:
    name = " ".join(part for part in (category.code, category.label) if part)
    return f"{category.dialect.value}:{name}"


def _disagreement(verdicts: list[Verdict]) -> Iterator[str]:
    by_dialect: dict[str, set[tuple[str, str]]] = {}
    for category in (v.category for v in verdicts):
        if category is not None:
            # A label beside a code is only its wording; two wordings are no disagreement.
            key = (category.code, "" if category.code else category.label)
            by_dialect.setdefault(category.dialect, set()).add(key)
    if any(len(codes) > 1 for codes in by_dialect.values()):
        yield "category"
    for name in ("victim_identified", "offender_identified", "distributed"):
        flags = {getattr(verdict, name) for verdict in verdicts}
        if {True, False} <= flags:
            yield name


def _distinct(values: Iterable[str | None]) -> Iterable[str]:
    return dict.fromkeys(value for value in values if value)


def _join(values: Iterable[str]) -> str:
    return SEPARATOR.join(value.replace("|", "/") for value in values)


def _flag(flag: bool | None) -> str:
    return "" if flag is None else ("yes" if flag else "no")


def _number(number: int | None) -> str:
    return "" if number is None else str(number)
