"""Parsers of what a centre and a member say to each other, and of what is downloaded."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.message import Message

from psihash.central import records
from psihash.central.layout import ENTRY_BYTES, RECORD_BYTES, Part, check_order, check_page
from psihash.central.manifest import (
    ListFacts,
    Manifest,
    parse_manifest,
    sign_manifest,
    verify_manifest,
)
from psihash.central.publishing import ordered
from psihash.central.questions import Questions
from psihash.hashset.model import Category, Dialect
from psihash.identity.signatures import SIGNATURE_BYTES, public_bytes
from psihash.node.central.outcome import RunState
from psihash.psi import groups
from psihash.psi.group import PROOF_BYTES
from psihash.psi.voprf import Mode, Server
from psihash.terms import AlgorithmId, CollectionKind
from psihash.wire import central_codec as codec
from psihash.wire.fields import parse
from psihash.wire.v1 import central_pb2 as pb
from tests.parsers.parser import Parser, text

_Message = TypeVar("_Message", bound=Message)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
CENTRE = "be-centre"
HASH, POINT, AGREEMENT = b"\x07" * 32, b"\x09" * 32, b"\x0a" * 32
NOTHING = np.empty((0, 32), np.uint8)


@functools.cache
def manifest() -> Manifest:
    lists = {part: ListFacts(64, HASH) for part in Part}
    return Manifest(
        CENTRE,
        2,
        1,
        HASH,
        POINT,
        (AlgorithmId.MD5, AlgorithmId.SHA1),
        lists,
        "2026-01-01T00:00:00Z",
        "2026-01-08T00:00:00Z",
    )


def manifests() -> list[bytes]:
    return [manifest().to_bytes()]


def signed() -> list[bytes]:
    return [sign_manifest(manifest(), KEY) + manifest().to_bytes()]


def verify(data: bytes) -> object:
    signature, body = data[:SIGNATURE_BYTES], data[SIGNATURE_BYTES:]
    return verify_manifest(body, signature, CENTRE, public_bytes(KEY))


RECORD = records.SeriesRecord(
    "00112233445566aa",
    CollectionKind.CASE,
    "ffeeddccbbaa9988",
    Category(Dialect.UK, "1", "label"),
    True,
    "BE",
    "desk@example.org",
)
SERIES_KEY = bytes(range(16))


def sealed() -> list[bytes]:
    key = np.frombuffer(SERIES_KEY, np.uint8).reshape(1, 16)
    return records.seal_all(CENTRE, 1, 0, [RECORD.to_text()], key)


def open_record(data: bytes) -> object:
    return records.open_record(CENTRE, 1, 0, 0, SERIES_KEY, data)


def page() -> list[bytes]:
    body = np.frombuffer(bytes(range(256)) * ENTRY_BYTES, np.uint8).reshape(-1, ENTRY_BYTES)
    return [ordered(body).tobytes()]


@functools.cache
def asking() -> tuple[Questions, bytes]:
    """Questions under a fixed key, and the true answer."""
    group = groups.best()
    key = group.new_secret()
    made = Questions(group, CENTRE, 1, key.public, NOTHING, 3, os.urandom)
    evaluated, proof = Server(group, Mode.VOPRF, key).blind_evaluate(next(made.ask()))
    return made, proof + evaluated.tobytes()


def take(data: bytes) -> None:
    made, _ = asking()
    # Each try is at the same question: an answer is taken once.
    made.__dict__["_asked"] = made.__dict__.get("_kept", made.__dict__["_asked"])
    made.__dict__["_kept"] = made.__dict__["_asked"]
    made.take(data[PROOF_BYTES:], data[:PROOF_BYTES])


def wire(
    kind: type[_Message], read: Callable[[_Message], object], *valid: _Message
) -> tuple[Callable[[], list[bytes]], Callable[[bytes], object]]:
    def inputs() -> list[bytes]:
        return [message.SerializeToString(deterministic=True) for message in valid]

    return inputs, lambda data: read(parse(kind, data))


def message(name: str, kind: type[Any], read: Callable[[Any], object], *valid: Any) -> Parser:
    inputs, reader = wire(kind, read, *valid)
    return Parser(name, (f"wire.central_codec.{read.__name__}",), inputs, reader)


PUBLICATION = pb.Publication(
    manifest=b"{}",
    signature=bytes(64),
    header=b"h",
    shared=b"s",
    shared_blind=bytes(32),
    inclusion=[HASH, HASH],
)
OPENING = pb.OpenRequest(
    agreement=AGREEMENT,
    run=HASH,
    epoch=1,
    classes=[pb.RunClass(algorithm="md5", size_class=64)],
    signature=bytes(64),
)

PARSERS = (
    Parser("a manifest", ("central.manifest.parse_manifest",), manifests, parse_manifest),
    Parser("a signed manifest", ("central.manifest.verify_manifest",), signed, verify),
    Parser(
        "a record of a series",
        ("central.records.parse_text",),
        lambda: [RECORD.to_text().encode(), records.CANARY_TEXT.encode()],
        lambda data: records.parse_text(text(data)),
    ),
    Parser("a sealed record", ("central.records.open_record",), sealed, open_record),
    Parser(
        "a page of records",
        ("central.layout.check_page",),
        lambda: [bytes(RECORD_BYTES * 32)],
        lambda data: check_page(Part.SERIES, 64, 1, data),
    ),
    Parser(
        "pages of additions",
        ("central.layout.check_order",),
        page,
        lambda data: check_order([data[: len(data) // ENTRY_BYTES * ENTRY_BYTES]]),
    ),
    Parser(
        "an answer to a batch",
        ("central.questions.Questions.take",),
        lambda: [asking()[1]],
        take,
        slow=True,
    ),
    Parser(
        "the state of a run",
        ("node.central.outcome.RunState.from_bytes",),
        lambda: [RunState(1, 2, bytes(16) + b"\x01" * 16).to_bytes()],
        RunState.from_bytes,
    ),
    message("canaries", pb.EnrolReply, codec.canaries, pb.EnrolReply(canaries=[HASH] * 4)),
    message(
        "which publications",
        pb.PublicationsRequest,
        codec.wanted,
        pb.PublicationsRequest(agreement=AGREEMENT, epoch=1, delta=2, size=9),
    ),
    message(
        "publications",
        pb.PublicationsReply,
        codec.shown,
        pb.PublicationsReply(publications=[PUBLICATION], checkpoint=b"note", consistency=[HASH]),
    ),
    message(
        "which pages",
        pb.PagesRequest,
        codec.pages_wanted,
        pb.PagesRequest(agreement=AGREEMENT, epoch=1, part="series", first=3, count=2),
    ),
    message("pages", pb.PagesReply, codec.pages, pb.PagesReply(pages=[b"page", b"another"])),
    message("a run to open", pb.OpenRequest, codec.opening, OPENING),
    message(
        "a batch",
        pb.EvaluateRequest,
        codec.batch,
        pb.EvaluateRequest(run=HASH, number=1, elements=POINT * 3),
    ),
    message(
        "manifests to compare",
        pb.CompareManifestsReply,
        codec.compared,
        pb.CompareManifestsReply(shown=[pb.SignedManifest(manifest=b"{}", signature=bytes(64))]),
    ),
    message(
        "an answer",
        pb.EvaluateReply,
        codec.answer,
        pb.EvaluateReply(elements=POINT * 3, proof=bytes(64)),
    ),
)
