"""What a session may ask of our holdings about items that matched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from psihash.hashset.model import Verdict
from psihash.hashset.store import HeldColumns, HoldingsStore, Standing
from psihash.session.result import PeerRecord
from psihash.terms import AlgorithmId, CollectionKind


class SeriesColumn(NamedTuple):
    """The series of very many digests."""

    of: npt.NDArray[np.int64]
    """Shape (n,): for each digest an index into ``series``."""
    series: tuple[tuple[str, ...], ...]
    """Every distinct set of series, each sorted."""


class NodeHolder:
    """Implements :class:`psihash.session.own.Holder` over the collections that are offered.

    Matched items are read once: what is told of them to the peer and what stands in the result
    is the same state of the holdings.
    """

    def __init__(
        self, holdings: HoldingsStore, collections: Sequence[str], contact: str | None
    ) -> None:
        self._holdings, self._collections, self._contact = holdings, list(collections), contact
        self._kinds = {name: holdings.collection(name).kind for name in collections}
        self._read: dict[AlgorithmId, tuple[Sequence[bytes], HeldColumns]] = {}

    def held(self, algorithm: AlgorithmId, digests: Sequence[bytes]) -> HeldColumns:
        """What is held of some digests."""
        known = self._read.get(algorithm)
        if known is None or known[0] != digests:
            found = self._holdings.held_columns(algorithm, digests, self._collections)
            known = self._read[algorithm] = digests, found
        return known[1]

    def forget(self) -> None:
        """Let go of what was read: the result has it."""
        self._read.clear()

    def collections_of(
        self, algorithm: AlgorithmId, digests: Sequence[bytes]
    ) -> list[tuple[str, ...]]:
        held = self.held(algorithm, digests)
        answers: list[tuple[str, ...]] = [()] * len(digests)
        for place, row in zip(held.places, held.rows, strict=True):
            before, names = answers[place], held.collections[row]
            if before and before != names:
                names = tuple(name for name in self._collections if name in {*before, *names})
            answers[place] = names
        return answers

    def records(
        self, algorithm: AlgorithmId, digests: Sequence[bytes]
    ) -> list[tuple[PeerRecord, ...]]:
        held = self.held(algorithm, digests)
        carriers: list[tuple[int, ...]] = [()] * len(digests)
        for place, row in zip(held.places, held.rows, strict=True):
            carriers[place] += (row,)
        # Many items share what is said of them, as the same objects.
        known: dict[tuple[int, ...], tuple[PeerRecord, ...]] = {}
        told = []
        for rows in carriers:
            stands = [each for row in rows for each in (held.collections[row], held.verdicts[row])]
            key = tuple(map(id, stands))
            if key not in known:
                known[key] = self._records(held, rows)
            told.append(known[key])
        return told

    def _records(self, held: HeldColumns, rows: Iterable[int]) -> tuple[PeerRecord, ...]:
        said: dict[str, dict[Verdict, None]] = {}
        for row in rows:
            for name in held.collections[row]:
                said.setdefault(name, {})
            for name, verdict in held.verdicts[row]:
                said[name][verdict] = None
        return tuple(
            PeerRecord(name, self._kinds[name], tuple(verdicts), self._contact)
            for name, verdicts in said.items()
        )

    def series_of(self, algorithm: AlgorithmId, digests: npt.NDArray[np.uint8]) -> SeriesColumn:
        """A collection of kind ``series`` is one series; elsewhere the labels count, and what has
        none is in a series of the collection's own name."""
        standings = self._holdings.standings(algorithm, digests, self._collections)
        numbers: dict[tuple[str, ...], int] = {}
        of_kind = [
            numbers.setdefault(tuple(sorted(set(self._series(places)))), len(numbers))
            for places in standings.kinds
        ]
        return SeriesColumn(np.array(of_kind, np.int64)[standings.of], tuple(numbers))

    def _series(self, places: Iterable[Standing]) -> Iterator[str]:
        for name, labels in places:
            if self._kinds[name] is CollectionKind.SERIES or not labels:
                yield name
            else:
                yield from labels
