"""The end of what is kept: results, commitments, and the bodies of old log entries.

A result ends with its agreement's retention: its key is destroyed and every row about it goes, also
what was asked and decided about it in the inbox, and what has not left the outbox. An agreement
that is over, and under which nothing is kept any more, loses its commitments and the names behind
its pseudonyms. The log has a period of its own (:mod:`psihash.node.records.log_retention`).
Each erasure and its log entry commit together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from psihash.agreement.terms import parse_terms
from psihash.agreement.times import add_days, whole_seconds
from psihash.audit.event import Event
from psihash.casework.words import NOTICE_LIFE_DAYS
from psihash.node.agreeing import documents
from psihash.node.casework.case_documents import OUTBOX_PREFIX
from psihash.node.central import keeping as copies
from psihash.node.node import Node
from psihash.node.people.roles import use_case
from psihash.node.records import figures, log_retention
from psihash.node.watching import keeping
from psihash.session.row_state import RowState
from psihash.storage.kept import KeptSession

RETENTION_ENDED = "retention-ended"
"""Outcome of a session whose end nobody told before its retention was over."""


@dataclass(frozen=True, slots=True)
class Due:
    """A session with the time until which it may be kept."""

    session: str
    peer: str
    agreement: str
    state: str
    until: str


@dataclass(frozen=True, slots=True)
class Report:
    """What is due, or what was done."""

    at: str
    sessions: tuple[Due, ...]
    agreements: tuple[str, ...]
    """Agreements that are over: their commitments and the names behind their pseudonyms."""
    log: log_retention.Plan
    following: tuple[Due, ...]
    """Sessions that are kept, the next to end first."""


def plan(node: Node) -> Report:
    """What is due now, and what comes next. Changes nothing and needs no key."""
    now = node.stamp()
    kept = sorted(_kept(node), key=lambda due: (due.until, due.session))
    sessions = tuple(due for due in kept if due.until <= now)
    following = tuple(due for due in kept if due.until > now)
    gone = frozenset(due.session for due in sessions)
    return Report(
        at=now,
        sessions=sessions,
        agreements=tuple(_ended(node, now, gone)),
        log=log_retention.plan(node, gone),
        following=following,
    )


@use_case("retention")
def carry_out(node: Node) -> Report:
    """Erase everything that is due; what was erased."""
    now = node.stamp()
    _prepare_keys(node)
    due = _erase_sessions(node, now)
    keeping.erase_due(node)
    copies.erase_due(node)
    ended = _erase_agreements(node, now)
    log = log_retention.erase(node)
    return Report(now, due, ended, log, ())


def erase_due(node: Node) -> int:
    """What a node does by itself, now and then: results and commitments at once, the log once a
    day. Returns how many results were erased."""
    now = node.stamp()
    due = _erase_sessions(node, now)
    keeping.erase_due(node)
    copies.erase_due(node)
    _erase_agreements(node, now)
    log_retention.erase_daily(node)
    return len(due)


def _kept(node: Node) -> Iterator[Due]:
    """Sessions that may have data, with the time until which they may be kept."""
    days: dict[str, int] = {}
    for row in node.stores.keeping.kept():
        if row.agreement not in days:
            terms = parse_terms(node.stores.agreements.get(row.agreement).terms)
            days[row.agreement] = terms.retention_days
        if _under_way(row):
            continue
        since = row.closed or row.opened
        until = add_days(whole_seconds(since), days[row.agreement])
        yield Due(row.id, row.peer, row.agreement, row.state, until)


def _under_way(row: KeptSession) -> bool:
    """A process works on it, or will sweep it. One that waits for the peer's word may wait for
    ever, so it ends with its retention too."""
    return row.closed is None and row.state != RowState.SETTLING


def _prepare_keys(node: Node) -> None:
    """Asking for the passphrase must not hold the store locked. The keys are needed to count what
    a result held before it goes."""
    if any(due.until <= node.stamp() for due in _kept(node)):
        _ = node.keys


def _erase_sessions(node: Node, now: str) -> tuple[Due, ...]:
    node.stores.outbox.remove_delivered(now)
    # A notice is taken for this long, and the peer refuses what is older.
    node.stores.outbox.remove_stale(OUTBOX_PREFIX, add_days(now, -NOTICE_LIFE_DAYS))
    due = tuple(each for each in _kept(node) if each.until <= now)
    if due:
        _ = node.keys
    for each in due:
        with node.stores.database.transaction():
            _erase_session(node, each, now)
    return due


def _erase_session(node: Node, due: Due, now: str) -> None:
    row = node.stores.sessions.get(due.session)
    if row.erased is not None:
        return  # another process was faster
    last = figures.last(node, row)
    if row.closed is None:
        node.stores.sessions.close(row.id, RowState.ABORTED, RETENTION_ENDED, now)
    node.stores.corrections.drop_answers(due.session)
    node.stores.keeping.erase_session(due.session, now, last)
    node.record(
        Event.ERASURE,
        {
            "session": due.session,
            "peer": due.peer,
            "agreement": due.agreement,
            "what": "result",
            "reason": "retention",
        },
    )


def _ended(node: Node, now: str, gone: frozenset[str] = frozenset()) -> Iterator[str]:
    """Agreements that are over, with nothing kept under them, of which there is something left.
    Sessions in ``gone`` count as erased."""
    for agreement in node.stores.keeping.committed():
        if node.stores.agreements.find(agreement) is None:
            continue
        kept = {row.id for row in node.stores.keeping.kept(agreement)}
        if kept <= gone and documents.load(node, agreement).state(now).status.is_over:
            yield agreement


def _erase_agreements(node: Node, now: str) -> tuple[str, ...]:
    erased = []
    for agreement in list(_ended(node, now)):
        with node.stores.database.transaction():
            node.stores.agreements.lock(agreement)
            if node.stores.keeping.kept(agreement):
                continue  # a session was accepted before it ended
            node.stores.commitments.erase(agreement)
            names = node.stores.keeping.forget_names(agreement)
            node.record(
                Event.ERASURE,
                {
                    "agreement": agreement,
                    "peer": node.stores.agreements.get(agreement).peer,
                    "what": "commitments",
                    "pseudonyms": names,
                    "reason": "agreement-over",
                },
            )
        erased.append(agreement)
    return tuple(erased)
