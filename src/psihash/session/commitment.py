"""Commitments to a set: salted leaves in an RFC 6962 tree, openings, and growth.

One tree per agreement, collection and algorithm. It lives as long as the agreement: additions are
appended as a batch in random order, padded with dummies to a size class, so the tree never shrinks
and its size shows classes only. What an opening proves: this token was fixed, at this place, before
the run. It does not prove that the holder ever had the image, nor that the set is complete.

    leaf_i = SHA-256(0x00 || framed("psihash/leaf/1", owner, agreement, algorithm, i, salt_i,
                                    token))
    salt_i = HMAC-SHA256(salt seed, framed("psihash/salt/1", i))

The owner in the leaf stops a peer from playing our own opening back to us; the salt per leaf keeps
the siblings in a proof silent about their tokens.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from psihash import bulk, canonical, errors, limits
from psihash.audit import merkle
from psihash.bulk import Bytes2D
from psihash.terms import AlgorithmId

BAD_OPENING = errors.define(
    "bad-opening", "an opening does not belong to the peer's committed set: nothing was disclosed"
)
EQUAL_ROOTS = errors.define("equal-roots", "the peer presented our own commitment as its own")
SET_SHRANK = errors.define(
    "set-shrank", "the peer's committed set is not an extension of the one it showed before"
)

SALT_BYTES: Final = 32
MAX_OPENING_BYTES: Final = 43 + 32 * limits.MAX_PROOF_HASHES


@dataclass(frozen=True, slots=True)
class LeafContext:
    """What every leaf of one tree is bound to."""

    owner: str
    agreement: bytes
    algorithm: AlgorithmId

    def leaf(self, index: int, salt: bytes, token: bytes) -> bytes:
        """The RFC 6962 leaf hash (with its 0x00 prefix) of one token at one place."""
        return merkle.leaf_hash(
            canonical.framed(
                b"psihash/leaf/1",
                self.owner.encode(),
                self.agreement,
                self.algorithm.value.encode(),
                index.to_bytes(8, "big"),
                salt,
                token,
            )
        )


def salt(seed: bytes, index: int) -> bytes:
    """The salt of leaf ``index``: 32 bytes."""
    return hmac.digest(
        seed, canonical.framed(b"psihash/salt/1", index.to_bytes(8, "big")), "sha256"
    )


def dummy_token(seed: bytes, index: int) -> bytes:
    """The token of a dummy leaf. It is nobody's digest; it only fills the tree."""
    return hmac.digest(
        seed, canonical.framed(b"psihash/dummy/1", index.to_bytes(8, "big")), "sha256"
    )


def batch_leaves(
    context: LeafContext, seed: bytes, start: int, tokens: Bytes2D, real: npt.NDArray[np.bool_]
) -> bytes:
    """Leaf hashes, joined, of a batch that begins at leaf ``start``.

    ``tokens`` has shape (n, 32); where ``real`` is False the row means nothing and the leaf is a
    dummy's.
    """
    if bulk.native is not None:
        words = (context.owner.encode(), context.agreement, context.algorithm.value.encode())
        flags = np.ascontiguousarray(real, dtype=np.uint8)
        return bytes(bulk.native.leaves(*words, seed, start, np.ascontiguousarray(tokens), flags))
    leaves = []
    for index, (token, is_real) in enumerate(zip(tokens, real, strict=True), start):
        value = token.tobytes() if is_real else dummy_token(seed, index)
        leaves.append(context.leaf(index, salt(seed, index), value))
    return b"".join(leaves)


@dataclass(frozen=True, slots=True)
class Opening:
    """One leaf, opened: the verifier already knows the token that it should hold."""

    index: int
    salt: bytes
    proof: tuple[bytes, ...]


class Commitment(Protocol):
    """One of our own trees as it stands for a session; implemented over the store."""

    @property
    def size(self) -> int: ...

    @property
    def root(self) -> bytes: ...

    def opening(self, token: bytes) -> Opening:
        """Open the leaf of ``token``. Raises InputError if it is not in the tree."""

    def consistency(self, previous_size: int) -> tuple[bytes, ...]:
        """RFC 6962 consistency proof from an earlier size of this tree."""


@dataclass(frozen=True, slots=True)
class PeerTree:
    """A tree of the peer whose extension we checked; the root that its openings must meet."""

    context: LeafContext
    size: int
    root: bytes

    def check(self, opening: Opening, token: bytes) -> None:
        """Raise ProtocolError unless the opening shows ``token`` in this tree."""
        if not 0 <= opening.index < self.size or len(opening.salt) != SALT_BYTES:
            raise errors.ProtocolError(BAD_OPENING, "an opening is out of range")
        leaf = self.context.leaf(opening.index, opening.salt, token)
        try:
            merkle.verify_inclusion(opening.index, self.size, leaf, opening.proof, self.root)
        except errors.VerificationError:
            raise errors.ProtocolError(
                BAD_OPENING, "an opening does not meet the committed root"
            ) from None


def roots_commitment(nonce: bytes, roots: Sequence[bytes]) -> bytes:
    """Commit to a list of encoded roots; the initiator opens it after it saw the responder's."""
    return canonical.digest(b"psihash/roots/1", nonce, *roots)


def encode_openings(openings: Sequence[tuple[int, Opening]]) -> bytes:
    """Pack (collection number, opening) pairs. Big-endian; the proof length stands before it."""
    out = bytearray()
    for collection, opening in openings:
        out += collection.to_bytes(2, "big") + opening.index.to_bytes(8, "big") + opening.salt
        out += len(opening.proof).to_bytes(1, "big") + b"".join(opening.proof)
    return bytes(out)


def decode_openings(data: bytes, count: int) -> list[tuple[int, Opening]]:
    """Inverse of :func:`encode_openings`; exactly ``count`` openings and nothing behind them."""
    openings: list[tuple[int, Opening]] = []
    at = 0
    for _ in range(count):
        head = data[at : at + 43]
        if len(head) != 43 or head[42] > limits.MAX_PROOF_HASHES:
            raise errors.ProtocolError(BAD_OPENING, "the list of openings is cut or malformed")
        end = at + 43 + 32 * head[42]
        nodes = data[at + 43 : end]
        if len(nodes) != 32 * head[42]:
            raise errors.ProtocolError(BAD_OPENING, "the list of openings is cut or malformed")
        proof = tuple(nodes[k : k + 32] for k in range(0, len(nodes), 32))
        opening = Opening(int.from_bytes(head[2:10], "big"), head[10:42], proof)
        openings.append((int.from_bytes(head[:2], "big"), opening))
        at = end
    if at != len(data):
        raise errors.ProtocolError(BAD_OPENING, "the list of openings is too long")
    return openings
