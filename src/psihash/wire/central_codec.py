"""Messages of the service ``Central`` as plain values, with every length checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from psihash import limits
from psihash.audit.entry import BLIND_BYTES
from psihash.canonical import framed
from psihash.central.canaries import SECRET
from psihash.central.layout import Part
from psihash.central.manifest import MAX_DELTA, MAX_EPOCH, MAX_MANIFEST
from psihash.central.questions import BATCH
from psihash.identity.signatures import SIGNATURE_BYTES
from psihash.psi.engine import TOKEN_BYTES
from psihash.psi.group import POINT_BYTES, PROOF_BYTES
from psihash.terms import AlgorithmId
from psihash.wire.fields import at_most, exactly, few, malformed, size, word
from psihash.wire.v1 import central_pb2 as pb

MAX_PUBLICATIONS: Final = 32
MAX_PAGES: Final = 64
MAX_CENTRES: Final = 16
MAX_PAGE: Final = 16 * 1024
HASH_BYTES: Final = 32
_MAX_HEADER: Final = 1024
_MAX_SHARED: Final = 1024


@dataclass(frozen=True, slots=True)
class PublicationWire:
    """A publication as it travels: nothing of it is verified."""

    manifest: bytes
    signature: bytes
    header: bytes
    shared: bytes
    shared_blind: bytes
    inclusion: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """The answer to Publications."""

    publications: tuple[PublicationWire, ...]
    checkpoint: bytes
    consistency: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which publications are asked for."""

    agreement: str
    epoch: int
    delta: int
    size: int


@dataclass(frozen=True, slots=True)
class PagesWanted:
    """Which pages are asked for."""

    agreement: str
    epoch: int
    delta: int
    part: Part
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Opening:
    """A run that a member wants to make."""

    agreement: str
    run: bytes
    epoch: int
    classes: Mapping[AlgorithmId, int]
    signature: bytes

    def signed_bytes(self) -> bytes:
        """What the member signs."""
        classes = (
            framed(name.value.encode(), size.to_bytes(8, "big"))
            for name, size in sorted(self.classes.items())
        )
        return framed(
            bytes.fromhex(self.agreement), self.run, self.epoch.to_bytes(8, "big"), *classes
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that a member wants evaluated."""

    run: bytes
    number: int
    elements: bytes


def agreement(data: bytes) -> str:
    """An agreement's id from its bytes."""
    return exactly(data, HASH_BYTES).hex()


def canaries(reply: pb.EnrolReply) -> tuple[bytes, ...]:
    found = tuple(exactly(each, TOKEN_BYTES) for each in few(reply.canaries, SECRET))
    if len(found) != SECRET:
        raise malformed("not the number of canaries")
    return found


def wanted(request: pb.PublicationsRequest) -> Wanted:
    return Wanted(
        agreement(request.agreement),
        _number(request.epoch, MAX_EPOCH),
        _number(request.delta, MAX_DELTA),
        size(request.size),
    )


def shown_reply(shown: Shown) -> pb.PublicationsReply:
    return pb.PublicationsReply(
        publications=[
            pb.Publication(
                manifest=each.manifest,
                signature=each.signature,
                header=each.header,
                shared=each.shared,
                shared_blind=each.shared_blind,
                inclusion=each.inclusion,
            )
            for each in shown.publications
        ],
        checkpoint=shown.checkpoint,
        consistency=shown.consistency,
    )


def shown(reply: pb.PublicationsReply) -> Shown:
    return Shown(
        tuple(_publication(each) for each in few(reply.publications, MAX_PUBLICATIONS)),
        at_most(reply.checkpoint, limits.MAX_CHECKPOINT),
        _hashes(reply.consistency, limits.MAX_CONSISTENCY_HASHES),
    )


def pages_wanted(request: pb.PagesRequest) -> PagesWanted:
    try:
        part = Part(request.part)
    except ValueError:
        raise malformed("an unknown list") from None
    if not 0 < request.count <= MAX_PAGES:
        raise malformed("not a number of pages that is answered")
    return PagesWanted(
        agreement(request.agreement),
        _number(request.epoch, MAX_EPOCH),
        _number(request.delta, MAX_DELTA),
        part,
        size(request.first),
        request.count,
    )


def pages(reply: pb.PagesReply) -> list[bytes]:
    return [at_most(page, MAX_PAGE) for page in few(reply.pages, MAX_PAGES)]


def open_request(opening: Opening) -> pb.OpenRequest:
    return pb.OpenRequest(
        agreement=bytes.fromhex(opening.agreement),
        run=opening.run,
        epoch=opening.epoch,
        classes=[
            pb.RunClass(algorithm=name.value, size_class=count)
            for name, count in sorted(opening.classes.items())
        ],
        signature=opening.signature,
    )


def opening(request: pb.OpenRequest) -> Opening:
    classes: dict[AlgorithmId, int] = {}
    for each in few(request.classes, len(AlgorithmId)):
        name = word(AlgorithmId, each.algorithm)
        if name in classes:
            raise malformed("an algorithm stands twice")
        classes[name] = size(each.size_class)
    return Opening(
        agreement(request.agreement),
        exactly(request.run, HASH_BYTES),
        _number(request.epoch, MAX_EPOCH),
        classes,
        exactly(request.signature, SIGNATURE_BYTES),
    )


def batch(request: pb.EvaluateRequest) -> Batch:
    count, rest = divmod(len(request.elements), POINT_BYTES)
    if rest or not 0 < count <= BATCH:
        raise malformed("a batch has 1 to 8,192 points")
    return Batch(exactly(request.run, HASH_BYTES), _number(request.number, 2**31), request.elements)


def answer(reply: pb.EvaluateReply) -> tuple[bytes, bytes]:
    """(elements, proof)."""
    elements = at_most(reply.elements, BATCH * POINT_BYTES)
    if len(elements) % POINT_BYTES:
        raise malformed("an answer is not made of points")
    return elements, exactly(reply.proof, PROOF_BYTES)


def compared(
    message: pb.CompareManifestsRequest | pb.CompareManifestsReply,
) -> list[tuple[bytes, bytes]]:
    """(manifest, signature) of what was shown."""
    return [
        (at_most(each.manifest, MAX_MANIFEST), exactly(each.signature, SIGNATURE_BYTES))
        for each in few(message.shown, 2 * MAX_CENTRES)
    ]


def comparing(shown_: Sequence[tuple[bytes, bytes]]) -> list[pb.SignedManifest]:
    return [pb.SignedManifest(manifest=body, signature=mark) for body, mark in shown_]


def _publication(message: pb.Publication) -> PublicationWire:
    return PublicationWire(
        at_most(message.manifest, MAX_MANIFEST),
        exactly(message.signature, SIGNATURE_BYTES),
        at_most(message.header, _MAX_HEADER),
        at_most(message.shared, _MAX_SHARED),
        exactly(message.shared_blind, BLIND_BYTES),
        _hashes(message.inclusion, limits.MAX_PROOF_HASHES),
    )


def _hashes(found: Sequence[bytes], most: int) -> tuple[bytes, ...]:
    return tuple(exactly(each, HASH_BYTES) for each in few(found, most))


def _number(value: int, most: int) -> int:
    if value > most:
        raise malformed("a number is out of range")
    return value
