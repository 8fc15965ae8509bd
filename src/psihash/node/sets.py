"""Our set for one session: digests, tokens, and commitments brought up to date.

A commitment only grows: what is new since the last session is appended as one batch, shuffled and
padded with dummies to a size class. What was removed stays as a leaf that nobody can open any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from psihash import errors
from psihash.agreement.state import Agreement
from psihash.audit import merkle
from psihash.identity import sealing
from psihash.node.holder import NodeHolder
from psihash.node.node import Node
from psihash.psi import encoding
from psihash.psi.series import make_cells
from psihash.session.commitment import LeafContext, Opening, batch_leaves, salt
from psihash.session.own import OfferedCollection, OwnAlgorithm, OwnSet
from psihash.storage.commitments import CommitmentKey
from psihash.terms import AlgorithmId, Rung, size_class

NOT_COMMITTED = errors.define(
    "not-committed", "an item to be opened is not in the committed set: the store was changed"
)
COMMITMENT_RACE = errors.define(
    "commitment-race", "another process changed the commitment at the same time; try again"
)

_SEED_PURPOSE = "commitment-seed"
_SEED_BYTES = 32


def own_set(
    node: Node, agreement: Agreement, algorithms: Sequence[AlgorithmId], rung: Rung
) -> OwnSet:
    """Everything that this side brings into a session under an agreement."""
    collections = tuple(
        OfferedCollection(row.opaque_id, row.collection, row.kind)
        for row in sorted(
            node.stores.agreements.offered(agreement.id), key=lambda row: row.opaque_id
        )
    )
    held = {info.name for info in node.stores.holdings.collections()}
    # A collection that was removed since it was offered is an empty set under its pseudonym.
    names = [collection.name for collection in collections if collection.name in held]
    holder = NodeHolder(node.stores.holdings, names, node.card.contact)
    sets = {name: own_algorithm(node, name, names) for name in algorithms}
    if rung is Rung.SERIES:
        sets = {name: _with_cells(holder, name, own) for name, own in sets.items()}
    return OwnSet(
        collections=collections,
        algorithms=sets,
        commitments=_Commitments(node, agreement, collections, algorithms),
        holder=holder,
    )


class _Commitments(Mapping[tuple[str, AlgorithmId], "StoredCommitment"]):
    """Brought up to date when they are first asked for: a session that is refused before that
    appends nothing."""

    def __init__(
        self,
        node: Node,
        agreement: Agreement,
        collections: Sequence[OfferedCollection],
        algorithms: Sequence[AlgorithmId],
    ) -> None:
        self._node, self._agreement = node, agreement
        self._offered = {(each.id, name): each for each in collections for name in algorithms}
        self._made: dict[tuple[str, AlgorithmId], StoredCommitment] = {}

    def __getitem__(self, key: tuple[str, AlgorithmId]) -> StoredCommitment:
        if key not in self._made:
            self._made[key] = commit(self._node, self._agreement, self._offered[key], key[1])
        return self._made[key]

    def __iter__(self) -> Iterator[tuple[str, AlgorithmId]]:
        return iter(self._offered)

    def __len__(self) -> int:
        return len(self._offered)


def added_since(
    node: Node, agreement: Agreement, algorithms: Sequence[AlgorithmId]
) -> dict[AlgorithmId, int] | None:
    """How many digests no earlier session under the agreement had; None if there was none."""
    keys = [
        (CommitmentKey(agreement.id, row.opaque_id, name), row.collection)
        for row in node.stores.agreements.offered(agreement.id)
        for name in algorithms
    ]
    if all(node.stores.commitments.find(key) is None for key, _ in keys):
        return None
    held = {info.name for info in node.stores.holdings.collections()}
    added = dict.fromkeys(algorithms, 0)
    for key, collection in keys:
        if collection in held:
            committed = _committed(node, key)
            added[key.algorithm] += sum(
                row.tobytes() not in committed
                for chunk in node.stores.holdings.digests(key.algorithm, [collection])
                for row in chunk
            )
    return added


def _committed(node: Node, key: CommitmentKey) -> set[bytes]:
    if node.stores.commitments.find(key) is None:
        return set()
    return {
        digest
        for chunk in node.stores.commitments.chunks(key)
        for digest in chunk.digests
        if digest is not None
    }


def own_algorithm(node: Node, algorithm: AlgorithmId, names: Sequence[str]) -> OwnAlgorithm:
    """Distinct digests over the union of collections, sorted, and their tokens."""
    chunks = list(node.stores.holdings.digests(algorithm, names))
    empty = np.empty((0, algorithm.digest_bytes), dtype=np.uint8)
    digests = np.ascontiguousarray(np.concatenate([empty, *chunks]))
    return OwnAlgorithm(digests, encoding.tokens(algorithm, digests))


def _with_cells(holder: NodeHolder, algorithm: AlgorithmId, own: OwnAlgorithm) -> OwnAlgorithm:
    held = holder.series_of(algorithm, [row.tobytes() for row in own.digests])
    return replace(own, cells=make_cells(held))


class StoredCommitment:
    """Implements :class:`psihash.session.commitment.Commitment` over the store.

    Leaves and places are loaded only when something is opened or proven.
    """

    def __init__(self, node: Node, key: CommitmentKey, seed: bytes, size: int) -> None:
        self._store, self._key, self._seed, self._size = node.stores.commitments, key, seed, size

    @property
    def size(self) -> int:
        return self._size

    @cached_property
    def root(self) -> bytes:
        return next(row.root for row in self._store.roots(self._key) if row.size == self._size)

    def opening(self, token: bytes) -> Opening:
        place = self._places.get(token)
        if place is None:
            raise errors.StorageError(NOT_COMMITTED, "an item to be opened was never committed to")
        proof = self._tree.inclusion_proof(place)
        return Opening(place, salt(self._seed, place), tuple(proof))

    def consistency(self, previous_size: int) -> tuple[bytes, ...]:
        if previous_size > self._size:
            return ()  # the peer claims to have seen more than there is; it will find no proof
        return tuple(self._tree.consistency_proof(previous_size))

    @cached_property
    def _tree(self) -> merkle.StoredTree:
        return merkle.StoredTree(self._store.leaf_hashes(self._key)[: 32 * self._size])

    @cached_property
    def _places(self) -> dict[bytes, int]:
        places: dict[bytes, int] = {}
        for chunk in self._store.chunks(self._key):
            for offset, digest in enumerate(chunk.digests):
                if digest is not None and chunk.start + offset < self._size:
                    token = encoding.token(self._key.algorithm, digest)
                    places[token] = chunk.start + offset
        return places


def commit(
    node: Node, agreement: Agreement, collection: OfferedCollection, algorithm: AlgorithmId
) -> StoredCommitment:
    """The commitment to one collection, extended by what is new in it."""
    key = CommitmentKey(agreement.id, collection.id, algorithm)
    store = node.stores.commitments
    seed_key, context = node.storage_key(_SEED_PURPOSE), _context(key)
    with node.stores.database.transaction():
        row = store.find(key)
        if row is None:
            store.create(key, sealing.seal(seed_key, node.rng(_SEED_BYTES), context), node.stamp())
            row = store.get(key)
        seed = sealing.open_sealed(seed_key, row.sealed_seed, context)
        size = row.size
        fresh = _fresh(node, key, collection.name)
        if fresh or size == 0:
            size = _append(node, agreement, key, seed, size, fresh)
    return StoredCommitment(node, key, seed, size)


def _fresh(node: Node, key: CommitmentKey, collection: str) -> list[bytes]:
    """Digests that the collection holds and the commitment does not have yet. Digests that it has
    and the collection no longer holds are erased from it."""
    committed = _committed(node, key)
    exists = collection in {info.name for info in node.stores.holdings.collections()}
    held = node.stores.holdings.digests(key.algorithm, [collection] if exists else [])
    fresh = []
    for chunk in held:
        for row in chunk:
            raw = row.tobytes()
            if raw in committed:
                committed.discard(raw)
            else:
                fresh.append(raw)
    if committed:  # what is left was removed from the holdings: erased means erased here too
        node.stores.commitments.forget(key, committed)
    return fresh


def _append(
    node: Node,
    agreement: Agreement,
    key: CommitmentKey,
    seed: bytes,
    size: int,
    fresh: list[bytes],
) -> int:
    batch = size_class(len(fresh))
    order = encoding.permutation(batch, node.rng)
    digests = [fresh[place] if place < len(fresh) else None for place in order]
    tokens = [None if raw is None else encoding.token(key.algorithm, raw) for raw in digests]
    context = LeafContext(node.agency, bytes.fromhex(agreement.id), key.algorithm)
    leaves = batch_leaves(context, seed, size, tokens)
    before = node.stores.commitments.leaf_hashes(key) if size else b""
    joined = b"".join(leaves)
    root = merkle.root_of(before + joined)
    if not node.stores.commitments.append(key, size, joined, digests, root, node.stamp()):
        raise errors.StateError(COMMITMENT_RACE, "the commitment was changed by another process")
    return size + batch


def _context(key: CommitmentKey) -> bytes:
    return f"psihash/commitment/1 {key.agreement} {key.opaque_id} {key.algorithm}".encode()
