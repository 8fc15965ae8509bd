"""From a digest to what an engine maps to its group, and the padded list of one run.

::

    token   = SHA-256(framed("psihash/token/1", algorithm, raw digest))
    element = SHA-256(framed("psihash/element/1", context kind, context id, run, token))

where ``framed`` puts each part's length before it (:func:`psihash.canonical.framed`) and the run
is eight big-endian bytes. A token is the same for ever; an element belongs to one run. That
separation is what stops a peer from relaying one session's points into another, so nothing
derived from an element may be kept for a second context.

Arrays are C-contiguous ``uint8`` of shape (n, width). Shapes that do not fit raise InputError.
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
import numpy.typing as npt

from psihash import bulk, errors
from psihash.canonical import digest, framed
from psihash.psi.engine import TOKEN_BYTES, Items, Outcome, Rng
from psihash.terms import CANONICALISATION, AlgorithmId

BAD_LIST = errors.define("psi-bad-list", "a list handed to an engine has a shape that does not fit")
CANARY_MISSED = errors.define(
    "psi-canary-missed", "a run did not find all canaries: its result is wrong and was thrown away"
)
DUMMY_MATCHED = errors.define(
    "psi-dummy-matched", "a run matched a random dummy: its result is wrong and was thrown away"
)

CONTEXT_ID_BYTES: Final = 32
CANARIES: Final = 64
"""Tokens that both sides add to every run, so that a run that finds nothing is known to work."""

DUMMY: Final = -1
CANARY: Final = -2
"""What stands in a mapping (:func:`padded_list`) for a row that is no token of the caller's."""

_ELEMENT: Final = b"psihash/element/1"
_CANARY: Final = b"psihash/canary/1"
Bytes2D = bulk.Bytes2D


def token(algorithm: AlgorithmId, raw: bytes) -> bytes:
    """The token of one digest. Its length must be the algorithm's."""
    if len(raw) != algorithm.digest_bytes:
        raise errors.InputError(
            BAD_LIST, f"a {algorithm} digest has {algorithm.digest_bytes} bytes"
        )
    return digest(CANONICALISATION.encode(), algorithm.encode(), raw)


def tokens(algorithm: AlgorithmId, digests: Bytes2D) -> Bytes2D:
    """:func:`token` of every row: (n, digest_bytes) to (n, 32)."""
    _check(digests, algorithm.digest_bytes)
    return bulk.hash_rows(framed(CANONICALISATION.encode(), algorithm.encode()), digests)


def element(context_kind: str, context_id: bytes, run: int, token: bytes) -> bytes:
    """What an engine maps to the group for one token in one run of one context."""
    if len(token) != TOKEN_BYTES:
        raise errors.InputError(BAD_LIST, "a token has 32 bytes")
    return hashlib.sha256(_element_prefix(context_kind, context_id, run) + framed(token)).digest()


def elements(context_kind: str, context_id: bytes, run: int, tokens: Bytes2D) -> Bytes2D:
    """:func:`element` of every row: (n, 32) to (n, 32). Never keep the answer for another run."""
    _check(tokens, TOKEN_BYTES)
    return bulk.hash_rows(_element_prefix(context_kind, context_id, run), tokens)


def canaries(context_id: bytes, run: int) -> Bytes2D:
    """The 64 tokens (64, 32) that both sides add to their list in this run. They are public."""
    prefix = (_CANARY, _context(context_id), _run(run))
    rows = b"".join(digest(*prefix, index.to_bytes(8, "big")) for index in range(CANARIES))
    return bulk.rows(rows, TOKEN_BYTES)


def dummies(count: int, rng: Rng) -> Bytes2D:
    """Random tokens (count, 32). They go through the same map as real ones, as they must."""
    return bulk.rows(_random(count * TOKEN_BYTES, rng), TOKEN_BYTES)


