"""The frames of ``openmined-p256/1`` and the checks that every point passes (docs/engines.md).

::

    frame = version | kind | rung | total | offset | points  | tail
    bytes   1         1      1      4       4        33 each   32

Integers are big-endian. A list of ``total`` points travels in frames of exactly 4,096 points, the
last one shorter; an empty list is one frame without points. The tail is a running SHA-256 that
starts from the run's terms and takes in every frame of both directions, so a frame that was lost,
altered, repeated, reordered or taken from another run is noticed by its receiver at once. It
guards against faults, not against the peer, who can compute it too.

None of openmined-psi's own containers has a place in a frame: what reaches the library is built
here from points that were checked.
"""

from __future__ import annotations

import enum
import hashlib
import struct
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.asymmetric import ec

from psihash import errors
from psihash.canonical import digest
from psihash.psi.encoding import Bytes2D
from psihash.psi.engine import (
    BAD_FRAME,
    BAD_POINT,
    OTHER_RUN,
    OUT_OF_TURN,
    WRONG_COUNT,
    WRONG_ORDER,
    WRONG_RUNG,
    RunTerms,
)
from psihash.terms import Rung

VERSION: Final = 1
POINT_BYTES: Final = 33
FRAME_POINTS: Final = 4096
"""135 KB a frame: about a third of a second of work, so that progress shows."""

_HEADER: Final = struct.Struct(">BBBII")
_TAIL_BYTES: Final = 32
_CONTEXT: Final = b"psihash/openmined-p256/1"
_RUNGS: Final = {Rung.COUNT: 1, Rung.ITEMS: 2}
_FIELD_PRIME: Final = np.array(
    [[0xFFFFFFFF_00000001, 0, 0x00000000_FFFFFFFF, 0xFFFFFFFF_FFFFFFFF]], dtype=np.uint64
)
"""The prime of P-256's field (SP 800-186) as big-endian words."""
_CURVE: Final = ec.SECP256R1()
_WORD_BYTES: Final = 8
_ROWS_AT_ONCE: Final = 1 << 16
"""Rows compared at a time; bounds the extra memory to some megabytes."""


class Kind(enum.IntEnum):
    """Which list a frame belongs to. They travel in this order."""

    SETUP = 1
    REQUEST = 2
    RESPONSE = 3


class Frames:
    """Packs and unpacks the frames of one run, in both directions, and keeps the running hash."""

    def __init__(self, terms: RunTerms, sender_size: int, receiver_size: int) -> None:
        self._rung = _RUNGS[terms.rung]
        self._running = digest(
            _CONTEXT,
            terms.context_kind.encode(),
            terms.context_id,
            terms.run.to_bytes(8, "big"),
            terms.rung.encode(),
            sender_size.to_bytes(8, "big"),
            receiver_size.to_bytes(8, "big"),
        )

    def pack(self, kind: Kind, total: int, offset: int, points: Bytes2D) -> bytes:
        """One frame with the points that stand at ``offset`` of a list of ``total``."""
        body = _HEADER.pack(VERSION, kind, self._rung, total, offset) + points.tobytes()
        self._running = _next(self._running, body)
        return body + self._running

    def pack_list(self, kind: Kind, points: Bytes2D) -> Iterator[bytes]:
        """All frames of a list, made as they are asked for."""
        total = len(points)
        for offset in frame_offsets(total):
            yield self.pack(kind, total, offset, points[offset : offset + FRAME_POINTS])

    def unpack(self, frame: bytes, kind: Kind, total: int, offset: int) -> Bytes2D:
        """The points (n, 33) of the one frame that may come now. Raises ProtocolError.

        Prefix and range of every point are checked here; whether it is on the curve is checked
        by :func:`check_on_curve` or by the library, which decodes what it multiplies.
        """
        if not _HEADER.size + _TAIL_BYTES <= len(frame) <= MAX_FRAME:
            raise errors.ProtocolError(BAD_FRAME, "a frame is too short or too long")
        version, its_kind, rung, its_total, its_offset = _HEADER.unpack_from(frame)
        if version != VERSION or its_kind not in set(Kind):
            raise errors.ProtocolError(BAD_FRAME, "a frame has an unknown version or kind")
        if rung != self._rung:
            raise errors.ProtocolError(WRONG_RUNG, "a frame is for another rung than agreed")
        if its_kind != kind or its_offset != offset:
            raise errors.ProtocolError(OUT_OF_TURN, "a frame came out of turn")
        if its_total != total:
            raise errors.ProtocolError(WRONG_COUNT, "the peer's list has another size than agreed")
        body, tail = frame[:-_TAIL_BYTES], frame[-_TAIL_BYTES:]
        if len(body) != _HEADER.size + POINT_BYTES * min(FRAME_POINTS, total - offset):
            raise errors.ProtocolError(WRONG_COUNT, "a frame holds too few or too many points")
        running = _next(self._running, body)
        if tail != running:
            raise errors.ProtocolError(OTHER_RUN, "a frame was altered or is of another run")
        points = np.frombuffer(body, dtype=np.uint8, offset=_HEADER.size).reshape(-1, POINT_BYTES)
        check_form(points)
        self._running = running
        return points


