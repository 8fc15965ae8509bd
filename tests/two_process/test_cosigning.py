"""Checkpoints over TLS between processes; health checks, metrics and log lines of a server."""

from __future__ import annotations

import http.client
import json
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from psihash.node.oversight import cosigning, heads, witnesses
from psihash.wire import services
from psihash.wire.v1 import witness_pb2 as pb
from tests.two_process import programs
from tests.two_process.agencies import BE, NL, Agencies, free_port, set_up
from tests.two_process.calls import client_of, refused

pytestmark = pytest.mark.two_process

INVALID = grpc.StatusCode.INVALID_ARGUMENT


def test_a_contact_cosigns_both_logs_and_bad_calls_are_refused(agencies: Agencies) -> None:
    with programs.serving(agencies), agencies.node(NL) as nl, agencies.node(BE) as be:
        found = cosigning.exchange(nl, BE)
        assert found.own_size == nl.stores.log.head().size
        assert [row.cosigner for row in nl.stores.witnessing.cosignatures()] == [
            f"psihash/cosigner/{BE}"
        ]
        assert [row.cosigner for row in be.stores.witnessing.cosignatures()] == [
            f"psihash/cosigner/{NL}"
        ]
        with client_of(nl, agencies.port, be) as client:
            stub: Any = services.stub(client.channel, services.WITNESSING)
            short = pb.GreetRequest(nonce=b"x")
            assert refused(stub.Greet, short, timeout=20) == (INVALID, "malformed-message")
            many = pb.CompareRequest(nonce=bytes(32), asks=range(99))
            assert refused(stub.Compare, many, timeout=20) == (INVALID, "malformed-message")
            empty = refused(stub.Compare, pb.CompareRequest(nonce=bytes(32)), timeout=20)
            assert empty.details == "note-malformed"
        assert heads.incidents(be) == []


def test_a_session_is_cosigned_at_open_and_close(agencies: Agencies) -> None:
    with programs.serving(agencies):
        for _ in range(2):
            assert programs.match(agencies).code == 0
        for agency in (NL, BE):
            with agencies.node(agency) as node:
                # The first exchange, then open and close of the first session.
                assert len(node.stores.witnessing.cosignatures()) >= 3
                assert heads.incidents(node) == []


def test_a_server_tells_how_it_is_and_names_nobody(agencies: Agencies) -> None:
    port = free_port()
    set_up(agencies.home(BE), metrics_listen=f"127.0.0.1:{port}")
    with programs.serving(agencies), agencies.node(NL) as nl, agencies.node(BE) as be:
        with client_of(nl, agencies.port, be) as client:
            stub: Any = health_pb2_grpc.HealthStub(client.channel)
            for service in ("", "psihash.wire.v1.Peer", "psihash.wire.v1.Witnessing"):
                reply = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=20)
                assert reply.status == health_pb2.HealthCheckResponse.SERVING
            client.sync()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        assert 'psihash_calls_total{method="Peer/Sync",code="ok"} 1' in text
        assert NL not in text
        assert BE not in text


def test_log_lines_as_json(agencies: Agencies) -> None:
    listen = f"127.0.0.1:{agencies.port}"
    words = ["serve", "--listen", listen, "--log-format", "json"]
    server = programs.Program(agencies.home(BE), words)
    try:
        programs.until(lambda: "answers on" in server.err, 30)
    finally:
        server.stop()
    lines = [json.loads(line) for line in server.err.splitlines() if line.startswith("{")]
    assert any(line["part"] == "psihash.server" for line in lines)


def test_a_witness_as_a_process(agencies: Agencies) -> None:
    """be-police as the witness of nl-police's log."""
    listen = f"127.0.0.1:{free_port()}"
    server = programs.Program(agencies.home(BE), ["witness", "--listen", listen])
    try:
        programs.until(lambda: "witnesses on" in server.err, 30)
        key = server.err.split("witness_key = ")[1].splitlines()[0]
        set_up(agencies.home(NL), witness_url=f"http://{listen}", witness_key=key)
        with agencies.node(NL) as nl:
            assert witnesses.submit(nl).witness == f"psihash/cosigner/{BE}"
            assert len(nl.stores.witnessing.cosignatures()) == 1
    finally:
        server.stop()
    assert server.wait().code == 0
