"""Fingerprints of cards, as two people compare them over the telephone.

200 bits of SHA-256 in base32: ten groups of four, ``ABCD-EFGH-...``.
"""

from __future__ import annotations

import base64
import re
from typing import Final

from psihash import canonical, errors

BAD_FINGERPRINT: Final = errors.define(
    "bad-fingerprint", "a fingerprint is not ten groups of four letters and digits"
)

FINGERPRINT_BYTES: Final = 25
"""200 bits: a second card with the same fingerprint takes 2**200 attempts, and any two that
share one take 2**100."""

_CHARACTERS: Final = FINGERPRINT_BYTES * 8 // 5
_MAX_TEXT: Final = 200
# People paste from mail and word processors, which turn hyphens into dashes.
_SEPARATORS: Final = re.compile(r"[\s\u2010-\u2015\u2212-]+")
_TEXT: Final = re.compile(rf"[A-Z2-7]{{{_CHARACTERS}}}")


def fingerprint_of(card_body: bytes) -> bytes:
    """The fingerprint (25 bytes) of a card's canonical body, which has no signatures."""
    return canonical.digest(b"psihash/card-fingerprint/1", card_body)[:FINGERPRINT_BYTES]


def format_fingerprint(fingerprint: bytes) -> str:
    """``ABCD-EFGH-...``: ten groups of four."""
    text = base64.b32encode(fingerprint).decode()
    return "-".join(text[i : i + 4] for i in range(0, len(text), 4))


def parse_fingerprint(text: str) -> bytes:
    """Read a fingerprint in either case, with or without spaces and hyphens.

    Raises InputError ``bad-fingerprint``.
    """
    plain = _SEPARATORS.sub("", text[:_MAX_TEXT])
    if len(text) > _MAX_TEXT or not plain.isascii() or not _TEXT.fullmatch(plain.upper()):
        raise errors.InputError(
            BAD_FINGERPRINT,
            f"a fingerprint has {_CHARACTERS} letters from A to Z and digits from 2 to 7, "
            "in groups of four",
        )
    return base64.b32decode(plain.upper())
