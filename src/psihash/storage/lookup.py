"""Reading the holdings: digests of a set, and all that is known about the items behind some."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from psihash import errors
from psihash.hashset.model import Digest, Verdict
from psihash.hashset.store import HeldItem
from psihash.storage.database import Database
from psihash.storage.tables import (
    by_digest,
    collections,
    item_extra,
    item_other,
    item_verdicts,
    items,
    memberships,
)
from psihash.storage.verdicts import decode
from psihash.terms import AlgorithmId

UNKNOWN_COLLECTION = errors.define("unknown-collection", "no collection of that name is held")

_T = TypeVar("_T")

CHUNK_DIGESTS: Final = 65_536
_BATCH: Final = 500
"""Values in one IN list: SQLite takes 32,766 parameters, but plans long lists slowly."""


def collection_ids(connection: Connection, names: Sequence[str]) -> dict[int, str]:
    """Ids with their names, in the order asked. Raises NotFoundError."""
    rows = connection.execute(sa.select(collections.c.name, collections.c.id))
    known: dict[str, int] = {row.name: row.id for row in rows}
    missing = [name for name in names if name not in known]
    if missing:
        raise errors.NotFoundError(
            UNKNOWN_COLLECTION,
            "no collection of that name is held",
            hint="`psihash collection list` shows them",
        )
    return {known[name]: name for name in names}


def digests(
    database: Database, algorithm: AlgorithmId, names: Sequence[str]
) -> Iterator[npt.NDArray[np.uint8]]:
    """The distinct digests over a union of collections, sorted, in chunks of shape (n, width)."""
    with database.snapshot() as connection:
        ids = list(collection_ids(connection, names))
        if not ids:
            return
        members = sa.select(memberships.c.item_id).where(memberships.c.collection_id.in_(ids))
        if len(ids) > 1:
            members = members.distinct()
        held = members.subquery()
        column = items.c[algorithm.value]
        first = sa.select(column.label("raw")).join(held, held.c.item_id == items.c.id)
        extra = (
            sa.select(item_extra.c.raw)
            .where(item_extra.c.algorithm == algorithm.value)
            .where(item_extra.c.item_id.in_(members))
        )
        query = sa.union(first.where(column.is_not(None)), extra).order_by("raw")
        result = connection.execution_options(yield_per=CHUNK_DIGESTS).execute(query)
        for part in result.scalars().partitions(CHUNK_DIGESTS):
            joined = b"".join(part)
            yield np.frombuffer(joined, np.uint8).reshape(-1, algorithm.digest_bytes)


def _carriers(
    connection: Connection, algorithm: AlgorithmId, raws: Sequence[bytes]
) -> dict[bytes, list[int]]:
    """Which items carry each digest, oldest first; at most ``_BATCH`` digests."""
    table = by_digest[algorithm]
    found: dict[bytes, list[int]] = defaultdict(list)
    query = sa.select(table.c.raw, table.c.item_id).where(table.c.raw.in_(raws))
    for raw, item in connection.execute(query.order_by(table.c.item_id)):
        found[raw].append(item)
    return found


def _memberships(
    connection: Connection, item_ids: Sequence[int], ids: dict[int, str]
) -> dict[int, set[int]]:
    """Which of the collections ``ids`` hold each item."""
    held: dict[int, set[int]] = defaultdict(set)
    for part in _batches(item_ids):
        query = sa.select(memberships.c.item_id, memberships.c.collection_id)
        for item, collection in connection.execute(query.where(memberships.c.item_id.in_(part))):
            if collection in ids:
                held[item].add(collection)
    return held


def collections_of(
    database: Database, algorithm: AlgorithmId, raws: Sequence[bytes], names: Sequence[str]
) -> list[tuple[str, ...]]:
    """For each digest, which of the collections hold it, in the order asked."""
    answers: list[tuple[str, ...]] = []
    with database.reading() as connection:
        ids = collection_ids(connection, names)
        for part in _batches(raws):
            carriers = _carriers(connection, algorithm, part)
            held = _memberships(connection, sorted(_all(carriers)), ids)
            for raw in part:
                holding = set().union(*(held.get(item, set()) for item in carriers.get(raw, ())))
                answers.append(tuple(name for number, name in ids.items() if number in holding))
    return answers


def held_items(
    database: Database, algorithm: AlgorithmId, raws: Sequence[bytes], names: Sequence[str]
) -> list[list[HeldItem]]:
    """For each digest, the items of the collections that carry it, in the order asked."""
    answers: list[list[HeldItem]] = []
    with database.reading() as connection:
        ids = collection_ids(connection, names)
        for part in _batches(raws):
            carriers = _carriers(connection, algorithm, part)
            loaded = load(connection, sorted(_all(carriers)), ids)
            answers += [
                [loaded[item] for item in carriers.get(raw, ()) if item in loaded] for raw in part
            ]
    return answers


def lookup(database: Database, digest: Digest) -> HeldItem | None:
    """The oldest item that carries a digest, over all collections."""
    with database.reading() as connection:
        names = connection.execute(sa.select(collections.c.name).order_by(collections.c.name))
        ids = collection_ids(connection, list(names.scalars()))
        carriers = _carriers(connection, digest.algorithm, [digest.raw])
        for item in carriers.get(digest.raw, ()):
            loaded = load(connection, [item], ids)
            if item in loaded:
                return loaded[item]
    return None


def load(
    connection: Connection, item_ids: Sequence[int], ids: dict[int, str]
) -> dict[int, HeldItem]:
    """The items that one of the collections ``ids`` holds, by their number."""
    held = _memberships(connection, item_ids, ids)
    found: dict[int, HeldItem] = {}
    for part in _batches(sorted(held)):
        extra = _grouped(connection, item_extra, part)
        other = _grouped(connection, item_other, part)
        verdicts = _verdicts(connection, part, ids)
        for row in connection.execute(sa.select(items).where(items.c.id.in_(part))):
            found[row.id] = HeldItem(
                item_id=row.id,
                digests=_digests(row, extra.get(row.id, [])),
                other=tuple((one.kind, one.value) for one in other.get(row.id, [])),
                media_type=row.media_type,
                size=row.size,
                verdicts=tuple(verdicts.get(row.id, [])),
                collections=tuple(n for number, n in ids.items() if number in held[row.id]),
            )
    return found


def _digests(row: Any, extra: list[Any]) -> tuple[Digest, ...]:
    digests = []
    for algorithm in AlgorithmId:
        raw = getattr(row, algorithm.value)
        if raw is not None:
            digests.append(Digest(algorithm, raw))
            digests += [Digest(algorithm, e.raw) for e in extra if e.algorithm == algorithm.value]
    return tuple(digests)


def _grouped(connection: Connection, table: sa.Table, part: Sequence[int]) -> dict[int, list[Any]]:
    grouped: dict[int, list[Any]] = defaultdict(list)
    query = sa.select(table).where(table.c.item_id.in_(part))
    for row in connection.execute(query.order_by(*table.primary_key)):
        grouped[row.item_id].append(row)
    return grouped


def _verdicts(
    connection: Connection, part: Sequence[int], ids: dict[int, str]
) -> dict[int, list[tuple[str, Verdict]]]:
    grouped: dict[int, list[tuple[str, Verdict]]] = defaultdict(list)
    columns = item_verdicts.c
    query = sa.select(columns.item_id, columns.collection_id, columns.body)
    query = query.where(columns.item_id.in_(part))
    ordered = query.order_by(columns.item_id, columns.source_id, columns.body)
    for item, collection, body in connection.execute(ordered):
        if collection in ids:
            grouped[item].append((ids[collection], decode(body)))
    return grouped


def _all(carriers: dict[bytes, list[int]]) -> set[int]:
    return {item for found in carriers.values() for item in found}


def _batches(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(values), _BATCH):
        yield values[start : start + _BATCH]
