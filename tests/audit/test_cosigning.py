"""Two and more nodes exchange checkpoints: cosigned, forks found, third agencies not named."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from psihash import errors
from psihash.audit.checkpoint import open_checkpoint, sign_checkpoint
from psihash.audit.cosignature import Cosigner, cosigner_name, verify_cosignature
from psihash.audit.entry import log_origin
from psihash.node.home import opening
from psihash.node.node import Node
from psihash.node.oversight import auditing, cosigning, gossip, heads
from psihash.storage.checkpoints import PeerCheckpoint
from tests.audit import agencies
from tests.audit.agencies import BE, DE, NL, Direct, LaterClock, introduce, write


@dataclass
class World:
    root: Path
    clock: LaterClock
    nodes: dict[str, Node] = field(default_factory=dict)

    def __getitem__(self, agency: str) -> Node:
        return self.nodes[agency]

    def other_history(self, agency: str) -> Node:
        """The same agency again, from here on with a log of its own: a fork."""
        copy = self.root / f"{agency}-fork"
        self.nodes[agency].stores.database.close()
        shutil.copytree(self.root / agency, copy)
        self.nodes[agency] = opening.open_node(self.root / agency, clock=self.clock)
        return opening.open_node(copy, clock=self.clock)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, clock = tmp_path_factory.mktemp("agencies"), LaterClock()
    nodes = [agencies.make(root, name, clock) for name in (NL, BE, DE)]
    introduce(*nodes)
    for node in nodes:
        write(node, 3)
        node.close()
    return root


@pytest.fixture
def world(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    root = tmp_path / "homes"
    shutil.copytree(prepared, root)
    found = World(root, LaterClock())
    for name in (NL, BE, DE):
        found.nodes[name] = opening.open_node(root / name, clock=found.clock)
    wired = type("Wired", (Direct,), {"nodes": found.nodes})
    monkeypatch.setattr(cosigning, "PeerChannel", wired)
    yield found
    for node in found.nodes.values():
        node.close()


def tampering(monkeypatch: pytest.MonkeyPatch, world: World, change: Any) -> None:
    wired = type("Wired", (Direct,), {"nodes": world.nodes, "tamper": staticmethod(change)})
    monkeypatch.setattr(cosigning, "PeerChannel", wired)


def codes(node: Node) -> list[str]:
    return [
        entry["local"].get("code", "")
        for entry in auditing.show(node)
        if entry["event"] == "incident" and entry["local"]
    ]


def test_one_contact_gives_both_a_cosignature_that_verifies(world: World) -> None:
    found = cosigning.exchange(world[NL], BE)
    assert (found.peer, found.mutual) == (BE, 1)
    for here, there in ((NL, BE), (BE, NL)):
        node, other = world[here], world[there]
        (row,) = node.stores.witnessing.cosignatures()
        note = node.stores.log.checkpoint(row.size)
        assert note is not None
        checkpoint = open_checkpoint(note, log_origin(here), node.card.keys.log)
        cosigner = Cosigner(cosigner_name(there), other.card.keys.cosigning)
        verified = verify_cosignature(checkpoint, row.line, cosigner)
        assert verified.timestamp == int(world.clock.now().timestamp())
        held = heads.held(other, node.card)
        assert held is not None
        assert held.size == checkpoint.size


def test_what_was_cosigned_is_durable_before_it_is_answered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def look(name: str, reply: Any) -> Any:
        if name == "Compare":
            given = world[BE].stores.witnessing.given(log_origin(NL))
            assert given is not None
            assert given.line in [each.line for each in reply.cosignatures]
            seen.append(given.size)
        return reply

    tampering(monkeypatch, world, look)
    cosigning.exchange(world[NL], BE)
    assert seen


def test_a_day_later_it_is_due_again_and_the_growth_is_proven(world: World) -> None:
    cosigning.exchange(world[NL], BE)
    assert not cosigning.is_due(world[NL], BE)
    assert cosigning.daily(world[NL]) != []  # de-police
    assert cosigning.daily(world[NL]) == []
    write(world[NL], 40)
    write(world[BE], 7)
    world.clock.forward(hours=25)
    assert [each.peer for each in cosigning.daily(world[NL])] == [BE, DE]
    sizes = [row.size for row in world[NL].stores.witnessing.cosignatures() if "be" in row.cosigner]
    assert len(sizes) == 2
    assert sizes[1] > sizes[0] + 39


def test_a_peer_that_cannot_be_reached_is_tried_again_hours_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    class Away:
        def __init__(self, _node: Node, peer: Any) -> None:
            calls.append(peer.card.agency)
            raise errors.UnavailableError("peer-unreachable", "away")

    monkeypatch.setattr(cosigning, "PeerChannel", Away)
    assert cosigning.daily(world[NL]) == cosigning.daily(world[NL]) == []
    assert calls == [BE, DE]
    world.clock.forward(hours=5)
    cosigning.daily(world[NL])
    assert calls == [BE, DE] * 2


def test_a_session_under_way_is_not_disturbed(world: World) -> None:
    from psihash.node import leasing

    lease = leasing.acquire(world[BE], leasing.pair(NL))
    with pytest.raises(errors.UnavailableError, match="under way"):
        cosigning.exchange(world[NL], BE)
    world[BE].stores.leases.release(lease)
    cosigning.exchange(world[NL], BE)


# -- forks -----------------------------------------------------------------------------------------


def test_a_fork_of_one_size_is_found_when_two_who_were_shown_it_meet(world: World) -> None:
    """The forked log was shown to two peers; they share a view at their first exchange."""
    fork = world.other_history(DE)
    write(world[DE], 2, "for nl")
    write(fork, 2, "for be")
    cosigning.exchange(world[NL], DE)
    world.nodes[DE], kept = fork, world[DE]
    cosigning.exchange(world[BE], DE)
    world.nodes[DE] = kept
    cosigning.exchange(world[NL], BE)
    for name, via in ((NL, BE), (BE, NL)):
        (incident,) = heads.incidents(world[name], open_only=True)
        assert (incident.agency, incident.kind, incident.via) == (DE, "fork", via)
        notes = [
            open_checkpoint(note, incident.origin, kept.card.keys.log)
            for note in (incident.held, incident.shown)
        ]
        assert notes[0].size == notes[1].size
        assert notes[0].root != notes[1].root
        assert codes(world[name]) == ["log-forked"]
        with pytest.raises(errors.RefusedError) as refused:
            heads.require_whole(world[name], DE)
        assert refused.value.code == "log-forked"
        heads.require_whole(world[name], BE if name == NL else NL)
    fork.close()


def test_a_fork_of_other_sizes_is_found_when_its_owner_is_asked(world: World) -> None:
    fork = world.other_history(DE)
    write(world[DE], 2, "for nl")
    write(fork, 9, "for be")
    cosigning.exchange(world[NL], DE)
    mine, world.nodes[DE] = world[DE], fork
    cosigning.exchange(world[BE], DE)
    world.nodes[DE] = mine
    assert cosigning.exchange(world[NL], BE).new_heads == 1
    assert heads.incidents(world[NL]) == []
    assert cosigning.is_due(world[NL], DE)
    write(mine, 20)
    cosigning.exchange(world[NL], DE)
    (incident,) = heads.incidents(world[NL], open_only=True)
    assert (incident.agency, incident.kind, incident.via) == (DE, "not-extended", BE)
    fork.close()


def test_a_log_that_is_shorter_than_it_was_elsewhere_is_found(world: World) -> None:
    fork = world.other_history(DE)
    write(fork, 9, "for be")
    mine, world.nodes[DE] = world[DE], fork
    cosigning.exchange(world[BE], DE)
    world.nodes[DE] = mine
    cosigning.exchange(world[NL], BE)
    cosigning.exchange(world[NL], DE)
    (incident,) = heads.incidents(world[NL], open_only=True)
    assert (incident.agency, incident.kind) == (DE, "rolled-back")
    fork.close()


def test_the_owner_is_asked_also_where_it_is_the_one_who_calls(world: World) -> None:
    fork = world.other_history(DE)
    write(world[DE], 2)
    write(fork, 9)
    cosigning.exchange(world[NL], DE)
    mine, world.nodes[DE] = world[DE], fork
    cosigning.exchange(world[BE], DE)
    world.nodes[DE] = mine
    cosigning.exchange(world[BE], NL)
    write(mine, 20)
    cosigning.exchange(mine, NL)
    (incident,) = heads.incidents(world[NL], open_only=True)
    assert (incident.agency, incident.kind) == (DE, "not-extended")
    fork.close()


def test_an_honest_log_seen_at_two_sizes_is_proven_and_raises_no_alarm(world: World) -> None:
    cosigning.exchange(world[NL], DE)
    write(world[DE], 11)
    cosigning.exchange(world[BE], DE)
    assert cosigning.exchange(world[NL], BE).new_heads == 1
    write(world[DE], 3)
    cosigning.exchange(world[NL], DE)
    assert not gossip.asks(world[NL], world[DE].card)
    for name in (NL, BE, DE):
        assert heads.incidents(world[name]) == []
        assert codes(world[name]) == []
        assert auditing.verify(world[name])["ok"]


def test_a_split_view_without_a_common_observer_is_not_detected(world: World) -> None:
    """What no protocol can find: each of two who never compare sees one history, extended
    consistently. Only who meets both views, or a witness that both ask for, finds it."""
    fork = world.other_history(DE)
    mine = world[DE]
    for count in (2, 5, 1):
        world.clock.forward(hours=25)
        world.nodes[DE] = mine
        write(mine, count, "for nl")
        cosigning.exchange(world[NL], DE)
        world.nodes[DE] = fork
        write(fork, count + 1, "for be")
        cosigning.exchange(world[BE], DE)
    for name in (NL, BE):
        assert heads.incidents(world[name]) == []
        heads.require_whole(world[name], DE)
    fork.close()


def test_an_owner_that_never_answers_is_refused_after_two_days(world: World) -> None:
    write(world[DE], 4)
    cosigning.exchange(world[BE], DE)
    cosigning.exchange(world[NL], BE)
    heads.require_whole(world[NL], DE)
    world.clock.forward(days=3)
    with pytest.raises(errors.RefusedError) as refused:
        heads.require_whole(world[NL], DE)
    assert refused.value.code == "log-unproven"
    cosigning.exchange(world[NL], DE)
    heads.require_whole(world[NL], DE)


def test_a_rollback_and_a_fork_shown_directly_are_refused_and_kept(world: World) -> None:
    fork = world.other_history(DE)
    write(world[DE], 6)
    cosigning.exchange(world[NL], DE)
    world.nodes[DE] = fork
    with pytest.raises(errors.VerificationError) as caught:
        cosigning.exchange(world[NL], DE)
    assert caught.value.code == "checkpoint-rolled-back"
    write(fork, 30)
    with pytest.raises(errors.VerificationError) as caught:
        cosigning.exchange(world[NL], DE)
    assert caught.value.code == "log-forked"
    kinds = [each.kind for each in heads.incidents(world[NL])]
    assert sorted(kinds) == ["not-extended", "rolled-back"]  # both within one second
    fork.close()


def test_a_person_decides_and_sessions_go_on_from_the_head_chosen(world: World) -> None:
    fork = world.other_history(DE)
    write(world[DE], 6)
    cosigning.exchange(world[NL], DE)
    world.nodes[DE] = fork
    with pytest.raises(errors.VerificationError):
        cosigning.exchange(world[NL], DE)
    (incident,) = heads.incidents(world[NL], open_only=True)
    with pytest.raises(errors.NotFoundError):
        heads.resolve(world[NL], "zz", "no")
    heads.resolve(world[NL], incident.id[:6], "restored a backup, confirmed", take_shown=True)
    heads.require_whole(world[NL], DE)
    cosigning.exchange(world[NL], DE)
    last = list(auditing.show(world[NL]))[-1]["local"]
    assert (last["what"], last["goes_on_from"]) == ("resolved", "shown")
    with pytest.raises(errors.StateError):
        heads.resolve(world[NL], incident.id, "again")
    fork.close()


# -- who knows whom --------------------------------------------------------------------------------


def test_nobody_learns_of_an_agency_whose_card_they_do_not_have(
    world: World, tmp_path: Path
) -> None:
    stranger = agencies.make(tmp_path, "fr-police", world.clock)
    introduce(world[BE], stranger)
    world.nodes["fr-police"] = stranger
    cosigning.exchange(world[BE], "fr-police")
    nonce = bytes(32)
    reply = cosigning.answer_greet(world[BE], world[NL].card, nonce)
    names = gossip.names(world[NL], BE, nonce, reply.nonce)
    assert {card.agency for value, card in names.items() if value in reply.known} == {DE}
    assert len(reply.known) == 32
    # Not even with the right name: the value is keyed with a key that stands on the card.
    import hashlib

    from psihash import canonical

    origin = b"psihash/log/fr-police"
    for key in (b"", hashlib.sha256(origin).digest(), world[BE].card.keys.log):
        guess = canonical.digest(b"psihash/gossip/1", nonce, reply.nonce, origin, key)
        assert guess not in reply.known
    again = cosigning.answer_greet(world[BE], world[NL].card, bytes([1]) * 32)
    assert not set(again.known) & set(reply.known)
    stranger.close()


def test_only_heads_of_agencies_that_both_know_are_sent(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = agencies.make(tmp_path, "fr-police", world.clock)
    introduce(world[BE], stranger)
    world.nodes["fr-police"] = stranger
    cosigning.exchange(world[BE], "fr-police")
    sent = []

    class Spy(Direct):
        nodes = world.nodes

        @staticmethod
        def tamper(_name: str, reply: Any) -> Any:
            sent.append(reply.SerializeToString())
            return reply

    monkeypatch.setattr(cosigning, "PeerChannel", Spy)
    cosigning.exchange(world[NL], BE)
    assert b"fr-police" not in b"".join(sent)
    stranger.close()


def test_heads_that_nobody_asked_for_or_signed_are_ignored_and_logged(world: World) -> None:
    forged = sign_checkpoint(log_origin(DE), 4, bytes(32), _key(world[BE]))
    foreign = sign_checkpoint("psihash/log/xx-police", 4, bytes(32), _key(world[BE]))
    mutual = {log_origin(DE): world[DE].card}
    shown = [forged, foreign, b"", b"\xff\n" * 9]
    assert gossip.compare(world[NL], BE, mutual, shown) == 0
    assert world[NL].stores.witnessing.seen(log_origin(DE)) == []
    last = list(auditing.show(world[NL]))[-1]["local"]
    assert (last["what"], last["refused"]) == ("foreign-heads", 4)


def _key(node: Node) -> Any:
    from psihash.node.node import LazySigner

    return LazySigner(node.card.keys.log, lambda: node.keys.log)


# -- a lying peer ----------------------------------------------------------------------------------


def _flip(data: bytes, at: int = -3) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


LIES = {
    "cosignature": (
        "Compare",
        lambda r: setattr(r.cosignatures[0], "line", _swap(r.cosignatures[0].line)),
        {"cosignature-bad", "cosignature-missing", "note-malformed"},
    ),
    "cosignature-of-another-size": (
        "Compare",
        lambda r: setattr(r.cosignatures[0], "size", 1),
        {"cosignature-bad"},
    ),
    "checkpoint": (
        "Compare",
        lambda r: setattr(r, "checkpoint", _swap(r.checkpoint)),
        {"note-bad-signature", "note-unsigned", "note-malformed"},
    ),
    "consistency": (
        "Compare",
        lambda r: r.consistency.append(bytes(32)),
        {"proof-malformed"},
    ),
    "nonce": ("Greet", lambda r: setattr(r, "nonce", r.nonce[1:]), {"malformed-message"}),
    "known": ("Greet", lambda r: r.known.extend([bytes(32)] * 600), {"malformed-message"}),
    "notes": ("Compare", lambda r: r.notes.extend([b"x"] * 200), {"malformed-message"}),
    "asks": ("Compare", lambda r: r.asks.extend(range(90)), {"malformed-message"}),
    "huge-note": (
        "Compare",
        lambda r: setattr(r, "checkpoint", r.checkpoint + b"x" * 9000),
        {"malformed-message"},
    ),
}


def _swap(text: bytes) -> bytes:
    """Another base64 character near the end of a signature."""
    at = len(text) - 12
    return text[:at] + (b"A" if text[at : at + 1] != b"A" else b"B") + text[at + 1 :]


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_lying_peer_is_found(world: World, monkeypatch: pytest.MonkeyPatch, lie: Any) -> None:
    method, change, expected = lie
    cosigning.exchange(world[NL], BE)
    before = heads.held(world[NL], world[BE].card)
    write(world[BE], 3)
    write(world[NL], 3)

    def tell(name: str, reply: Any) -> Any:
        if name == method:
            change(reply)
        return reply

    tampering(monkeypatch, world, tell)
    with pytest.raises(errors.PsihashError) as caught:
        cosigning.exchange(world[NL], BE)
    assert caught.value.code in expected
    after = heads.held(world[NL], world[BE].card)
    assert before == after
    assert heads.incidents(world[NL]) == []


def test_a_held_head_that_was_changed_in_the_store_is_not_trusted(world: World) -> None:
    cosigning.exchange(world[NL], BE)
    row = world[NL].stores.checkpoints.latest(log_origin(BE))
    assert row is not None
    bad = PeerCheckpoint(row.origin, row.size, row.root, _swap(row.note))
    world[NL].stores.checkpoints.replace(bad)
    with pytest.raises(errors.VerificationError):
        heads.held(world[NL], world[BE].card)
