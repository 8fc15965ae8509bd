"""The hits of standing queries: those that stand, each sealed by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import sqlalchemy as sa

from psihash.storage.database import Database
from psihash.storage.tables_followup import hit_decisions
from psihash.storage.tables_watch import watch_hits
from psihash.storage.times import normal

_BATCH: Final = 500
"""References in one statement: SQLite takes some ten thousand values."""


@dataclass(frozen=True, slots=True)
class WatchHitRow:
    """A hit that stands. ``since``: slot of the run that first found it; ``mark``: keyed digest of
    what is sealed."""

    watch: str
    reference: str
    item_id: int
    since: str
    mark: bytes
    sealed: bytes


class WatchHitStore:
    """Hits by watch and reference."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def marks(self, watch: str) -> dict[str, tuple[str, bytes]]:
        """(since, mark) of each hit by reference."""
        columns = watch_hits.c
        query = sa.select(columns.reference, columns.since, columns.mark).where(
            columns.watch == watch
        )
        with self._database.reading() as connection:
            return {row[0]: (row[1], row[2]) for row in connection.execute(query)}

    def of(self, watch: str) -> list[WatchHitRow]:
        """The hits of a watch in the order of their references."""
        query = (
            sa.select(watch_hits)
            .where(watch_hits.c.watch == watch)
            .order_by(watch_hits.c.reference)
        )
        with self._database.reading() as connection:
            return [WatchHitRow(*row) for row in connection.execute(query)]

    def items(self, watch: str) -> set[int]:
        """Our items that stand at the centre."""
        query = sa.select(watch_hits.c.item_id).where(watch_hits.c.watch == watch)
        with self._database.reading() as connection:
            return set(connection.execute(query).scalars())

    def undecided(self) -> dict[str, int]:
        """How many hits of each watch nobody has confirmed or rejected."""
        columns, decisions = watch_hits.c, hit_decisions.c
        decided = sa.exists().where(
            decisions.session == columns.watch, decisions.reference == columns.reference
        )
        query = (
            sa.select(columns.watch, sa.func.count())
            .where(~decided)
            .group_by(columns.watch)
            .order_by(columns.watch)
        )
        with self._database.reading() as connection:
            return {row[0]: int(row[1]) for row in connection.execute(query)}

    def replace(self, watch: str, rows: Sequence[WatchHitRow], gone: Iterable[str]) -> None:
        """Store new or changed hits, and forget those that stand no more."""
        forgotten = [*(row.reference for row in rows), *gone]
        columns = watch_hits.c
        with self._database.transaction() as connection:
            for at in range(0, len(forgotten), _BATCH):
                some = forgotten[at : at + _BATCH]
                connection.execute(
                    watch_hits.delete().where(columns.watch == watch, columns.reference.in_(some))
                )
            if rows:
                connection.execute(
                    watch_hits.insert(),
                    [asdict(row) | {"since": normal(row.since)} for row in rows],
                )
            if forgotten:
                self._database.erased()

    def erase(self, watch: str) -> int:
        """Delete all hits of a watch; returns how many."""
        with self._database.transaction() as connection:
            gone = connection.execute(watch_hits.delete().where(watch_hits.c.watch == watch))
            self._database.erased()
            return gone.rowcount
