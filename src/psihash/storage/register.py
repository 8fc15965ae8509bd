"""Questions to the index of the log and to the ledger, for oversight: lists in pages, sums.

The index proves nothing; what a page says of one entry is read from the entry (``log.entries``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import sqlalchemy as sa

from psihash.audit.event import Event
from psihash.storage.database import Database
from psihash.storage.tables import charges, sessions
from psihash.storage.tables_oversight import log_index
from psihash.storage.times import normal

Bounds = tuple[int, int]
"""Least and greatest size class that is usual."""

_INDEX: Final = log_index.c
_REFUSED: Final = Event.SESSION_REFUSED.value


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sessions; all of them where nothing is said. Times are RFC 3339 text or dates."""

    peer: str = ""
    purpose: str = ""
    operator: str = ""
    """Who opened it, or who approved it here."""
    since: str = ""
    until: str = ""
    refused: bool = False
    without_case: bool = False
    unusual: Mapping[str, tuple[Bounds | None, Bounds | None]] | None = None
    """What is usual with each peer, of our lists and of theirs: only what lies outside."""


@dataclass(frozen=True, slots=True)
class RegisterRow:
    """A session as the log and the table of sessions have it. ``session`` is None where it was
    refused before it had an id."""

    seq: int
    time: str
    event: str
    session: str | None
    peer: str | None
    agreement: str | None
    operator: str | None
    approver: str | None
    purpose: str | None
    case_reference: str | None
    rung: str | None
    role: str | None
    code: str | None
    own_class: int | None
    peer_class: int | None
    state: str | None
    outcome: str | None
    closed: str | None


_OF_INDEX: Final = tuple(field.name for field in fields(RegisterRow))[:-3]
_COLUMNS: Final = (
    *(_INDEX[name] for name in _OF_INDEX),
    sessions.c.state,
    sessions.c.outcome,
    sessions.c.closed,
)


