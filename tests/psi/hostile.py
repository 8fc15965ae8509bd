"""A hostile peer of ``openmined-p256/1``: correct frames around whatever a test puts in."""

from __future__ import annotations

import numpy as np
import pytest

from psihash.errors import ProtocolError
from psihash.psi.encoding import Bytes2D
from psihash.psi.engine import Items, Party
from psihash.psi.engines import openmined_library
from psihash.psi.engines.openmined import OpenminedEngine
from psihash.terms import Role, Rung
from tests.psi import reference_p256 as ref
from tests.psi.parties import CONTEXT_ID, Stream, run_terms, some_tokens

needs_library = pytest.mark.skipif(
    openmined_library.available() is not None, reason=str(openmined_library.available())
)
OWN = some_tokens(range(10))
SIZE = len(OWN)
RUNGS = [Rung.COUNT, Rung.ITEMS]
every_rung = pytest.mark.parametrize("rung", RUNGS)
Points = list[bytes]

GENERATOR = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def points(count: int, start: int = 2) -> Points:
    """Multiples of the generator, ascending."""
    return sorted(ref.encode(ref.multiply(k, GENERATOR)) for k in range(start, start + count))


def off_curve() -> bytes:
    x = next(x for x in range(5, 99) if ref.square_root(x) is None)
    return b"\x02" + x.to_bytes(32, "big")


BAD_POINTS: dict[str, bytes] = {
    "uncompressed": b"\x04" + bytes(32),
    "identity, padded": bytes(33),
    "prefix 1": b"\x01" + points(1)[0][1:],
    "prefix 255": b"\xff" * 33,
    "x is the prime": b"\x02" + ref.P.to_bytes(32, "big"),
    "x above the prime": b"\x02" + (ref.P + 6).to_bytes(32, "big"),
    "x all ones": b"\x03" + b"\xff" * 32,
    "not on the curve": off_curve(),
}


def replaced(good: Points, bad: bytes) -> Points:
    return sorted([*good[:-1], bad])


def started(role: Role, rung: Rung, run: int = 0) -> tuple[Party, ref.Wire, Points]:
    """Our side after its start, the peer's wire, and the setup if we are the sender."""
    side = OpenminedEngine().party(role, Items(OWN), run_terms(rung, SIZE, SIZE, run), Stream())
    wire = ref.Wire("session", CONTEXT_ID, run, rung, SIZE, SIZE)
    return side, wire, wire.points(ref.SETUP, list(side.start()))


def asked(rung: Rung) -> tuple[Party, ref.Wire, Points]:
    """Our receiver, which has sent its request after a good setup."""
    side, wire, _ = started(Role.RECEIVER, rung)
    (frame,) = wire.frames(ref.SETUP, points(SIZE))
    return side, wire, wire.points(ref.REQUEST, list(side.receive(frame)))


def refused(side: Party, frame: bytes) -> str:
    """The code with which a frame is refused."""
    with pytest.raises(ProtocolError) as caught:
        list(side.receive(frame))
    assert side.outcome is None
    return caught.value.code


def rows_of(values: Points) -> Bytes2D:
    """Points as an array (n, 33)."""
    return np.frombuffer(b"".join(values), dtype=np.uint8).reshape(-1, 33)
