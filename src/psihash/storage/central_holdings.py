# ruff: noqa: S608 - every name put into a statement is a constant of this package
"""What a centre holds, in columns: every digest of some collections and what is said of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sqlalchemy.engine import Connection

from psihash.bulk import Bytes2D
from psihash.bulk import rows as as_rows
from psihash.hashset.model import EMPTY_VERDICT, Verdict
from psihash.storage.bulk import rows
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
            for items, digests in _digests(connection, algorithm, number):
                spread, found = labels.of(_verdicts(connection, number, items), items)
                yield HeldLabels(digests[spread], found)


def _digests(
    connection: Connection, algorithm: AlgorithmId, number: int
) -> Iterator[tuple[Numbers, Bytes2D]]:
    """The items of a collection, ascending, with their digests."""
    after, width, column = 0, algorithm.digest_bytes, algorithm.value
    while True:
        found = rows(
            connection,
            f"SELECT m.item_id, t.{column} FROM memberships m CROSS JOIN items t"
            f" WHERE m.collection_id = :number AND m.item_id > :after AND t.id = m.item_id"
            f" ORDER BY m.item_id LIMIT :most",
            number=number,
            after=after,
            most=_AT_ONCE,
        )
        if not found:
            break
        after = found[-1][0]
        yield _columns(found, width)
    extra = rows(
        connection,
        "SELECT e.item_id, e.raw FROM item_extra e CROSS JOIN memberships m"
        " WHERE e.algorithm = :algorithm AND m.item_id = e.item_id AND m.collection_id = :number"
        " ORDER BY e.item_id",
        number=number,
        algorithm=column,
    )
    yield _columns(extra, width)


def _columns(found: Sequence[tuple[int, bytes | None]], width: int) -> tuple[Numbers, Bytes2D]:
    raws = [raw for _, raw in found if raw is not None]
    items = [item for item, raw in found if raw is not None]
    return np.array(items, np.int64), as_rows(b"".join(raws), width)


def _verdicts(connection: Connection, number: int, items: Numbers) -> list[tuple[int, str]]:
    """(item, verdict) of a range of items in a collection, ascending by item."""
    if not len(items):
        return []
    return rows(
        connection,
        "SELECT item_id, body FROM item_verdicts WHERE collection_id = :number"
        " AND item_id BETWEEN :first AND :last ORDER BY item_id",
        number=number,
        first=int(items[0]),
        last=int(items[-1]),
    )


class _Labels:
    """From verdicts of one collection to labels; each distinct text is decoded once."""

    def __init__(self, name: str, said: Said) -> None:
        self._name, self._said = name, said
        self._known: dict[str, Numbers] = {}
        self._plain = np.array(said(name, EMPTY_VERDICT), np.int64)

    def of(self, found: list[tuple[int, str]], items: Numbers) -> tuple[Numbers, Numbers]:
        """For items, ascending, what their verdicts say: (places in ``items``, labels)."""
        if not found:
            places = np.repeat(np.arange(len(items)), len(self._plain))
            return places, np.tile(self._plain, len(items))
        owners, bodies = zip(*found, strict=True)
        parts = [self._label(body) for body in bodies]
        widths = np.fromiter(map(len, parts), np.int64, len(parts))
        whose = np.repeat(np.array(owners, np.int64), widths)
        labels = np.concatenate(parts)
        low = np.searchsorted(whose, items, "left")
        counts = np.searchsorted(whose, items, "right") - low
        places = np.repeat(np.arange(len(items)), counts)
        offsets = np.arange(len(places)) - np.repeat(np.cumsum(counts) - counts, counts)
        chosen = labels[np.repeat(low, counts) + offsets]
        silent = np.flatnonzero(counts == 0)
        return (
            np.concatenate([places, np.repeat(silent, len(self._plain))]),
            np.concatenate([chosen, np.tile(self._plain, len(silent))]),
        )

    def _label(self, body: str) -> Numbers:
        known = self._known.get(body)
        if known is None:
            numbers = self._said(self._name, decode(body))
            known = self._known[body] = np.array(numbers, np.int64)
        return known


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
