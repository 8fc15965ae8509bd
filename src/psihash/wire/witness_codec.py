"""Messages of the service ``Witnessing`` as plain values, with every length checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from psihash import limits
from psihash.wire.fields import at_most, exactly, few, malformed
from psihash.wire.v1 import witness_pb2 as pb

HASH_BYTES: Final = 32
MAX_SIZE: Final = 2**53 - 1
MAX_KNOWN: Final = 512
MAX_NOTES: Final = 128
MAX_ASKS: Final = 16
MAX_LINES: Final = 64
MAX_LINE: Final = 1024


class Line(Protocol):
    """A cosignature on a checkpoint of a size."""

    @property
    def size(self) -> int: ...

    @property
    def line(self) -> bytes: ...


class ProofLike(Protocol):
    """A consistency proof from a size."""

    @property
    def size(self) -> int: ...

    @property
    def hashes(self) -> tuple[bytes, ...]: ...


@dataclass(frozen=True, slots=True)
class SizeProof:
    """A consistency proof from ``size``."""

    size: int
    hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Greeting:
    nonce: bytes
    held: int
    known: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Comparing:
    """A compare request."""

    nonce: bytes
    checkpoint: bytes
    consistency: tuple[bytes, ...]
    held: int
    asks: tuple[int, ...]
    mutual: tuple[bytes, ...]
    notes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A compare reply."""

    cosignatures: tuple[tuple[int, bytes], ...]
    checkpoint: bytes
    consistency: tuple[bytes, ...]
    proofs: tuple[SizeProof, ...]
    notes: tuple[bytes, ...]
    asks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    received: tuple[int, ...]
    cosignatures: tuple[tuple[int, bytes], ...]
    checkpoint: bytes
    proofs: tuple[SizeProof, ...]


def greet_nonce(request: pb.GreetRequest) -> bytes:
    return exactly(request.nonce, HASH_BYTES)


def greeting(reply: pb.GreetReply) -> Greeting:
    return Greeting(
        exactly(reply.nonce, HASH_BYTES), _size(reply.held), _hashes(reply.known, MAX_KNOWN)
    )


def comparing(request: pb.CompareRequest) -> Comparing:
    return Comparing(
        exactly(request.nonce, HASH_BYTES),
        _note(request.checkpoint),
        _hashes(request.consistency, limits.MAX_CONSISTENCY_HASHES),
        _size(request.held),
        _sizes(request.asks, MAX_ASKS),
        _hashes(request.mutual, MAX_KNOWN),
        _notes(request.notes),
    )


def comparison(reply: pb.CompareReply) -> Comparison:
    return Comparison(
        _cosignatures(reply.cosignatures),
        _note(reply.checkpoint),
        _hashes(reply.consistency, limits.MAX_CONSISTENCY_HASHES),
        _proofs(reply.proofs),
        _notes(reply.notes),
        _sizes(reply.asks, MAX_ASKS),
    )


def parse_delivery(request: pb.DeliverRequest) -> Delivery:
    return Delivery(
        _sizes(request.received, MAX_LINES),
        _cosignatures(request.cosignatures),
        _note(request.checkpoint),
        _proofs(request.proofs),
    )


def compare_reply(
    given: Sequence[Line],
    checkpoint: bytes,
    consistency: Sequence[bytes],
    proofs: Sequence[ProofLike],
    notes: Sequence[bytes],
    asks: Sequence[int],
) -> pb.CompareReply:
    return pb.CompareReply(
        cosignatures=_lines(given),
        checkpoint=checkpoint,
        consistency=consistency,
        proofs=[pb.SizeProof(size=each.size, consistency=each.hashes) for each in proofs],
        notes=notes,
        asks=asks,
    )


def delivery(
    received: Sequence[int],
    given: Sequence[Line],
    checkpoint: bytes,
    proofs: Sequence[ProofLike],
) -> pb.DeliverRequest:
    return pb.DeliverRequest(
        received=received,
        cosignatures=_lines(given),
        checkpoint=checkpoint,
        proofs=[pb.SizeProof(size=each.size, consistency=each.hashes) for each in proofs],
    )


def _lines(given: Sequence[Line]) -> list[pb.SizeCosignature]:
    return [pb.SizeCosignature(size=each.size, line=each.line) for each in given]


def _size(value: int) -> int:
    if not 0 <= value <= MAX_SIZE:
        raise malformed("a size is out of range")
    return value


def _sizes(values: Iterable[int], most: int) -> tuple[int, ...]:
    return tuple(_size(value) for value in few(values, most))


def _hashes(values: Iterable[bytes], most: int) -> tuple[bytes, ...]:
    return tuple(exactly(value, HASH_BYTES) for value in few(values, most))


def _note(value: bytes) -> bytes:
    return at_most(value, limits.MAX_CHECKPOINT)


def _notes(values: Iterable[bytes]) -> tuple[bytes, ...]:
    return tuple(_note(value) for value in few(values, MAX_NOTES))


def _cosignatures(values: Iterable[pb.SizeCosignature]) -> tuple[tuple[int, bytes], ...]:
    return tuple(
        (_size(value.size), at_most(value.line, MAX_LINE)) for value in few(values, MAX_LINES)
    )


def _proofs(values: Iterable[pb.SizeProof]) -> tuple[SizeProof, ...]:
    return tuple(
        SizeProof(_size(value.size), _hashes(value.consistency, limits.MAX_CONSISTENCY_HASHES))
        for value in few(values, MAX_ASKS)
    )
