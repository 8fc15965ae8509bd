"""The Merkle tree of RFC 6962 section 2.1 over SHA-256: roots, growth, proofs, their checks.

Leaf hashes are 32 bytes; many of them travel as one ``bytes`` of n * 32. A range ``[start, stop)``
names the subtree over those leaves. Proofs are lists of 32-byte hashes in the order of the RFC. The
checks follow RFC 9162 sections 2.1.3.2 and 2.1.4.2 (the same tree, checks spelled out).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from psihash import bulk, errors

TREE_MALFORMED = errors.define(
    "tree-malformed", "the stored form of a hash tree, or a number into it, is not valid"
)
PROOF_MALFORMED = errors.define(
    "proof-malformed", "a proof has not the number of hashes that its sizes call for"
)
PROOF_INVALID = errors.define(
    "proof-invalid", "a proof does not lead to the root that it should lead to"
)

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
MAX_TREE_SIZE: Final = 2**53 - 1
"""Sizes stand in JSON, where larger numbers are not exact."""

_SIZE_BYTES: Final = 8
_BLOCK_LEAVES: Final = 1 << 16


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The roots of the complete subtrees of a tree, largest first: all that growing it needs.

    There is one root per 1 bit of the size, so at most 53.
    """

    __slots__ = ("_roots", "_size")

    def __init__(self) -> None:
        self._size = 0
        self._roots: list[bytes] = []

    @property
    def size(self) -> int:
        return self._size

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        if len(leaf) != HASH_BYTES or self._size >= MAX_TREE_SIZE:
            raise errors.InputError(TREE_MALFORMED, "a leaf hash has 32 bytes, a tree has room")
        bits = self._size
        while bits & 1:
            leaf = node_hash(self._roots.pop(), leaf)
            bits >>= 1
        self._roots.append(leaf)
        self._size += 1

    def extend(self, leaf_hashes: bytes) -> None:
        """Add many leaf hashes, n * 32 bytes."""
        for start in range(0, _count(leaf_hashes) * HASH_BYTES, HASH_BYTES):
            self.append(leaf_hashes[start : start + HASH_BYTES])

    def root(self) -> bytes:
        """The root of the tree at its present size."""
        if not self._roots:
            return EMPTY_ROOT
        root = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            root = node_hash(left, root)
        return root

    def to_bytes(self) -> bytes:
        """The size in eight big-endian bytes, then the roots."""
        return self._size.to_bytes(_SIZE_BYTES, "big") + b"".join(self._roots)

    @classmethod
    def from_bytes(cls, data: bytes) -> Frontier:
        """Read what :meth:`to_bytes` wrote. Raises InputError on anything else."""
        size = int.from_bytes(data[:_SIZE_BYTES], "big")
        expected = _SIZE_BYTES + HASH_BYTES * size.bit_count()
        if size > MAX_TREE_SIZE or len(data) != expected:
            raise errors.InputError(TREE_MALFORMED, "the stored frontier of a tree is damaged")
        frontier = cls()
        frontier._size = size
        frontier._roots = split_hashes(data[_SIZE_BYTES:])
        return frontier


def root_of(leaf_hashes: bytes) -> bytes:
    """The root over n * 32 bytes of leaf hashes, in little memory of its own."""
    if not _count(leaf_hashes):
        return EMPTY_ROOT
    # The tree splits at multiples of a block's size, so block roots are leaves of the same tree.
    step = _BLOCK_LEAVES * HASH_BYTES
    blocks = (leaf_hashes[at : at + step] for at in range(0, len(leaf_hashes), step))
    return StoredTree(b"".join(StoredTree(block).root() for block in blocks)).root()


def split_hashes(joined: bytes) -> list[bytes]:
    """n * 32 bytes as n hashes. Raises InputError on another length."""
    _count(joined)
    return [joined[i : i + HASH_BYTES] for i in range(0, len(joined), HASH_BYTES)]


