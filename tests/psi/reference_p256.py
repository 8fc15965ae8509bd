"""A second implementation of ``openmined-p256/1``, written from docs/engines.md alone.

Plain integers, no library, nothing of psihash: slow, readable, and the oracle for the wire.
"""

from __future__ import annotations

import hashlib
import struct

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
Point = tuple[int, int]

FRAME_POINTS = 4096
SETUP, REQUEST, RESPONSE = 1, 2, 3


def prefixed(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def element(kind: str, context_id: bytes, run: int, token: bytes) -> bytes:
    text = prefixed(b"psihash/element/1", kind.encode(), context_id, run.to_bytes(8, "big"), token)
    return hashlib.sha256(text).digest()


def square_root(x: int) -> int | None:
    """The even y with (x, y) on the curve."""
    right = (x**3 - 3 * x + B) % P
    y = pow(right, (P + 1) // 4, P)
    if y * y % P != right:
        return None
    return P - y if y & 1 else y


def hash_to_curve(message: bytes) -> Point:
    while True:
        wide = b"".join(hashlib.sha256(bytes([i]) + message).digest() for i in (1, 2))
        x = int.from_bytes(wide, "big") % P
        y = square_root(x)
        if y is not None:
            return x, y
        message = x.to_bytes((x.bit_length() + 7) // 8, "big")


def add(a: Point | None, b: Point | None) -> Point | None:
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if a[1] != b[1] or a[1] == 0:
            return None
        slope = (3 * a[0] ** 2 - 3) * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def multiply(scalar: int, point: Point) -> Point:
    total: Point | None = None
    power: Point | None = point
    while scalar:
        if scalar & 1:
            total = add(total, power)
        power = add(power, power)
        scalar >>= 1
    assert total is not None
    return total


def encode(point: Point) -> bytes:
    return bytes([2 + (point[1] & 1)]) + point[0].to_bytes(32, "big")


def decode(data: bytes) -> Point:
    x = int.from_bytes(data[1:], "big")
    y = square_root(x)
    assert y is not None
    return (x, y) if data[0] == 2 else (x, P - y)


class Wire:
    """Packs and unpacks frames; one object sees the frames of both directions in order."""

    def __init__(
        self, kind: str, context_id: bytes, run: int, rung: str, sender: int, receiver: int
    ) -> None:
        self.rung = {"count": 1, "items": 2}[rung]
        terms = (kind.encode(), context_id, run.to_bytes(8, "big"), rung.encode())
        sizes = (sender.to_bytes(8, "big"), receiver.to_bytes(8, "big"))
        start = prefixed(b"psihash/openmined-p256/1", *terms, *sizes)
        self.running = hashlib.sha256(start).digest()

    def frame(self, kind: int, total: int, offset: int, points: list[bytes]) -> bytes:
        body = struct.pack(">BBBII", 1, kind, self.rung, total, offset) + b"".join(points)
        self.running = hashlib.sha256(self.running + body).digest()
        return body + self.running

    def frames(self, kind: int, points: list[bytes]) -> list[bytes]:
        return [
            self.frame(kind, len(points), start, points[start : start + FRAME_POINTS])
            for start in range(0, max(1, len(points)), FRAME_POINTS)
        ]

    def points(self, kind: int, frames: list[bytes]) -> list[bytes]:
        found: list[bytes] = []
        for frame in frames:
            body, tail = frame[:-32], frame[-32:]
            self.running = hashlib.sha256(self.running + body).digest()
            assert tail == self.running
            version, its_kind, rung, _, offset = struct.unpack_from(">BBBII", body)
            assert (version, its_kind, rung, offset) == (1, kind, self.rung, len(found))
            found += [body[i : i + 33] for i in range(11, len(body), 33)]
        return found
