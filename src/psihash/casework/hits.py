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


def references(result_key: bytes, found_by: Iterable[tuple[AlgorithmId, str]]) -> tuple[str, ...]:
    """One reference for each digest (lower hex) of an item that matched, and for no other digest of
    it: the peer could test guesses at that. The first one names the item."""
    return tuple(
        reference(result_key, algorithm, bytes.fromhex(text)) for algorithm, text in found_by
    )
