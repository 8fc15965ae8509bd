"""Long answers as padded blobs, cut into messages and put together again.

A blob is its content behind an eight-byte length, padded with zeros to a quarter octave, so that
its size on the wire shows a class and not the number of hits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from psihash import errors, limits

BAD_DISCLOSURE = errors.define(
    "bad-disclosure", "the peer's labels, openings or records are malformed or too large"
)

PAD_MIN: Final = 4096


def bad(message: str) -> errors.ProtocolError:
    return errors.ProtocolError(BAD_DISCLOSURE, message)


def pad(data: bytes) -> bytes:
    """Length, data and zeros up to the next quarter octave from 4,096 bytes."""
    need = len(data) + 8
    step = max(0, math.ceil(4 * math.log2(need / PAD_MIN)))
    size = max(need, math.ceil(PAD_MIN * 2 ** (step / 4)))
    return len(data).to_bytes(8, "big") + data + bytes(size - need)


def unpad(blob: bytes) -> bytes:
    length = int.from_bytes(blob[:8], "big")
    if len(blob) < 8 or length > len(blob) - 8 or any(blob[8 + length :]):
        raise bad("the padding is wrong")
    return blob[8 : 8 + length]


def parts(blob: bytes) -> Iterator[tuple[bytes, bool]]:
    """Cut a blob into messages; the flag says that more follow."""
    size = limits.MAX_ENGINE_FRAME
    for start in range(0, len(blob), size):
        yield blob[start : start + size], start + size < len(blob)


def padded_limit(content: int) -> int:
    """The largest blob that ``content`` bytes can be padded to."""
    return min(limits.MAX_BLOB_BYTES, 2 * PAD_MIN + 5 * content // 4)


class Collector:
    """Puts the parts of a blob together again, up to a limit that the matches justify."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> None:
        self._size += len(part)
        if not part or self._size > self._limit:
            raise bad("the blob is larger than the matches justify")
        self._parts.append(part)

    def blob(self) -> bytes:
        return b"".join(self._parts)
