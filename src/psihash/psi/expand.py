"""The hashing under ristretto255-SHA512 (RFC 9497 section 4.1).

expand_message_xmd of RFC 9380 section 5.3.1 over SHA-512, for 64 bytes: one output block.
"""

from __future__ import annotations

import hashlib
from typing import Final

UNIFORM_BYTES: Final = 64

_BLOCK: Final = bytes(128)


def context_string(mode: int) -> bytes:
    """contextString of RFC 9497 section 3.1."""
    return b"OPRFV1-" + bytes([mode]) + b"-ristretto255-SHA512"


class Expander:
    """Uniform bytes under one domain separation tag."""

    def __init__(self, dst: bytes) -> None:
        if not 0 < len(dst) < 256:
            raise ValueError("a domain separation tag has 1 to 255 bytes")
        # The block of zeros with which every message begins is absorbed once.
        self._start = hashlib.sha512(_BLOCK)
        self._tag = dst + bytes([len(dst)])

    def uniform(self, message: bytes) -> bytes:
        """64 uniform bytes for a message."""
        first = self._start.copy()
        first.update(message + UNIFORM_BYTES.to_bytes(2, "big") + b"\0" + self._tag)
        return hashlib.sha512(first.digest() + b"\1" + self._tag).digest()


def finalized(given: bytes, element: bytes) -> bytes:
    """The last step of Finalize (RFC 9497 section 3.3.1): an input and its evaluated element to
    the 64 bytes of output."""
    return hashlib.sha512(_short(given) + _short(element) + b"Finalize").digest()


def _short(part: bytes) -> bytes:
    """I2OSP(len(part), 2) || part."""
    return len(part).to_bytes(2, "big") + part