def lines(database: Database, wanted: Wanted, before: int | None, limit: int) -> list[RegisterRow]:
    """Sessions, newest first, at most ``limit``; those in front of entry ``before``."""
    query = (
        sa.select(*_COLUMNS)
        .select_from(log_index.outerjoin(sessions, sessions.c.id == _INDEX.session))
        .where(*_conditions(wanted))
        .order_by(_INDEX.seq.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(_INDEX.seq < before)
    with database.reading() as connection:
        return [RegisterRow(*row) for row in connection.execute(query)]


def count(database: Database, wanted: Wanted) -> int:
    """How many sessions there are."""
    query = sa.select(sa.func.count()).select_from(log_index).where(*_conditions(wanted))
    with database.reading() as connection:
        return int(connection.execute(query).scalar_one())


def _conditions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = [_INDEX.registers]
    for column, value in ((_INDEX.peer, wanted.peer), (_INDEX.purpose, wanted.purpose)):
        if value:
            found.append(column == value)
    if wanted.operator:
        found.append(sa.or_(_INDEX.operator == wanted.operator, _INDEX.approver == wanted.operator))
    if wanted.since:
        found.append(_INDEX.time >= wanted.since)
    if wanted.until:
        found.append(_INDEX.time < wanted.until)
    if wanted.refused:
        found.append(_INDEX.event == _REFUSED)
    if wanted.without_case:
        found += [_INDEX.event == Event.SESSION_OPEN.value, _INDEX.case_reference.is_(None)]
    if wanted.unusual is not None:
        found.append(sa.or_(sa.false(), *_outside(wanted.unusual)))
    return found


def _outside(
    usual: Mapping[str, tuple[Bounds | None, Bounds | None]],
) -> list[sa.ColumnElement[bool]]:
    found = []
    for peer, both in usual.items():
        for column, bounds in zip((_INDEX.own_class, _INDEX.peer_class), both, strict=True):
            if bounds is not None:
                least, most = bounds
                found.append(sa.and_(_INDEX.peer == peer, ~column.between(least, most)))
    return found


def classes(database: Database) -> list[tuple[str, int | None, int | None, int]]:
    """(peer, our size class, their size class, how many sessions opened so)."""
    key = (_INDEX.peer, _INDEX.own_class, _INDEX.peer_class)
    query = (
        sa.select(*key, sa.func.count())
        .where(_INDEX.registers, _INDEX.peer.is_not(None), _INDEX.own_class.is_not(None))
        .group_by(*key)
    )
    with database.reading() as connection:
        return [(row[0], row[1], row[2], int(row[3])) for row in connection.execute(query)]


def values(database: Database) -> tuple[list[str], list[str], list[str]]:
    """The peers, purposes and people that any session has."""
    names = (_INDEX.peer, _INDEX.purpose, _INDEX.operator, _INDEX.approver)
    query = sa.select(*names).where(_INDEX.registers).distinct()
    with database.reading() as connection:
        rows = connection.execute(query).all()
    peers, purposes, operators, approvers = (
        {row[place] for row in rows} - {None} for place in range(len(names))
    )
    return sorted(peers), sorted(purposes), sorted(operators | approvers)


def entries_of_session(database: Database, session: str) -> list[int]:
    """The numbers of the entries that name a session."""
    return _numbers(database, _INDEX.session == session)


def entries_of_agreement(
    database: Database, agreement: str, events: Sequence[Event], kinds: Sequence[str]
) -> list[int]:
    """Those of some events that name an agreement, and what people decided about it in requests of
    some kinds: its sessions name it too."""
    decided = (Event.REQUEST.value, Event.DECISION.value)
    return _numbers(
        database,
        _INDEX.agreement == agreement,
        sa.or_(
            _INDEX.event.in_([event.value for event in events]),
            sa.and_(_INDEX.event.in_(decided), _INDEX.what.in_(kinds)),
        ),
    )


def entries_of_request(database: Database, request: str) -> list[int]:
    """Those that name a request or the decision on it."""
    return _numbers(database, _INDEX.request == request)


def disclosures_to(database: Database, peer: str) -> list[int]:
    """Those that say that labels or records went to a peer."""
    return _numbers(database, _INDEX.event == Event.DISCLOSURE.value, _INDEX.peer == peer)


def _numbers(database: Database, *conditions: sa.ColumnElement[bool]) -> list[int]:
    query = sa.select(_INDEX.seq).where(*conditions).order_by(_INDEX.seq)
    with database.reading() as connection:
        return list(connection.execute(query).scalars())


@dataclass(frozen=True, slots=True)
class DisclosureSum:
    """Entries of one kind to one peer under one agreement: how many, and of how many items."""

    event: str
    what: str | None
    rung: str | None
    handling: str | None
    """What the entry says; where it says nothing the agreement's code holds."""
    recipient: str | None
    """None for a file of ours and for a result that the peer does not learn."""
    peer: str | None
    agreement: str | None
    times: int
    number: int


def disclosures(
    database: Database, events: Sequence[Event], since: str = "", until: str = ""
) -> list[DisclosureSum]:
    """Sums of what left this agency. An entry that names no agreement has its session's."""
    agreement = sa.func.coalesce(_INDEX.agreement, sessions.c.agreement)
    key = (
        _INDEX.event,
        _INDEX.what,
        _INDEX.rung,
        _INDEX.handling,
        _INDEX.recipient,
        _INDEX.peer,
        agreement,
    )
    query = (
        sa.select(*key, sa.func.count(), sa.func.coalesce(sa.func.sum(_INDEX.number), 0))
        .select_from(log_index.outerjoin(sessions, sessions.c.id == _INDEX.session))
        .where(_INDEX.event.in_([event.value for event in events]))
        .group_by(*key)
    )
    if since:
        query = query.where(_INDEX.time >= since)
    if until:
        query = query.where(_INDEX.time < until)
    with database.reading() as connection:
        return [_sum(row) for row in connection.execute(query)]


def _sum(row: Any) -> DisclosureSum:
    values: list[Any] = list(row)
    return DisclosureSum(*values[:-2], *map(int, values[-2:]))


@dataclass(frozen=True, slots=True)
class MonthOfCharges:
    """What one month's sessions with a peer were charged. ``month`` is ``2026-01``."""

    peer: str
    month: str
    sessions: int
    elements: int


def charged_by_month(database: Database, since: str) -> list[MonthOfCharges]:
    """Sums of charges by peer and month, in that order."""
    month = sa.func.substr(charges.c.time, 1, 7)
    query = (
        sa.select(
            charges.c.peer,
            month,
            sa.func.count(charges.c.session.distinct()),
            sa.func.sum(charges.c.elements),
        )
        .where(charges.c.time >= normal(since))
        .group_by(charges.c.peer, month)
        .order_by(charges.c.peer, month)
    )
    with database.reading() as connection:
        return [
            MonthOfCharges(row[0], row[1], int(row[2]), int(row[3]))
            for row in connection.execute(query)
        ]


def indexed(database: Database) -> int:
    """How many entries the index covers."""
    with database.reading() as connection:
        query = sa.select(sa.func.count()).select_from(log_index)
        return int(connection.execute(query).scalar_one())
