"""Secret scalars and the few operations of libsodium that need a word of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import rbcl

from psihash import errors
from psihash.psi.engine import BAD_POINT
from psihash.psi.group import SCALAR_BYTES

ORDER: Final = 2**252 + 27742317777372353535851937790883648493
"""Of the group (RFC 9496 section 4)."""


class SodiumSecret:
    """Implements :class:`psihash.psi.group.Secret`."""

    def __init__(self, scalar: bytes) -> None:
        self._scalar = bytearray(scalar)
        self._public: bytes = rbcl.crypto_scalarmult_ristretto255_base(scalar)

    @property
    def public(self) -> bytes:
        return self._public

    def scalar(self) -> bytes:
        """A copy, for a call into the library."""
        return bytes(self._scalar)

    def __del__(self) -> None:
        self._scalar[:] = bytes(len(self._scalar))

    def __reduce__(self) -> str:
        raise TypeError("a secret stays where it was made")


class SodiumBlinds:
    """Implements :class:`psihash.psi.group.Blinds`."""

    def __init__(self, scalars: bytes) -> None:
        self._scalars = bytearray(scalars)

    def __len__(self) -> int:
        return len(self._scalars) // SCALAR_BYTES

    def each(self) -> Iterator[bytes]:
        for at in range(0, len(self._scalars), SCALAR_BYTES):
            yield bytes(self._scalars[at : at + SCALAR_BYTES])

    def __del__(self) -> None:
        self._scalars[:] = bytes(len(self._scalars))

    def __reduce__(self) -> str:
        raise TypeError("a secret stays where it was made")


def times(scalar: bytes, point: bytes) -> bytes:
    """scalar * point. Raises ProtocolError where the point is none, or the product the identity."""
    try:
        product: bytes = rbcl.crypto_scalarmult_ristretto255(scalar, point)
    except RuntimeError:
        raise errors.ProtocolError(BAD_POINT, "an element is not a point of the group") from None
    return product


def plus(one: bytes, other: bytes) -> bytes:
    """The sum of two points that are known to be points."""
    total: bytes = rbcl.crypto_core_ristretto255_add(one, other)
    return total
