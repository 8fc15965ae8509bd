"""RFC 9497: oblivious evaluation of a pseudorandom function, ristretto255-SHA512, in batches.

A client learns F(key, input) for its inputs; the holder of the key learns how many. In mode VOPRF
the holder proves that it used the key whose public part the client knows. Names are those of the
RFC, section 3. An element is a row of 32 bytes, an output 64 bytes. Whatever a peer sent and does
not hold raises ProtocolError ``psi-bad-point`` or ``group-bad-proof``.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from psihash import errors
from psihash.psi.expand import context_string, finalized
from psihash.psi.group import Blinds, Group, Rows, Secret

BAD_BATCH = errors.define(
    "voprf-bad-batch", "a batch of inputs or elements has a size that is not allowed"
)

MAX_BATCH: Final = 65_535
"""Elements under one proof: the RFC numbers them with two bytes."""

MAX_INPUT: Final = 65_535
SEED_BYTES: Final = 32


class Mode(enum.IntEnum):
    """The RFC's modes that are served."""

    OPRF = 0
    VOPRF = 1


@dataclass(frozen=True, slots=True)
class Blinded:
    """The client's state between request and answer, and what it sends: ``elements``."""

    inputs: tuple[bytes, ...]
    blinds: Blinds
    elements: Rows


class Server:
    """The holder of the key."""

    def __init__(self, group: Group, mode: Mode, key: Secret) -> None:
        self._group, self._mode, self._key = group, mode, key

    @property
    def public(self) -> bytes:
        """pkS: what a client verifies against."""
        return self._key.public

    def blind_evaluate(self, elements: Rows, nonce: Secret | None = None) -> tuple[Rows, bytes]:
        """BlindEvaluate: the evaluated elements and, in mode VOPRF, one proof for all of them.
        ``nonce`` is for test vectors only."""
        _check_size(len(elements))
        evaluated = self._group.remask(self._key, elements)
        if self._mode is Mode.OPRF:
            return evaluated, b""
        return evaluated, self._group.prove_voprf(self._key, elements, evaluated, nonce)

    def evaluate(self, inputs: Sequence[bytes]) -> list[bytes]:
        """Evaluate: the outputs themselves, which only the holder of the key can compute."""
        mapped = _hash_to_group(self._group, self._mode, inputs)
        return _outputs(inputs, self._group.remask(self._key, mapped))


class Client:
    """Asks for outputs. ``public`` is pkS; in mode OPRF there is none."""

    def __init__(self, group: Group, mode: Mode, public: bytes = b"") -> None:
        if (mode is Mode.VOPRF) is not bool(public):
            raise ValueError("a public key belongs to mode VOPRF, and only there")
        self._group, self._mode, self._public = group, mode, public

    def blind(self, inputs: Sequence[bytes], blinds: Blinds | None = None) -> Blinded:
        """Blind: a fresh scalar for each input. ``blinds`` is for test vectors only."""
        mapped = _hash_to_group(self._group, self._mode, inputs)
        chosen = self._group.new_blinds(len(inputs)) if blinds is None else blinds
        return Blinded(tuple(inputs), chosen, self._group.multiply(chosen, mapped))

    def finalize(self, blinded: Blinded, evaluated: Rows, proof: bytes = b"") -> list[bytes]:
        """Finalize: check the proof (mode VOPRF), unblind, hash. One output for each input."""
        if evaluated.shape != blinded.elements.shape:
            raise errors.ProtocolError(BAD_BATCH, "not one evaluated element for each question")
        if self._mode is Mode.VOPRF:
            self._group.verify_voprf(self._public, blinded.elements, evaluated, proof)
        return _outputs(blinded.inputs, self._group.divide(blinded.blinds, evaluated))


def derive_key(group: Group, mode: Mode, seed: bytes, info: bytes) -> Secret:
    """DeriveKeyPair: a key from 32 secret random bytes and public information."""
    if len(seed) != SEED_BYTES or len(info) > MAX_INPUT:
        raise errors.InputError(BAD_BATCH, "a seed has 32 bytes, and key information is short")
    return group.derive_key(mode, seed, info)


def _hash_to_group(group: Group, mode: Mode, inputs: Sequence[bytes]) -> Rows:
    _check_size(len(inputs))
    if any(len(each) > MAX_INPUT for each in inputs):
        raise errors.InputError(BAD_BATCH, "an input has at most 65,535 bytes")
    return group.hash_to_group(inputs, b"HashToGroup-" + context_string(mode))


def _outputs(inputs: Sequence[bytes], elements: Rows) -> list[bytes]:
    rows = (row.tobytes() for row in elements)
    return [finalized(given, row) for given, row in zip(inputs, rows, strict=True)]


def _check_size(count: int) -> None:
    if not 0 < count <= MAX_BATCH:
        raise errors.InputError(BAD_BATCH, f"a batch has 1 to {MAX_BATCH} elements")
