"""The log's own period: bodies of old entries are erased, their leaves stay and verify.

Entries are erased from the front, but for those that still have a reason: entries of sessions whose
data are kept, of agreements that are not over, and entries that say what was erased from the log.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from psihash.audit.entry import Entry, open_entry
from psihash.audit.event import Event
from psihash.node.agreeing import documents
from psihash.node.clock import milliseconds, seconds
from psihash.node.node import Node

WHAT: Final = "log"
"""What an erasure entry says that tells of erased bodies; its ``ranges`` says of which."""

DAILY: Final = "log-retention"
"""The lease that keeps the work to one process, once a day. Nobody gives it back."""

_MOST_RANGES: Final = 1_000
"""In one entry, so that it stays far below the size of one. The rest is for the next entry."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which bodies are due, or were erased."""

    before: str
    """Entries from before this time are."""
    ranges: tuple[tuple[int, int], ...]
    """From, and up to without: numbers of entries."""
    kept: int
    """Older entries that still have a reason."""

    @property
    def entries(self) -> int:
        return sum(stop - start for start, stop in self.ranges)


def plan(node: Node, gone: frozenset[str] = frozenset()) -> Plan:
    """What is due now. Sessions in ``gone`` count as erased."""
    limit = node.now() - dt.timedelta(days=node.settings.log_retention_days)
    before = milliseconds(limit)
    end = _first_from(node, before)
    if end == 0:
        return Plan(before, (), 0)
    reasons = _Reasons(node, gone)
    due, kept = [], 0
    for stored in node.stores.log.with_bodies(end):
        entry = open_entry(stored)
        if reasons.hold(entry):
            kept += 1
        else:
            due.append(entry.seq)
    return Plan(before, tuple(_ranges(due)), kept)


def erase(node: Node) -> Plan:
    """Erase what is due, each part of it in one step with the entry that says so."""
    found = plan(node)
    for at in range(0, len(found.ranges), _MOST_RANGES):
        ranges = found.ranges[at : at + _MOST_RANGES]
        with node.stores.database.transaction():
            node.record(
                Event.ERASURE,
                {
                    "what": WHAT,
                    "reason": "log-retention",
                    "before": found.before,
                    "entries": sum(stop - start for start, stop in ranges),
                    "ranges": [list(each) for each in ranges],
                },
            )
            node.stores.log.erase_bodies(ranges)
    with node.stores.database.transaction():
        evidence = node.stores.keeping.forget_evidence(found.before)
        if evidence:
            facts = {"what": "evidence", "reason": "log-retention", "sessions": evidence}
            node.record(Event.ERASURE, facts)
    return found


def erase_daily(node: Node) -> None:
    """The same, unless some process of this node has done it within a day."""
    now, name = node.stamp(), DAILY
    held = node.stores.leases.find(name)
    if held is not None and held.expires > milliseconds(node.now()):
        return
    tomorrow = seconds(node.now() + dt.timedelta(days=1))
    if node.stores.leases.acquire(name, secrets.token_hex(8), now, tomorrow) is not None:
        erase(node)


def erased_by(entry: Entry) -> Iterator[tuple[int, int]]:
    """The ranges of which an entry says that their bodies were erased."""
    facts = entry.local_facts() if entry.event is Event.ERASURE else None
    if facts is None or facts.get("what") != WHAT:
        return
    for pair in facts.get("ranges", ()):
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(n, int) for n in pair):
            yield pair[0], pair[1]


class _Reasons:
    """Why an old entry is kept."""

    def __init__(self, node: Node, gone: frozenset[str]) -> None:
        self._sessions = {row.id for row in node.stores.keeping.kept()} - gone
        self._agreements = {
            row.id
            for row in node.stores.agreements.all()
            if not documents.load(node, row.id).state(node.stamp()).status.is_over
        }

    def hold(self, entry: Entry) -> bool:
        if any(True for _ in erased_by(entry)):
            return True
        return any(self._named(facts) for facts in (entry.shared_facts(), entry.local_facts()))

    def _named(self, facts: dict[str, Any] | None) -> bool:
        named = facts or {}
        return named.get("session") in self._sessions or named.get("agreement") in self._agreements


def _first_from(node: Node, time: str) -> int:
    """The number of the first entry that is not from before ``time``: time never goes back."""
    low, high = 0, node.stores.log.head().size
    while low < high:
        middle = (low + high) // 2
        stored = next(iter(node.stores.log.entries(middle, middle + 1)))
        if open_entry(stored.withhold(shared=True, local=True)).time < time:
            low = middle + 1
        else:
            high = middle
    return low


def _ranges(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Ascending numbers as ranges."""
    start = stop = -1
    for number in numbers:
        if number != stop:
            if start >= 0:
                yield start, stop
            start = number
        stop = number + 1
    if start >= 0:
        yield start, stop
