"""Parsers of audit bundles, cosignatures, what is trusted, and the calls of witnesses."""

from __future__ import annotations

import functools
import io

from psihash.audit import cosignature, note, trust, witness
from psihash.audit.bundle_verify import verify_bundle
from psihash.audit.checkpoint import VerifiedCheckpoint, open_checkpoint, sign_checkpoint
from psihash.audit.cosignature import Cosigner, cosign
from psihash.audit.trust import KeyHistory
from psihash.wire import witness_codec
from psihash.wire.v1 import witness_pb2 as pb
from tests.audit.bench import ORIGIN, SeedSigner
from tests.audit.bundles import Agency
from tests.audit.test_witness import LOG, TREE
from tests.parsers.messages import of
from tests.parsers.parser import Parser

TIME = 1_700_000_000
KEY = SeedSigner(5)
COSIGNER = Cosigner("psihash/cosigner/dpa", KEY.public_key)
HASHES = [bytes([place]) * 32 for place in range(3)]


@functools.cache
def _agency() -> Agency:
    agency, other = Agency("nl-police"), Agency("be-police")
    agency.write(4)
    agency.sign()
    agency.write(2)
    agency.cosigned_by(other)
    return agency


def _bundles() -> list[bytes]:
    agency = _agency()
    return [agency.whole(), agency.for_peer("be-police", [1, 4]), agency.of_session([0, 2])]


def _verify_bundle(data: bytes) -> object:
    return verify_bundle(io.BytesIO(data), _agency().trust)


def _open_checkpoint(data: bytes) -> object:
    history = KeyHistory(_agency().origin, _agency().trust, [])
    history.open(data)
    return history.open_next(data)


@functools.cache
def _checkpoint() -> VerifiedCheckpoint:
    signed = sign_checkpoint(ORIGIN, 40, TREE.root(), LOG)
    return open_checkpoint(signed, ORIGIN, LOG.public_key)


def _line() -> bytes:
    return cosign(_checkpoint(), COSIGNER.name, KEY, TIME).line


def _anchors() -> list[bytes]:
    keys = [
        (ORIGIN, LOG.public_key, note.ED25519),
        (COSIGNER.name, KEY.public_key, note.COSIGNATURE),
    ]
    written = [note.encode_verifier_key(*each).encode() for each in keys]
    return [_agency().cards[0].encoded, *written]


def _add_request() -> list[bytes]:
    return [witness.encode_request(12, TREE.consistency_proof(12, 40), _checkpoint().note)]


def _line_message() -> pb.SizeCosignature:
    return pb.SizeCosignature(size=40, line=_line())


def _proof_message() -> pb.SizeProof:
    return pb.SizeProof(size=12, consistency=HASHES)


def _comparison(data: bytes) -> object:
    return witness_codec.comparison(of(pb.CompareReply, data))


def _compare_reply() -> list[bytes]:
    reply = pb.CompareReply(
        cosignatures=[_line_message()],
        checkpoint=_checkpoint().note,
        consistency=HASHES,
        proofs=[_proof_message()],
        notes=[_checkpoint().note],
        asks=[7],
    )
    return [reply.SerializeToString()]


def _compare_request() -> list[bytes]:
    request = pb.CompareRequest(
        nonce=bytes(32),
        checkpoint=_checkpoint().note,
        consistency=HASHES,
        held=12,
        asks=[3],
        mutual=HASHES,
        notes=[_checkpoint().note],
    )
    return [request.SerializeToString()]


def _delivery() -> list[bytes]:
    request = pb.DeliverRequest(
        received=[40],
        cosignatures=[_line_message()],
        checkpoint=_checkpoint().note,
        proofs=[_proof_message()],
    )
    return [request.SerializeToString()]


PARSERS = (
    Parser(
        "bundle",
        (
            "audit.bundle_verify.verify_bundle",
            "audit.bundle.Reader.header",
            "audit.verify.LogWalk.take",
        ),
        _bundles,
        _verify_bundle,
        slow=True,
        streams=True,
    ),
    Parser(
        "checkpoint in a bundle",
        ("audit.trust.KeyHistory.open", "audit.trust.KeyHistory.open_next"),
        lambda: list(_agency().store.notes.values()),
        _open_checkpoint,
    ),
    Parser("anchor", ("audit.trust.read_anchor",), _anchors, trust.read_anchor),
    Parser(
        "signature lines",
        ("audit.note.parse_signature_lines",),
        lambda: [_line()],
        note.parse_signature_lines,
    ),
    Parser(
        "cosignature",
        ("audit.cosignature.verify_cosignature",),
        lambda: [_line()],
        lambda data: cosignature.verify_cosignature(_checkpoint(), data, COSIGNER),
    ),
    Parser(
        "request to a witness",
        ("audit.witness.parse_request",),
        _add_request,
        witness.parse_request,
    ),
    Parser(
        "greeting of a witness",
        ("wire.witness_codec.greeting", "wire.witness_codec.greet_nonce"),
        lambda: [pb.GreetReply(nonce=bytes(32), held=3, known=HASHES).SerializeToString()],
        lambda data: witness_codec.greeting(of(pb.GreetReply, data)),
    ),
    Parser(
        "heads to compare",
        ("wire.witness_codec.comparing",),
        _compare_request,
        lambda data: witness_codec.comparing(of(pb.CompareRequest, data)),
    ),
    Parser("heads compared", ("wire.witness_codec.comparison",), _compare_reply, _comparison),
    Parser(
        "cosignatures delivered",
        ("wire.witness_codec.parse_delivery",),
        _delivery,
        lambda data: witness_codec.parse_delivery(of(pb.DeliverRequest, data)),
    ),
)
