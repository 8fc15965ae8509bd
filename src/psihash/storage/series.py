"""In which series each of very many digests stands: in columns, a part at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from sqlalchemy.engine import Connection

from psihash.hashset.store import Standing, Standings
from psihash.storage.bulk import ItemQuery, Part, parts
from psihash.storage.database import Database
from psihash.storage.lookup import Asked
from psihash.storage.verdicts import decode
from psihash.terms import AlgorithmId

_NAMES_SERIES: Final = '%"series"%'
"""What the text of a verdict holds that names some."""


def standings(
    database: Database,
    algorithm: AlgorithmId,
    digests: npt.NDArray[np.uint8],
    names: Sequence[str],
) -> Standings:
    """Where each digest stands. ``digests`` has shape (n, digest_bytes)."""
    of = np.zeros(len(digests), np.int64)
    with database.reading() as connection:
        reader = _Reader(connection, Asked.of(connection, names))
        for part in parts(algorithm, digests):
            of[part.places] = reader.read(part)
    return Standings(of, tuple(reader.kinds))


class _Reader:
    """Gives each distinct set of places a number. Number 0 is: nowhere."""

    def __init__(self, connection: Connection, asked: Asked) -> None:
        self._connection, self._asked = connection, asked
        self.kinds: list[frozenset[Standing]] = [frozenset()]
        self._numbers = {self.kinds[0]: 0}
        self._with: dict[tuple[int, int, tuple[str, ...]], int] = {}

    def read(self, part: Part) -> list[int]:
        """For each digest of a part the number of its set."""
        names, joined = self._asked.names, self._with
        rows = part.standing(self._connection)
        labels = self._labels({item for _, item, _ in rows})
        of = [0] * len(part.places)
        none: tuple[str, ...] = ()
        for place, item, collection in rows:
            if collection not in names:
                continue
            key = of[place], collection, labels.get((item, collection), none) if labels else none
            number = joined.get(key)
            of[place] = self._join(*key) if number is None else number
        return of

    def _join(self, number: int, collection: int, labels: tuple[str, ...]) -> int:
        """The number of a set and one place more."""
        place = self._asked.names[collection], labels
        larger = self.kinds[number] | {place}
        found = self._numbers.setdefault(larger, len(self.kinds))
        if found == len(self.kinds):
            self.kinds.append(larger)
        self._with[number, collection, labels] = found
        return found

    def _labels(self, item_ids: set[int]) -> dict[tuple[int, int], tuple[str, ...]]:
        """The series that verdicts name, by item and collection."""
        query = ItemQuery(self._connection, item_ids)
        rows = query.rows(
            "t.item_id, t.collection_id, t.body",
            "item_verdicts",
            where="t.body LIKE :body",
            body=_NAMES_SERIES,
        )
        named: dict[str, tuple[str, ...]] = {}
        labels: dict[tuple[int, int], tuple[str, ...]] = {}
        for item, collection, body in rows:
            series = named.get(body)
            if series is None:
                series = named[body] = tuple(sorted(set(decode(body).series)))
            known = labels.get((item, collection))
            if known is not None and known != series:
                series = tuple(sorted({*known, *series}))
            labels[item, collection] = series
        return labels
