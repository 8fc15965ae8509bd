"""Our commitments: one growing tree per agreement, collection and algorithm.

What is new since the last session is prepared as one batch, shuffled and padded with dummies to a
size class, and becomes part of the stored tree only when its root is about to be shown
(:meth:`Commitments.keep`): a session that is refused before that leaves no trace. What was removed
from the holdings stays as a leaf that nobody can open any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from psihash import errors
from psihash.agreement.state import Agreement
from psihash.audit import merkle
from psihash.bulk import Bytes2D, Places, is_in
from psihash.identity import sealing
from psihash.node.node import Node
from psihash.node.running.held import Held
from psihash.psi import encoding
from psihash.psi.engine import TOKEN_BYTES
from psihash.session.commitment import LeafContext, Opening, batch_leaves, salt
from psihash.session.own import OfferedCollection
from psihash.storage.commitments import CommitmentKey, Leaves
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


class TreeOfOurs:
    """Implements :class:`psihash.session.commitment.Commitment`: the stored leaves and a batch.

    Leaves and places are loaded only when something is opened or proven.
    """

    def __init__(
        self, node: Node, key: CommitmentKey, seed: bytes, stored: int, new: Leaves
    ) -> None:
        self._node, self._key, self._seed = node, key, seed
        self._stored, self._new = stored, new

    @property
    def size(self) -> int:
        return self._stored + len(self._new)

    @cached_property
    def root(self) -> bytes:
        if not len(self._new):
            rows = self._node.stores.commitments.roots(self._key)
            return next(row.root for row in rows if row.size == self._stored)
        return merkle.root_of(self._leaves().hashes)

    def keep(self) -> None:
        """Store the batch. Raises StateError ``commitment-race``."""
        if not len(self._new):
            return
        kept = self._node.stores.commitments.append(
            self._key,
            self._stored,
            self._new,
            self.root,
            self._node.stamp(),
        )
        if not kept:
            raise errors.StateError(COMMITMENT_RACE, "another process changed the commitment")
        self._stored, self._new = self.size, Leaves.none(self._key.algorithm)

    def opening(self, token: bytes) -> Opening:
        place = self._places.find(token)
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
        return merkle.StoredTree(self._leaves().hashes)

    @cached_property
    def _places(self) -> Places:
        leaves = self._leaves()
        tokens = encoding.tokens(self._key.algorithm, leaves.digests)
        return Places(tokens, np.flatnonzero(leaves.real))

    def _leaves(self) -> Leaves:
        if not self._stored:
            return self._new
        stored = self._node.stores.commitments.leaves(self._key)
        return Leaves.joined([stored.part(0, self._stored), self._new])


class Commitments(Mapping[tuple[str, AlgorithmId], TreeOfOurs]):
    """The trees of one session, made when they are first asked for."""

    def __init__(
        self,
        node: Node,
        agreement: Agreement,
        collections: Sequence[OfferedCollection],
        algorithms: Sequence[AlgorithmId],
        held: Held,
    ) -> None:
        self._node, self._agreement, self._held = node, agreement, held
        self._offered = {(each.id, name): each for each in collections for name in algorithms}
        self._made: dict[tuple[str, AlgorithmId], TreeOfOurs] = {}

    def __getitem__(self, key: tuple[str, AlgorithmId]) -> TreeOfOurs:
        if key not in self._made:
            digests = self._held[self._offered[key].name, key[1]]
            place = CommitmentKey(self._agreement.id, *key)
            self._made[key] = _prepare(self._node, self._agreement, place, digests)
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
    held = Held(node.stores.holdings)
    added = dict.fromkeys(algorithms, 0)
    for key, collection in keys:
        added[key.algorithm] += len(_compare(node, key, held[collection, key.algorithm])[0])
    return added


def _prepare(node: Node, agreement: Agreement, key: CommitmentKey, held: Bytes2D) -> TreeOfOurs:
    """The tree of one collection with what is new in it; erased items leave it at once."""
    seed = seed_of(node, key)
    fresh, erased = _compare(node, key, held)
    if len(erased):
        node.stores.commitments.forget(key, erased)
    stored = _size(node, key)
    if not len(fresh) and stored:
        return TreeOfOurs(node, key, seed, stored, Leaves.none(key.algorithm))
    batch = size_class(len(fresh))
    order = encoding.permutation(batch, node.rng)
    real = order < len(fresh)
    tokens = np.zeros((batch, TOKEN_BYTES), dtype=np.uint8)
    digests = fresh[order[real]]
    tokens[real] = encoding.tokens(key.algorithm, digests)
    context = LeafContext(node.agency, bytes.fromhex(agreement.id), key.algorithm)
    hashes = batch_leaves(context, seed, stored, tokens, real)
    return TreeOfOurs(node, key, seed, stored, Leaves(hashes, real, digests))


def seed_of(node: Node, key: CommitmentKey) -> bytes:
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


def _compare(node: Node, key: CommitmentKey, held: Bytes2D) -> tuple[Bytes2D, Bytes2D]:
    """(digests that the tree does not have yet, digests that the collection no longer holds)."""
    if not _size(node, key):
        return held, held[:0]
    committed = node.stores.commitments.leaves(key).digests
    return held[~is_in(held, committed)], committed[~is_in(committed, held)]
