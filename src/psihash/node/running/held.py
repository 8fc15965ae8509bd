"""The digests of collections, read from the holdings once for one session."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from psihash.bulk import Bytes2D, sorted_union
from psihash.hashset.store import HoldingsStore
from psihash.terms import AlgorithmId


class Held:
    """Distinct digests, sorted, shape (n, digest bytes), by (name of the collection, algorithm). A
    collection that was removed counts as empty."""

    def __init__(self, holdings: HoldingsStore) -> None:
        self._holdings = holdings
        self._names = {info.name for info in holdings.collections()}
        self._read: dict[tuple[str, AlgorithmId], Bytes2D] = {}

    def __getitem__(self, key: tuple[str, AlgorithmId]) -> Bytes2D:
        if key not in self._read:
            name, algorithm = key
            chunks = self._holdings.digests(algorithm, [name] if name in self._names else [])
            empty = np.empty((0, algorithm.digest_bytes), dtype=np.uint8)
            self._read[key] = np.concatenate([empty, *chunks])
        return self._read[key]

    def union(self, names: Sequence[str], algorithm: AlgorithmId) -> Bytes2D:
        """The distinct digests over some collections, sorted."""
        return sorted_union([self[name, algorithm] for name in names], algorithm.digest_bytes)