def permutation(count: int, rng: Rng) -> npt.NDArray[np.int64]:
    """A uniformly random order of ``count`` things, drawn from ``rng`` alone.

    Every thing gets a random 64-bit key and the keys are sorted. With all keys distinct each
    order is exactly as likely as any other; a draw with equal keys (2.7e-6 at ten million) is
    thrown away whole, which keeps that exact.
    """
    while True:
        keys = np.frombuffer(_random(count * 8, rng), dtype=np.uint64)
        order = np.argsort(keys)
        ordered = keys[order]
        if not bool(np.any(ordered[1:] == ordered[:-1])):
            return order.astype(np.int64, copy=False)


def padded_list(
    tokens: Bytes2D, size: int, canaries: Bytes2D, rng: Rng
) -> tuple[Items, npt.NDArray[np.int64]]:
    """The list of one run: tokens, canaries and fresh dummies up to ``size``, in random order.

    Returns the list and its mapping, ``int64[size]``: for each row the index into ``tokens``, or
    :data:`DUMMY`, or :data:`CANARY`. The mapping is as secret as the list.
    """
    _check(tokens, TOKEN_BYTES)
    _check(canaries, TOKEN_BYTES)
    missing = size - len(tokens) - len(canaries)
    if missing < 0:
        raise errors.InputError(BAD_LIST, "the tokens and canaries are more than the padded size")
    order = permutation(size, rng)
    rows = np.concatenate([tokens, canaries, dummies(missing, rng)])[order]
    origin = np.concatenate(
        [
            np.arange(len(tokens), dtype=np.int64),
            np.full(len(canaries), CANARY, dtype=np.int64),
            np.full(missing, DUMMY, dtype=np.int64),
        ]
    )
    return Items(rows), origin[order]


def real_count(outcome: Outcome) -> int:
    """The matches of a run without its canaries. Raises ProtocolError when canaries are missing."""
    if outcome.count is None:
        raise errors.InputError(BAD_LIST, "this side of the run learns nothing")
    if outcome.count < CANARIES:
        raise _canary_missed()
    return outcome.count - CANARIES


def real_positions(outcome: Outcome, mapping: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Indices, ascending, into the tokens given to :func:`padded_list` that the peer also has.

    Raises ProtocolError unless every canary matched and no dummy did. Both are signs of a peer
    whose answers are wrong or stand in the wrong places; neither can happen by chance.
    """
    if outcome.positions is None:
        raise errors.InputError(BAD_LIST, "this run does not tell positions")
    origin = mapping[outcome.positions]
    if int(np.count_nonzero(origin == CANARY)) != int(np.count_nonzero(mapping == CANARY)):
        raise _canary_missed()
    if bool(np.any(origin == DUMMY)):
        raise errors.ProtocolError(DUMMY_MATCHED, "a random dummy was reported as held by the peer")
    return np.sort(origin[origin >= 0])


def _canary_missed() -> errors.ProtocolError:
    return errors.ProtocolError(CANARY_MISSED, "the run did not find all of its canaries")


def _element_prefix(context_kind: str, context_id: bytes, run: int) -> bytes:
    return framed(_ELEMENT, context_kind.encode(), _context(context_id), _run(run))


def _context(context_id: bytes) -> bytes:
    if len(context_id) != CONTEXT_ID_BYTES:
        raise errors.InputError(BAD_LIST, "a context id has 32 bytes")
    return context_id


def _run(run: int) -> bytes:
    if not 0 <= run < 2**63:
        raise errors.InputError(BAD_LIST, "a run number is out of range")
    return run.to_bytes(8, "big")


def _random(size: int, rng: Rng) -> bytes:
    data = rng(size)
    if len(data) != size:
        raise errors.InputError(BAD_LIST, "the random source gave too few bytes")
    return data


def _check(rows: Bytes2D, width: int) -> None:
    if rows.dtype != np.uint8 or rows.ndim != 2 or rows.shape[1] != width:
        raise errors.InputError(BAD_LIST, f"expected rows of {width} bytes")
