"""Heads of other agencies' logs that peers showed: a part of
:class:`psihash.storage.witnessing.WitnessingStore`."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from psihash.storage.database import Database
from psihash.storage.tables_witness import seen_heads
from psihash.storage.times import normal


@dataclass(frozen=True, slots=True)
class SeenHead:
    """A head of a third agency's log that the peer ``via`` showed."""

    origin: str
    size: int
    root: bytes
    note: bytes
    via: str
    seen: str
    waits: str
    """Since when a head from this peer waits for the proof: that of an older one that this one
    took the place of."""
    proven: str | None = None
    asked: int | None = None
    """Size of the owner's head when it was last asked for the proof."""


class SeenHeads:
    """What was shown, by whom, and whether its owner has proven it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def see(self, head: SeenHead, instead: SeenHead | None = None) -> None:
        """Keep a verified head of a third log, in the place of another one where there is one;
        what is there already stays."""
        with self._database.transaction() as connection:
            if instead is not None:
                connection.execute(seen_heads.delete().where(*_is(instead)))
            connection.execute(
                sa.text(
                    "INSERT INTO seen_heads (origin, via, size, root, note, seen, waits)"
                    " VALUES (:origin, :via, :size, :root, :note, :seen, :waits)"
                    " ON CONFLICT DO NOTHING"
                ),
                {
                    "origin": head.origin,
                    "via": head.via,
                    "size": head.size,
                    "root": head.root.hex(),
                    "note": head.note,
                    "seen": normal(head.seen),
                    "waits": normal(head.waits),
                },
            )

    def seen(self, origin: str, *, unproven_only: bool = False) -> list[SeenHead]:
        """The heads of a log that were shown, those first that wait longest."""
        columns = seen_heads.c
        query = sa.select(seen_heads).where(columns.origin == origin)
        if unproven_only:
            query = query.where(columns.proven.is_(None))
        query = query.order_by(columns.waits, columns.size, columns.root, columns.via)
        with self._database.reading() as connection:
            return [
                SeenHead(
                    row.origin,
                    row.size,
                    bytes.fromhex(row.root),
                    row.note,
                    row.via,
                    row.seen,
                    row.waits,
                    row.proven,
                    row.asked,
                )
                for row in connection.execute(query)
            ]

    def ask(self, origin: str, sizes: list[int], current: int) -> None:
        """The log's owner, whose head is of the size ``current``, is asked about these now, and
        about nothing else."""
        columns = seen_heads.c
        with self._database.transaction() as connection:
            connection.execute(
                seen_heads.update().where(columns.origin == origin).values(asked=None)
            )
            connection.execute(
                seen_heads.update()
                .where(columns.origin == origin, columns.size.in_(sizes), columns.proven.is_(None))
                .values(asked=current)
            )

    def prove(self, head: SeenHead, now: str) -> None:
        """The log's owner has shown that this head and the one held are of one history, whoever
        showed it. What else those peers showed and was proven says nothing more then."""
        columns = seen_heads.c
        showers = sa.select(columns.via).where(*_is(head)[:3])
        with self._database.transaction() as connection:
            vias = list(connection.execute(showers).scalars())
            connection.execute(
                seen_heads.delete().where(
                    columns.origin == head.origin,
                    columns.via.in_(vias),
                    columns.proven.is_not(None),
                    sa.not_(sa.and_(*_is(head)[1:3])),
                )
            )
            connection.execute(seen_heads.update().where(*_is(head)[:3]).values(proven=normal(now)))


def _is(head: SeenHead) -> tuple[sa.ColumnElement[bool], ...]:
    """The row of a head; without the last condition, those of all who showed it."""
    columns = seen_heads.c
    return (
        columns.origin == head.origin,
        columns.size == head.size,
        columns.root == head.root.hex(),
        columns.via == head.via,
    )
