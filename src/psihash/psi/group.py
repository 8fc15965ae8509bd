"""The port through which engines and the central set reach ristretto255 (RFC 9496).

Two modules implement it: :mod:`psihash.psi.groups.native` over psihash-native, and
:mod:`psihash.psi.groups.sodium` over libsodium, which is slow and correct and needs no toolchain.
Both give the same bytes, so a node with the one talks to a node with the other.

Lists of points, and of messages to be mapped, are contiguous rows of 32 bytes. A point of a peer
is decoded strictly: a row that is the identity, or not the one encoding of a point, raises
ProtocolError ``psi-bad-point``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from psihash import errors

POINT_BYTES: Final = 32
SCALAR_BYTES: Final = 32
PROOF_BYTES: Final = 64
TAG_BYTES: Final = 16
OUTPUT_BYTES: Final = 64

GROUP_MISSING = errors.define(
    "group-missing", "no implementation of the group that this needs can be used here"
)
BAD_PROOF = errors.define(
    "group-bad-proof", "the peer's proof does not hold: it used another secret than it announced"
)
BAD_SCALAR = errors.define("group-bad-scalar", "a secret key has a form that is not allowed")

Rows = npt.NDArray[np.uint8]
"""Shape (n, 32), C-contiguous."""

Tags = npt.NDArray[np.uint8]
"""Shape (n, 16), C-contiguous."""

Outputs = npt.NDArray[np.uint8]
"""Shape (n, 64), C-contiguous."""

MASK_DST: Final = b"HashToGroup-psihash/ecdh/1-ristretto255-SHA512"
"""Domain separation of :meth:`Group.mask`; its messages themselves are separated per run."""


class Secret(Protocol):
    """A scalar, not zero, that stays where it was made. Dropping the object erases it."""

    @property
    def public(self) -> bytes:
        """The scalar times the generator: 32 bytes."""


class Blinds(Protocol):
    """One fresh secret scalar for each element of a list."""

    def __len__(self) -> int: ...


class Question(Protocol):
    """A list of this side that the peer is to multiply by its secret, as what checking the answer
    takes. At most 64 bytes an element."""

    def check(self, answers: Rows, proof: bytes) -> None:
        """As :meth:`Group.verify`, one answer for each element that was asked for."""


class Group(Protocol):
    """Operations on lists of group elements. Constant time in what is secret."""

    @property
    def name(self) -> str:
        """``native (ifma)``, ``native (avx2)``, ``native (dalek)`` or ``libsodium``."""

    # -- for engines -----------------------------------------------------------------------------

    def new_secret(self) -> Secret:
        """A fresh random scalar."""

    def mask(self, secret: Secret, messages: Rows) -> Rows:
        """secret * HashToGroup(message) with :data:`MASK_DST` (RFC 9497 section 4.1)."""

    def remask(self, secret: Secret, points: Rows) -> Rows:
        """secret * point. Raises ProtocolError ``psi-bad-point``."""

    def check(self, points: Rows) -> None:
        """Raise ProtocolError ``psi-bad-point`` unless every row is a point, not the identity."""

    def tags(self, binding: bytes, points: Rows) -> Tags:
        """SHA-256(binding || point) of each row, cut to 16 bytes. Decodes nothing."""

    def prove(self, secret: Secret, inputs: Rows, outputs: Rows, context: bytes) -> bytes:
        """That outputs = secret * inputs, 1 row or more, under ``secret.public``: a batched DLEQ
        proof with 128-bit weights (docs/engines.md). No two calls share a nonce."""

    def verify(
        self, public: bytes, inputs: Rows, outputs: Rows, context: bytes, proof: bytes
    ) -> None:
        """Raise ProtocolError ``group-bad-proof`` unless the proof holds, ``psi-bad-point`` where
        an element of the statement is none."""

    def ask(
        self, secret: Secret, messages: Rows, public: bytes, context: bytes
    ) -> tuple[Rows, Question]:
        """:meth:`mask`, and the question whether a peer's answers to that list are its multiples by
        the secret behind ``public``. ``context`` is that of the peer's proof."""

    def answer(self, secret: Secret, points: Rows, context: bytes) -> tuple[Rows, bytes]:
        """:meth:`remask` and :meth:`prove` of 1 row or more, each point decoded once."""

    # -- for RFC 9497 ----------------------------------------------------------------------------

    def secret_of(self, scalar: bytes) -> Secret:
        """From 32 little-endian bytes below the order. Raises InputError ``group-bad-scalar``."""

    def derive_key(self, mode: int, seed: bytes, info: bytes) -> Secret:
        """DeriveKeyPair of RFC 9497 section 3.2.1 from 32 secret bytes, mode 0 (OPRF) or 1
        (VOPRF)."""

    def hash_to_group(self, messages: Sequence[bytes], dst: bytes) -> Rows:
        """HashToGroup of RFC 9497 section 4.1, for messages of any length."""

    def evaluate(self, mode: int, secret: Secret, inputs: Rows) -> Outputs:
        """Evaluate of RFC 9497 section 3.3 for inputs of 32 bytes: what the holder of the key
        computes alone, many at once."""

    def new_blinds(self, count: int) -> Blinds: ...

    def blinds_of(self, scalars: Rows) -> Blinds:
        """From rows as in :meth:`secret_of`."""

    def multiply(self, blinds: Blinds, points: Rows) -> Rows:
        """blind * point, row by row. Raises ProtocolError ``psi-bad-point``."""

    def divide(self, blinds: Blinds, points: Rows) -> Rows:
        """(1 / blind) * point, row by row. Raises ProtocolError ``psi-bad-point``."""

    def prove_voprf(
        self, secret: Secret, inputs: Rows, outputs: Rows, nonce: Secret | None = None
    ) -> bytes:
        """GenerateProof of RFC 9497 for mode VOPRF, exact. ``nonce`` is for test vectors only."""

    def verify_voprf(self, public: bytes, inputs: Rows, outputs: Rows, proof: bytes) -> None:
        """VerifyProof of RFC 9497 for mode VOPRF. Raises like :meth:`verify`."""
