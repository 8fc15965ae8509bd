"""What all export formats share: the report, the order of items, and text made safe to show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from psihash.session.result import Link, MatchedItem, SessionResult
from psihash.terms import Rung

SMALL_CELL: Final = 5
"""At rung ``series`` a count under this is known as "1 to 4" only, whatever number stands there."""

NO_MD5: Final = "no-md5"
"""Reason for leaving an item out of a format that is keyed on MD5."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An item that the format cannot carry. ``position`` is its index in the result's items."""

    position: int
    reason: str


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote, for the operator and for the log."""

    format: str
    records: int
    """Rows, media entries or items written; header and wrapper are not counted."""
    written_bytes: int
    left_out: tuple[LeftOut, ...] = ()
    categories_left_out: int = 0
    """Items written without a category although the own verdicts name one: they disagree, or
    speak another dialect than the file (VICS only)."""


def first_things_first(result: SessionResult) -> Iterator[tuple[int, MatchedItem]]:
    """(position, item), those identified there and open here first, else in the result's order."""
    if not any(result.items.records):
        yield from enumerate(result.items)  # nothing is known of the other side
        return
    for wanted in (True, False):
        for position, item in enumerate(result.items):
            if item.identified_there_open_here is wanted:
                yield position, item


def identified_there_open_here(result: SessionResult, item: MatchedItem) -> bool | None:
    """Three-state: below rung ``records`` the peer states nothing, so the answer is not known."""
    return item.identified_there_open_here if result.rung is Rung.RECORDS else None


def has_items(result: SessionResult) -> bool:
    return result.rung.height >= Rung.ITEMS.height


def link_bounds(result: SessionResult, link: Link) -> tuple[int, int]:
    """Least and greatest number that the link's count stands for."""
    if result.rung is Rung.SERIES and 0 < link.matched < SMALL_CELL:
        return 1, SMALL_CELL - 1
    return link.matched, link.matched


def any_says(flags: Iterator[bool | None]) -> bool | None:
    """Three-state sum of several verdicts: yes if one says yes, no if one says no, else not stated.

    Yes wins because tools write "no" for want of knowledge, and the result's own order does so.
    """
    stated = {flag for flag in flags if flag is not None}
    return True in stated if stated else None


# Controls, line and paragraph separators, marks that reverse or hide text, and lone surrogates: a
# peer's label may hold them, and a table or a terminal would act on them.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+"
)


def one_line(text: str) -> str:
    """``text`` on one line, without characters that act instead of being shown."""
    return _UNSAFE.sub(" ", text).strip()
