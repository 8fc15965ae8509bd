# ruff: noqa: S608 - every name put into a statement is a constant of this package
"""Asking the store about thousands of things in one statement.

What is asked about travels as one parameter: digests as joined bytes that the statement cuts up,
item numbers as the text of one list. SQLite and PostgreSQL run the same statements, but for how
they unfold such a list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from psihash.terms import AlgorithmId

CHUNK_DIGESTS: Final = 65_536
"""Digests that are looked up, or handed out, at a time: some megabytes of rows."""

_PLACES: Final = (
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count)"
)


def packed(algorithm: AlgorithmId, raws: Sequence[bytes]) -> npt.NDArray[np.uint8]:
    """Digests as an array of shape (n, digest_bytes)."""
    if set(map(len, raws)) - {algorithm.digest_bytes}:
        raise ValueError("a digest has the wrong length")
    return np.frombuffer(b"".join(raws), np.uint8).reshape(-1, algorithm.digest_bytes)


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the digests that are asked about, in ascending order: neighbours in the index lie
    on one page."""

    algorithm: AlgorithmId
    places: npt.NDArray[np.int64]
    """Where each of them stands in the question."""
    digests: bytes
    """Joined."""

    def standing(self, connection: Connection) -> list[tuple[int, int, int]]:
        """(place in this part, item, collection) for every item that carries one of the digests
        and every collection that holds the item, in ascending order."""
        width = self.algorithm.digest_bytes
        found = rows(
            connection,
            # CROSS JOIN keeps SQLite to this order of the tables; PostgreSQL takes its own.
            f"{_PLACES} SELECT n.i, b.item_id, m.collection_id"
            f" FROM n CROSS JOIN by_{self.algorithm.value} b CROSS JOIN memberships m"
            f" WHERE b.raw = substr(:digests, {width} * n.i + 1, {width})"
            f" AND m.item_id = b.item_id",
            count=len(self.places),
            digests=self.digests,
        )
        found.sort()
        return found


def parts(algorithm: AlgorithmId, digests: npt.NDArray[np.uint8]) -> Iterator[Part]:
    """Cut digests of shape (n, digest_bytes) into parts."""
    joined = np.ascontiguousarray(digests).reshape(-1).view(f"V{algorithm.digest_bytes}")
    order = np.argsort(joined, kind="stable")
    for start in range(0, len(order), CHUNK_DIGESTS):
        chosen = order[start : start + CHUNK_DIGESTS]
        yield Part(algorithm, chosen, joined[chosen].tobytes())


class ItemQuery:
    """Reads several tables for the same items."""

    def __init__(self, connection: Connection, item_ids: Iterable[int]) -> None:
        numbers = ",".join(map(str, sorted(item_ids)))
        self._connection = connection
        if connection.dialect.name == "sqlite":
            self._source, self._ids = "json_each(:ids) w", f"[{numbers}]"
        else:
            source = "unnest(CAST(:ids AS bigint[])) AS w(value)"
            self._source, self._ids = source, f"{{{numbers}}}"

    def rows(
        self, columns: str, table: str, *, key: str = "item_id", where: str = "", **values: Any
    ) -> list[Any]:
        """``columns`` of ``t``, which stands for the table, in ascending order."""
        query = f"SELECT {columns} FROM {self._source} CROSS JOIN {table} t WHERE t.{key} = w.value"
        found = rows(
            self._connection, f"{query} AND {where}" if where else query, ids=self._ids, **values
        )
        found.sort()
        return found


def load(
    connection: Connection,
    table: sa.Table,
    types: Sequence[str],
    values: Iterable[tuple[Any, ...]],
) -> None:
    """Insert rows, with all columns of a table in their order: by COPY where the store is
    PostgreSQL, which is told the ``types``."""
    names = [column.name for column in table.columns]
    if connection.dialect.name != "postgresql":
        many = [dict(zip(names, row, strict=True)) for row in values]
        if many:
            connection.execute(table.insert(), many)
        return
    raw = connection.connection.driver_connection
    if raw is None:
        raise RuntimeError("the connection is closed")
    statement = f"COPY {table.name} ({', '.join(names)}) FROM STDIN (FORMAT BINARY)"
    with raw.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(list(types))
        for row in values:
            copy.write_row(row)


def rows(connection: Connection, statement: str, **values: Any) -> list[Any]:
    """All rows as plain tuples: to make SQLAlchemy's takes as long as to read them."""
    with connection.execute(sa.text(statement), values) as result:
        cursor = result.cursor
        return [] if cursor is None else list(cursor.fetchall())