MAX_FRAME: Final = _HEADER.size + FRAME_POINTS * POINT_BYTES + _TAIL_BYTES


def frame_offsets(total: int) -> range:
    """Where the frames of a list of ``total`` points begin; an empty list has one frame."""
    return range(0, max(total, 1), FRAME_POINTS)


def check_form(points: Bytes2D) -> None:
    """Refuse points that are not compressed (02 or 03) or whose x is not below the prime."""
    prefix = points[:, 0]
    x = _words(points[:, 1:])
    if not (bool(np.all((prefix == 2) | (prefix == 3))) and bool(np.all(_less(x, _FIELD_PRIME)))):
        raise errors.ProtocolError(BAD_POINT, "a point is not in its one compressed form")


def check_on_curve(points: Bytes2D) -> None:
    """Refuse points that are not on P-256 (about 20 us each); its order is prime."""
    flat = points.tobytes()
    try:
        for start in range(0, len(flat), POINT_BYTES):
            ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, flat[start : start + POINT_BYTES])
    except ValueError:
        raise errors.ProtocolError(BAD_POINT, "a point is not on the curve") from None


def check_ascending(points: Bytes2D) -> None:
    """Insist on strictly ascending order, which also rules out repeated points."""
    if not is_ascending(points):
        raise errors.ProtocolError(WRONG_ORDER, "a list is not ascending or repeats a point")


def is_ascending(points: Bytes2D) -> bool:
    """Whether the rows ascend strictly by their bytes."""
    for start in range(0, len(points), _ROWS_AT_ONCE):
        words = _words(points[start : start + _ROWS_AT_ONCE + 1])
        if not bool(np.all(_less(words[:-1], words[1:]))):
            return False
    return True


def ascending_order(points: Bytes2D) -> npt.NDArray[np.int64]:
    """The row numbers in the order that sorts the rows by their bytes."""
    first = _words(points[:, :_WORD_BYTES])[:, 0]
    order = np.argsort(first, kind="stable")
    ordered = first[order]
    if bool(np.any(ordered[1:] == ordered[:-1])):
        # Seven bytes of x seldom agree by chance: once in a thousand lists of ten million.
        order = np.lexsort(_words(points).T[::-1])
    return order.astype(np.int64, copy=False)


def _words(rows: Bytes2D) -> npt.NDArray[np.uint64]:
    """Rows as big-endian 64-bit words, padded with zeros: they compare as the bytes would.

    (numpy's byte strings would do the same in one column, but they drop trailing zeros.)
    """
    padded = np.zeros((len(rows), -(-rows.shape[1] // _WORD_BYTES) * _WORD_BYTES), dtype=np.uint8)
    padded[:, : rows.shape[1]] = rows
    return padded.view(">u8").astype(np.uint64)


def _less(a: npt.NDArray[np.uint64], b: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Row by row, whether ``a`` comes before ``b``. Either may be one row for all."""
    less = a[:, -1] < b[:, -1]
    for column in range(a.shape[1] - 2, -1, -1):
        x, y = a[:, column], b[:, column]
        less = (x < y) | ((x == y) & less)
    return less


def _next(running: bytes, body: bytes) -> bytes:
    return hashlib.sha256(running + body).digest()
