"""The answering side without a network: channels, leases, and what is tidied up later."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from psihash_server.fairness import FairShare

from psihash import errors, limits
from psihash.audit.event import Event
from psihash.identity.trust import VerifiedPeer, verify_peer
from psihash.node import leasing
from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.node.peering.answering import Answering
from psihash.node.peering.refusals import QuietRecords
from psihash.session.link import Numbered
from psihash.storage.leases import LeaseStore
from psihash.storage.sessions import SessionRow
from psihash.terms import Rung, SessionRole
from tests.session.nodes import Homes

GARBAGE = [Numbered(1, b"no greeting")]


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Homes:
    return Homes.make(tmp_path_factory.mktemp("homes"))


@pytest.fixture
def nodes(homes: Homes, tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    """(the peer, the answering node)."""
    peer, node = homes.open(tmp_path)
    yield peer, node
    for each in (peer, node):
        assert auditing.verify(each)["ok"]
        each.close()


@pytest.fixture
def node(nodes: tuple[Node, Node]) -> Node:
    return nodes[1]


@pytest.fixture
def peer(nodes: tuple[Node, Node]) -> VerifiedPeer:
    return verify_peer(nodes[0].tls_pem, nodes[1].directory, nodes[1].now())


@pytest.fixture
def answering(node: Node) -> Iterator[Answering]:
    answering = Answering(node)
    yield answering
    answering.close()


def code_of(node: Node, event: str = "incident") -> list[str]:
    return [e["local"]["code"] for e in auditing.show(node) if e["event"] == event]


def open_channel(answering: Answering, peer: VerifiedPeer, channel: bytes) -> None:
    """A session that ends at once, because its greeting is none."""
    _, messages, finished = answering.exchange(peer, channel, 0, GARBAGE, 4, hold=True)
    assert (messages, finished) == ([], True)


def test_a_channel_is_used_once(answering: Answering, peer: VerifiedPeer) -> None:
    channel = secrets.token_bytes(32)
    open_channel(answering, peer, channel)
    for messages in (GARBAGE, []):
        with pytest.raises(errors.PeerError) as caught:
            answering.exchange(peer, channel, 0, messages, 4, hold=False)
        assert caught.value.code == "unknown-channel"


def test_a_session_under_way_with_the_peer_elsewhere_keeps_others_out(
    node: Node, answering: Answering, peer: VerifiedPeer
) -> None:
    lease = leasing.acquire(node, leasing.pair(peer.agency))
    with pytest.raises(errors.UnavailableError) as caught:
        open_channel(answering, peer, secrets.token_bytes(32))
    assert caught.value.code == "peer-busy"
    node.stores.leases.release(lease)
    open_channel(answering, peer, secrets.token_bytes(32))


def test_nobody_opens_sessions_without_end(answering: Answering, peer: VerifiedPeer) -> None:
    for _ in range(limits.SESSION_OPENS_PER_MINUTE):
        open_channel(answering, peer, secrets.token_bytes(32))
    with pytest.raises(errors.UnavailableError) as caught:
        open_channel(answering, peer, secrets.token_bytes(32))
    assert caught.value.code == "peer-busy"


def test_a_node_that_stops_opens_nothing(answering: Answering, peer: VerifiedPeer) -> None:
    answering.stop()
    with pytest.raises(errors.UnavailableError) as caught:
        open_channel(answering, peer, secrets.token_bytes(32))
    assert caught.value.code == "node-stopping"


def test_a_lease_that_could_not_be_given_back_stops_nobody(
    node: Node, answering: Answering, peer: VerifiedPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: LeaseStore, lease: object) -> None:
        raise errors.StorageError("disk-full", "the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(LeaseStore, "release", full)
        open_channel(answering, peer, secrets.token_bytes(32))
    again = leasing.acquire(node, leasing.pair(peer.agency))
    answering.housekeeping()
    with pytest.raises(errors.StateError):  # whoever has it now keeps it
        leasing.acquire(node, leasing.pair(peer.agency))
    node.stores.leases.release(again)
    leasing.acquire(node, leasing.pair(peer.agency))


def test_housekeeping_closes_what_was_left_open_and_takes_the_lease_again(
    node: Node, answering: Answering, peer: VerifiedPeer
) -> None:
    row = SessionRow(
        id="ab" * 32,
        peer=peer.agency,
        agreement="cd" * 32,
        role=SessionRole.RESPONDER,
        state="running",
        rung=Rung.ITEMS,
        engine="any",
        opened=node.stamp(),
    )
    node.stores.sessions.add(row)
    held = node.stores.leases.find(leasing.SERVE)
    assert held is not None
    node.stores.leases.release(held)  # as if the machine had slept for an hour
    answering.housekeeping()
    assert node.stores.sessions.get(row.id).outcome == "process-died"
    assert code_of(node, "session-abort") == ["process-died"]
    with pytest.raises(errors.StateError):
        Answering(node)


def test_a_refusal_is_told_once_a_minute_and_a_flood_is_bounded(node: Node) -> None:
    refusals = QuietRecords(node.record)
    for _ in range(3):
        refusals.record(Event.INCIDENT, code="bad-call", peer="nl-police")
        refusals.record(Event.INCIDENT, code="peer-busy", peer="nl-police")
    assert code_of(node) == ["bad-call", "peer-busy"]
    assert sum(refusals._is_due((str(n),), 0.0) for n in range(5000)) <= 1024
    assert refusals._is_due(("later",), 61.0)


def test_a_peer_has_its_share_of_calls() -> None:
    share = FairShare()
    calls = [share.of("nl-police") for _ in range(limits.CALLS_AT_ONCE)]
    for call in calls:
        call.__enter__()
    with pytest.raises(errors.UnavailableError) as caught, share.of("nl-police"):
        pass
    assert caught.value.code == "peer-busy"
    with share.of("de-police"):
        pass
    calls[0].__exit__(None, None, None)
    with share.of("nl-police"):
        pass
