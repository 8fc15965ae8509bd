"""The group over psihash-native: vectorised, all cores, secrets in native memory and wiped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import psihash_native

from psihash import errors
from psihash.psi.engine import BAD_POINT
from psihash.psi.group import (
    BAD_PROOF,
    BAD_SCALAR,
    GROUP_MISSING,
    MASK_DST,
    OUTPUT_BYTES,
    POINT_BYTES,
    PROOF_BYTES,
    TAG_BYTES,
    Blinds,
    Outputs,
    Rows,
    Secret,
    Tags,
)


class NativeSecret:
    """Implements :class:`psihash.psi.group.Secret` around a scalar that Python never sees."""

    def __init__(self, scalar: psihash_native.Scalar) -> None:
        self.scalar = scalar
        self._public: bytes = scalar.public()

    @property
    def public(self) -> bytes:
        return self._public


class NativeBlinds:
    """Implements :class:`psihash.psi.group.Blinds`."""

    def __init__(self, scalars: psihash_native.Scalars) -> None:
        self.scalars = scalars

    def __len__(self) -> int:
        return len(self.scalars)


class NativeQuestion:
    """Implements :class:`psihash.psi.group.Question`: the list stays decoded in native memory."""

    def __init__(self, question: psihash_native.Question) -> None:
        self._question = question

    def check(self, answers: Rows, proof: bytes) -> None:
        with _refusals():
            self._question.check(answers, _sized(proof))


class NativeGroup:
    """Implements :class:`psihash.psi.group.Group`."""

    def __init__(self) -> None:
        # Says now, not in the middle of a session, that a kernel was asked for that is not here.
        try:
            self._name = f"native ({psihash_native.kernel()})"
        except psihash_native.KernelError:
            raise errors.UnavailableError(
                GROUP_MISSING, "PSIHASH_KERNEL names a kernel that this machine does not have"
            ) from None

    @property
    def name(self) -> str:
        return self._name

    # -- for engines -----------------------------------------------------------------------------

    def new_secret(self) -> NativeSecret:
        return NativeSecret(psihash_native.Scalar.random())

    def mask(self, secret: Secret, messages: Rows) -> Rows:
        return _rows(psihash_native.hash_to_group(messages, MASK_DST, _own(secret).scalar))

    def remask(self, secret: Secret, points: Rows) -> Rows:
        with _refusals():
            return _rows(psihash_native.multiply(points, _own(secret).scalar))

    def check(self, points: Rows) -> None:
        with _refusals():
            psihash_native.check_points(points, distinct=False)

    def tags(self, binding: bytes, points: Rows) -> Tags:
        tags = psihash_native.tags16(binding, points)
        return np.frombuffer(tags, dtype=np.uint8).reshape(-1, TAG_BYTES)

    def prove(self, secret: Secret, inputs: Rows, outputs: Rows, context: bytes) -> bytes:
        k = _own(secret)
        proof: bytes = psihash_native.dleq_prove(k.scalar, k.public, context, inputs, outputs)
        return proof

    def verify(
        self, public: bytes, inputs: Rows, outputs: Rows, context: bytes, proof: bytes
    ) -> None:
        with _refusals():
            psihash_native.dleq_verify(public, context, inputs, outputs, _sized(proof))

    def ask(
        self, secret: Secret, messages: Rows, public: bytes, context: bytes
    ) -> tuple[Rows, NativeQuestion]:
        points, question = psihash_native.Question.ask(
            messages, MASK_DST, _own(secret).scalar, public, context
        )
        return _rows(points), NativeQuestion(question)

    def answer(self, secret: Secret, points: Rows, context: bytes) -> tuple[Rows, bytes]:
        k = _own(secret)
        with _refusals():
            products, proof = psihash_native.multiply_and_prove(k.scalar, k.public, context, points)
        return _rows(products), proof

    # -- for RFC 9497 ----------------------------------------------------------------------------

    def secret_of(self, scalar: bytes) -> NativeSecret:
        with _scalars():
            return NativeSecret(psihash_native.Scalar.from_bytes(scalar))

    def derive_key(self, mode: int, seed: bytes, info: bytes) -> NativeSecret:
        with _scalars():
            return NativeSecret(psihash_native.oprf_derive_key(mode, seed, info)[0])

    def hash_to_group(self, messages: Sequence[bytes], dst: bytes) -> Rows:
        return _rows(psihash_native.hash_to_group(list(messages), dst))

    def evaluate(self, mode: int, secret: Secret, inputs: Rows) -> Outputs:
        data = psihash_native.oprf_direct(mode, _own(secret).scalar, inputs)
        return np.frombuffer(data, dtype=np.uint8).reshape(-1, OUTPUT_BYTES)

    def new_blinds(self, count: int) -> NativeBlinds:
        return NativeBlinds(psihash_native.Scalars.random(count))

    def blinds_of(self, scalars: Rows) -> NativeBlinds:
        with _scalars():
            return NativeBlinds(psihash_native.Scalars.from_bytes(scalars))

    def multiply(self, blinds: Blinds, points: Rows) -> Rows:
        with _refusals():
            return _rows(psihash_native.multiply(points, _blinds(blinds, points).scalars))

    def divide(self, blinds: Blinds, points: Rows) -> Rows:
        with _refusals():
            inverses = _blinds(blinds, points).scalars.inverse()
            return _rows(psihash_native.multiply(points, inverses))

    def prove_voprf(
        self, secret: Secret, inputs: Rows, outputs: Rows, nonce: Secret | None = None
    ) -> bytes:
        k, r = _own(secret), None if nonce is None else _own(nonce).scalar
        proof: bytes = psihash_native.voprf_prove(k.scalar, k.public, inputs, outputs, nonce=r)
        return proof

    def verify_voprf(self, public: bytes, inputs: Rows, outputs: Rows, proof: bytes) -> None:
        with _refusals():
            psihash_native.voprf_verify(public, inputs, outputs, _sized(proof))


def _own(secret: Secret) -> NativeSecret:
    if not isinstance(secret, NativeSecret):
        raise TypeError("a secret belongs to the group that made it")
    return secret


def _blinds(blinds: Blinds, points: Rows) -> NativeBlinds:
    if not isinstance(blinds, NativeBlinds) or len(blinds) != len(points):
        raise TypeError("blinds belong to the group that made them, one for each point")
    return blinds


def _sized(proof: bytes) -> bytes:
    if len(proof) != PROOF_BYTES:
        raise errors.ProtocolError(BAD_PROOF, "a proof has the wrong length")
    return proof


def _rows(data: bytes) -> Rows:
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, POINT_BYTES)


@contextmanager
def _refusals() -> Iterator[None]:
    """What the library says of a peer's bytes, in our words."""
    try:
        yield
    except psihash_native.PointError:
        raise errors.ProtocolError(BAD_POINT, "an element is not a point of the group") from None
    except psihash_native.ProofError:
        raise errors.ProtocolError(BAD_PROOF, "a proof does not hold") from None


@contextmanager
def _scalars() -> Iterator[None]:
    try:
        yield
    except ValueError:
        raise errors.InputError(BAD_SCALAR, "a scalar is zero or not below the order") from None
