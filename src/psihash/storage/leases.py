"""Leases: of several processes one does a job, also when one of them stalls.

A holder that was away too long finds its fencing token outdated: work that must not be done twice
calls :meth:`LeaseStore.check` inside the transaction that records it.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from psihash import errors
from psihash.storage.database import Database
from psihash.storage.tables import leases
from psihash.storage.times import normal

LEASE_LOST = errors.define("lease-lost", "another process took over the work meanwhile")


@dataclass(frozen=True, slots=True)
class Lease:
    """A claim on ``name`` until ``expires``. ``token`` grows with every new claim."""

    name: str
    holder: str
    token: int
    expires: str


class LeaseStore:
    """Leases by name; the caller says what time it is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def acquire(self, name: str, holder: str, now: str, expires: str) -> Lease | None:
        """Claim ``name``; None while someone else's lease has not expired.

        The same holder may claim again; its earlier token is outdated then.
        """
        now, expires = normal(now), normal(expires)
        statement = sa.text(
            "INSERT INTO leases (name, holder, token, expires)"
            " VALUES (:name, :holder, 1, :expires)"
            " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder,"
            " token = leases.token + 1, expires = excluded.expires"
            " WHERE leases.expires <= :now OR leases.holder = excluded.holder"
            " RETURNING token"
        )
        values = {"name": name, "holder": holder, "expires": expires, "now": now}
        with self._database.transaction() as connection:
            token = connection.execute(statement, values).scalar()
        return None if token is None else Lease(name, holder, int(token), expires)

    def renew(self, lease: Lease, now: str, expires: str) -> Lease:
        """Extend a lease that still stands. Raises StateError ``lease-lost``."""
        now, expires = normal(now), normal(expires)
        with self._database.transaction() as connection:
            renewed = connection.execute(
                leases.update()
                .where(
                    leases.c.name == lease.name,
                    leases.c.token == lease.token,
                    leases.c.expires > now,
                )
                .values(expires=expires)
            )
            if renewed.rowcount != 1:
                raise _lost()
        return Lease(lease.name, lease.holder, lease.token, expires)

    def check(self, lease: Lease, now: str) -> None:
        """Raises StateError ``lease-lost`` unless the lease stands. Inside a transaction the
        answer holds until its commit."""
        with self._database.transaction() as connection:
            query = sa.select(leases.c.token, leases.c.expires).where(leases.c.name == lease.name)
            row = connection.execute(query.with_for_update()).first()
            if row is None or row.token != lease.token or row.expires <= normal(now):
                raise _lost()

    def release(self, lease: Lease) -> None:
        """Give a lease back at once; nothing happens where it is lost already."""
        with self._database.transaction() as connection:
            # The row stays: its token must go on growing.
            connection.execute(
                leases.update()
                .where(leases.c.name == lease.name, leases.c.token == lease.token)
                .values(expires="")
            )

    def find(self, name: str) -> Lease | None:
        """Who held ``name`` last, expired or not; ``expires`` is empty after a release."""
        with self._database.reading() as connection:
            row = connection.execute(sa.select(leases).where(leases.c.name == name)).first()
        return None if row is None else Lease(row.name, row.holder, row.token, row.expires)


def _lost() -> errors.StateError:
    return errors.StateError(LEASE_LOST, "another process took over the work meanwhile")
