"""A peer with a sound certificate and bad manners: each gets a named answer and a log entry."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from psihash import canonical, errors, limits
from psihash.identity import hybrid, signatures
from psihash.node.node import Node
from psihash.session.deal import PROTOCOL, hello_bytes
from psihash.session.messages import Hello, HelloReply, Refuse
from psihash.wire.codec import ProtobufCodec
from psihash.wire.v1 import peer_pb2 as pb
from tests.two_process import programs
from tests.two_process.agencies import BE, DE, EVERY, NL, Agencies
from tests.two_process.calls import Answer, Client, client_of, refused
from tests.two_process.conftest import check_outputs

pytestmark = pytest.mark.two_process

INVALID = grpc.StatusCode.INVALID_ARGUMENT
FAILED = grpc.StatusCode.FAILED_PRECONDITION
DENIED = grpc.StatusCode.PERMISSION_DENIED
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
DIGEST = sorted(EVERY)[0]


@pytest.fixture(scope="module")
def shared(prepared: Agencies, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agencies]:
    """One server for all tests here."""
    agencies = prepared.copy(tmp_path_factory.mktemp("hostile") / "homes")
    with programs.serving(agencies):
        yield agencies
    agencies.check_logs()
    check_outputs(agencies.root)
    for agency in (NL, BE):
        assert not any(digest in str(agencies.endings(agency)) for digest in EVERY)


@pytest.fixture(scope="module")
def be(shared: Agencies) -> Iterator[Node]:
    with shared.node(BE) as node:
        yield node


@pytest.fixture(scope="module")
def nl(shared: Agencies) -> Iterator[Node]:
    with shared.node(NL) as node:
        yield node


@pytest.fixture
def client(shared: Agencies, nl: Node, be: Node) -> Iterator[Client]:
    """A client with the certificate of nl-police."""
    with client_of(nl, shared.port, be) as client:
        yield client


@pytest.fixture
def stranger(shared: Agencies, be: Node) -> Iterator[Client]:
    """A client with the certificate of de-police, a peer without any agreement."""
    with shared.node(DE) as node, client_of(node, shared.port, be) as client:
        yield client


def hello(node: Node, be: Node, agreement: str, **changes: object) -> tuple[bytes, bytes]:
    """(channel, hello) of an honest opening, or one with changed fields under a good signature."""
    body = Hello(
        protocol=PROTOCOL,
        nonce=secrets.token_bytes(32),
        own_card=node.card.fingerprint,
        peer_card=be.card.fingerprint,
        agreement=bytes.fromhex(agreement),
        key_exchange=hybrid.EphemeralExchange().start(),
        own_leaf=node.leaf,
        peer_leaf=be.leaf,
    )
    body = replace(body, **changes)  # type: ignore[arg-type]
    signed = canonical.framed(b"hello", hello_bytes(body))
    signature = signatures.sign(node.keys.signing, signatures.Context.HELLO, signed)
    return body.nonce, ProtobufCodec().encode_greeting(replace(body, signature=signature))


def said(reply: pb.ExchangeReply) -> str:
    """The code of a refusal in the greeting; ``hello`` where there is none."""
    greeting = ProtobufCodec().decode_greeting(reply.messages[0].body)
    if isinstance(greeting, Refuse):
        return greeting.code
    assert isinstance(greeting, HelloReply)
    return "hello"


def poll(client: Client, channel: bytes, *, seconds: float = 10.0) -> pb.ExchangeReply:
    """Wait for the first message of the server."""
    deadline = time.monotonic() + seconds
    while True:
        reply: pb.ExchangeReply = client.exchange(channel, hold=True)
        if reply.messages:
            return reply
        assert time.monotonic() < deadline


def open_with(client: Client, channel: bytes, body: bytes) -> pb.ExchangeReply:
    reply: pb.ExchangeReply = client.exchange(channel, (1, body), hold=True)
    return reply if reply.messages else poll(client, channel)


def logged(agencies: Agencies, code: str) -> bool:
    return code in agencies.codes(BE)


def test_calls_that_are_out_of_form(shared: Agencies, client: Client) -> None:
    random = secrets.token_bytes(32)
    assert refused(client.exchange, random[:31], (1, b"x")) == (INVALID, "bad-call")
    assert refused(client.exchange, random, (2, b"x")) == (FAILED, "unknown-channel")
    assert refused(client.exchange, random, (0, b"x")) == (FAILED, "unknown-channel")
    assert refused(client.exchange, random) == (FAILED, "unknown-channel")
    settle = pb.SettleRequest(session=random[:31])
    assert refused(client.stub.Settle, settle) == (INVALID, "malformed-message")
    assert refused(client.sync, received=[random] * 65) == (INVALID, "malformed-message")
    assert refused(client.sync, *[b"{}"] * 65) == (INVALID, "too-many-documents")
    assert refused(client.sync, bytes(limits.MAX_DOCUMENT + 1)) == (INVALID, "too-many-documents")
    coverage = [pb.AlgorithmCoverage(algorithm="md5", percent=7)]
    asked = pb.PreflightRequest(agreement=shared.agreement, coverage=coverage)
    assert refused(client.stub.Preflight, asked) == (INVALID, "bad-preflight")
    for code in ("bad-call", "unknown-channel", "malformed-message", "too-many-documents"):
        assert shared.codes(BE).count(code) == 1, "once a minute, however often it happens"


def test_bytes_that_are_no_message_of_ours(client: Client) -> None:
    answers = [refused(client.raw, "Exchange", b"\xff" * 40), refused(client.raw, "Nothing", b"")]
    assert answers[1].status is grpc.StatusCode.UNIMPLEMENTED
    assert not any("Traceback" in each.details or "\\xff" in each.details for each in answers)


def test_a_giant_message_is_not_taken_in(client: Client) -> None:
    giant = bytes(limits.MAX_RPC_BYTES + 1)
    assert refused(client.exchange, secrets.token_bytes(32), (1, giant)).status is EXHAUSTED
    assert refused(client.sync, giant).status is EXHAUSTED


def test_documents_that_are_garbage_are_refused_one_by_one(
    shared: Agencies, client: Client
) -> None:
    bodies = [b"", b"{", b"[]", b'{"type":"terms"}', b"[" * 5000, b'{"psihash_card":1}', b"\xff"]
    bodies += [json.dumps({"type": "annex", "note": DIGEST}).encode(), b"1" * 10_000]
    reply = client.sync(*bodies)
    codes = [outcome.code for outcome in reply.outcomes]
    assert len(codes) == len(bodies)
    assert all(code in errors.CODES for code in codes)
    assert set(codes) <= set(shared.codes(BE))


def test_greetings_that_are_refused(shared: Agencies, client: Client, nl: Node, be: Node) -> None:
    agreement = shared.agreement
    for channel, body, code in (
        (*hello(nl, be, "00" * 32), "no-such-agreement"),
        (*hello(nl, be, agreement, protocol="psihash/2"), "wrong-protocol"),
        (*hello(nl, be, agreement, own_card=be.card.fingerprint), "wrong-card"),
        (*hello(nl, be, agreement, peer_leaf=nl.leaf), "wrong-leaf"),
        (*hello(nl, be, agreement, own_leaf=be.leaf), "wrong-leaf"),
    ):
        assert said(open_with(client, channel, body)) == code
        assert logged(shared, code)
    # What is no greeting at all gets no answer but the end.
    assert client.exchange(secrets.token_bytes(32), (1, b"\x00garbage"), hold=True).ended
    assert logged(shared, "malformed-message")
    channel, body = hello(nl, be, agreement)
    altered = body[:-1] + bytes([body[-1] ^ 1])
    assert said(open_with(client, channel, altered)) == "bad-signature"
    assert logged(shared, "bad-signature")


def test_a_greeting_is_good_once_and_on_its_own_channel(
    shared: Agencies, client: Client, stranger: Client, nl: Node, be: Node
) -> None:
    channel, body = hello(nl, be, shared.agreement)
    assert said(open_with(client, channel, body)) == "hello"
    # de-police knows the channel's name and can do nothing with it.
    assert refused(stranger.exchange, channel, (2, b"x")) == (FAILED, "unknown-channel")
    assert refused(stranger.exchange, channel, (1, body)) == (FAILED, "unknown-channel")
    assert said(client.exchange(channel)) == "hello"
    # The same hello once more, under another name, and as somebody else's.
    other = secrets.token_bytes(32)
    assert said(open_with(client, other, body)) == "wrong-channel"
    assert said(open_with(stranger, other[::-1], body)) in ("wrong-channel", "bad-signature")
    # It was taken for a new session of nl-police, so the first one has ended; nor does it revive.
    farewell = client.exchange(channel, ack=1)
    assert farewell.messages
    client.exchange(channel, ack=2)
    time.sleep(0.2)
    assert refused(client.exchange, channel, (1, body)) == (FAILED, "unknown-channel")
    assert logged(shared, "session-superseded")


@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        ([(1, b"another hello")], "link-altered"),
        ([(3, b"too far")], "link-order"),
        ([(0, b"none")], "link-order"),
        ([(n, b"more than a window") for n in range(2, 7)], "link-order"),
        ([(2, bytes(limits.MAX_SESSION_MESSAGE + 17))], "link-order"),
        ([(2, b"short")], "frame-broken"),
        ([(2, secrets.token_bytes(5000))], "frame-broken"),
    ],
)
def test_messages_that_break_the_numbering_or_the_seal(
    shared: Agencies,
    client: Client,
    nl: Node,
    be: Node,
    numbers: list[tuple[int, bytes]],
    code: str,
) -> None:
    channel, body = hello(nl, be, shared.agreement)
    open_with(client, channel, body)
    before = shared.codes(BE).count(code)
    if code == "frame-broken":
        client.exchange(channel, *numbers, ack=1)
    else:
        assert refused(client.exchange, channel, *numbers, ack=1) == (INVALID, code)
    programs.until(lambda: shared.codes(BE).count(code) > before)


def test_an_acknowledgement_of_what_was_never_sent(
    shared: Agencies, client: Client, nl: Node, be: Node
) -> None:
    channel, body = hello(nl, be, shared.agreement)
    open_with(client, channel, body)
    assert refused(client.exchange, channel, ack=2**63) == (INVALID, "link-order")


def test_another_agencys_agreement_and_session_do_not_exist_for_a_stranger(
    shared: Agencies, stranger: Client, be: Node
) -> None:
    done = programs.match(shared)
    assert done.code == 0, done.err + done.out
    session = bytes.fromhex(done.document["session"])
    asked = pb.SettleRequest(session=session)
    assert refused(stranger.stub.Settle, asked) == (FAILED, "unknown-channel")
    unknown = stranger.stub.Settle(pb.SettleRequest(session=bytes(32)), timeout=20)
    assert (unknown.outcome, unknown.HasField("receipt")) == ("aborted", False)
    assert shared.states(BE)[session.hex()] == "completed"
    preflight = pb.PreflightRequest(agreement=shared.agreement)
    assert refused(stranger.stub.Preflight, preflight) == (DENIED, "no-such-agreement")
    with shared.node(DE) as node:
        channel, body = hello(node, be, shared.agreement)
        assert said(open_with(stranger, channel, body)) == "no-such-agreement"


def test_a_peer_that_floods_is_held_back_and_others_are_served(
    shared: Agencies, client: Client, stranger: Client, nl: Node, be: Node
) -> None:
    channel, body = hello(nl, be, shared.agreement)
    open_with(client, channel, body)
    with ThreadPoolExecutor(60) as pool:
        calls = [pool.submit(hold, client, channel) for _ in range(60)]
        started = time.monotonic()
        stranger.sync()
        assert time.monotonic() - started < 5
        answers = [call.result() for call in calls]
    busy = [each for each in answers if each is not None]
    assert busy
    # Above the streams of a connection HTTP/2 itself says no.
    assert EXHAUSTED in {each.status for each in busy} <= {EXHAUSTED, grpc.StatusCode.UNAVAILABLE}
    assert logged(shared, "peer-busy")


def hold(client: Client, channel: bytes) -> Answer | None:
    try:
        client.exchange(channel, room=0, ack=1, hold=True)
    except grpc.RpcError as fault:
        return Answer(fault.code(), fault.details() or "")
    return None


def test_nothing_told_a_digest(shared: Agencies) -> None:
    """Last in the file: over all that was written."""
    for path in Path(shared.root).rglob("*.err"):
        assert DIGEST not in path.read_text()
    with shared.node(BE) as node:
        from psihash.node.oversight import auditing

        assert DIGEST not in str(list(auditing.show(node)))
