"""Recomputing a session's commitments from what is sealed and stored in the home.

The log has the roots of the sets that a session was run over. The home has, sealed, the set itself
(the snapshot) and the salts. From these two the leaves are hashed again; the roots must come out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from psihash import errors
from psihash.audit import merkle
from psihash.bulk import Bytes2D, is_in
from psihash.node.node import Node
from psihash.node.records import sealed
from psihash.node.running import commitments, snapshot
from psihash.psi import encoding
from psihash.psi.engine import TOKEN_BYTES
from psihash.session.commitment import LeafContext, batch_leaves
from psihash.storage.commitments import CommitmentKey, Leaves
from psihash.storage.sessions import SessionRow
from psihash.terms import AlgorithmId, SessionRole

NO_SNAPSHOT = errors.define(
    "no-snapshot", "the set that a session was run over is not kept any more"
)
ROOT_DIFFERS = errors.define(
    "root-differs", "a session's set does not give the commitment that the log has of it"
)


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What was hashed again."""

    roots: int
    digests: int
    """Distinct digests of the snapshot that stand under these roots."""
    erased: int
    """Leaves whose item was erased since: only their hashes are left."""


def recompute(node: Node, row: SessionRow, opened: dict[str, Any]) -> Recomputed:
    """Compare every root of ours that the session's opening names. Raises StateError
    ``no-snapshot`` where the session was erased, VerificationError ``root-differs``."""
    sealed_set = None if row.erased else sealed.get(node, row.id, sealed.SNAPSHOT)
    if sealed_set is None:
        raise errors.StateError(NO_SNAPSHOT, "the session's set was erased with its result")
    kept = snapshot.decode(sealed_set)
    ours = opened["roots"][0 if row.role is SessionRole.INITIATOR else 1]
    under: dict[AlgorithmId, list[Bytes2D]] = {name: [] for name in kept}
    erased = 0
    for root in ours:
        key = CommitmentKey(row.agreement, root["collection"], AlgorithmId(root["algorithm"]))
        leaves = node.stores.commitments.leaves(key).part(0, root["size"])
        _check_root(node, key, leaves, root)
        under[key.algorithm].append(leaves.digests)
        erased += _unopened(node, key, leaves)
    digests = sum(_check_set(name, rows, under[name], erased) for name, rows in kept.items())
    return Recomputed(len(ours), digests, erased)


def _check_root(node: Node, key: CommitmentKey, leaves: Leaves, root: dict[str, Any]) -> None:
    hashes = _rehashed(node, key, leaves)
    if len(leaves) != root["size"] or merkle.root_of(hashes).hex() != root["root"]:
        raise errors.VerificationError(
            ROOT_DIFFERS, "the stored set does not give the root that the log has"
        )


def _rehashed(node: Node, key: CommitmentKey, leaves: Leaves) -> bytes:
    """Leaf hashes from salts and digests; those of dummies likewise; of erased items as kept."""
    tokens = np.zeros((len(leaves), TOKEN_BYTES), dtype=np.uint8)
    tokens[leaves.real] = encoding.tokens(key.algorithm, leaves.digests)
    context = LeafContext(node.agency, bytes.fromhex(key.agreement), key.algorithm)
    fresh = batch_leaves(context, commitments.seed_of(node, key), 0, tokens, leaves.real)
    rows = np.frombuffer(fresh, dtype=np.uint8).reshape(-1, merkle.HASH_BYTES).copy()
    kept = np.frombuffer(leaves.hashes, dtype=np.uint8).reshape(-1, merkle.HASH_BYTES)
    differs = (rows != kept).any(axis=1)
    if (differs & leaves.real).any():
        raise errors.VerificationError(
            ROOT_DIFFERS, "a leaf of the stored set is not the hash of its item"
        )
    rows[differs] = kept[differs]
    return rows.tobytes()


def _unopened(node: Node, key: CommitmentKey, leaves: Leaves) -> int:
    """Leaves that are neither an item's nor a dummy's: of items that were erased since."""
    tokens = np.zeros((len(leaves), TOKEN_BYTES), dtype=np.uint8)
    none_real = np.zeros(len(leaves), dtype=np.bool_)
    context = LeafContext(node.agency, bytes.fromhex(key.agreement), key.algorithm)
    dummies = batch_leaves(context, commitments.seed_of(node, key), 0, tokens, none_real)
    rows = np.frombuffer(dummies, dtype=np.uint8).reshape(-1, merkle.HASH_BYTES)
    kept = np.frombuffer(leaves.hashes, dtype=np.uint8).reshape(-1, merkle.HASH_BYTES)
    return int(np.count_nonzero((rows != kept).any(axis=1) & ~leaves.real))


def _check_set(name: AlgorithmId, kept: Bytes2D, under: Sequence[Bytes2D], erased: int) -> int:
    """Every digest of the snapshot stands under a root, but for at most the erased ones."""
    if not len(kept):
        return 0
    committed = np.concatenate(under) if under else kept[:0]
    missing = int(np.count_nonzero(~is_in(kept, committed)))
    if missing > erased:
        raise errors.VerificationError(
            ROOT_DIFFERS,
            f"{missing} digests ({name.value}) of the session's set are not in its commitments",
        )
    return len(kept) - missing
