"""Twenty members of one centre at once, over TLS: one stalls, one floods, one sends garbage."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from psihash.agreement.state import Agreement
from psihash.identity import signatures
from psihash.identity.fingerprints import format_fingerprint
from psihash.node.central import member, publishing, setting_up
from psihash.node.home import opening, settings
from psihash.node.node import Node
from psihash.node.peering import peers
from psihash.node.peering.channel import PeerChannel
from psihash.psi.group import POINT_BYTES
from psihash.terms import AlgorithmId, size_class
from psihash.wire import central_codec as codec
from psihash.wire.v1 import central_pb2 as pb
from tests.central.meeting import put
from tests.session.nodes import agree
from tests.two_process.agencies import free_port, quick_keys
from tests.two_process.programs import Program, until

pytestmark = pytest.mark.two_process

MEMBERS = 20
ITEMS = 1_500
SHARED = 100
CENTRE = "xx-centre"
SECONDS = 90.0
"""For all of them, on a machine that is busy with other tests too."""


@dataclass
class Club:
    """The centre's home and its members' nodes."""

    home: Path
    port: int
    nodes: list[Node]
    agreements: list[Agreement]
    told: list[str] = field(default_factory=list)
    """Every text of an error that a member was given."""

    def run(self, number: int) -> member.RunOutcome:
        node = self.nodes[number]
        return member.run(node, CENTRE, self.agreements[number].id, ["ours"], since=None)


@pytest.fixture
def club(tmp_path: Path) -> Iterator[Club]:
    with quick_keys():
        port = free_port()
        home = tmp_path / CENTRE
        opening.create(home, opening.NewHome(CENTRE, "Centre", "XX", f"127.0.0.1:{port}"))
        path = home / settings.FILE_NAME
        path.write_text(path.read_text() + f"central_member_elements = {8 * ITEMS}\n")
        centre = opening.open_node(home)
        put(centre, "theirs", range(SHARED))
        setting_up.init(centre)
        made = Club(home, port, [], [])
        for number in range(MEMBERS):
            _join(made, tmp_path, centre, number)
        publishing.publish(centre)
        centre.close()
        yield made
        for node in made.nodes:
            node.close()


def _join(club: Club, folder: Path, centre: Node, number: int) -> None:
    name = f"m{number:02}-police"
    opening.create(folder / name, opening.NewHome(name, name, "XX"))
    node = opening.open_node(folder / name)
    for one, other in ((node, centre), (centre, node)):
        card = json.dumps(peers.own_card(other)).encode()
        peers.add(one, card, format_fingerprint(other.card.fingerprint))
    put(node, "ours", range(SHARED // 2, ITEMS + SHARED // 2))
    club.nodes.append(node)
    club.agreements.append(agree(node, centre, ["ours"], ["theirs"]))


@contextlib.contextmanager
def serving(club: Club) -> Iterator[Program]:
    server = Program(club.home, ["serve", "--listen", f"127.0.0.1:{club.port}"])
    try:
        until(lambda: "answers on" in server.err or server.ended, 30)
        assert not server.ended, server.err
        yield server
    finally:
        server.stop()


def channel(club: Club, number: int) -> PeerChannel:
    node = club.nodes[number]
    return PeerChannel(node, peers.require(node, CENTRE))


def call(club: Club, over: PeerChannel, method: str, request: Any) -> str:
    """One call as it is; the details of a refusal, kept for :func:`check_told`."""
    try:
        getattr(over._central, method)(request, timeout=30)
    except grpc.RpcError as fault:
        club.told.append(fault.details() or "")
        return club.told[-1]
    return ""


def flood(club: Club, number: int, stop: threading.Event) -> None:
    """Runs and batches from many threads, as fast as they are answered."""
    with channel(club, number) as over:
        request = pb.EvaluateRequest(run=os.urandom(32), number=0, elements=b"")

        def go_on() -> None:
            while not stop.is_set():
                call(club, over, "Evaluate", request)

        with ThreadPoolExecutor(12) as pool:
            for _ in range(12):
                pool.submit(go_on)
            while not stop.is_set():
                call(club, over, "Open", codec.open_request(large_run(club, number)))
                time.sleep(0.01)


def large_run(club: Club, number: int) -> codec.Opening:
    """A run as large as the agreement allows, properly signed."""
    node, classes = club.nodes[number], {AlgorithmId.MD5: size_class(ITEMS)}
    opening = codec.Opening(club.agreements[number].id, os.urandom(32), 1, classes, b"")
    context = signatures.Context.CENTRAL_RUN
    signed = signatures.sign(node.keys.signing, context, opening.signed_bytes())
    return replace(opening, signature=signed)


def stall(club: Club, stop: threading.Event) -> None:
    """Connections that say nothing, or the beginning of something, and stay."""
    with contextlib.ExitStack() as held:
        for beginning in (b"", b"\x16\x03\x01\x02\x00", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
            for _ in range(10):
                open_ = held.enter_context(socket.create_connection(("127.0.0.1", club.port)))
                open_.sendall(beginning)
        stop.wait()


def garbage(club: Club, number: int, stop: threading.Event) -> None:
    agreement = bytes.fromhex(club.agreements[number].id)
    with channel(club, number) as over:
        while not stop.is_set():
            noise = os.urandom(POINT_BYTES * 64)
            call(club, over, "Evaluate", pb.EvaluateRequest(run=noise[:32], elements=noise))
            call(club, over, "Evaluate", pb.EvaluateRequest(run=b"x", elements=noise[:33]))
            call(club, over, "Open", pb.OpenRequest(run=noise))
            call(club, over, "Enrol", pb.EnrolRequest(agreement=noise))
            call(club, over, "Pages", pb.PagesRequest(agreement=agreement, part="series"))
            call(club, over, "Publications", pb.PublicationsRequest(agreement=noise[:32]))
            time.sleep(0.01)


def check_told(club: Club) -> None:
    """Nothing but codes, and numbers of faults of which there is none."""
    assert club.told
    for text in set(club.told):
        assert re.fullmatch(r"[a-z][a-z0-9-]*", text), text
    assert "internal" not in club.told


def test_the_others_are_served(club: Club) -> None:
    stalling, flooding, noisy = range(3)
    stop = threading.Event()
    with serving(club) as server, ThreadPoolExecutor(MEMBERS) as pool:
        bad = [
            pool.submit(stall, club, stop),
            pool.submit(flood, club, flooding, stop),
            pool.submit(garbage, club, noisy, stop),
        ]
        try:
            time.sleep(0.5)
            began = time.monotonic()
            good = [pool.submit(club.run, number) for number in range(3, MEMBERS)]
            outcomes = [each.result(SECONDS) for each in good]
            took = time.monotonic() - began
        finally:
            stop.set()
        for each in bad:
            each.result(60)
        assert {outcome.matched_items for outcome in outcomes} == {SHARED // 2}
        assert took < SECONDS
        assert "Traceback" not in server.err
    check_told(club)
    # What the flooding member asked too much is refused by name, and nobody else's share suffers.
    assert "central-member-day-used-up" in club.told
    assert club.nodes[stalling].stores.central_runs.elements_since("2000-01-01T00:00:00Z") == 0
    check_limits(club)


def check_limits(club: Club) -> None:
    with quick_keys():
        centre = opening.open_node(club.home)
    try:
        since = "2000-01-01T00:00:00Z"
        for node in club.nodes:
            asked = centre.stores.central_runs.elements_since(since, node.agency)
            assert asked <= 8 * ITEMS
        assert centre.stores.central_runs.elements_since(since) > (MEMBERS - 3) * ITEMS
    finally:
        centre.close()
