"""The peer's commitment trees: checked when its roots arrive, used when it opens leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psihash import errors
from psihash.audit import merkle
from psihash.session.climb import Base, check_roots
from psihash.session.commitment import EQUAL_ROOTS, SET_SHRANK, LeafContext, PeerTree
from psihash.session.messages import Root
from psihash.terms import AlgorithmId

BAD_ROOTS = errors.define("bad-roots", "the peer's roots do not cover what its annex offers")

GROWTH = 4
"""How many size classes a tree may have grown since it was last seen."""

TreeKey = tuple[str, AlgorithmId]
"""(pseudonym of the collection, algorithm)."""


def accept_roots(
    owner: str,
    agreement: bytes,
    roots: Sequence[Root],
    algorithms: Sequence[AlgorithmId],
    bounds: Mapping[TreeKey, int],
    seen: Mapping[TreeKey, tuple[int, bytes]],
    own_roots: Sequence[Root],
    base: Base | None = None,
) -> dict[TreeKey, PeerTree]:
    """Check the peer's roots; raise ProtocolError with the cause.

    ``bounds`` are the size classes of the peer's annex, by collection and algorithm.

    1. Exactly one root for each collection of its annex and each algorithm.
    2. None of them is one of ours (a mirrored commitment could play our openings back).
    3. Each extends what we saw of that tree before (RFC 6962 consistency).
    4. None grew by more than four times its class since: else a peer could commit to a whole
       dictionary and open whatever it tries. (Four, because a session that broke off may have
       left a batch that we never saw.)
    5. Where the session builds on another, they are the roots of that one (``roots-changed``).
    """
    keys = [(root.collection, root.algorithm) for root in roots]
    if sorted(set(keys)) != sorted(keys) or set(keys) != {
        key for key in bounds if key[1] in algorithms
    }:
        raise errors.ProtocolError(BAD_ROOTS, "the roots are not those of the annex")
    if base is not None:
        check_roots(base, roots)
    ours = {root.root for root in own_roots}
    trees = {}
    for root in roots:
        if root.root in ours:
            raise errors.ProtocolError(EQUAL_ROOTS, "the peer shows our own root as its own")
        key = (root.collection, root.algorithm)
        _check_growth(root, seen.get(key), bounds[key])
        trees[key] = PeerTree(LeafContext(owner, agreement, root.algorithm), root.size, root.root)
    return trees


def _check_growth(root: Root, before: tuple[int, bytes] | None, bound: int) -> None:
    size, value = before if before is not None else (0, b"")
    if root.previous_size != size or root.size < size:
        raise errors.ProtocolError(SET_SHRANK, "the peer's set is smaller than it was, or forked")
    if root.size > size + GROWTH * bound:
        raise errors.ProtocolError(
            BAD_ROOTS, "the peer's tree grew by more than its size class allows"
        )
    if size == 0:
        return
    try:
        merkle.verify_consistency(size, value, root.size, root.root, root.consistency)
    except errors.VerificationError:
        raise errors.ProtocolError(
            SET_SHRANK, "the peer's set does not extend the one it showed before"
        ) from None
