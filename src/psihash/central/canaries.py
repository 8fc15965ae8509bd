"""Items that are in every publication on purpose: a member that misses one has a wrong copy.

60 are announced: anybody can compute them. Four more are known to the centre and to one member,
who gets them once. Every publication has one entry for each of them and for each place that a
member may yet take.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

import numpy as np

from psihash import errors
from psihash.bulk import Bytes2D, rows
from psihash.canonical import digest, framed
from psihash.psi import encoding
from psihash.psi.encoding import CANARIES
from psihash.terms import AlgorithmId, check_agency_id

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
VALUE_BYTES: Final = 32

_ANNOUNCED: Final = b"psihash/central/canary/1"
_SECRET: Final = b"psihash/central/secret-canary/1"


def announced(centre: str) -> Bytes2D:
    """The values (60, 32) of the canaries that every member expects."""
    name = check_agency_id(centre).encode()
    found = (digest(_ANNOUNCED, name, n.to_bytes(8, "big")) for n in range(ANNOUNCED))
    return rows(b"".join(found), VALUE_BYTES)


def secret(seed: bytes, place: int) -> Bytes2D:
    """The values (4, 32) of those of one place."""
    found = (
        hmac.digest(seed, framed(_SECRET, place.to_bytes(8, "big"), n.to_bytes(8, "big")), "sha256")
        for n in range(SECRET)
    )
    return rows(b"".join(found), VALUE_BYTES)


def tokens(values: Bytes2D, algorithms: Sequence[AlgorithmId]) -> Bytes2D:
    """Their tokens (n, 32). Each value is a digest, of the published algorithms in turn, and goes
    the way of all digests: a set whose tokens were made in another way lacks its canaries too."""
    found = []
    for number, value in enumerate(values):
        name = algorithms[number % len(algorithms)]
        raw = hashlib.sha512(value.tobytes()).digest()[: name.digest_bytes]
        found.append(encoding.tokens(name, rows(raw, name.digest_bytes)))
    return np.concatenate(found)


def all_tokens(centre: str, seed: bytes, algorithms: Sequence[AlgorithmId]) -> Bytes2D:
    """Every canary that a centre publishes."""
    own = (tokens(secret(seed, place), algorithms) for place in range(PLACES))
    return np.concatenate([tokens(announced(centre), algorithms), *own])


def missed() -> errors.VerificationError:
    return errors.VerificationError(
        CANARY_MISSED,
        "the central set lacks canaries: it is not the set that it should be",
        hint="this is no 'no hits'; ask the centre to publish again",
    )
