# ruff: noqa: S608 - every name put into a statement is a constant of this package
"""What a centre holds, in columns: every digest of some collections and what is said of it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sqlalchemy.engine import Connection

from psihash.bulk import Bytes2D
from psihash.bulk import rows as as_rows
from psihash.hashset.model import EMPTY_VERDICT, Verdict
from psihash.storage.bulk import ItemQuery, parts, rows
from psihash.storage.database import Database
from psihash.storage.lookup import Asked
from psihash.storage.verdicts import decode
from psihash.terms import AlgorithmId

_AT_ONCE: Final = 1 << 17

Numbers = npt.NDArray[np.int64]
Said = Callable[[str, Verdict], Sequence[int]]
"""(collection, verdict) -> numbers of the labels that follow, at least one."""


@dataclass(frozen=True, slots=True, eq=False)
class HeldLabels:
    """Row i: a digest and the number of a label of it. A digest stands once for each collection,
    and once more for each further label there."""

    digests: Bytes2D
    labels: Numbers


def held_labels(
    database: Database, algorithm: AlgorithmId, names: Sequence[str], said: Said
) -> Iterator[HeldLabels]:
    """What some collections hold of one algorithm, a part of a collection at a time."""
    with database.snapshot() as connection:
        for number, name in Asked.of(connection, names).names.items():
            labels = _Labels(name, said)
            reader = _Reader(connection, algorithm, number)
            for items, digests in reader.parts():
                spread, found = labels.of(reader.verdicts(items), items)
                yield HeldLabels(np.take(digests, spread, axis=0), found)


def labels_of(
    database: Database,
    algorithm: AlgorithmId,
    names: Sequence[str],
    said: Said,
    digests: Bytes2D,
) -> Iterator[HeldLabels]:
    """The same for some digests (n, width), distinct."""
    with database.snapshot() as connection:
        labels = {
            number: _Labels(name, said)
            for number, name in Asked.of(connection, names).names.items()
        }
        for part in parts(algorithm, digests):
            standing = [row for row in part.standing(connection) if row[2] in labels]
            told = _told(connection, {item for _, item, _ in standing}, labels)
            places: list[int] = []
            found: list[int] = []
            for place, item, collection in standing:
                texts = told.get((item, collection)) or labels[collection].plain.tolist()
                places += [place] * len(texts)
                found += texts
            asked = as_rows(part.digests, algorithm.digest_bytes)
            yield HeldLabels(asked[np.array(places, np.int64)], np.array(found, np.int64))


def held_among(
    database: Database, algorithm: AlgorithmId, names: Sequence[str], digests: Bytes2D
) -> Bytes2D:
    """Those of some distinct digests (n, width) that some collections hold."""
    found = [np.empty((0, algorithm.digest_bytes), np.uint8)]
    with database.reading() as connection:
        numbers = Asked.of(connection, names).names
        for part in parts(algorithm, digests):
            standing = part.standing(connection)
            places = sorted({place for place, _, number in standing if number in numbers})
            asked = as_rows(part.digests, algorithm.digest_bytes)
            found.append(asked[np.array(places, np.int64)])
    return np.concatenate(found)


def _told(
    connection: Connection, items: set[int], labels: Mapping[int, _Labels]
) -> dict[tuple[int, int], list[int]]:
    """(item, collection) to the labels of what the collection says of the item."""
    told: dict[tuple[int, int], list[int]] = defaultdict(list)
    columns = "t.item_id, t.collection_id, t.body"
    for item, collection, body in ItemQuery(connection, items).rows(columns, "item_verdicts"):
        if collection in labels:
            told[item, collection] += labels[collection].label(body).tolist()
    return told


class _Reader:
    """Reads the items of a collection, ascending, some thousands at a time. The database joins
    what it finds, so there is no object for each of them."""

    def __init__(self, connection: Connection, algorithm: AlgorithmId, number: int) -> None:
        self._connection, self._algorithm, self._number = connection, algorithm, number
        if connection.dialect.name == "sqlite":
            self._digests, self._items = "group_concat(hex(f.raw), '')", "group_concat({})"
        else:
            self._digests = "encode(string_agg(f.raw, CAST('' AS bytea) ORDER BY f.item_id), 'hex')"
            self._items = "string_agg(CAST({0} AS text), ',' ORDER BY {0})"
        said = "SELECT 1 FROM item_verdicts WHERE collection_id = :number LIMIT 1"
        self._silent = not rows(connection, said, number=number)

    def parts(self) -> Iterator[tuple[Numbers, Bytes2D]]:
        """Items with their digests. An item stands again for each further digest."""
        column, after = self._algorithm.value, 0
        source = (
            f"SELECT m.item_id AS item_id, t.{column} AS raw FROM memberships m CROSS JOIN items t"
            f" WHERE m.collection_id = :number AND m.item_id > :after AND t.id = m.item_id"
            f" AND t.{column} IS NOT NULL ORDER BY m.item_id LIMIT {_AT_ONCE}"
        )
        while True:
            last, items, digests = self._joined(source, after=after)
            if not last:
                break
            yield items, digests
            after = last
        _, items, digests = self._joined(
            "SELECT e.item_id AS item_id, e.raw AS raw FROM item_extra e CROSS JOIN memberships m"
            f" WHERE e.algorithm = '{column}' AND m.item_id = e.item_id"
            " AND m.collection_id = :number ORDER BY e.item_id"
        )
        yield items, digests

    def _joined(self, source: str, **values: int) -> tuple[int, Numbers, Bytes2D]:
        """(last item, items, digests). Where no item has a verdict nobody asks which they are."""
        items = "''" if self._silent else self._items.format("f.item_id")
        ((count, last, numbers, digests),) = rows(
            self._connection,
            f"SELECT count(*), max(f.item_id), {items}, {self._digests} FROM ({source}) AS f",
            number=self._number,
            **values,
        )
        found = as_rows(bytes.fromhex(digests or ""), self._algorithm.digest_bytes)
        if self._silent:
            return last or 0, np.zeros(count, np.int64), found
        return last or 0, _numbers(numbers or ""), found

    def verdicts(self, items: Numbers) -> list[tuple[str, Numbers]]:
        """What a range of items has: (verdict, whose), the items ascending."""
        if self._silent or not len(items):
            return []
        return [
            (body, _numbers(owners))
            for body, owners in rows(
                self._connection,
                f"SELECT f.body, {self._items.format('f.item_id')} FROM (SELECT item_id, body"
                " FROM item_verdicts WHERE collection_id = :number"
                " AND item_id BETWEEN :first AND :last ORDER BY item_id) AS f GROUP BY f.body",
                number=self._number,
                first=int(items[0]),
                last=int(items[-1]),
            )
        ]


def _numbers(text: str) -> Numbers:
    """Numbers with commas between them."""
    found: Numbers = np.fromstring(text, np.int64, sep=",") if text else np.empty(0, np.int64)
    return found


class _Labels:
    """From verdicts of one collection to labels; each distinct text is decoded once."""

    def __init__(self, name: str, said: Said) -> None:
        self._name, self._said = name, said
        self._known: dict[str, Numbers] = {}
        self.plain = np.array(said(name, EMPTY_VERDICT), np.int64)
        """Of an item of which nothing is said."""

    def of(self, found: list[tuple[str, Numbers]], items: Numbers) -> tuple[Numbers, Numbers]:
        """For items, ascending, what their verdicts say: (places in ``items``, labels)."""
        if not found:
            places = np.repeat(np.arange(len(items)), len(self.plain))
            return places, np.tile(self.plain, len(items))
        texts = [(self.label(body), owners) for body, owners in found]
        whose = np.concatenate([np.repeat(owners, len(each)) for each, owners in texts])
        labels = np.concatenate([np.tile(each, len(owners)) for each, owners in texts])
        order = np.argsort(whose, kind="stable")
        whose, labels = whose[order], labels[order]
        low = np.searchsorted(whose, items, "left")
        counts = np.searchsorted(whose, items, "right") - low
        places = np.repeat(np.arange(len(items)), counts)
        offsets = np.arange(len(places)) - np.repeat(np.cumsum(counts) - counts, counts)
        chosen = labels[np.repeat(low, counts) + offsets]
        silent = np.flatnonzero(counts == 0)
        return (
            np.concatenate([places, np.repeat(silent, len(self.plain))]),
            np.concatenate([chosen, np.tile(self.plain, len(silent))]),
        )

    def label(self, body: str) -> Numbers:
        """The labels of one verdict."""
        known = self._known.get(body)
        if known is None:
            numbers = self._said(self._name, decode(body))
            known = self._known[body] = np.array(numbers, np.int64)
        return known


def numbers_of(database: Database, names: Sequence[str]) -> dict[str, int]:
    """The numbers of some collections: no other ever gets the same, under whatever name."""
    with database.reading() as connection:
        return {name: number for number, name in Asked.of(connection, names).names.items()}


def state_of(database: Database, names: Sequence[str]) -> str:
    """A text that is another whenever something came into one of some collections, or left it."""
    with database.reading() as connection:
        asked = Asked.of(connection, names)
        found = []
        for number in sorted(asked.names):
            found += rows(
                connection,
                "SELECT c.id, c.updated, c.items, (SELECT COALESCE(MAX(s.id), 0) FROM sources s"
                " WHERE s.collection_id = c.id) FROM collections c WHERE c.id = :number",
                number=number,
            )
    return json.dumps([list(row) for row in found])