class StoredTree:
    """A tree with all its inner hashes at hand: one pass to build, then cheap proofs.

    Takes about twice the memory of its leaf hashes (64 MB for a million leaves).
    """

    def __init__(self, leaf_hashes: bytes) -> None:
        """``leaf_hashes`` is n * 32 bytes. Raises InputError on another length."""
        self._size = _count(leaf_hashes)
        self._native = None if bulk.native is None else bulk.native.Tree(leaf_hashes)
        if self._native is not None:
            return
        # Level k holds the roots of the complete subtrees over 2**k leaves; the ragged right edge
        # of the tree is computed when it is asked for.
        self._levels = [leaf_hashes]
        while len(self._levels[-1]) >= 2 * HASH_BYTES:
            self._levels.append(_parents(self._levels[-1]))

    @property
    def size(self) -> int:
        return self._size

    def root(self, size: int | None = None) -> bytes:
        """The root of the tree over the first ``size`` leaves, or over all."""
        size = self._check_size(size)
        if self._native is not None:
            return bytes(self._native.root(size))
        return self._subtree(0, size) if size else EMPTY_ROOT

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """RFC 6962 PATH(index, D[size])."""
        size = self._check_size(size)
        if not 0 <= index < size:
            raise errors.InputError(TREE_MALFORMED, "there is no such leaf in the tree")
        if self._native is not None:
            return list(self._native.inclusion(index, size))
        proof = []
        start, stop = 0, size
        while stop - start > 1:
            middle = start + _split(stop - start)
            if index < middle:
                proof.append(self._subtree(middle, stop))
                stop = middle
            else:
                proof.append(self._subtree(start, middle))
                start = middle
        return proof[::-1]

    def consistency_proof(self, old_size: int, size: int | None = None) -> list[bytes]:
        """RFC 6962 PROOF(old_size, D[size]); empty where ``old_size`` is 0 or ``size``."""
        size = self._check_size(size)
        if not 0 <= old_size <= size:
            raise errors.InputError(TREE_MALFORMED, "the tree was never of that size")
        if old_size in (0, size):
            return []
        if self._native is not None:
            return list(self._native.consistency(old_size, size))
        proof = []
        start, stop = 0, size
        while old_size != stop:
            middle = start + _split(stop - start)
            if old_size <= middle:
                proof.append(self._subtree(middle, stop))
                stop = middle
            else:
                proof.append(self._subtree(start, middle))
                start = middle
        if start:  # else the old tree is this very subtree, whose root the other side has
            proof.append(self._subtree(start, stop))
        return proof[::-1]

    def _check_size(self, size: int | None) -> int:
        if size is None:
            return self._size
        if not 0 <= size <= self._size:
            raise errors.InputError(TREE_MALFORMED, "the tree is not that large")
        return size

    def _subtree(self, start: int, stop: int) -> bytes:
        """Root of a non-empty range that the splits of the RFC yield.

        Such a range starts at a multiple of the power of two that holds it, so each complete
        subtree in it is stored.
        """
        parts = []
        while start < stop:
            level = (stop - start).bit_length() - 1
            at = (start >> level) * HASH_BYTES
            parts.append(self._levels[level][at : at + HASH_BYTES])
            start += 1 << level
        root = parts.pop()
        while parts:
            root = node_hash(parts.pop(), root)
        return root


def verify_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that ``leaf`` (a leaf hash) is number ``index`` of the tree with ``size`` and ``root``.

    Raises VerificationError: ``proof-malformed`` or ``proof-invalid``.
    """
    if not 0 <= index < size <= MAX_TREE_SIZE:
        raise _malformed("its leaf is not in a tree of that size")
    _check_hashes(proof, leaf, root)
    node, last = index, size - 1
    for sibling in proof:
        if last == 0:
            raise _malformed("it has too many hashes")
        if node & 1 or node == last:
            leaf = node_hash(sibling, leaf)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            leaf = node_hash(leaf, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise _malformed("it has too few hashes")
    if leaf != root:
        raise errors.VerificationError(PROOF_INVALID, "the leaf is not in the tree at that place")


def verify_consistency(
    old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree ``(size, root)`` begins with the leaves of ``(old_size, old_root)``.

    Raises VerificationError: ``proof-malformed`` or ``proof-invalid``.
    """
    if not 0 <= old_size <= size <= MAX_TREE_SIZE:
        raise _malformed("the older tree is the larger one")
    _check_hashes(proof, old_root, root)
    if old_size == 0 or old_size == size:
        if proof:
            raise _malformed("nothing is to be proven")
        if old_root != (EMPTY_ROOT if old_size == 0 else root):
            raise _not_extended()
        return
    path = list(proof)
    if old_size.bit_count() == 1:  # the old tree is a complete subtree of the new one
        path.insert(0, old_root)
    if not path:
        raise _malformed("it has too few hashes")
    _walk_consistency(old_size, old_root, size, root, path)


def _walk_consistency(
    old_size: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]
) -> None:
    node, last = old_size - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise _malformed("it has too many hashes")
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise _malformed("it has too few hashes")
    if old != old_root or new != root:
        raise _not_extended()


def _parents(level: bytes) -> bytes:
    sha256 = hashlib.sha256
    pair = 2 * HASH_BYTES
    whole = len(level) - len(level) % pair
    return b"".join([sha256(b"\x01" + level[i : i + pair]).digest() for i in range(0, whole, pair)])


def _split(count: int) -> int:
    """The largest power of two smaller than ``count`` (which is at least 2)."""
    return 1 << ((count - 1).bit_length() - 1)


def _count(joined: bytes) -> int:
    if len(joined) % HASH_BYTES:
        raise errors.InputError(TREE_MALFORMED, "joined hashes have a multiple of 32 bytes")
    return len(joined) // HASH_BYTES


def _check_hashes(proof: Sequence[bytes], *others: bytes) -> None:
    if any(len(value) != HASH_BYTES for value in (*proof, *others)):
        raise _malformed("a hash has 32 bytes")


def _malformed(why: str) -> errors.VerificationError:
    return errors.VerificationError(PROOF_MALFORMED, f"the proof is malformed: {why}")


def _not_extended() -> errors.VerificationError:
    return errors.VerificationError(PROOF_INVALID, "the newer tree does not extend the older one")
