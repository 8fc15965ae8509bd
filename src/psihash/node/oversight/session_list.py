"""The auditor's list of sessions: every one that was opened or refused, with what stands out."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from psihash import errors
from psihash.agreement.times import BAD_TIME, add_days
from psihash.audit.event import Event
from psihash.node.node import Node
from psihash.node.oversight import hours
from psihash.node.people.roles import use_case
from psihash.storage import register
from psihash.storage.register import Bounds, RegisterRow, Wanted

PAGE_ROWS: Final = 50
MOST_EXPORTED: Final = 100_000
"""Lines in one file; a longer list is exported by parts of time."""

_BATCH: Final = 500
_USUAL_FACTOR: Final = 4
"""Two octaves: sizes are known as classes of a quarter of an octave."""
_ENOUGH: Final = 5
"""So many sessions with a peer must there be before any size is unusual."""

UNKNOWN_FLAG = errors.define("unknown-flag", "a filter of the list of sessions is not known")


class Flag(enum.StrEnum):
    """What stands out."""

    OUT_OF_HOURS = "out-of-hours"
    UNUSUAL_SIZE = "unusual-size"
    NO_CASE = "no-case"
    REFUSED = "refused"

    @property
    def words(self) -> str:
        return _WORDS[self]


_WORDS: Final = {
    Flag.OUT_OF_HOURS: "out of hours",
    Flag.UNUSUAL_SIZE: "unusual size",
    Flag.NO_CASE: "no case",
    Flag.REFUSED: "refused",
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which sessions are listed; all where nothing is said. Days are ``2026-01-31``."""

    peer: str = ""
    purpose: str = ""
    operator: str = ""
    since: str = ""
    until: str = ""
    """The last day that counts."""
    flags: frozenset[Flag] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One session as it is listed."""

    row: RegisterRow
    state: str
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True)
class SessionPage:
    lines: list[SessionLine]
    before: int | None
    """Where the next page starts; None on the last one."""
    total: int | None
    """None where it would mean to look at every session."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What filters can be set to."""

    peers: list[str]
    purposes: list[str]
    operators: list[str]


@use_case("oversight")
def choices(node: Node) -> Choices:
    """The peers, purposes and people of all sessions."""
    return Choices(*register.values(node.stores.database))


@use_case("oversight")
def listing(
    node: Node, wanted: Filter, before: int | None = None, rows: int = PAGE_ROWS
) -> SessionPage:
    """A page of sessions, newest first. Raises InputError for a day that is none."""
    with node.stores.database.reading():
        return _page(_Marks(node), wanted, before, rows)


@use_case("oversight")
def beginnings(node: Node, filters: Sequence[Filter], rows: int) -> list[SessionPage]:
    """The first page of each filter."""
    with node.stores.database.reading():
        marks = _Marks(node)
        return [_page(marks, wanted, None, rows) for wanted in filters]


def _page(marks: _Marks, wanted: Filter, before: int | None, rows: int) -> SessionPage:
    chosen = _Chosen(marks, wanted)
    batch = _BATCH if chosen.by_hours else rows + 1
    lines = list(islice(chosen.lines(before, batch), rows + 1))
    more, lines = len(lines) > rows, lines[:rows]
    total = None if chosen.by_hours else register.count(marks.database, chosen.wanted)
    return SessionPage(lines, lines[-1].row.seq if more else None, total)


@use_case("oversight")
def every(node: Node, wanted: Filter) -> list[SessionLine]:
    """All sessions of a filter, for a file. Raises InputError; at most :data:`MOST_EXPORTED`."""
    return list(islice(_Chosen(_Marks(node), wanted).lines(None, _BATCH), MOST_EXPORTED))


