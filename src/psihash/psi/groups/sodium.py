"""The group over libsodium, by the package ``rbcl``: slow, correct, on every platform.

About 55 microseconds a multiplication, one thread. It is also the second opinion on the kernels of
psihash-native. libsodium is constant time in scalars. Python is not a place for secrets: a scalar
lies in one bytearray that is overwritten when its object goes, but each call into the library
takes a copy that is only freed. Where that matters, use psihash-native.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import rbcl

from psihash import errors
from psihash.psi.engine import BAD_POINT
from psihash.psi.expand import Expander, context_string, finalized
from psihash.psi.group import (
    BAD_SCALAR,
    MASK_DST,
    OUTPUT_BYTES,
    POINT_BYTES,
    SCALAR_BYTES,
    TAG_BYTES,
    Blinds,
    Outputs,
    Rows,
    Secret,
    Tags,
)
from psihash.psi.groups import sodium_proofs
from psihash.psi.groups.sodium_scalars import ORDER, SodiumBlinds, SodiumSecret, times


@dataclass(frozen=True, slots=True)
class SodiumQuestion:
    """Implements :class:`psihash.psi.group.Question`."""

    group: SodiumGroup
    public: bytes
    points: Rows
    context: bytes

    def check(self, answers: Rows, proof: bytes) -> None:
        self.group.verify(self.public, self.points, answers, self.context, proof)


class SodiumGroup:
    """Implements :class:`psihash.psi.group.Group`."""

    @property
    def name(self) -> str:
        return "libsodium"

    # -- for engines -----------------------------------------------------------------------------

    def new_secret(self) -> SodiumSecret:
        return SodiumSecret(rbcl.crypto_core_ristretto255_scalar_random())

    def mask(self, secret: Secret, messages: Rows) -> Rows:
        k = _own(secret).scalar()
        mapped = _mapped(_each(messages), MASK_DST)
        return _rows((times(k, point) for point in mapped), len(messages))

    def remask(self, secret: Secret, points: Rows) -> Rows:
        k = _own(secret).scalar()
        return _rows((times(k, point) for point in _points(points)), len(points))

    def check(self, points: Rows) -> None:
        for point in _points(points):
            # The library takes the identity, 32 zero bytes, for a point.
            if not any(point) or not rbcl.crypto_core_ristretto255_is_valid_point(point):
                raise errors.ProtocolError(BAD_POINT, "an element is not a point of the group")

    def tags(self, binding: bytes, points: Rows) -> Tags:
        hashed = b"".join(hashlib.sha256(binding + p).digest()[:TAG_BYTES] for p in _each(points))
        return np.frombuffer(hashed, dtype=np.uint8).reshape(-1, TAG_BYTES)

    def prove(self, secret: Secret, inputs: Rows, outputs: Rows, context: bytes) -> bytes:
        k = _own(secret)
        claim = sodium_proofs.Claim(k.public, list(_each(inputs)), list(_each(outputs)))
        return sodium_proofs.prove(k, claim, context)

    def verify(
        self, public: bytes, inputs: Rows, outputs: Rows, context: bytes, proof: bytes
    ) -> None:
        claim = self._checked(public, inputs, outputs)
        sodium_proofs.verify(claim, context, proof)

    def ask(
        self, secret: Secret, messages: Rows, public: bytes, context: bytes
    ) -> tuple[Rows, SodiumQuestion]:
        points = self.mask(secret, messages)
        return points, SodiumQuestion(self, public, points, context)

    def answer(self, secret: Secret, points: Rows, context: bytes) -> tuple[Rows, bytes]:
        products = self.remask(secret, points)
        return products, self.prove(secret, points, products, context)

    # -- for RFC 9497 ----------------------------------------------------------------------------

    def secret_of(self, scalar: bytes) -> SodiumSecret:
        return SodiumSecret(_canonical(scalar))

    def derive_key(self, mode: int, seed: bytes, info: bytes) -> SodiumSecret:
        expander = Expander(b"DeriveKeyPair" + context_string(mode))
        for counter in range(256):
            text = seed + len(info).to_bytes(2, "big") + info + bytes([counter])
            scalar = rbcl.crypto_core_ristretto255_scalar_reduce(expander.uniform(text))
            if any(scalar):
                return SodiumSecret(scalar)
        raise errors.InputError(BAD_SCALAR, "no key follows from this seed")

    def hash_to_group(self, messages: Sequence[bytes], dst: bytes) -> Rows:
        return _rows(_mapped(messages, dst), len(messages))

    def evaluate(self, mode: int, secret: Secret, inputs: Rows) -> Outputs:
        k, dst = _own(secret).scalar(), b"HashToGroup-" + context_string(mode)
        texts = list(_each(inputs))
        mapped = zip(texts, _mapped(texts, dst), strict=True)
        joined = b"".join(finalized(text, times(k, point)) for text, point in mapped)
        return np.frombuffer(joined, dtype=np.uint8).reshape(-1, OUTPUT_BYTES)

    def new_blinds(self, count: int) -> SodiumBlinds:
        scalars = (rbcl.crypto_core_ristretto255_scalar_random() for _ in range(count))
        return SodiumBlinds(b"".join(scalars))

    def blinds_of(self, scalars: Rows) -> SodiumBlinds:
        return SodiumBlinds(b"".join(_canonical(scalar) for scalar in _each(scalars)))

    def multiply(self, blinds: Blinds, points: Rows) -> Rows:
        return _rows(map(times, _blinds(blinds, points).each(), _points(points)), len(points))

    def divide(self, blinds: Blinds, points: Rows) -> Rows:
        inverses = map(rbcl.crypto_core_ristretto255_scalar_invert, _blinds(blinds, points).each())
        return _rows(map(times, inverses, _points(points)), len(points))

    def prove_voprf(
        self, secret: Secret, inputs: Rows, outputs: Rows, nonce: Secret | None = None
    ) -> bytes:
        k, r = _own(secret), self.new_secret() if nonce is None else _own(nonce)
        claim = sodium_proofs.Claim(k.public, list(_each(inputs)), list(_each(outputs)))
        return sodium_proofs.prove_voprf(k, r, claim)

    def verify_voprf(self, public: bytes, inputs: Rows, outputs: Rows, proof: bytes) -> None:
        sodium_proofs.verify_voprf(self._checked(public, inputs, outputs), proof)

    def _checked(self, public: bytes, inputs: Rows, outputs: Rows) -> sodium_proofs.Claim:
        self.check(np.frombuffer(public, dtype=np.uint8).reshape(1, POINT_BYTES))
        self.check(inputs)
        self.check(outputs)
        return sodium_proofs.Claim(public, list(_each(inputs)), list(_each(outputs)))


def _own(secret: Secret) -> SodiumSecret:
    if not isinstance(secret, SodiumSecret):
        raise TypeError("a secret belongs to the group that made it")
    return secret


def _blinds(blinds: Blinds, points: Rows) -> SodiumBlinds:
    if not isinstance(blinds, SodiumBlinds) or len(blinds) != len(points):
        raise TypeError("blinds belong to the group that made them, one for each point")
    return blinds


def _canonical(scalar: bytes) -> bytes:
    if len(scalar) != SCALAR_BYTES or not 0 < int.from_bytes(scalar, "little") < ORDER:
        raise errors.InputError(BAD_SCALAR, "a scalar is zero or not below the group's order")
    return scalar


def _mapped(messages: Iterable[bytes], dst: bytes) -> Iterator[bytes]:
    expander = Expander(dst)
    for message in messages:
        yield rbcl.crypto_core_ristretto255_from_hash(expander.uniform(message))


def _each(rows: Rows) -> Iterator[bytes]:
    flat = rows.tobytes()
    return (flat[at : at + POINT_BYTES] for at in range(0, len(flat), POINT_BYTES))


def _points(rows: Rows) -> Iterator[bytes]:
    """A peer's rows, for functions that decode them: those overlook the highest bit."""
    if bool(np.any(rows[:, -1] & 0x80)):
        raise errors.ProtocolError(BAD_POINT, "an element is not a point of the group")
    return _each(rows)


def _rows(points: Iterable[bytes], count: int) -> Rows:
    joined = b"".join(points)
    return np.frombuffer(joined, dtype=np.uint8).reshape(count, POINT_BYTES)
