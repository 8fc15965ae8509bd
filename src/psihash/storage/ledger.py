"""The ledger: what each session was charged, and sums over a period.

A charge is made in full when a session is accepted and never given back.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from psihash import errors
from psihash.storage.database import Database
from psihash.storage.tables import charges
from psihash.storage.times import normal
from psihash.terms import AlgorithmId

ALREADY_CHARGED = errors.define(
    "already-charged", "a session was charged before for that collection and algorithm"
)


@dataclass(frozen=True, slots=True)
class Charge:
    """What one session costs for one collection and algorithm. ``elements`` is a size class."""

    session: str
    peer: str
    agreement: str
    opaque_id: str
    algorithm: AlgorithmId
    elements: int
    runs: int
    time: str


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums of charges."""

    sessions: int
    runs: int
    elements: int


@dataclass(frozen=True, slots=True)
class CollectionTotals:
    """Sums of the charges of one collection, ours or the peer's."""

    opaque_id: str
    sessions: int
    runs: int
    """Runs that it took part in; two algorithms in one session are two."""
    elements: int


class LedgerStore:
    """Charges; they are added and never changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def charge(self, charge: Charge) -> None:
        """Record a charge. Raises StateError ``already-charged``: a re-run is a new session."""
        if charge.elements < 0 or charge.runs < 0:
            raise ValueError("a charge is never negative")
        with self._database.transaction() as connection:
            added = connection.execute(
                sa.text(
                    "INSERT INTO charges (session, opaque_id, algorithm, peer, agreement,"
                    " elements, runs, time) VALUES (:session, :opaque_id, :algorithm, :peer,"
                    " :agreement, :elements, :runs, :time) ON CONFLICT DO NOTHING"
                ),
                {
                    "session": charge.session,
                    "opaque_id": charge.opaque_id,
                    "algorithm": charge.algorithm.value,
                    "peer": charge.peer,
                    "agreement": charge.agreement,
                    "elements": charge.elements,
                    "runs": charge.runs,
                    "time": normal(charge.time),
                },
            )
            if added.rowcount != 1:
                raise errors.StateError(
                    ALREADY_CHARGED,
                    "the session was charged before for that collection and algorithm",
                )

    def totals(
        self,
        since: str,
        *,
        peer: str | None = None,
        agreement: str | None = None,
        opaque_id: str | None = None,
    ) -> Totals:
        """Sums of the charges made at ``since`` or later."""
        columns = charges.c
        query = sa.select(
            sa.func.count(columns.session.distinct()),
            sa.func.coalesce(sa.func.sum(columns.runs), 0),
            sa.func.coalesce(sa.func.sum(columns.elements), 0),
        ).where(columns.time >= normal(since))
        for column, value in (
            (columns.peer, peer),
            (columns.agreement, agreement),
            (columns.opaque_id, opaque_id),
        ):
            if value is not None:
                query = query.where(column == value)
        with self._database.reading() as connection:
            sessions, runs, elements = connection.execute(query).one()
        return Totals(int(sessions), int(runs), int(elements))

    def by_collection(self, agreement: str, since: str) -> list[CollectionTotals]:
        """Sums by collection of the charges made at ``since`` or later, by opaque id."""
        columns = charges.c
        query = (
            sa.select(
                columns.opaque_id,
                sa.func.count(columns.session.distinct()),
                sa.func.sum(columns.runs),
                sa.func.sum(columns.elements),
            )
            .where(columns.agreement == agreement, columns.time >= normal(since))
            .group_by(columns.opaque_id)
            .order_by(columns.opaque_id)
        )
        with self._database.reading() as connection:
            return [
                CollectionTotals(name, int(sessions), int(runs), int(elements))
                for name, sessions, runs, elements in connection.execute(query)
            ]

    def runs(self, agreement: str, since: str) -> int:
        """Engine runs since then. Every run puts all collections in, so it stands in many rows."""
        columns = charges.c
        by_run = (
            sa.select(sa.func.max(columns.runs).label("runs"))
            .where(columns.agreement == agreement, columns.time >= normal(since))
            .group_by(columns.session, columns.algorithm)
            .subquery()
        )
        with self._database.reading() as connection:
            query = sa.select(sa.func.coalesce(sa.func.sum(by_run.c.runs), 0))
            return int(connection.execute(query).scalar_one())

    def oldest(self, agreement: str, since: str) -> tuple[str, int] | None:
        """(time, elements) of the first session charged since then: what the next renewal gives
        back. None where there was none."""
        columns = charges.c
        query = (
            sa.select(columns.session, sa.func.min(columns.time), sa.func.sum(columns.elements))
            .where(columns.agreement == agreement, columns.time >= normal(since))
            .group_by(columns.session)
            .order_by(sa.func.min(columns.time), columns.session)
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else (row[1], int(row[2]))

    def charges(self, *, agreement: str | None = None, since: str | None = None) -> list[Charge]:
        """Charges in the order of time."""
        columns = charges.c
        query = sa.select(charges).order_by(
            columns.time, columns.session, columns.opaque_id, columns.algorithm
        )
        if agreement is not None:
            query = query.where(columns.agreement == agreement)
        if since is not None:
            query = query.where(columns.time >= normal(since))
        with self._database.reading() as connection:
            return [
                Charge(
                    row.session,
                    row.peer,
                    row.agreement,
                    row.opaque_id,
                    AlgorithmId(row.algorithm),
                    row.elements,
                    row.runs,
                    row.time,
                )
                for row in connection.execute(query)
            ]
