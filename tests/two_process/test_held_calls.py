"""One peer holds all the calls that it can get; everybody else is answered."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from psihash_server.door import OPEN_CALLS, Door
from psihash_server.service import Refusal

from psihash.identity.authority import NODE_HOST
from psihash.identity.trust import PeerStatus
from psihash.node.node import Node
from psihash.node.peering import peers
from psihash.wire.v1 import peer_pb2 as pb
from tests.two_process import programs
from tests.two_process.agencies import BE, DE, NL, Agencies
from tests.two_process.calls import client_of, refused

pytestmark = pytest.mark.two_process

STREAMS = 32
CONNECTIONS = 9
"""More calls than the threads of the server, four times over."""

Hold = Callable[[grpc.Channel, threading.Event], Any]


def without_message(channel: grpc.Channel, stop: threading.Event) -> Any:
    """A call whose request never comes."""

    def nothing() -> Iterator[bytes]:
        stop.wait()
        yield from ()

    return channel.stream_unary("/psihash.wire.v1.Peer/Sync").future(nothing())


def watch(channel: grpc.Channel, _: threading.Event) -> Any:
    """The call of health checking that has no end."""
    return channel.unary_stream("/grpc.health.v1.Health/Watch")(b"")


@pytest.mark.parametrize(
    ("hold", "status"),
    [
        (watch, PeerStatus.ACTIVE),
        (without_message, PeerStatus.ACTIVE),
        (watch, PeerStatus.SUSPENDED),
    ],
)
def test_a_peer_that_holds_calls_keeps_nobody_out(
    agencies: Agencies, hold: Hold, status: PeerStatus
) -> None:
    stop = threading.Event()
    with ExitStack() as stack:
        de, be, nl = (stack.enter_context(agencies.node(name)) for name in (DE, BE, NL))
        if status is PeerStatus.SUSPENDED:
            peers.set_status(be, DE, status)
        stack.enter_context(programs.serving(agencies))
        held = []
        for number in range(CONNECTIONS):
            channel = stack.enter_context(connection(de, be, agencies.port, number))
            held += [hold(channel, stop) for _ in range(STREAMS)]
        honest = stack.enter_context(client_of(nl, agencies.port, be))
        time.sleep(1.0)
        for _ in range(3):
            honest.sync()
        assert check(honest.channel) == health_pb2.HealthCheckResponse.SERVING
        if hold is without_message:
            # What is above the peer's share is refused at once, and the log says so.
            with client_of(de, agencies.port, be) as other:
                assert refused(other.sync) == (
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    "peer-busy",
                )
            assert sum(not call.done() for call in held) <= OPEN_CALLS
            assert "peer-busy" in agencies.codes(BE)
        stop.set()
        for call in held:
            call.cancel()


def test_there_is_no_call_without_an_end(agencies: Agencies) -> None:
    with ExitStack() as stack:
        be, nl = (stack.enter_context(agencies.node(name)) for name in (BE, NL))
        stack.enter_context(programs.serving(agencies))
        client = stack.enter_context(client_of(nl, agencies.port, be))
        stub: Any = health_pb2_grpc.HealthStub(client.channel)
        asked = health_pb2.HealthCheckRequest()
        answer = refused(lambda: list(stub.Watch(asked, timeout=20)))
        assert answer.status is grpc.StatusCode.UNIMPLEMENTED
        # Two messages, none, and one that is no message.
        sync = client.channel.stream_unary("/psihash.wire.v1.Peer/Sync")
        empty = pb.SyncRequest().SerializeToString()
        assert pb.SyncReply.FromString(sync(iter([empty, empty]), timeout=20))
        for wrong in ([], [b"\xff\xff\xff"]):
            status, details = refused(sync, iter(wrong), timeout=20)
            assert (status, details) == (
                grpc.StatusCode.INVALID_ARGUMENT,
                "malformed-message",
            )


def test_a_request_that_does_not_come_ends_its_call() -> None:
    class Service:
        def prove(self, *_: bytes) -> Any:
            return type("Peer", (), {"agency": NL})

        def refuse(self, error: Any, agency: str) -> Refusal:
            return Refusal(grpc.StatusCode.FAILED_PRECONDITION, f"{error.code} {agency}")

        def note(self, method: str, code: str) -> None:
            noted.append((method, code))

    class Call:
        def auth_context(self) -> dict[str, list[bytes]]:
            return {}

        async def read(self) -> bytes:
            await asyncio.sleep(60)
            return b""

        async def abort(self, status: grpc.StatusCode, details: str) -> None:
            noted.append((status.name, details))

    async def found(_: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(lambda request, context: None)

    async def run() -> None:
        door = Door(Service(), seconds=2.0)  # type: ignore[arg-type]
        details = type("Details", (), {"method": "/psihash.wire.v1.Peer/Sync"})
        handler = await door.intercept_service(found, details)
        assert handler is not None
        await handler.stream_stream(None, Call())
        door.close()

    noted: list[tuple[str, str]] = []
    # A browser of other tests may have a loop in this thread.
    with ThreadPoolExecutor(1) as own:
        own.submit(lambda: asyncio.run(run())).result()
    assert noted == [("Peer/Sync", "request-late"), ("FAILED_PRECONDITION", f"request-late {NL}")]


def connection(caller: Node, server: Node, port: int, number: int) -> grpc.Channel:
    """A connection of its own."""
    credentials = grpc.ssl_channel_credentials(server.ca_pem, caller.keys.tls_pem(), caller.tls_pem)
    options = [
        ("grpc.ssl_target_name_override", NODE_HOST),
        ("grpc.use_local_subchannel_pool", 1),
        ("tests.number", number),
    ]
    return grpc.secure_channel(f"127.0.0.1:{port}", credentials, options=options)


def check(channel: grpc.Channel) -> Any:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    return stub.Check(health_pb2.HealthCheckRequest(), timeout=20).status
