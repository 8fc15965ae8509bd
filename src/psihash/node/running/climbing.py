"""Sessions that build on an earlier one: our set as it was then, from the sealed snapshot.

A climb may show what was offered before and nothing else. So its lists come from the snapshot, its
trees are the stored ones at the sizes of then, and of an item only those collections count that
were committed to with it. What was removed since is not offered again: then there is no climb.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from psihash import errors
from psihash.agreement.state import Agreement
from psihash.bulk import Bytes2D, is_in, sorted_union
from psihash.hashset.store import HoldingsStore
from psihash.node.node import Node
from psihash.node.records import sealed
from psihash.node.running import commitments, sessions, snapshot
from psihash.node.running.commitments import TreeOfOurs
from psihash.node.running.held import Held
from psihash.node.running.holder import NodeHolder
from psihash.node.running.sets import offered_collections, with_cells
from psihash.psi import encoding
from psihash.session.climb import (
    PREVIOUS_ERASED,
    ROOTS_CHANGED,
    UNKNOWN_PREVIOUS,
    Base,
    check_upwards,
)
from psihash.session.own import OfferedCollection, OwnAlgorithm, OwnSet
from psihash.session.result import PeerRecord
from psihash.session.row_state import RowState
from psihash.storage.bulk import packed
from psihash.storage.commitments import CommitmentKey, Leaves
from psihash.terms import AlgorithmId, Rung

SNAPSHOT_ERASED_ITEMS = errors.define(
    "snapshot-erased-items",
    "something that was offered in the session to build on was removed from the holdings since",
    private=True,
)


def receipt_of(node: Node, session: str | None) -> bytes:
    """The receipt of a session that is to be built on, by its id or the beginning of it; empty
    for none. Raises NotFoundError, or RefusedError where the session did not complete."""
    if session is None:
        return b""
    row = sessions.find(node, session)
    if row.receipt is None:
        raise errors.RefusedError(
            UNKNOWN_PREVIOUS,
            f"the session is {row.state}: only a completed one can be built on",
            hint="run `psihash session list`",
        )
    return bytes.fromhex(row.receipt)


def base_of(
    node: Node,
    agreement: Agreement,
    receipt: bytes,
    rung: Rung,
    algorithms: Sequence[AlgorithmId],
) -> tuple[str, Base]:
    """The session behind a receipt and what it left: (session id, base).

    Raises RefusedError: ``unknown-previous``, ``previous-erased``, ``not-a-climb``.
    """
    row = node.stores.sessions.by_receipt(receipt.hex())
    peer = agreement.peer_of(node.agency)
    if (
        row is None
        or row.state != RowState.COMPLETED
        or (row.peer, row.agreement) != (peer, agreement.id)
    ):
        raise errors.RefusedError(
            UNKNOWN_PREVIOUS, "no completed session under this agreement has that receipt"
        )
    data = None if row.erased is not None else sealed.get(node, row.id, sealed.BASE)
    if data is None:
        raise errors.RefusedError(
            PREVIOUS_ERASED,
            "the result of the session to build on was erased",
            hint="run a new session, without --from",
        )
    base = Base.from_json(data)
    check_upwards(base, rung, algorithms)
    return row.id, base


def own_set(node: Node, agreement: Agreement, session: str, base: Base, rung: Rung) -> OwnSet:
    """What this side put into ``session``, to be put in again at a higher rung."""
    collections = offered_collections(node, agreement)
    read = Held(node.stores.holdings)
    digests = snapshot.decode(_snapshot(node, session))
    trees = FrozenTrees(node, agreement, collections, base)
    _check_still_held(trees, read, digests)
    _check_roots(trees, base)
    held = {info.name for info in node.stores.holdings.collections()}
    names = [each.name for each in collections if each.name in held]
    holder = SnapshotHolder(node.stores.holdings, names, node.card.contact, trees)
    sets = {
        name: OwnAlgorithm(digests[name], encoding.tokens(name, digests[name]))
        for name in base.algorithms
    }
    if rung is Rung.SERIES:
        sets = {name: with_cells(holder, name, own) for name, own in sets.items()}
    return OwnSet(collections=collections, algorithms=sets, commitments=trees, holder=holder)


class FrozenTrees(Mapping[tuple[str, AlgorithmId], TreeOfOurs]):
    """Our stored trees, at the sizes of an earlier session."""

    def __init__(
        self,
        node: Node,
        agreement: Agreement,
        collections: Sequence[OfferedCollection],
        base: Base,
    ) -> None:
        self._node, self._agreement = node, agreement
        self._names = {each.id: each.name for each in collections}
        self._sizes = {(root.collection, root.algorithm): root.size for root in base.own_roots}
        self._made: dict[tuple[str, AlgorithmId], TreeOfOurs] = {}
        self._digests: dict[tuple[str, AlgorithmId], Bytes2D] = {}

    def __getitem__(self, key: tuple[str, AlgorithmId]) -> TreeOfOurs:
        if key not in self._made:
            place, size = CommitmentKey(self._agreement.id, *key), self._sizes[key]
            nothing = Leaves.none(key[1])
            seed = commitments.seed_of(self._node, place)
            self._made[key] = TreeOfOurs(self._node, place, seed, size, nothing)
        return self._made[key]

    def __iter__(self) -> Iterator[tuple[str, AlgorithmId]]:
        return iter(self._sizes)

    def __len__(self) -> int:
        return len(self._sizes)

    def of_collections(self, algorithm: AlgorithmId) -> Iterator[tuple[str, Bytes2D]]:
        """(name of the collection, digests that its tree can still open, in no order)."""
        for collection, name in self._sizes:
            if name is algorithm and collection in self._names:
                yield self._names[collection], self._openable(collection, algorithm)

    def _openable(self, collection: str, algorithm: AlgorithmId) -> Bytes2D:
        key = collection, algorithm
        if key not in self._digests:
            place = CommitmentKey(self._agreement.id, *key)
            leaves = self._node.stores.commitments.leaves(place).part(0, self._sizes[key])
            self._digests[key] = leaves.digests
        return self._digests[key]


class SnapshotHolder(NodeHolder):
    """Our holdings as far as they were committed to: a collection that an item came into later is
    not told."""

    def __init__(
        self,
        holdings: HoldingsStore,
        collections: Sequence[str],
        contact: str | None,
        trees: FrozenTrees,
    ) -> None:
        super().__init__(holdings, collections, contact)
        self._trees = trees

    def collections_of(
        self, algorithm: AlgorithmId, digests: Sequence[bytes]
    ) -> list[tuple[str, ...]]:
        held = super().collections_of(algorithm, digests)
        then = self._committed(algorithm, digests)
        return [
            tuple(name for name in now if name in before)
            for now, before in zip(held, then, strict=True)
        ]

    def records(
        self, algorithm: AlgorithmId, digests: Sequence[bytes]
    ) -> list[tuple[PeerRecord, ...]]:
        told = super().records(algorithm, digests)
        then = self._committed(algorithm, digests)
        return [
            tuple(record for record in records if record.collection in before)
            for records, before in zip(told, then, strict=True)
        ]

    def _committed(self, algorithm: AlgorithmId, digests: Sequence[bytes]) -> list[frozenset[str]]:
        """For each digest the collections that it was committed to in."""
        asked = packed(algorithm, digests)
        rows = [
            (name, is_in(asked, committed))
            for name, committed in self._trees.of_collections(algorithm)
        ]
        columns = np.array([where for _, where in rows], dtype=np.bool_).reshape(len(rows), -1)
        kinds: dict[bytes, frozenset[str]] = {}
        found = []
        for column in columns.T:
            key = column.tobytes()
            if key not in kinds:
                kinds[key] = frozenset(rows[place][0] for place in np.flatnonzero(column))
            found.append(kinds[key])
        return found


def _snapshot(node: Node, session: str) -> bytes:
    data = sealed.get(node, session, sealed.SNAPSHOT)
    if data is None:
        raise errors.RefusedError(PREVIOUS_ERASED, "the set of the session to build on was erased")
    return data


def _check_still_held(
    trees: FrozenTrees, read: Held, offered: Mapping[AlgorithmId, Bytes2D]
) -> None:
    """Every digest of the snapshot is in a collection that was committed to with it."""
    for name, digests in offered.items():
        still = [
            committed[is_in(committed, read[collection, name])]
            for collection, committed in trees.of_collections(name)
        ]
        if not is_in(digests, sorted_union(still, name.digest_bytes)).all():
            raise errors.RefusedError(
                SNAPSHOT_ERASED_ITEMS,
                "something that was offered then was removed from the holdings since",
                hint="run a new session, without --from",
            )


def _check_roots(trees: FrozenTrees, base: Base) -> None:
    """Our own store is as it was: the trees at those sizes have the roots that were shown."""
    for root in base.own_roots:
        if trees[root.collection, root.algorithm].root != root.root:
            raise errors.RefusedError(ROOTS_CHANGED, "our own trees are not those of then")


def nothing_added(algorithms: Sequence[AlgorithmId]) -> dict[AlgorithmId, int]:
    """A climb adds nothing to what was offered."""
    return dict.fromkeys(algorithms, 0)
