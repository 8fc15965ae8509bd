"""What the local webhook is to be told, until it has been told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from psihash.storage.database import Database
from psihash.storage.tables_watch import webhook_deliveries
from psihash.storage.times import normal


@dataclass(frozen=True, slots=True)
class Delivery:
    """``next_try`` is None where it was delivered or given up."""

    id: str
    watch: str
    body: bytes
    created: str
    attempts: int
    next_try: str | None
    delivered: str | None = None


class WebhookStore:
    """Deliveries by id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, delivery: Delivery) -> None:
        """Queue a delivery; the same id once."""
        columns = webhook_deliveries.c
        known = sa.select(columns.id).where(columns.id == delivery.id)
        with self._database.transaction() as connection:
            if connection.execute(known).first() is None:
                connection.execute(
                    webhook_deliveries.insert().values(
                        id=delivery.id,
                        watch=delivery.watch,
                        body=delivery.body,
                        created=normal(delivery.created),
                        attempts=delivery.attempts,
                        next_try=normal(delivery.next_try or delivery.created),
                    )
                )

    def due(self, now: str, limit: int) -> list[Delivery]:
        """What is to be tried now, the longest waiting first."""
        columns = webhook_deliveries.c
        query = (
            sa.select(webhook_deliveries)
            .where(columns.next_try <= normal(now))
            .order_by(columns.next_try, columns.id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [Delivery(**row._asdict()) for row in connection.execute(query)]

    def waiting(self) -> int:
        """How many have neither been told nor been given up."""
        query = sa.select(sa.func.count()).where(webhook_deliveries.c.next_try.is_not(None))
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def tried(
        self, delivery: Delivery, *, next_try: str | None = None, delivered: str | None = None
    ) -> None:
        """Note an attempt. Nothing happens where another process noted it first."""
        values: dict[str, Any] = {"attempts": delivery.attempts + 1}
        values["next_try"] = None if next_try is None else normal(next_try)
        values["delivered"] = None if delivered is None else normal(delivered)
        columns = webhook_deliveries.c
        with self._database.transaction() as connection:
            connection.execute(
                webhook_deliveries.update()
                .where(
                    columns.id == delivery.id,
                    columns.attempts == delivery.attempts,
                    columns.delivered.is_(None),
                )
                .values(**values)
            )

    def remove_old(self, before: str) -> int:
        """Delete what was settled and is older than ``before``; returns how many."""
        columns = webhook_deliveries.c
        with self._database.transaction() as connection:
            gone = connection.execute(
                webhook_deliveries.delete().where(
                    columns.next_try.is_(None), columns.created < normal(before)
                )
            )
            return gone.rowcount
