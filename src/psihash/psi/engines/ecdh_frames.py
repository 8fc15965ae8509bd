"""The frames of ``ecdh-ristretto255/1`` (docs/engines.md).

::

    frame = version | kind | rung | total | offset | points   | numbers  | proof | tail
    bytes   1         1      1      4       4        32 each    4 each     64      32

Integers are big-endian. ``numbers`` stand in lists and answers at rung ``series`` only, ``proof``
in answers with points at rung ``items`` only. A list travels in frames of exactly 7,168 points,
the last one shorter; an empty list is one frame without points. A digest frame has 32 bytes in
place of points. The tail is a running SHA-256 over the frames of its direction, from the run's
terms on: it finds faults, not malice, which can compute it too.
"""

from __future__ import annotations

import enum
import hashlib
import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from psihash import errors
from psihash.canonical import digest
from psihash.psi.engine import BAD_FRAME, OTHER_RUN, OUT_OF_TURN, WRONG_COUNT, WRONG_RUNG, RunTerms
from psihash.psi.group import POINT_BYTES, PROOF_BYTES, Rows
from psihash.terms import Role, Rung

VERSION: Final = 1
FRAME_POINTS: Final = 7168
"""A multiple of eight lanes; with numbers still below 256 KiB."""

DIGEST_BYTES: Final = 32

_HEADER: Final = struct.Struct(">BBBII")
_NUMBER_BYTES: Final = 4
_TAIL_BYTES: Final = 32
_CONTEXT: Final = b"psihash/ecdh-ristretto255/1"
_RUNGS: Final = {Rung.COUNT: 1, Rung.ITEMS: 2, Rung.SERIES: 3}

MAX_FRAME: Final = _HEADER.size + FRAME_POINTS * (POINT_BYTES + _NUMBER_BYTES) + _TAIL_BYTES

Numbers = npt.NDArray[np.uint32]


class Kind(enum.IntEnum):
    """What a frame carries. In each direction they come in this order."""

    LIST = 1
    DIGEST = 2
    ANSWER = 3


@dataclass(frozen=True, slots=True)
class Content:
    """A slice of a list or of its answers."""

    points: Rows
    numbers: Numbers | None = None
    proof: bytes = b""

    def hashed(self) -> bytes:
        """The bytes on the wire without the proof."""
        numbers = b"" if self.numbers is None else self.numbers.astype(">u4").tobytes()
        return self.points.tobytes() + numbers


class Frames:
    """Packs or unpacks the frames of one direction of one run."""

    def __init__(self, terms: RunTerms, sender: Role, sizes: tuple[int, int]) -> None:
        """``sizes``: of the list of the side whose frames these are, and of the other's."""
        self._rung = terms.rung
        self._running = digest(
            _CONTEXT,
            terms.binding,
            sender.value.encode(),
            terms.context_kind.encode(),
            terms.context_id,
            terms.run.to_bytes(8, "big"),
            terms.rung.value.encode(),
            terms.learn.value.encode(),
            *(size.to_bytes(8, "big") for size in sizes),
        )

    def pack(self, kind: Kind, total: int, offset: int, content: Content) -> bytes:
        return self._sealed(kind, total, offset, content.hashed() + content.proof)

    def pack_digest(self, value: bytes) -> bytes:
        return self._sealed(Kind.DIGEST, 1, 0, value)

    def unpack(self, frame: bytes, kind: Kind, total: int, offset: int) -> Content:
        """The content of the one frame that may come now. Raises ProtocolError. The points are
        not decoded here."""
        count = min(FRAME_POINTS, total - offset)
        numbers = _NUMBER_BYTES * count if self._rung is Rung.SERIES else 0
        proven = self._rung is Rung.ITEMS and kind is Kind.ANSWER and count > 0
        proof = PROOF_BYTES if proven else 0
        points = POINT_BYTES * count
        body = self._opened(frame, kind, total, offset, points + numbers + proof)
        rows = np.frombuffer(body[:points], dtype=np.uint8).reshape(count, POINT_BYTES)
        if self._rung is not Rung.SERIES:
            return Content(rows, None, body[points:])
        return Content(rows, np.frombuffer(body[points:], dtype=">u4").astype(np.uint32))

    def unpack_digest(self, frame: bytes) -> bytes:
        return self._opened(frame, Kind.DIGEST, 1, 0, DIGEST_BYTES)

    def _sealed(self, kind: Kind, total: int, offset: int, body: bytes) -> bytes:
        content = _HEADER.pack(VERSION, kind, _RUNGS[self._rung], total, offset) + body
        self._running = hashlib.sha256(self._running + content).digest()
        return content + self._running

    def _opened(self, frame: bytes, kind: Kind, total: int, offset: int, size: int) -> bytes:
        if not _HEADER.size + _TAIL_BYTES <= len(frame) <= MAX_FRAME:
            raise errors.ProtocolError(BAD_FRAME, "a frame is too short or too long")
        version, its_kind, rung, its_total, its_offset = _HEADER.unpack_from(frame)
        if version != VERSION or its_kind not in set(Kind):
            raise errors.ProtocolError(BAD_FRAME, "a frame has an unknown version or kind")
        if rung != _RUNGS[self._rung]:
            raise errors.ProtocolError(WRONG_RUNG, "a frame is for another rung than agreed")
        if its_kind != kind or its_offset != offset:
            raise errors.ProtocolError(OUT_OF_TURN, "a frame came out of turn")
        if its_total != total and kind is not Kind.DIGEST:
            raise errors.ProtocolError(WRONG_COUNT, "the peer's list has another size than agreed")
        content, tail = frame[:-_TAIL_BYTES], frame[-_TAIL_BYTES:]
        if len(content) != _HEADER.size + size:
            raise errors.ProtocolError(WRONG_COUNT, "a frame holds too few or too many points")
        running = hashlib.sha256(self._running + content).digest()
        if its_total != total or tail != running:
            raise errors.ProtocolError(OTHER_RUN, "a frame was altered or is of another run")
        self._running = running
        return content[_HEADER.size :]


def frame_offsets(total: int) -> range:
    """Where the frames of a list begin; an empty list has one frame."""
    return range(0, max(total, 1), FRAME_POINTS)


def frame_rows(offset: int, total: int) -> slice:
    """The rows of the frame that begins at ``offset``."""
    return slice(offset, min(offset + FRAME_POINTS, total))
