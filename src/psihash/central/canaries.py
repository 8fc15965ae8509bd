"""Items that are in every publication on purpose: a member that misses one has a wrong copy.

60 are announced: anybody can compute them. Four more are known to the centre and to one member,
who gets them once. Every publication has one entry for each of them and for each place that a
member may yet take.
"""

from __future__ import annotations

import hmac
from typing import Final

from psihash import errors
from psihash.bulk import Bytes2D, rows
from psihash.canonical import digest, framed
from psihash.psi.encoding import CANARIES
from psihash.psi.engine import TOKEN_BYTES
from psihash.terms import check_agency_id

CANARY_MISSED = errors.define(
    "central-canary-missed",
    "a central set lacks items that it must have: it is damaged, and nothing follows from it",
)

SECRET: Final = 4
"""Canaries of one member."""
ANNOUNCED: Final = CANARIES - SECRET
PLACES: Final = 64
"""Members that have canaries of their own. A later one shares the place of an earlier one."""
SEED_BYTES: Final = 32

_ANNOUNCED: Final = b"psihash/central/canary/1"
_SECRET: Final = b"psihash/central/secret-canary/1"


def announced(centre: str) -> Bytes2D:
    """The tokens (60, 32) that every member expects."""
    name = check_agency_id(centre).encode()
    found = (digest(_ANNOUNCED, name, n.to_bytes(8, "big")) for n in range(ANNOUNCED))
    return rows(b"".join(found), TOKEN_BYTES)


def secret(seed: bytes, place: int) -> Bytes2D:
    """The tokens (4, 32) of one place."""
    found = (
        hmac.digest(seed, framed(_SECRET, place.to_bytes(8, "big"), n.to_bytes(8, "big")), "sha256")
        for n in range(SECRET)
    )
    return rows(b"".join(found), TOKEN_BYTES)


def all_tokens(centre: str, seed: bytes) -> Bytes2D:
    """Every canary that a centre publishes."""
    own = b"".join(secret(seed, place % PLACES).tobytes() for place in range(PLACES))
    return rows(announced(centre).tobytes() + own, TOKEN_BYTES)


def missed() -> errors.VerificationError:
    return errors.VerificationError(
        CANARY_MISSED,
        "the central set lacks canaries: it is not the set that it should be",
        hint="this is no 'no hits'; ask the centre to publish again",
    )
