"""The log in the database: the port :class:`psihash.audit.log.LogStore`.

The head is one row that moves by compare-and-swap, so two processes may append at once. Without
an outer transaction each append is one durable commit; within one, entry and state change commit
together. On PostgreSQL a competing append waits for the other's commit and then loses the swap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from psihash.audit.entry import Entry, StoredEntry
from psihash.audit.log import EMPTY_HEAD, LogHead
from psihash.audit.merkle import HASH_BYTES
from psihash.storage import log_index
from psihash.storage.database import Database
from psihash.storage.errors import damaged
from psihash.storage.tables import log_checkpoints, log_entries, log_head

_BATCH: Final = 2_000
"""Entries read at a time: at most some megabytes, however large their bodies."""
_AT_ONCE: Final = 500
"""Numbers in one query."""


class DatabaseLogStore:
    """One agency's own log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def head(self) -> LogHead:
        """The committed head; the empty one before the first append."""
        with self._database.reading() as connection:
            row = connection.execute(sa.select(log_head.c.size, log_head.c.frontier)).first()
        return EMPTY_HEAD if row is None else LogHead(row.size, row.frontier)

    def append(self, expected_size: int, entry: Entry, new_frontier: bytes) -> bool:
        """Store ``entry`` as number ``expected_size`` and move the head; False, with nothing
        changed, where the head has moved meanwhile."""
        with self._database.transaction() as connection:
            if not _move_head(connection, expected_size, new_frontier):
                return False
            connection.execute(
                log_entries.insert().values(
                    seq=expected_size,
                    leaf_hash=entry.leaf_hash,
                    header=entry.header,
                    shared=entry.shared,
                    shared_blind=entry.shared_blind,
                    local=entry.local,
                    local_blind=entry.local_blind,
                )
            )
            log_index.add(connection, entry)
        return True

    def entries(self, start: int, stop: int) -> Iterator[StoredEntry]:
        """The entries ``start <= seq < stop`` in order; parts that were erased are None.

        Memory is bounded; no transaction stays open between batches, because entries never change
        (an erased part is the exception, and either state of it verifies).
        """
        columns = log_entries.c
        while start < stop:
            with self._database.reading() as connection:
                rows = connection.execute(
                    sa.select(log_entries)
                    .where(columns.seq >= start, columns.seq < min(stop, start + _BATCH))
                    .order_by(columns.seq)
                ).all()
            if not rows:
                return
            for row in rows:
                if row.seq != start:
                    return
                yield _stored(row)
                start += 1

    def chosen(self, numbers: Sequence[int]) -> Iterator[StoredEntry]:
        """The entries of these numbers, in ascending order."""
        wanted = sorted(set(numbers))
        for at in range(0, len(wanted), _AT_ONCE):
            some = log_entries.c.seq.in_(wanted[at : at + _AT_ONCE])
            with self._database.reading() as connection:
                query = sa.select(log_entries).where(some).order_by(log_entries.c.seq)
                rows = connection.execute(query).all()
            yield from map(_stored, rows)

    def leaf_hashes(self, start: int, stop: int) -> bytes:
        """The leaf hashes of ``start <= seq < stop``, 32 bytes each, joined."""
        with self._database.reading() as connection:
            rows = connection.execute(
                sa.select(log_entries.c.leaf_hash)
                .where(log_entries.c.seq >= start, log_entries.c.seq < stop)
                .order_by(log_entries.c.seq)
            )
            joined = b"".join(rows.scalars())
        if len(joined) % HASH_BYTES:
            raise damaged("log")
        return joined

    def save_checkpoint(self, size: int, note: bytes) -> None:
        """Keep a signed checkpoint; the first one of a size stays."""
        with self._database.transaction() as connection:
            connection.execute(
                sa.text(
                    "INSERT INTO log_checkpoints (size, note) VALUES (:size, :note)"
                    " ON CONFLICT DO NOTHING"
                ),
                {"size": size, "note": note},
            )

    def checkpoint(self, size: int | None) -> bytes | None:
        """The checkpoint kept for ``size``, or the one of the largest size for None."""
        query = sa.select(log_checkpoints.c.note).order_by(log_checkpoints.c.size.desc()).limit(1)
        if size is not None:
            query = query.where(log_checkpoints.c.size == size)
        with self._database.reading() as connection:
            return connection.execute(query).scalar()

    def checkpoints(self) -> list[tuple[int, bytes]]:
        """Every (size, note) kept, in ascending order."""
        with self._database.reading() as connection:
            rows = connection.execute(
                sa.select(log_checkpoints.c.size, log_checkpoints.c.note).order_by(
                    log_checkpoints.c.size
                )
            )
            return [(row.size, row.note) for row in rows]

    def with_bodies(self, stop: int) -> Iterator[StoredEntry]:
        """The entries ``seq < stop`` of which a part is still here, in order."""
        columns, start = log_entries.c, 0
        while start < stop:
            with self._database.reading() as connection:
                rows = connection.execute(
                    sa.select(log_entries)
                    .where(
                        columns.seq >= start,
                        columns.seq < stop,
                        sa.or_(columns.shared.is_not(None), columns.local.is_not(None)),
                    )
                    .order_by(columns.seq)
                    .limit(_BATCH)
                ).all()
            if not rows:
                return
            for row in rows:
                yield _stored(row)
                start = row.seq + 1

    def erase_bodies(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Erase both parts and blinds of the entries ``start <= seq < stop``; leaves stay."""
        columns = log_entries.c
        with self._database.transaction() as connection:
            for start, stop in ranges:
                connection.execute(
                    log_entries.update()
                    .where(columns.seq >= start, columns.seq < stop)
                    .values(shared=None, shared_blind=None, local=None, local_blind=None)
                )
                log_index.forget(connection, start, stop)
            self._database.erased()


def _stored(row: Any) -> StoredEntry:
    return StoredEntry(
        row.header, row.leaf_hash, row.shared, row.shared_blind, row.local, row.local_blind
    )


def _move_head(connection: Connection, expected_size: int, frontier: bytes) -> bool:
    moved = connection.execute(
        log_head.update()
        .where(log_head.c.one == 1, log_head.c.size == expected_size)
        .values(size=expected_size + 1, frontier=frontier)
    )
    if moved.rowcount == 1:
        return True
    if expected_size != 0:
        return False
    # The first entry of a log makes the row; of two processes that race here one inserts it.
    made = connection.execute(
        sa.text(
            "INSERT INTO log_head (one, size, frontier) VALUES (1, 1, :frontier)"
            " ON CONFLICT DO NOTHING"
        ),
        {"frontier": frontier},
    )
    return made.rowcount == 1
