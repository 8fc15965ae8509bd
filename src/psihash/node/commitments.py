"""Our commitments: one growing tree per agreement, collection and algorithm.

What is new since the last session is prepared as one batch, shuffled and padded with dummies to a
size class, and becomes part of the stored tree only when its root is about to be shown
(:meth:`Commitments.keep`): a session that is refused before that leaves no trace. What was removed
from the holdings stays as a leaf that nobody can open any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from psihash import errors
from psihash.agreement.state import Agreement
from psihash.audit import merkle
from psihash.identity import sealing
from psihash.node.node import Node
from psihash.psi import encoding
from psihash.session.commitment import LeafContext, Opening, batch_leaves, salt
from psihash.session.own import OfferedCollection
from psihash.storage.commitments import CommitmentKey
from psihash.terms import AlgorithmId, size_class

NOT_COMMITTED = errors.define(
    "not-committed",
    "an item to be opened is not in the committed set: the store was changed",
    private=True,
)
COMMITMENT_RACE = errors.define(
    "commitment-race", "another process changed the commitment at the same time; try again"
)

_SEED_PURPOSE = "commitment-seed"
_SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class _Batch:
    """Leaves that are not stored yet; None stands for a dummy."""

    leaves: bytes
    digests: tuple[bytes | None, ...]


_NOTHING = _Batch(b"", ())


class TreeOfOurs:
    """Implements :class:`psihash.session.commitment.Commitment`: the stored leaves and a batch.

    Leaves and places are loaded only when something is opened or proven.
    """

    def __init__(
        self, node: Node, key: CommitmentKey, seed: bytes, stored: int, new: _Batch
    ) -> None:
        self._node, self._key, self._seed = node, key, seed
        self._stored, self._new = stored, new

    @property
    def size(self) -> int:
        return self._stored + len(self._new.digests)

    @cached_property
    def root(self) -> bytes:
        if not self._new.digests:
            rows = self._node.stores.commitments.roots(self._key)
            return next(row.root for row in rows if row.size == self._stored)
        return merkle.root_of(self._stored_leaves() + self._new.leaves)

    def keep(self) -> None:
        """Store the batch. Raises StateError ``commitment-race``."""
        if not self._new.digests:
            return
        kept = self._node.stores.commitments.append(
            self._key,
            self._stored,
            self._new.leaves,
            self._new.digests,
            self.root,
            self._node.stamp(),
        )
        if not kept:
            raise errors.StateError(COMMITMENT_RACE, "another process changed the commitment")
        self._stored, self._new = self.size, _NOTHING

    def opening(self, token: bytes) -> Opening:
        place = self._places.get(token)
        if place is None:
            raise errors.StorageError(NOT_COMMITTED, "an item to be opened was never committed to")
        proof = self._tree.inclusion_proof(place)
        return Opening(place, salt(self._seed, place), tuple(proof))

    def consistency(self, previous_size: int) -> tuple[bytes, ...]:
        if previous_size > self.size:
            return ()  # the peer claims to have seen more than there is; it will find no proof
        return tuple(self._tree.consistency_proof(previous_size))

    @cached_property
    def _tree(self) -> merkle.StoredTree:
        return merkle.StoredTree(self._stored_leaves() + self._new.leaves)

    @cached_property
    def _places(self) -> dict[bytes, int]:
        places: dict[bytes, int] = {}
        for place, digest in enumerate(self._digests()):
            if digest is not None:
                places[encoding.token(self._key.algorithm, digest)] = place
        return places

    def _digests(self) -> Iterator[bytes | None]:
        if self._stored:
            for chunk in self._node.stores.commitments.chunks(self._key):
                yield from chunk.digests[: max(0, self._stored - chunk.start)]
        yield from self._new.digests

    def _stored_leaves(self) -> bytes:
        if not self._stored:
            return b""
        return self._node.stores.commitments.leaf_hashes(self._key)[: 32 * self._stored]


class Commitments(Mapping[tuple[str, AlgorithmId], TreeOfOurs]):
    """The trees of one session, made when they are first asked for."""

    def __init__(
        self,
        node: Node,
        agreement: Agreement,
        collections: Sequence[OfferedCollection],
        algorithms: Sequence[AlgorithmId],
    ) -> None:
        self._node, self._agreement = node, agreement
        self._offered = {(each.id, name): each for each in collections for name in algorithms}
        self._made: dict[tuple[str, AlgorithmId], TreeOfOurs] = {}

    def __getitem__(self, key: tuple[str, AlgorithmId]) -> TreeOfOurs:
        if key not in self._made:
            self._made[key] = _prepare(self._node, self._agreement, self._offered[key], key[1])
        return self._made[key]

    def __iter__(self) -> Iterator[tuple[str, AlgorithmId]]:
        return iter(self._offered)

    def __len__(self) -> int:
        return len(self._offered)

    def keep(self) -> None:
        """Store every batch, in one transaction: their roots are about to be shown."""
        with self._node.stores.database.transaction():
            for tree in self.values():
                tree.keep()


def added_since(
    node: Node, agreement: Agreement, algorithms: Sequence[AlgorithmId]
) -> dict[AlgorithmId, int] | None:
    """How many digests no earlier session under the agreement had; None if there was none."""
    keys = [
        (CommitmentKey(agreement.id, row.opaque_id, name), row.collection)
        for row in node.stores.agreements.offered(agreement.id)
        for name in algorithms
    ]
    if all(_size(node, key) == 0 for key, _ in keys):
        return None
    added = dict.fromkeys(algorithms, 0)
    for key, collection in keys:
        added[key.algorithm] += len(_compare(node, key, collection)[0])
    return added


def _prepare(
    node: Node, agreement: Agreement, collection: OfferedCollection, algorithm: AlgorithmId
) -> TreeOfOurs:
    """The tree of one collection with what is new in it; erased items leave it at once."""
    key = CommitmentKey(agreement.id, collection.id, algorithm)
    seed = _seed(node, key)
    fresh, erased = _compare(node, key, collection.name)
    if erased:
        node.stores.commitments.forget(key, erased)
    stored = _size(node, key)
    if not fresh and stored:
        return TreeOfOurs(node, key, seed, stored, _NOTHING)
    batch = size_class(len(fresh))
    order = encoding.permutation(batch, node.rng)
    digests = tuple(fresh[place] if place < len(fresh) else None for place in order)
    tokens = [None if raw is None else encoding.token(algorithm, raw) for raw in digests]
    context = LeafContext(node.agency, bytes.fromhex(agreement.id), algorithm)
    leaves = b"".join(batch_leaves(context, seed, stored, tokens))
    return TreeOfOurs(node, key, seed, stored, _Batch(leaves, digests))


def _seed(node: Node, key: CommitmentKey) -> bytes:
    """The salt seed of a tree, made with the tree and sealed in the store."""
    sealing_key = node.storage_key(_SEED_PURPOSE)
    context = f"psihash/commitment/1 {key.agreement} {key.opaque_id} {key.algorithm}".encode()
    store = node.stores.commitments
    with node.stores.database.transaction():
        row = store.find(key)
        if row is None:
            sealed = sealing.seal(sealing_key, node.rng(_SEED_BYTES), context)
            store.create(key, sealed, node.stamp())
            row = store.get(key)
    return sealing.open_sealed(sealing_key, row.sealed_seed, context)


def _size(node: Node, key: CommitmentKey) -> int:
    row = node.stores.commitments.find(key)
    return 0 if row is None else row.size


def _compare(node: Node, key: CommitmentKey, collection: str) -> tuple[list[bytes], set[bytes]]:
    """(digests that the tree does not have yet, digests that the collection no longer holds). A
    collection that was removed counts as empty."""
    committed: set[bytes] = set()
    if _size(node, key):
        for chunk in node.stores.commitments.chunks(key):
            committed.update(digest for digest in chunk.digests if digest is not None)
    exists = collection in {info.name for info in node.stores.holdings.collections()}
    fresh = []
    for rows in node.stores.holdings.digests(key.algorithm, [collection] if exists else []):
        for row in rows:
            raw = row.tobytes()
            if raw in committed:
                committed.discard(raw)
            else:
                fresh.append(raw)
    return fresh, committed
