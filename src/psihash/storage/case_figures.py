"""What the tables of hits, follow-ups and corrections say in numbers."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from psihash.storage.database import Database
from psihash.storage.tables_followup import corrections, follow_ups, hit_decisions
from psihash.storage.times import normal


@dataclass(frozen=True, slots=True)
class FollowUpFigure:
    """One request. ``began`` is when it left, or came in; ``closed`` when it was answered."""

    side: str
    state: str
    outcome: str | None
    began: str
    closed: str | None


@dataclass(frozen=True, slots=True)
class CorrectionFigure:
    """One notice. ``action`` is None until somebody resolved it."""

    peer: str
    side: str
    action: str | None
    began: str
    resolved: str | None


def hits(database: Database, session: str) -> dict[str, int]:
    """How many hits of a session people decided, by verdict."""
    columns = hit_decisions.c
    query = (
        sa.select(columns.verdict, sa.func.count())
        .where(columns.session == session)
        .group_by(columns.verdict)
        .order_by(columns.verdict)
    )
    with database.reading() as connection:
        return {verdict: int(count) for verdict, count in connection.execute(query)}


def requests(database: Database, session: str) -> list[FollowUpFigure]:
    """The follow-ups of a session, ours and theirs, in the order they were made."""
    columns = follow_ups.c
    query = (
        sa.select(follow_ups).where(columns.session == session).order_by(columns.added, columns.id)
    )
    with database.reading() as connection:
        return [
            FollowUpFigure(
                row.side, row.state, row.outcome, row.received or row.sent or row.added, row.closed
            )
            for row in connection.execute(query)
        ]


def notices(
    database: Database, *, peer: str | None = None, since: str | None = None
) -> list[CorrectionFigure]:
    """Corrections, ours and theirs, oldest first. They are no one session's: one notice may reach
    several."""
    columns = corrections.c
    query = sa.select(corrections).order_by(columns.added, columns.id)
    if peer is not None:
        query = query.where(columns.peer == peer)
    if since is not None:
        query = query.where(columns.added >= normal(since))
    with database.reading() as connection:
        return [
            CorrectionFigure(
                row.peer,
                row.side,
                row.action,
                row.received or row.sent or row.added,
                row.resolved,
            )
            for row in connection.execute(query)
        ]
