"""A witness over HTTP, asked by a node; metrics; what strangers send."""

from __future__ import annotations

import http.client
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from psihash_server import logs, metrics, witness
from psihash_server.small_http import SmallServer

from psihash import errors
from psihash.audit.checkpoint import sign_checkpoint
from psihash.audit.witness import encode_request
from psihash.node.node import LazySigner, Node
from psihash.node.oversight import auditing, heads, witnesses
from tests.audit import agencies
from tests.audit.agencies import LaterClock, introduce, write


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    """An agency, and a witness that has its card."""
    clock = LaterClock()
    pair = agencies.make(tmp_path, "nl-police", clock), agencies.make(tmp_path, "dpa", clock)
    introduce(*pair)
    yield pair
    for node in pair:
        node.close()


@contextmanager
def running(server: SmallServer) -> Iterator[str]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.address
    finally:
        server.shutdown()
        server.server_close()


def free() -> str:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"127.0.0.1:{probe.getsockname()[1]}"


@contextmanager
def witnessed(nodes: tuple[Node, Node]) -> Iterator[str]:
    node, other = nodes
    with running(witness.server(other, free())) as address:
        key = witnesses.NodeWitness(other).verifier_key
        node.settings = replace(node.settings, witness_url=f"http://{address}", witness_key=key)
        yield address


def ask(
    address: str, method: str, path: str, body: bytes = b"", **headers: str
) -> tuple[int, bytes]:
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    try:
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def test_the_witness_cosigns_a_log_that_grows(nodes: tuple[Node, Node]) -> None:
    node, other = nodes
    with witnessed(nodes):
        for count in (1, 30):
            write(node, count)
            submitted = witnesses.submit(node)
            assert submitted.witness == "psihash/cosigner/dpa"
        assert [row.size for row in node.stores.witnessing.cosignatures()] == [3, 33]
        assert auditing.verify(node)["cosigned"][0]["size"] == 33
        held = heads.held(other, node.card)
        assert held is not None
        assert held.size == 33
        assert witnesses.daily(node) is None


def test_an_answer_that_was_lost_is_asked_for_again(nodes: tuple[Node, Node]) -> None:
    node, _ = nodes
    with witnessed(nodes):
        write(node, 2)
        witnesses.submit(node)
        with node.stores.database.transaction() as connection:
            connection.exec_driver_sql("DELETE FROM cosignatures")
        write(node, 5)
        assert witnesses.submit(node).own_size == 9


def test_a_witness_finds_a_fork_that_no_partner_saw(nodes: tuple[Node, Node]) -> None:
    """The common honest observer: what two partners who never meet cannot find."""
    node, other = nodes
    with witnessed(nodes) as address:
        write(node, 4)
        size = witnesses.submit(node).own_size
        signer = LazySigner(node.card.keys.log, lambda: node.keys.log)
        fork = sign_checkpoint(node.log.origin, size, bytes(32), signer)
        status, body = ask(address, "POST", "/add-checkpoint", encode_request(size, [], fork))
        assert (status, body) == (409, f"{size}\n".encode())
    (incident,) = heads.incidents(other, open_only=True)
    assert (incident.agency, incident.kind, incident.shown) == ("nl-police", "fork", fork)


def test_without_a_witness_or_with_an_unreachable_one(nodes: tuple[Node, Node]) -> None:
    node, other = nodes
    with pytest.raises(errors.StateError) as caught:
        witnesses.submit(node)
    assert caught.value.code == "no-witness"
    key = witnesses.NodeWitness(other).verifier_key
    for url, code in (
        (f"http://{free()}", "witness-unreachable"),
        ("ftp://127.0.0.1", "no-witness"),
        ("nonsense", "no-witness"),
    ):
        node.settings = replace(node.settings, witness_url=url, witness_key=key)
        with pytest.raises(errors.PsihashError) as failed:
            witnesses.submit(node)
        assert failed.value.code == code


def test_a_witness_that_does_not_know_the_log_refuses(
    nodes: tuple[Node, Node], tmp_path: Path
) -> None:
    stranger = agencies.make(tmp_path, "fr-police", LaterClock())
    with witnessed((stranger, nodes[1])), pytest.raises(errors.PeerError) as caught:
        witnesses.submit(stranger)
    assert caught.value.code == "witness-refused"
    stranger.close()


def test_what_strangers_send(nodes: tuple[Node, Node]) -> None:
    with witnessed(nodes) as address:
        assert ask(address, "GET", "/add-checkpoint")[0] == 405
        assert ask(address, "POST", "/")[0] == 404
        assert ask(address, "POST", "/add-checkpoint", b"hello")[0] == 400
        assert ask(address, "POST", "/add-checkpoint", b"", **{"Content-Length": "x"})[0] == 411
        assert ask(address, "POST", "/add-checkpoint", b"", **{"Content-Length": "9" * 8})[0] == 413
        assert ask(address, "POST", "/add-checkpoint", b"x" * 5)[0] == 400


def test_metrics_name_nobody_and_hold_no_digest(nodes: tuple[Node, Node]) -> None:
    node, _ = nodes
    calls = metrics.Calls()
    calls.count("Sync", "")
    calls.count("Sync", "peer-busy")
    with running(metrics.server(node, calls, free())) as address:
        status, body = ask(address, "GET", "/metrics")
        assert ask(address, "POST", "/metrics", b"x")[0] == 405
    text = body.decode()
    assert status == 200
    assert 'psihash_calls_total{method="Sync",code="peer-busy"} 1' in text
    assert "psihash_log_entries 2" in text
    assert "psihash_cosigning_overdue 1" in text
    for secret in ("dpa", "nl-police", "DPA", node.card.keys.log.hex()):
        assert secret not in text
    for line in text.splitlines():
        assert line.startswith("# ") or line.rpartition(" ")[2].isdigit()


def test_metrics_are_for_this_machine_only(nodes: tuple[Node, Node]) -> None:
    for listen in ("0.0.0.0:9100", "192.0.2.1:9100", "example.org:9100"):
        with pytest.raises(errors.InputError) as caught:
            metrics.server(nodes[0], metrics.Calls(), listen)
        assert caught.value.code == "metrics-not-loopback"


def test_log_lines_are_json_with_known_fields_only(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("json")
    try:
        told = {"method": "Sync", "code": "peer-busy", "milliseconds": 3, "secret": "ab" * 32}
        logs.CALLS.info("call", extra=told)
        line = json.loads(capsys.readouterr().err)
        assert set(line) == {"time", "level", "part", "what", "method", "code", "milliseconds"}
        logs.set_up("text")
        logs.SERVER.info("psihash answers on %s", "x:1")
        assert capsys.readouterr().err == "psihash answers on x:1\n"
    finally:
        logging.getLogger("psihash").handlers[:] = []
