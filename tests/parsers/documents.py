"""Parsers of cards, certificates, keys, agreements and logs."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from unittest import mock

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from psihash.agreement import documents, times
from psihash.agreement.file import read_file, write_file
from psihash.agreement.terms import parse_terms
from psihash.audit import checkpoint, merkle, note
from psihash.audit.checkpoint import open_checkpoint
from psihash.audit.entry import StoredEntry, open_entry
from psihash.audit.verify import check_included, check_peer_checkpoint, verify_log
from psihash.identity import certificates, keys, sealing, signatures, trust
from psihash.identity.card_parser import parse_card
from psihash.identity.fingerprints import format_fingerprint, parse_fingerprint
from psihash.identity.trust import KnownPeer, PeerStatus
from psihash.node.home.tls_probe import split_endpoint
from psihash.terms import parse_algorithm
from tests.agreement.conftest import World
from tests.audit.bench import ORIGIN, Bench, SeedSigner, make_log_bench
from tests.identity.conftest import NOW, Agency, make_agency
from tests.parsers.parser import Parser, cut, join, text

PASSPHRASE = b"correct horse battery"
KEYS = [SeedSigner(1).public_key]
_NONE = b"\xff" * 8
"""Stands for a part that an entry does not hold."""


@functools.cache
def _agency() -> Agency:
    return make_agency("nl-police", "Politie", "NL")


@functools.cache
def _world() -> World:
    return World()


@dataclass(frozen=True)
class _Directory:
    known: KnownPeer

    def peer(self, _agency: str) -> KnownPeer:
        return self.known


def _verify_peer(pem: bytes) -> object:
    directory = _Directory(KnownPeer(_agency().verified, PeerStatus.ACTIVE))
    return trust.verify_peer(pem, directory, NOW, expected="nl-police")


# -- keys ----------------------------------------------------------------------------------------


@functools.cache
def _key_files() -> list[bytes]:
    ring = _agency().ring
    with mock.patch.object(keys, "KDF_ROUNDS", 1):
        return [keys.encrypt_private(key, PASSPHRASE) for key in (ring.signing, _p256())]


@functools.cache
def _p256() -> EllipticCurvePrivateKey:
    return keys.new_p256_key()


def _load(data: bytes) -> None:
    """A real file costs a second to open; with one round of its key derivation, nothing."""
    with mock.patch.multiple(keys, KDF_ROUNDS=1, MAX_KDF_ROUNDS=4):
        try:
            keys.load_ed25519(data, PASSPHRASE)
        finally:
            keys.load_p256(data, PASSPHRASE)


def _key_box(content: bytes) -> object:
    signing = _agency().ring.signing
    box = sealing.seal(keys._box_key(signing), content, keys._box_context(signing))
    return keys.open_keys(signing, box)


def _key_box_content() -> list[bytes]:
    ring = _agency().ring
    box = keys.seal_keys(ring)
    signing = ring.signing
    return [sealing.open_sealed(keys._box_key(signing), box, keys._box_context(signing))]


def _signature(data: bytes) -> None:
    public, message, signature = cut(data, 3)
    signatures.verify(public, signatures.Context.CARD, message, signature)


def _signed() -> list[bytes]:
    signing = _agency().ring.signing
    signature = signatures.sign(signing, signatures.Context.CARD, b"message")
    return [join(signatures.public_bytes(signing), b"message", signature)]


# -- agreements ----------------------------------------------------------------------------------


@functools.cache
def _terms() -> list[bytes]:
    world = _world()
    return [world.terms().to_bytes(), world.terms(purpose="Größe").to_bytes()]


@functools.cache
def _documents() -> list[bytes]:
    world = _world()
    terms = world.terms()
    signed = [
        *world.complete(terms),
        world.refusal(terms, world.de),
        world.revocation(terms, world.nl),
    ]
    return [each.document.to_bytes() for each in signed]


def _verified(data: bytes) -> None:
    world = _world()
    document = documents.parse_document(data)
    documents.verify_document(document, document.author, world.public(world.nl))


# -- logs ----------------------------------------------------------------------------------------


@functools.cache
def _log() -> Bench:
    bench = make_log_bench()
    bench.fill(5)
    bench.log.checkpoint()
    return bench


def _note() -> list[bytes]:
    return list(_log().store.notes.values())


def _head() -> checkpoint.VerifiedCheckpoint:
    return open_checkpoint(_note()[0], ORIGIN, *KEYS)


def _packed(row: StoredEntry) -> bytes:
    parts = (row.header, row.leaf_hash, row.shared, row.shared_blind, row.local, row.local_blind)
    return join(*(_NONE if part is None else part for part in parts))


def _stored(data: bytes) -> StoredEntry:
    header, leaf, *rest = cut(data, 6)
    return StoredEntry(header, leaf, *(None if part == _NONE else part for part in rest))


def _rows() -> list[bytes]:
    rows = _log().store.rows
    return [_packed(row) for row in (rows[0], rows[1].withhold(local=True), rows[4])]


def _whole_log(data: bytes) -> object:
    """The input stands for the third entry of five."""
    rows = [*_log().store.rows]
    rows[2] = _stored(data)
    return verify_log(rows, _note(), ORIGIN, KEYS)


def _hashes(data: bytes) -> list[bytes]:
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def _inclusion() -> list[bytes]:
    tree = _log().log.tree()
    leaf = _log().store.rows[2].leaf_hash
    return [join(bytes([2, 5]), leaf, tree.root(), b"".join(tree.inclusion_proof(2, 5)))]


def _verify_inclusion(data: bytes) -> None:
    places, leaf, root, proof = cut(data, 4)
    index, size = int.from_bytes(places[:1], "big"), int.from_bytes(places[1:], "big")
    merkle.verify_inclusion(index, size, leaf, _hashes(proof), root)


def _consistency() -> list[bytes]:
    tree = _log().log.tree()
    return [join(bytes([3, 5]), tree.root(3), tree.root(), b"".join(tree.consistency_proof(3, 5)))]


def _verify_consistency(data: bytes) -> None:
    places, old_root, root, proof = cut(data, 4)
    old, size = int.from_bytes(places[:1], "big"), int.from_bytes(places[1:], "big")
    merkle.verify_consistency(old, old_root, size, root, _hashes(proof))


def _check_included(data: bytes) -> None:
    entry, proof = cut(data, 2)
    check_included(_stored(entry), _hashes(proof), _head())


def _check_peer(data: bytes) -> None:
    before, after, proof = cut(data, 3)
    previous = open_checkpoint(before, ORIGIN, *KEYS) if before else None
    check_peer_checkpoint(previous, open_checkpoint(after, ORIGIN, *KEYS), _hashes(proof))


PARSERS = (
    Parser(
        "card",
        ("identity.card_parser.parse_card",),
        lambda: [_agency().card.encoded],
        parse_card,
    ),
    Parser(
        "fingerprint",
        ("identity.fingerprints.parse_fingerprint",),
        lambda: [format_fingerprint(_agency().card.fingerprint).encode()],
        lambda data: parse_fingerprint(text(data)),
    ),
    Parser(
        "certificate",
        ("identity.certificates.load", "identity.certificates.agency_of"),
        lambda: [_agency().leaf],
        certificates.agency_of,
    ),
    Parser(
        "authority's certificate",
        ("identity.certificates.check_authority",),
        lambda: [_agency().ca.pem],
        certificates.check_authority,
    ),
    Parser(
        "peer's certificate",
        ("identity.certificates.verify_leaf", "identity.trust.verify_peer"),
        lambda: [_agency().leaf],
        _verify_peer,
    ),
    Parser(
        "key file",
        ("identity.keys.kdf_rounds",),
        _key_files,
        keys.kdf_rounds,
    ),
    Parser(
        "key in a file",
        ("identity.keys.load_ed25519", "identity.keys.load_p256"),
        _key_files,
        _load,
        accepts=False,
    ),
    Parser("key box", ("identity.keys.open_keys",), _key_box_content, _key_box),
    Parser(
        "envelope",
        ("identity.sealing.open_sealed",),
        lambda: [sealing.seal(bytes(32), b"secret", b"row")],
        lambda data: sealing.open_sealed(bytes(32), data, b"row"),
    ),
    Parser(
        "signature",
        ("identity.signatures.verify", "identity.signatures.load_public"),
        _signed,
        _signature,
    ),
    Parser(
        "terms",
        (
            "agreement.terms.parse_terms",
            "agreement.fields.decode",
        ),
        _terms,
        parse_terms,
    ),
    Parser(
        "agreement document",
        ("agreement.documents.parse_document",),
        _documents,
        documents.parse_document,
    ),
    Parser(
        "signed document",
        ("agreement.documents.verify_document",),
        lambda: _documents()[:1],
        _verified,
    ),
    Parser(
        "agreement body",
        ("agreement.documents.parse_body",),
        lambda: _documents() + _terms(),
        documents.parse_body,
    ),
    Parser(
        "agreement file",
        ("agreement.file.read_file",),
        lambda: [write_file(_world().active())],
        read_file,
    ),
    Parser(
        "time",
        ("agreement.times.parse_time",),
        lambda: [b"2026-01-31T23:59:59Z"],
        lambda data: times.parse_time(text(data)),
    ),
    Parser(
        "name of an algorithm",
        ("terms.parse_algorithm",),
        lambda: [b"sha256"],
        lambda data: parse_algorithm(text(data)),
    ),
    Parser(
        "address",
        ("node.home.tls_probe.split_endpoint",),
        lambda: [b"node.example.org:7443", b"[::1]:1"],
        lambda data: split_endpoint(text(data)),
    ),
    Parser(
        "signed note",
        ("audit.note.parse_note", "audit.note.open_note", "audit.note.verify_note"),
        _note,
        lambda data: note.open_note(data, ORIGIN, *KEYS),
    ),
    Parser(
        "checkpoint",
        ("audit.checkpoint.open_checkpoint",),
        _note,
        lambda data: open_checkpoint(data, ORIGIN, *KEYS),
    ),
    Parser(
        "verifier key",
        ("audit.note.decode_verifier_key",),
        lambda: [note.encode_verifier_key(ORIGIN, KEYS[0]).encode()],
        lambda data: note.decode_verifier_key(text(data)),
    ),
    Parser(
        "log entry",
        ("audit.entry.open_entry",),
        _rows,
        lambda data: open_entry(_stored(data)),
    ),
    Parser(
        "log",
        ("audit.verify.verify_log",),
        lambda: [_packed(_log().store.rows[2])],
        _whole_log,
    ),
    Parser(
        "entry with its proof",
        ("audit.verify.check_included",),
        lambda: [join(_rows()[0], b"".join(_log().log.tree().inclusion_proof(0, 5)))],
        _check_included,
    ),
    Parser(
        "checkpoint with its proof",
        ("audit.verify.check_peer_checkpoint",),
        lambda: [join(b"", _note()[0], b""), join(_note()[0], _note()[0], b"")],
        _check_peer,
    ),
    Parser(
        "inclusion proof",
        ("audit.merkle.verify_inclusion",),
        _inclusion,
        _verify_inclusion,
    ),
    Parser(
        "consistency proof",
        ("audit.merkle.verify_consistency",),
        _consistency,
        _verify_consistency,
    ),
    Parser(
        "frontier",
        ("audit.merkle.Frontier.from_bytes", "audit.merkle.split_hashes"),
        lambda: [bytes(8), (5).to_bytes(8, "big") + bytes(64)],
        merkle.Frontier.from_bytes,
    ),
)
