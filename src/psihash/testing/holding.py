"""What a memory agency holds: plain lists of digests, and its commitment trees."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from psihash import errors
from psihash.audit import merkle
from psihash.hashset.model import Verdict
from psihash.psi import encoding
from psihash.psi.engine import TOKEN_BYTES, Rng
from psihash.psi.series import make_cells
from psihash.session.commitment import BAD_OPENING, LeafContext, Opening, batch_leaves, salt
from psihash.session.own import OfferedCollection, OwnAlgorithm, OwnSet
from psihash.session.result import PeerRecord
from psihash.terms import AlgorithmId, CollectionKind, Rung, size_class

Lists = Mapping[str, Mapping[AlgorithmId, Sequence[bytes]]]
"""Collections by name: digests by algorithm."""

AGREEMENT = hashlib.sha256(b"an agreement").digest()


class MemoryCommitment:
    """A tree in memory. It grows by batches, as a stored one does."""

    def __init__(self, context: LeafContext, seed: bytes, rng: Rng) -> None:
        self.context, self.seed, self._rng = context, seed, rng
        self.places: dict[bytes, int] = {}
        self.leaves = b""

    def grow(self, tokens: Sequence[bytes]) -> None:
        fresh = [token for token in tokens if token not in self.places]
        if not fresh and self.leaves:
            return
        batch, start = size_class(len(fresh)), self.size
        order = encoding.permutation(batch, self._rng)
        real = order < len(fresh)
        rows = np.zeros((batch, TOKEN_BYTES), dtype=np.uint8)
        for place in np.flatnonzero(real):
            token = fresh[order[place]]
            rows[place] = np.frombuffer(token, dtype=np.uint8)
            self.places[token] = start + int(place)
        self.leaves += batch_leaves(self.context, self.seed, start, rows, real)

    @property
    def size(self) -> int:
        return len(self.leaves) // merkle.HASH_BYTES

    @property
    def root(self) -> bytes:
        return merkle.root_of(self.leaves)

    def opening(self, token: bytes) -> Opening:
        if token not in self.places:
            raise errors.InputError(BAD_OPENING, "the token is not in the tree")
        place = self.places[token]
        proof = merkle.StoredTree(self.leaves).inclusion_proof(place)
        return Opening(place, salt(self.seed, place), tuple(proof))

    def consistency(self, previous_size: int) -> tuple[bytes, ...]:
        if previous_size > self.size:
            return ()
        return tuple(merkle.StoredTree(self.leaves).consistency_proof(previous_size))


class MemoryHolder:
    """Which collections hold a digest, and a record for each that names the collection."""

    def __init__(self, lists: Lists, verdicts: Mapping[str, Verdict]) -> None:
        self._held = {
            (name, algorithm): frozenset(digests)
            for name, parts in lists.items()
            for algorithm, digests in parts.items()
        }
        self._verdicts = verdicts
        self._names = list(lists)

    def collections_of(
        self, algorithm: AlgorithmId, digests: Sequence[bytes]
    ) -> list[tuple[str, ...]]:
        return [
            tuple(n for n in self._names if digest in self._held.get((n, algorithm), ()))
            for digest in digests
        ]

    def series_of(self, algorithm: AlgorithmId, digests: Sequence[bytes]) -> list[tuple[str, ...]]:
        return self.collections_of(algorithm, digests)

    def records(
        self, algorithm: AlgorithmId, digests: Sequence[bytes]
    ) -> list[tuple[PeerRecord, ...]]:
        return [
            tuple(
                PeerRecord(name, CollectionKind.SERIES, (self._verdicts.get(name, Verdict()),))
                for name in names
            )
            for names in self.collections_of(algorithm, digests)
        ]


@dataclass
class Holding:
    """What one agency holds, and its trees under the one agreement; lists may be exchanged."""

    owner: str
    lists: Lists
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    rng: Rng = os.urandom

    def __post_init__(self) -> None:
        self.trees: dict[tuple[str, AlgorithmId], MemoryCommitment] = {}

    def pseudonym(self, name: str) -> str:
        return "c-" + hashlib.sha256(f"{self.owner}/{name}".encode()).hexdigest()[:16]

    @property
    def kinds(self) -> dict[str, CollectionKind]:
        return {self.pseudonym(name): CollectionKind.SERIES for name in self.lists}

    def bounds(self, algorithms: Sequence[AlgorithmId]) -> dict[tuple[str, AlgorithmId], int]:
        """The size classes of an annex: room for each collection's digests and the canaries."""
        return {
            (self.pseudonym(name), algorithm): size_class(
                len(parts.get(algorithm, ())) + encoding.CANARIES
            )
            for name, parts in self.lists.items()
            for algorithm in algorithms
        }

    def own_set(self, algorithms: Sequence[AlgorithmId], rung: Rung = Rung.ITEMS) -> OwnSet:
        offered = tuple(
            sorted(
                (
                    OfferedCollection(self.pseudonym(n), n, CollectionKind.SERIES)
                    for n in self.lists
                ),
                key=lambda each: each.id,
            )
        )
        for each in offered:
            for name in algorithms:
                self._tree(each.id, name).grow(
                    [encoding.token(name, raw) for raw in self.lists[each.name].get(name, ())]
                )
        holder = MemoryHolder(self.lists, self.verdicts)
        sets = {name: self._union(name) for name in algorithms}
        if rung is Rung.SERIES:
            for name, own in sets.items():
                held = holder.series_of(name, [row.tobytes() for row in own.digests])
                sets[name] = replace(own, cells=make_cells(held))
        return OwnSet(
            collections=offered,
            algorithms=sets,
            commitments={(c.id, n): self._tree(c.id, n) for c in offered for n in algorithms},
            holder=holder,
        )

    def _tree(self, collection: str, algorithm: AlgorithmId) -> MemoryCommitment:
        key = collection, algorithm
        if key not in self.trees:
            context = LeafContext(self.owner, AGREEMENT, algorithm)
            self.trees[key] = MemoryCommitment(context, self.rng(32), self.rng)
        return self.trees[key]

    def _union(self, algorithm: AlgorithmId) -> OwnAlgorithm:
        raw = sorted({d for parts in self.lists.values() for d in parts.get(algorithm, ())})
        rows = np.frombuffer(b"".join(raw), dtype=np.uint8).reshape(-1, algorithm.digest_bytes)
        return OwnAlgorithm(rows, encoding.tokens(algorithm, rows))
