"""What was seen of results that were opened once, for lists that must not open them again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from psihash.storage.database import Database
from psihash.storage.tables import sessions
from psihash.storage.tables_followup import hit_decisions
from psihash.storage.tables_oversight import result_marks
from psihash.terms import Rung

_COMPLETED: Final = "completed"


@dataclass(frozen=True, slots=True)
class Mark:
    """``matched`` items, of which ``urgent`` have a victim identified there and open here."""

    session: str
    matched: int
    urgent: int


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One line of the list of results. ``urgent`` is None where the result was not opened yet."""

    session: str
    peer: str
    agreement: str
    rung: Rung
    opened: str
    matched: int | None
    urgent: int | None
    decided: int
    """Hits that a person confirmed or rejected."""


def unmarked(database: Database, limit: int) -> list[str]:
    """Sessions whose result is here and has no mark, newest first."""
    query = (
        sa.select(sessions.c.id)
        .select_from(_joined())
        .where(*_kept(), result_marks.c.session.is_(None))
        .order_by(sessions.c.opened.desc())
        .limit(limit)
    )
    with database.reading() as connection:
        return list(connection.execute(query).scalars())


def put(database: Database, marks: list[Mark]) -> None:
    """Keep marks; one that is there already stays."""
    with database.transaction() as connection:
        for each in marks:
            connection.execute(
                sa.text(
                    "INSERT INTO result_marks (session, matched, urgent)"
                    " VALUES (:session, :matched, :urgent) ON CONFLICT DO NOTHING"
                ),
                {"session": each.session, "matched": each.matched, "urgent": each.urgent},
            )


def listing(
    database: Database, peer: str, limit: int, offset: int, *, by_time: bool
) -> list[ResultRow]:
    """Results that are here: those with something urgent and undecided first, the most in front;
    else, and with ``by_time`` throughout, newest first."""
    by_session = (
        sa.select(hit_decisions.c.session, sa.func.count().label("number"))
        .group_by(hit_decisions.c.session)
        .subquery()
    )
    decided = sa.func.coalesce(by_session.c.number, 0)
    urgent = sa.case(
        (decided >= result_marks.c.matched, 0), else_=sa.func.coalesce(result_marks.c.urgent, 0)
    )
    newest = (sessions.c.opened.desc(), sessions.c.id)
    columns: tuple[sa.ColumnElement[Any], ...] = (
        sessions.c.id,
        sessions.c.peer,
        sessions.c.agreement,
        sessions.c.rung,
        sessions.c.opened,
        result_marks.c.matched,
        result_marks.c.urgent,
        decided,
    )
    query = (
        sa.select(*columns)
        .select_from(_joined().outerjoin(by_session, by_session.c.session == sessions.c.id))
        .where(*_kept())
        .order_by(*newest if by_time else (urgent.desc(), *newest))
        .limit(limit)
        .offset(offset)
    )
    if peer:
        query = query.where(sessions.c.peer == peer)
    with database.reading() as connection:
        return [
            ResultRow(row[0], row[1], row[2], Rung(row[3]), row[4], row[5], row[6], row[7])
            for row in connection.execute(query)
        ]


def count(database: Database, peer: str) -> int:
    """How many results are here."""
    query = sa.select(sa.func.count()).select_from(sessions).where(*_kept())
    if peer:
        query = query.where(sessions.c.peer == peer)
    with database.reading() as connection:
        return int(connection.execute(query).scalar_one())


def _joined() -> sa.Join:
    return sessions.outerjoin(result_marks, result_marks.c.session == sessions.c.id)


def _kept() -> tuple[sa.ColumnElement[bool], ...]:
    return sessions.c.state == _COMPLETED, sessions.c.erased.is_(None)
