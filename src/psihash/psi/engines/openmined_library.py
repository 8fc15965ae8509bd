"""openmined-psi behind flat arrays: elements (n, 32) and compressed points (n, 33) in and out.

The library speaks protobuf (``psi.proto`` of OpenMined/PSI 2.0.6)::

    ServerSetup { RawInfo raw = 1; }     RawInfo { repeated bytes encrypted_elements = 1; }
    Request     { bool reveal_intersection = 1; repeated bytes encrypted_elements = 2; }
    Response    { repeated bytes encrypted_elements = 1; }

With points of one width these are fixed patterns, so they are written and read here as arrays. No
byte of a peer is ever parsed as protobuf. All calls release the interpreter lock. An object must
not be used by two threads at once: the library would abort the process.
"""

from __future__ import annotations

import functools
from typing import Any, Final

import numpy as np

from psihash import errors
from psihash.psi.encoding import Bytes2D
from psihash.psi.engine import BAD_POINT
from psihash.psi.engines.openmined_frames import POINT_BYTES

LIBRARY_MISSING = errors.define(
    "psi-library-missing", "openmined-psi is not installed or does not load on this machine"
)

_IN_LIST: Final = 0x0A
"""Field 1, length-delimited: an element of a raw container or of a response; the container."""
_IN_REQUEST: Final = 0x12
"""Field 2, length-delimited: an element of a request."""
_REVEAL: Final = b"\x08\x01"
"""Field 1 of a request, true. False is absent, as proto3 has it."""


@functools.cache
def available() -> str | None:
    """None if the library can be used here, else the reason in words for an operator."""
    try:
        from private_set_intersection.python import DataStructure, _openmined_psi

        _openmined_psi.cpp_client, _openmined_psi.cpp_server, DataStructure.RAW  # noqa: B018
    except ImportError:
        return "openmined-psi is not installed (wheels: x86-64 Linux and Apple silicon)"
    # A protobuf runtime of another version raises an error of its own; whatever it is, the
    # engine is left out and the node goes on without it.
    except Exception as error:  # noqa: BLE001
        return f"openmined-psi does not load here ({type(error).__name__})"
    return None


def _module() -> Any:
    reason = available()
    if reason is not None:
        raise errors.UnavailableError(LIBRARY_MISSING, reason)
    from private_set_intersection.python import _openmined_psi

    return _openmined_psi


class Sender:
    """The library's server object with a fresh key, which stays in native memory."""

    def __init__(self, *, reveal: bool) -> None:
        self._psi = _module()
        self._reveal = reveal
        self._server = self._psi.cpp_server.CreateWithNewKey(reveal)

    def mask(self, elements: Bytes2D) -> Bytes2D:
        """Hash to the curve and multiply. The order of the answer is not that of the rows."""
        raw = self._psi.data_structure.Raw
        # With the raw container the rate and the peer's size have no effect.
        setup = self._server.CreateSetupMessage(0.0, 1, _rows(elements), raw).save()
        inner_bytes = len(elements) * (POINT_BYTES + 2)
        head = bytes([_IN_LIST]) + _varint(inner_bytes)
        return _read(setup, head, _IN_LIST, len(elements))

    def answer(self, points: Bytes2D) -> Bytes2D:
        """Multiply the peer's points. At ``count`` the library sorts what it gives back."""
        head = _REVEAL if self._reveal else b""
        request = self._psi.cpp_proto_request.Load(head + _write(points, _IN_REQUEST))
        try:
            response = self._server.ProcessRequest(request).save()
        except RuntimeError:
            raise _bad_point() from None
        return _read(response, b"", _IN_LIST, len(points))


class Receiver:
    """The library's client object with a fresh key, which stays in native memory."""

    def __init__(self, *, reveal: bool) -> None:
        self._psi = _module()
        self._reveal = reveal
        self._client = self._psi.cpp_client.CreateWithNewKey(reveal)
        self._setup: Any = None

    def mask(self, elements: Bytes2D) -> Bytes2D:
        """Hash to the curve and multiply, in the order of the rows."""
        request = self._client.CreateRequest(_rows(elements)).save()
        head = _REVEAL if self._reveal else b""
        return _read(request, head, _IN_REQUEST, len(elements))

    def keep_setup(self, points: Bytes2D) -> None:
        """Hand the sender's whole list over. It must be ascending, or hits are lost silently."""
        inner = _write(points, _IN_LIST)
        head = bytes([_IN_LIST]) + _varint(len(inner))
        self._setup = self._psi.cpp_proto_server_setup.Load(head + inner)

    def count(self, points: Bytes2D) -> int:
        """How many of the answered points, unmasked, are in the setup. At ``count`` only."""
        try:
            return int(self._client.GetIntersectionSize(self._setup, self._response(points)))
        except RuntimeError:
            raise _bad_point() from None

    def matches(self, points: Bytes2D) -> list[int]:
        """Which of the answered points, unmasked, are in the setup. At ``items`` only."""
        try:
            return list(self._client.GetIntersection(self._setup, self._response(points)))
        except RuntimeError:
            raise _bad_point() from None

    def _response(self, points: Bytes2D) -> Any:
        return self._psi.cpp_proto_response.Load(_write(points, _IN_LIST))


def _bad_point() -> errors.ProtocolError:
    # The library refuses nothing else of what reaches it here.
    return errors.ProtocolError(BAD_POINT, "a point is not on the curve")


def _rows(elements: Bytes2D) -> list[bytes]:
    width = elements.shape[1]
    flat = elements.tobytes()
    return [flat[start : start + width] for start in range(0, len(flat), width)]


def _write(points: Bytes2D, tag: int) -> bytes:
    records = np.empty((len(points), POINT_BYTES + 2), dtype=np.uint8)
    records[:, 0] = tag
    records[:, 1] = POINT_BYTES
    records[:, 2:] = points
    return records.tobytes()


def _read(message: bytes, head: bytes, tag: int, count: int) -> Bytes2D:
    """The points of a message that the library wrote; anything unexpected is its fault."""
    records = np.frombuffer(message, dtype=np.uint8, offset=len(head))
    if message.startswith(head) and len(records) == count * (POINT_BYTES + 2):
        table = records.reshape(-1, POINT_BYTES + 2)
        if bool(np.all(table[:, 0] == tag)) and bool(np.all(table[:, 1] == POINT_BYTES)):
            return np.ascontiguousarray(table[:, 2:])
    raise errors.UnavailableError(LIBRARY_MISSING, "openmined-psi gave an unexpected message")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
