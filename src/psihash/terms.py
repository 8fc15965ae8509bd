"""The words that code, wire, command line and documents share."""

from __future__ import annotations

import enum
import math
import re
from typing import Final

from psihash import errors

BAD_TERM = errors.define("bad-term", "a word is not one of the allowed values")
BAD_AGENCY_ID = errors.define("bad-agency-id", "an agency id has a form that is not allowed")


class AlgorithmId(enum.StrEnum):
    """Digest algorithms that can be matched, by their wire id."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA224 = "sha224"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"

    @property
    def digest_bytes(self) -> int:
        return _DIGEST_BYTES[self]


_DIGEST_BYTES: Final = {
    AlgorithmId.MD5: 16,
    AlgorithmId.SHA1: 20,
    AlgorithmId.SHA224: 28,
    AlgorithmId.SHA256: 32,
    AlgorithmId.SHA384: 48,
    AlgorithmId.SHA512: 64,
}

CANONICALISATION: Final = "psihash/token/1"
"""Version of the way from a list's text to a token; part of every transcript."""


class Rung(enum.StrEnum):
    """How much a session discloses. The order is the order of definition."""

    COUNT = "count"
    SERIES = "series"
    ITEMS = "items"
    RECORDS = "records"

    @property
    def height(self) -> int:
        return list(Rung).index(self)


class Learn(enum.StrEnum):
    """Which session role learns the result."""

    BOTH = "both"
    INITIATOR = "initiator"
    RESPONDER = "responder"


class SessionRole(enum.StrEnum):
    """Who opened the session."""

    INITIATOR = "initiator"
    RESPONDER = "responder"

    @property
    def other(self) -> SessionRole:
        if self is SessionRole.INITIATOR:
            return SessionRole.RESPONDER
        return SessionRole.INITIATOR

    def learns(self, learn: Learn) -> bool:
        return learn is Learn.BOTH or learn.value == self.value


class Role(enum.StrEnum):
    """A side of one engine run: the receiver learns, the sender does not."""

    SENDER = "sender"
    RECEIVER = "receiver"


class CollectionKind(enum.StrEnum):
    """What a collection is. A collection of kind ``series`` is one series."""

    CASE = "case"
    SERIES = "series"
    LIBRARY = "library"


SIZE_CLASS_MIN: Final = 64
"""The smallest size class."""

SIZE_CLASSES: Final[tuple[int, ...]] = tuple(
    math.ceil(SIZE_CLASS_MIN * 2 ** (step / 4)) for step in range(4 * 21 + 1)
)
"""Quarter octaves from 64 to 2**27: at most 19 % more work than the true size."""


def size_class(count: int) -> int:
    """The smallest size class that holds ``count`` elements."""
    for size in SIZE_CLASSES:
        if count <= size:
            return size
    raise errors.InputError(BAD_TERM, f"a set of {count} elements is larger than psihash serves")


def is_size_class(count: int) -> bool:
    return count in _SIZE_CLASS_SET


_SIZE_CLASS_SET: Final = frozenset(SIZE_CLASSES)

_AGENCY_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def check_agency_id(text: str) -> str:
    """An agency id is short and plain, because it stands in certificates and file names."""
    if not _AGENCY_ID.fullmatch(text):
        raise errors.InputError(
            BAD_AGENCY_ID,
            "an agency id has at most 63 letters, digits, dots, hyphens and underscores, "
            "such as 'nl-police'",
        )
    return text


def parse_algorithm(text: str) -> AlgorithmId:
    """Read an algorithm's name in any usual spelling (``MD5``, ``sha-1``, ``SHA_256``)."""
    try:
        return AlgorithmId(re.sub(r"[-_ ]", "", text).lower())
    except ValueError:
        names = ", ".join(AlgorithmId)
        raise errors.InputError(BAD_TERM, f"unknown algorithm; known: {names}") from None
