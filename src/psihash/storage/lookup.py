# ruff: noqa: S608 - every name put into a statement is a constant of this package
"""Reading the holdings: digests of a set, and all that is known about the items behind some."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from psihash import bulk, errors
from psihash.hashset.model import Digest, Verdict
from psihash.hashset.store import HeldColumns, HeldItem
from psihash.storage.bulk import CHUNK_DIGESTS, ItemQuery, Part, packed, parts, rows
from psihash.storage.database import Database
from psihash.storage.errors import damaged
from psihash.storage.tables import collections
from psihash.storage.verdicts import decode
from psihash.terms import AlgorithmId

UNKNOWN_COLLECTION = errors.define("unknown-collection", "no collection of that name is held")


@dataclass(frozen=True, slots=True)
class Asked:
    """The collections that a question is about, in its order."""

    names: dict[int, str]
    """By their ids."""
    algorithms: tuple[AlgorithmId, ...]
    """Those that any item in them has a digest of."""

    @classmethod
    def of(cls, connection: Connection, names: Sequence[str]) -> Asked:
        """Raises NotFoundError ``unknown-collection``."""
        known = {row.name: row for row in connection.execute(sa.select(collections))}
        if any(name not in known for name in names):
            raise errors.NotFoundError(
                UNKNOWN_COLLECTION,
                "no collection of that name is held",
                hint="`psihash collection list` shows them",
            )
        rows = [known[name] for name in names]
        held = tuple(
            each for each in AlgorithmId if any(getattr(row, f"with_{each}") for row in rows)
        )
        return cls({row.id: row.name for row in rows}, held)


def digests(
    database: Database, algorithm: AlgorithmId, names: Sequence[str]
) -> Iterator[npt.NDArray[np.uint8]]:
    """The distinct digests over a union of collections, sorted, in chunks of shape (n, width)."""
    joined = bytearray()
    with database.snapshot() as connection:
        for number in Asked.of(connection, names).names:
            for part in _digests_in(connection, algorithm, number):
                joined += part
    # Sorted here: the database would write them out to do it.
    every = bulk.sorted_distinct(bulk.rows(joined, algorithm.digest_bytes))
    for start in range(0, len(every), CHUNK_DIGESTS):
        yield every[start : start + CHUNK_DIGESTS]


def _digests_in(connection: Connection, algorithm: AlgorithmId, number: int) -> Iterator[bytes]:
    """The digests of one collection in any order, joined, some thousands at a time."""
    after = 0
    while True:
        found = rows(
            connection,
            f"SELECT m.item_id, t.{algorithm.value} FROM memberships m CROSS JOIN items t"
            " WHERE m.collection_id = :number AND m.item_id > :after AND t.id = m.item_id"
            " ORDER BY m.item_id LIMIT :most",
            number=number,
            after=after,
            most=CHUNK_DIGESTS,
        )
        yield b"".join([raw for _, raw in found if raw is not None])
        if len(found) < CHUNK_DIGESTS:
            break
        after = found[-1][0]
    extra = rows(
        connection,
        "SELECT e.raw FROM item_extra e CROSS JOIN memberships m"
        " WHERE e.algorithm = :algorithm AND m.item_id = e.item_id AND m.collection_id = :number",
        number=number,
        algorithm=algorithm.value,
    )
    yield b"".join([raw for (raw,) in extra])


def held_columns(
    database: Database, algorithm: AlgorithmId, raws: Sequence[bytes], names: Sequence[str]
) -> HeldColumns:
    """What is held of very many digests."""
    with database.reading() as connection:
        return _columns(connection, algorithm, raws, names)


def held_items(
    database: Database, algorithm: AlgorithmId, raws: Sequence[bytes], names: Sequence[str]
) -> list[list[HeldItem]]:
    """For each digest, the items of the collections that carry it, oldest first."""
    answers: list[list[HeldItem]] = [[] for _ in raws]
    with database.reading() as connection:
        held = _columns(connection, algorithm, raws, names)
        query = ItemQuery(connection, set(held.item_ids))
        other = _grouped(query.rows("t.item_id, t.kind, t.value", "item_other"))
    for place, row in zip(held.places, held.rows, strict=True):
        answers[place].append(_item(held, row, tuple(other.get(held.item_ids[row], ()))))
    return answers


def lookup(database: Database, digest: Digest) -> HeldItem | None:
    """The oldest item that carries a digest, over all collections."""
    with database.reading() as connection:
        query = sa.select(collections.c.name).order_by(collections.c.name)
        names = list(connection.execute(query).scalars())
        (items,) = held_items(database, digest.algorithm, [digest.raw], names)
    return items[0] if items else None


def _item(held: HeldColumns, row: int, other: tuple[tuple[str, str], ...]) -> HeldItem:
    carried = []
    for algorithm, column in held.digests.items():
        raw = column[row]
        if raw is not None:
            carried.append(Digest(algorithm, raw))
            carried += [each for each in held.further.get(row, ()) if each.algorithm is algorithm]
    return HeldItem(
        item_id=held.item_ids[row],
        digests=tuple(carried),
        other=other,
        media_type=held.media_types[row],
        size=held.sizes[row],
        verdicts=held.verdicts[row],
        collections=held.collections[row],
    )


def _columns(
    connection: Connection, algorithm: AlgorithmId, raws: Sequence[bytes], names: Sequence[str]
) -> HeldColumns:
    asked = Asked.of(connection, names)
    held = HeldColumns(digests={each: [] for each in asked.algorithms})
    reader = _Reader(connection, asked, held)
    for part in parts(algorithm, packed(algorithm, raws)):
        reader.read(part)
    return held


class _Reader:
    """Reads items into columns, part by part. Lists have few different verdicts: each is decoded
    once."""

    def __init__(self, connection: Connection, asked: Asked, held: HeldColumns) -> None:
        self._connection, self._asked, self._held = connection, asked, held
        self._sets: dict[bytes, tuple[str, ...]] = {}
        self._said: dict[tuple[int, str], _Said] = {}
        self._joined: dict[tuple[int, int], _Said] = {}

    def read(self, part: Part) -> None:
        """Add what is held of some digests."""
        held, ids = self._held, np.array(list(self._asked.names), np.int64)
        found = np.array(part.standing(self._connection), np.int64).reshape(-1, 3)
        place, item, collection = found[np.isin(found[:, 2], ids)].T
        if not len(place):
            return
        numbers, row = np.unique(item, return_inverse=True)
        # The collections of one item at one place stand together.
        first = np.append(True, (place[1:] != place[:-1]) | (item[1:] != item[:-1]))
        held.places.extend(part.places[place[first]].tolist())
        held.rows.extend((row[first] + len(held.item_ids)).tolist())
        holds = np.zeros((len(numbers), len(ids)), np.bool_)
        order = np.argsort(ids)
        holds[row, order[np.searchsorted(ids, collection, sorter=order)]] = True
        held.collections.extend(self._names(holds))
        self._add_facts(numbers.tolist())

    def _names(self, holds: npt.NDArray[np.bool_]) -> Iterator[tuple[str, ...]]:
        """From rows of flags, one for each collection, to their names; equal rows, one object."""
        flags = np.packbits(holds, axis=1)
        width, joined = flags.shape[1], flags.tobytes()
        keys = [joined[start : start + width] for start in range(0, len(joined), width)]
        for key, row in dict(zip(keys, holds.tolist(), strict=True)).items():
            if key not in self._sets:
                self._sets[key] = tuple(compress(self._asked.names.values(), row))
        return map(self._sets.__getitem__, keys)

    def _add_facts(self, item_ids: list[int]) -> None:
        """What the store says about items, in ascending order."""
        held, start = self._held, len(self._held.item_ids)
        query = ItemQuery(self._connection, item_ids)
        columns = ["t.id", "t.media_type", "t.size", *(f"t.{each}" for each in held.digests)]
        found = query.rows(", ".join(columns), "items", key="id")
        if len(found) != len(item_ids):
            raise damaged("membership of an item")
        held.item_ids.extend(item_ids)
        _, media_types, sizes, *raws = zip(*found, strict=True)
        held.media_types.extend(media_types)
        held.sizes.extend(sizes)
        for column, values in zip(held.digests.values(), raws, strict=True):
            column.extend(values)
        extra = _grouped(query.rows("t.item_id, t.algorithm, t.raw", "item_extra"))
        for row, item in enumerate(item_ids if extra else (), start):
            if item in extra:
                more = (Digest(AlgorithmId(name), raw) for name, raw in extra[item])
                held.further[row] = tuple(more)
        verdicts = self._verdicts(query)
        held.verdicts.extend([verdicts.get(item, ()) for item in item_ids])

    def _verdicts(self, query: ItemQuery) -> dict[int, _Said]:
        """What the collections say of each item, in the order of their sources."""
        names, said, joined = self._asked.names, self._said, self._joined
        verdicts: dict[int, _Said] = {}
        columns = "t.item_id, t.source_id, t.collection_id, t.body"
        for item, _, collection, body in query.rows(columns, "item_verdicts"):
            one = said.get((collection, body))
            if one is None:
                if collection not in names:
                    continue
                one = said[collection, body] = ((names[collection], decode(body)),)
            before = verdicts.get(item)
            if before is None:
                verdicts[item] = one
                continue
            # What the ids stand for is kept alive by the two tables.
            key = id(before), id(one)
            if key not in joined:
                joined[key] = before + one
            verdicts[item] = joined[key]
        return verdicts


_Said = tuple[tuple[str, Verdict], ...]


def _grouped(found: list[tuple[int, str, Any]]) -> dict[int, list[tuple[str, Any]]]:
    grouped: dict[int, list[tuple[str, Any]]] = defaultdict(list)
    for item, kind, value in found:
        grouped[item].append((kind, value))
    return grouped
