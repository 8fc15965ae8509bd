"""What people said of hits: confirmed or rejected, by whom, when and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from psihash.storage.database import Database
from psihash.storage.tables_followup import hit_decisions
from psihash.storage.times import normal


@dataclass(frozen=True, slots=True)
class HitDecision:
    """One decision; a hit without any is unconfirmed. ``reference`` is the hit's first one."""

    session: str
    reference: str
    verdict: str
    actor: str
    role: str
    decided: str
    reason: str


class HitStore:
    """Decisions on hits, one for each; a later one replaces it. They go with their session."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def decide(self, decisions: Iterable[HitDecision]) -> None:
        """Store decisions."""
        columns = hit_decisions.c
        with self._database.transaction() as connection:
            for each in decisions:
                connection.execute(
                    hit_decisions.delete().where(
                        columns.session == each.session, columns.reference == each.reference
                    )
                )
                connection.execute(
                    hit_decisions.insert().values(
                        session=each.session,
                        reference=each.reference,
                        verdict=each.verdict,
                        actor=each.actor,
                        role=each.role,
                        decided=normal(each.decided),
                        reason=each.reason,
                    )
                )

    def of(self, session: str) -> dict[str, HitDecision]:
        """The decisions of one session by reference."""
        query = sa.select(hit_decisions).where(hit_decisions.c.session == session)
        with self._database.reading() as connection:
            return {row.reference: HitDecision(*row) for row in connection.execute(query)}

    def forget(self, session: str) -> None:
        """Delete the decisions of a session or watch."""
        with self._database.transaction() as connection:
            connection.execute(hit_decisions.delete().where(hit_decisions.c.session == session))

    def counts(self, since: str | None = None) -> dict[tuple[str, str], int]:
        """How many hits have a verdict, by (session, verdict)."""
        columns = hit_decisions.c
        query = sa.select(columns.session, columns.verdict, sa.func.count()).group_by(
            columns.session, columns.verdict
        )
        if since is not None:
            query = query.where(columns.decided >= normal(since))
        with self._database.reading() as connection:
            return {(row[0], row[1]): int(row[2]) for row in connection.execute(query)}