class _Marks:
    """What stands out at this node."""

    def __init__(self, node: Node) -> None:
        self.database = node.stores.database
        self.usual = usual(node)
        self._hours = hours.of(node.settings)

    def line(self, row: RegisterRow) -> SessionLine:
        return SessionLine(row, _state(row), tuple(self._flags(row)))

    def _flags(self, row: RegisterRow) -> Iterator[Flag]:
        if not self._hours.hold(row.time):
            yield Flag.OUT_OF_HOURS
        own, peer = self.usual.get(row.peer or "", (None, None))
        if _outside(row.own_class, own) or _outside(row.peer_class, peer):
            yield Flag.UNUSUAL_SIZE
        if row.event == Event.SESSION_OPEN and row.case_reference is None:
            yield Flag.NO_CASE
        if row.event == Event.SESSION_REFUSED:
            yield Flag.REFUSED


class _Chosen:
    """The sessions of a filter."""

    def __init__(self, marks: _Marks, wanted: Filter) -> None:
        self._marks = marks
        self.by_hours = Flag.OUT_OF_HOURS in wanted.flags
        since, until = days(wanted)
        self.wanted = Wanted(
            peer=wanted.peer,
            purpose=wanted.purpose,
            operator=wanted.operator,
            since=since,
            until=until,
            refused=Flag.REFUSED in wanted.flags,
            without_case=Flag.NO_CASE in wanted.flags,
            unusual=marks.usual if Flag.UNUSUAL_SIZE in wanted.flags else None,
        )

    def lines(self, before: int | None, batch: int) -> Iterator[SessionLine]:
        while True:
            rows = register.lines(self._marks.database, self.wanted, before, batch)
            for row in rows:
                line = self._marks.line(row)
                if not self.by_hours or Flag.OUT_OF_HOURS in line.flags:
                    yield line
            if len(rows) < batch:
                return
            before = rows[-1].seq


def usual(node: Node) -> dict[str, tuple[Bounds | None, Bounds | None]]:
    """The size classes that are usual with each peer, of our lists and of theirs: within a factor
    of four around the median. None for a peer with few sessions yet."""
    counts: dict[str, tuple[dict[int, int], dict[int, int]]] = {}
    for peer, own, theirs, number in register.classes(node.stores.database):
        both = counts.setdefault(peer, ({}, {}))
        for held, size in zip(both, (own, theirs), strict=True):
            if size is not None:
                held[size] = held.get(size, 0) + number
    return {peer: (_bounds(own), _bounds(theirs)) for peer, (own, theirs) in counts.items()}


def _bounds(counts: dict[int, int]) -> Bounds | None:
    total, passed = sum(counts.values()), 0
    if total < _ENOUGH:
        return None
    for size in sorted(counts):
        passed += counts[size]
        if 2 * passed >= total:
            return size // _USUAL_FACTOR, size * _USUAL_FACTOR
    return None


def _outside(size: int | None, bounds: Bounds | None) -> bool:
    return size is not None and bounds is not None and not bounds[0] <= size <= bounds[1]


def _state(row: RegisterRow) -> str:
    if row.event == Event.SESSION_REFUSED:
        return "refused"
    if row.state is None:
        return "aborted" if row.event == Event.SESSION_ABORT else "opened"
    return "in-doubt" if row.state == "settling" else row.state


def days(wanted: Filter) -> tuple[str, str]:
    """The first moment that counts and the first that does not; empty for no bound."""
    return _day(wanted.since), _day(wanted.until, after=1)


def _day(text: str, *, after: int = 0) -> str:
    """The first moment of a day, or of a later one."""
    if not text:
        return ""
    try:
        return add_days(f"{text}T00:00:00Z", after)[:-1] + ".000Z"
    except errors.InputError:
        raise errors.InputError(BAD_TIME, "a day must look like 2026-01-31") from None


def parse_flags(words: list[str]) -> frozenset[Flag]:
    """Filters by their words. Raises InputError ``unknown-flag``."""
    try:
        return frozenset(Flag(word) for word in words)
    except ValueError:
        raise errors.InputError(UNKNOWN_FLAG, "the list has no such filter") from None
