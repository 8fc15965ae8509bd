"""Parsers of what a peer says in a session, and of the calls that carry it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import count
from typing import Any, TypeVar

from google.protobuf.message import DecodeError, Message

from psihash import canonical
from psihash.hashset.model import Category, Dialect, Verdict
from psihash.identity.hybrid import EphemeralExchange, SecureChannel
from psihash.node.running import preflight
from psihash.session import blobs, labels, receipt, records
from psihash.session import messages as m
from psihash.session.commitment import Opening, decode_openings, encode_openings
from psihash.session.result import PeerRecord
from psihash.terms import AlgorithmId, CollectionKind, Rung, SessionRole
from psihash.testing.memory import Bench
from psihash.testing.pump import pump
from psihash.wire import codec, fields
from psihash.wire.codec import ProtobufCodec
from psihash.wire.v1 import peer_pb2 as pb
from tests.parsers.parser import Parser
from tests.session.lists import lists

MD5, SHA1 = AlgorithmId.MD5, AlgorithmId.SHA1
CODEC = ProtobufCodec()
COUNTS = {MD5: 2, SHA1: 1}
COLLECTIONS = ["c-3", "c-1", "c-2"]

_Message = TypeVar("_Message", bound=Message)


class Script(ProtobufCodec):
    """Keeps the bytes of every message, and says something else in the place of one of them."""

    def __init__(self, place: int = -1, instead: bytes = b"") -> None:
        self.said: list[bytes] = []
        self.greetings = 0
        self._place, self._instead = place, instead

    def encode_greeting(self, message: m.Greeting) -> bytes:
        self.greetings += 1
        return self._say(super().encode_greeting(message))

    def encode(self, message: m.Sealed) -> bytes:
        return self._say(super().encode(message))

    def _say(self, data: bytes) -> bytes:
        self.said.append(self._instead if len(self.said) == self._place else data)
        return self.said[-1]


def session(script: Script) -> None:
    """A whole session in memory, between sides that say what the script wants. Errors other than
    those of psihash pass through."""
    bench = Bench.of(lists(alpha=range(9)), lists(gamma=range(5, 12)))
    bench.codec = script
    pump(bench.meet(Rung.RECORDS).pair)


@functools.cache
def said() -> tuple[list[bytes], int]:
    """All messages of an honest session, and how many of them are greetings."""
    script = Script()
    session(script)
    return script.said, script.greetings


def _greetings() -> list[bytes]:
    messages, greetings = said()
    return [*messages[:greetings], CODEC.encode_greeting(m.Refuse("no-such-agreement"))]


def _sealed() -> list[bytes]:
    messages, greetings = said()
    rare: tuple[m.Sealed, ...] = (m.Refuse("clause-rung"), m.Abort("session-idle"))
    return [*messages[greetings:], *map(CODEC.encode, rare)]


def _party(data: bytes) -> None:
    """The first byte says which message of the session the rest stands for."""
    if data:
        session(Script(data[0] % len(said()[0]), data[1:]))


def of(kind: type[_Message], data: bytes) -> _Message:
    """As gRPC hands a request to us; what is none never gets that far."""
    message = kind()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return kind()
    return message


@functools.cache
def _receipts() -> list[m.Receipt]:
    return [found for found in map(CODEC.decode, _sealed()) if isinstance(found, m.Receipt)]


def _check_receipt(body: bytes) -> None:
    own = receipt.document(_receipts()[0])
    receipt.check(own, m.Receipt(body, bytes(64)))


def _record() -> PeerRecord:
    category = Category(Dialect.US, "1")
    verdict = Verdict(category, True, None, False, ("Series 1",), "2026", 3, "NL", "x")
    return PeerRecord("series x", CollectionKind.SERIES, (verdict,), "desk@example.org")


def _labels() -> list[bytes]:
    told: dict[AlgorithmId, list[tuple[str, ...]]]
    told = {MD5: [("c-1",), ("c-2", "c-3")], SHA1: [("c-1",)]}
    return [labels.encode_labels(told, COLLECTIONS)]


def _records() -> list[bytes]:
    return [records.encode_records({MD5: [[_record()], [_record()] * 2], SHA1: [[_record()]]})]


def _openings() -> list[bytes]:
    found = [Opening(5, bytes(32), (bytes(32),) * 3), Opening(2**40, b"\1" * 32, ())]
    return [encode_openings(list(zip(count(), found, strict=False)))]


def _content(valid: Callable[[], list[bytes]]) -> Callable[[], list[bytes]]:
    return lambda: [blobs.unpad(blob) for blob in valid()]


def _padded(decode: Callable[..., object], *rest: Any) -> Callable[[bytes], object]:
    """Behind the right padding, so that a mutation reaches what is inside."""
    return lambda content: decode(blobs.pad(content), *rest)


def _preflight() -> list[bytes]:
    coverage = preflight.encode(
        {MD5: preflight.Coverage(30, 1024), SHA1: preflight.Coverage(0, 64)}
    )
    return [pb.PreflightRequest(agreement="ab" * 32, coverage=coverage).SerializeToString()]


@functools.cache
def _exchange() -> tuple[EphemeralExchange, bytes]:
    own = EphemeralExchange()
    return own, EphemeralExchange.respond(own.start())[0]


def _finish(reply: bytes) -> object:
    own, keys = _exchange()[0], _exchange()[0]._keys
    try:
        return own.finish(reply)
    finally:
        own._keys = keys


def _channels() -> tuple[SecureChannel, SecureChannel]:
    one, other = (SecureChannel(bytes(32), bytes(32), role) for role in SessionRole)
    return one, other


_IN_A_SESSION = (
    "session.party.Party.receive",
    "session.party.Party.overtake",
    "session.sharing.Sharing.take_labels",
    "session.sharing.Sharing.take_openings",
    "session.sharing.Sharing.take_records",
    "session.commitment.PeerTree.check",
    "session.compare.verify_check",
    "session.deal.check_cards",
    "session.deal.check_leaves",
    "session.receipt.verify_signature",
    "session.run_plan.RunSecrets.check_peer",
    "session.trees.accept_roots",
)

PARSERS = (
    Parser(
        "greeting",
        ("wire.codec.ProtobufCodec.decode_greeting", "wire.fields.parse"),
        _greetings,
        CODEC.decode_greeting,
    ),
    Parser("message", ("wire.codec.ProtobufCodec.decode",), _sealed, CODEC.decode),
    Parser(
        "receipt in a call",
        ("wire.codec.decode_receipt",),
        lambda: [codec.encode_receipt(found).SerializeToString() for found in _receipts()],
        lambda data: codec.decode_receipt(fields.parse(pb.Receipt, data)),
    ),
    Parser(
        "receipt",
        ("session.receipt.check",),
        lambda: [_receipts()[1].body],
        _check_receipt,
    ),
    Parser(
        "session",
        _IN_A_SESSION,
        lambda: [bytes([at]) + data for at, data in enumerate(said()[0])],
        _party,
        slow=True,
    ),
    Parser("padding", ("session.blobs.unpad",), lambda: [blobs.pad(b"content")], blobs.unpad),
    Parser(
        "labels",
        ("session.labels.decode_labels",),
        _content(_labels),
        _padded(labels.decode_labels, COUNTS, COLLECTIONS),
    ),
    Parser(
        "records",
        ("session.records.decode_records",),
        _content(_records),
        _padded(records.decode_records, COUNTS),
    ),
    Parser(
        "openings",
        ("session.commitment.decode_openings",),
        _openings,
        lambda data: decode_openings(data, 2),
    ),
    Parser(
        "preflight",
        ("node.running.preflight.decode",),
        _preflight,
        lambda data: preflight.decode(of(pb.PreflightRequest, data).coverage),
    ),
    Parser(
        "key exchange",
        ("identity.hybrid.EphemeralExchange.respond",),
        lambda: [EphemeralExchange().start()],
        EphemeralExchange.respond,
    ),
    Parser(
        "key exchange's reply",
        ("identity.hybrid.EphemeralExchange.finish",),
        lambda: [_exchange()[1]],
        _finish,
    ),
    Parser(
        "sealed message",
        ("identity.hybrid.SecureChannel.open",),
        lambda: [_channels()[0].seal(0, b"content")],
        lambda data: _channels()[1].open(0, data),
    ),
    Parser(
        "canonical JSON",
        ("canonical.decode",),
        lambda: [canonical.encode({"a": [1, None, {"é": "x"}], "b": {}})],
        lambda data: canonical.decode(data, max_bytes=1 << 20),
    ),
)
