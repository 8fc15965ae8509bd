"""The chains of operators: this agency's own and those that its peers showed."""

from __future__ import annotations

import sqlalchemy as sa

from psihash import errors
from psihash.storage.database import Database
from psihash.storage.tables_people import rosters
from psihash.storage.times import normal

ROSTER_MOVED = errors.define(
    "roster-moved", "the list of operators was changed meanwhile; do it again"
)


class RosterStore:
    """Records by agency and number. What a record means is for ``psihash.agreement.roster``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, agency: str, number: int, body: bytes, now: str) -> None:
        """Raises StateError ``roster-moved`` where the number is taken or not the next."""
        with self._database.transaction() as connection:
            held = sa.select(sa.func.count()).where(rosters.c.agency == agency)
            added = connection.execute(
                sa.text(
                    "INSERT INTO rosters (agency, number, body, added)"
                    " VALUES (:agency, :number, :body, :added) ON CONFLICT DO NOTHING"
                ),
                {"agency": agency, "number": number, "body": body, "added": normal(now)},
            )
            if added.rowcount != 1 or connection.execute(held).scalar() != number + 1:
                raise errors.StateError(ROSTER_MOVED, "the list of operators changed meanwhile")

    def bodies(self, agency: str) -> list[bytes]:
        """The chain's records in their order; empty where the agency has shown none."""
        query = sa.select(rosters.c.body).where(rosters.c.agency == agency)
        with self._database.reading() as connection:
            return list(connection.execute(query.order_by(rosters.c.number)).scalars())
