"""References of hits: names for matched items that both sides compute and nobody else can.

::

    reference = HMAC-SHA-256(result key, framed("psihash/hit/1", algorithm, token))[:16]

The result key belongs to one session and is known to its two sides, so a reference tells a third
party nothing, and the same item has another reference in every session. The two sides, who hold
the key, can test a guess against a reference: so one is only ever made for an item that matched.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import Final

from psihash import canonical
from psihash.psi.encoding import token
from psihash.terms import AlgorithmId

REFERENCE_BYTES: Final = 16
RESULT_KEY_BYTES: Final = 32

_CONTEXT: Final = b"psihash/hit/1"


def reference(result_key: bytes, algorithm: AlgorithmId, raw: bytes) -> str:
    """The reference (32 hex digits) of one matched digest, ``raw``, of an item."""
    message = canonical.framed(_CONTEXT, algorithm.encode(), token(algorithm, raw))
    return hmac.digest(result_key, message, "sha256")[:REFERENCE_BYTES].hex()


def references(
    result_key: bytes, digests: Iterable[tuple[AlgorithmId, str]], matched_by: Iterable[AlgorithmId]
) -> tuple[str, ...]:
    """One reference for each digest (lower hex) of an item by which it may have matched.

    The first one names the item. Where an item has two digests of one algorithm, the result does
    not say which of them matched, so both have one.
    """
    held = list(digests)
    return tuple(
        reference(result_key, algorithm, bytes.fromhex(text))
        for wanted in matched_by
        for algorithm, text in held
        if algorithm is wanted
    )
