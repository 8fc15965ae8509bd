"""Documents that wait for a peer to be reachable."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from psihash.storage.database import Database
from psihash.storage.tables import outbox
from psihash.storage.times import normal


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A document for a peer. ``delivered`` is None while it waits."""

    id: int
    peer: str
    kind: str
    body: bytes
    created: str
    delivered: str | None
    session: str | None = None
    """With which it ends."""


class OutboxStore:
    """Outgoing documents in the order they were put."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, peer: str, kind: str, body: bytes, now: str, session: str | None = None) -> int:
        """Queue a document; returns its id. The same one already waiting is not queued twice.
        ``session``: with which it ends, delivered or not."""
        columns = outbox.c
        same = sa.select(columns.id).where(
            columns.peer == peer,
            columns.kind == kind,
            columns.body == body,
            columns.delivered.is_(None),
        )
        with self._database.transaction() as connection:
            known = connection.execute(same).scalar()
            if known is not None:
                return int(known)
            values = {"peer": peer, "kind": kind, "body": body, "created": normal(now)}
            made = connection.execute(
                outbox.insert().values(**values, session=session).returning(columns.id)
            )
            return int(made.scalar_one())

    def waiting(self, peer: str | None = None) -> list[Outgoing]:
        """What has not been delivered, oldest first."""
        query = sa.select(outbox).where(outbox.c.delivered.is_(None)).order_by(outbox.c.id)
        if peer is not None:
            query = query.where(outbox.c.peer == peer)
        with self._database.reading() as connection:
            return [
                Outgoing(
                    row.id, row.peer, row.kind, row.body, row.created, row.delivered, row.session
                )
                for row in connection.execute(query)
            ]

    def delivered(self, number: int, now: str) -> None:
        """Mark a document as delivered; the first time stands."""
        with self._database.transaction() as connection:
            connection.execute(
                outbox.update()
                .where(outbox.c.id == number, outbox.c.delivered.is_(None))
                .values(delivered=normal(now))
            )

    def replace(self, number: int, body: bytes) -> None:
        """Put another form of the same document in the place of one that waits."""
        with self._database.transaction() as connection:
            connection.execute(
                outbox.update()
                .where(outbox.c.id == number, outbox.c.delivered.is_(None))
                .values(body=body)
            )

    def remove(self, number: int) -> None:
        """Delete a document that nobody could read any more."""
        with self._database.transaction() as connection:
            connection.execute(outbox.delete().where(outbox.c.id == number))

    def remove_stale(self, prefix: str, before: str) -> int:
        """Delete what was queued earlier than ``before``, of the kinds that begin so; returns how
        many there were."""
        columns = outbox.c
        with self._database.transaction() as connection:
            gone = connection.execute(
                outbox.delete().where(
                    columns.kind.startswith(prefix, autoescape=True),
                    columns.created < normal(before),
                )
            )
            return gone.rowcount

    def remove_delivered(self, before: str) -> int:
        """Delete what was delivered earlier than ``before``; returns how many."""
        with self._database.transaction() as connection:
            gone = connection.execute(outbox.delete().where(outbox.c.delivered < normal(before)))
            return gone.rowcount
