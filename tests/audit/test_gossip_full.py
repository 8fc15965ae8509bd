"""A log that is forked, and accomplices who would keep its two histories from meeting."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from psihash import errors
from psihash.audit.checkpoint import sign_checkpoint
from psihash.identity import keys
from psihash.node.home import opening
from psihash.node.node import LazySigner
from psihash.node.oversight import auditing, cosigning, gossip, heads
from psihash.storage.seen_heads import SeenHead
from psihash.wire import witness_codec as codec
from psihash.wire.witness_codec import SizeProof
from tests.audit import agencies
from tests.audit.agencies import BE, DE, FR, NL, LaterClock, introduce, write


class Four:
    """nl-police holds a head of de-police's log; be-police and fr-police show it others."""

    def __init__(self, root: Path) -> None:
        self.clock = LaterClock()
        self.nl, self.de = (opening.open_node(root / name, clock=self.clock) for name in (NL, DE))
        self.origin = self.de.card.keys.log_origin

    def head(self, size: int, fill: int) -> bytes:
        """A head that de-police signed, of a history of its invention."""
        signer = LazySigner(self.de.card.keys.log, lambda: self.de.keys.log)
        return sign_checkpoint(self.origin, size, bytes([fill]) * 32, signer)

    def true(self, size: int) -> bytes:
        signer = LazySigner(self.de.card.keys.log, lambda: self.de.keys.log)
        return sign_checkpoint(self.origin, size, self.de.log.tree(size).root(), signer)

    def show(self, via: str, *notes: bytes) -> int:
        return gossip.compare(self.nl, via, {self.origin: self.de.card}, notes)

    def kept(self, via: str) -> list[SeenHead]:
        rows = self.nl.stores.witnessing.seen(self.origin, unproven_only=True)
        return [row for row in rows if row.via == via]

    def kinds(self) -> list[str]:
        return [each.kind for each in heads.incidents(self.nl)]

    def calls(self, *, answers: bool = True) -> None:
        """de-police calls, shows its head, and answers what it is asked; or does not."""
        note, size = cosigning.own_head(self.de)
        known = heads.held(self.nl, self.de.card)
        assert known is not None
        proof = self.de.log.consistency(known.size, size)
        heads.accept(self.nl, self.de.card, note, proof)
        asked = gossip.ask_caller(self.nl, self.de.card)
        self.between()
        proofs = gossip.prove(self.de, asked, size) if answers else []
        self.deliver(note, proofs)

    def between(self) -> object:
        """What happens while de-police makes its answer."""

    def deliver(self, note: bytes, proofs: list[SizeProof]) -> None:
        delivery = codec.Delivery((), (), note, tuple(proofs))
        cosigning.answer_deliver(self.nl, self.de.card, delivery)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, clock = tmp_path_factory.mktemp("four"), LaterClock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "KDF_ROUNDS", 1)
        nl, de, be, fr = (agencies.make(root, name, clock) for name in (NL, DE, BE, FR))
    introduce(nl, de, be, fr)
    write(de, 20)
    heads.accept(nl, de.card, de.log.checkpoint(), [])
    for node in (nl, de, be, fr):
        node.close()
    return root


@pytest.fixture
def four(prepared: Path, tmp_path: Path) -> Iterator[Four]:
    shutil.copytree(prepared, tmp_path / "homes")
    found = Four(tmp_path / "homes")
    yield found
    found.nl.close()
    found.de.close()


def test_what_an_accomplice_shows_takes_no_room_of_an_honest_peer(four: Four) -> None:
    for at in range(1000, 1400, 100):
        four.show(BE, *(four.head(at + n, 1) for n in range(100)))
    assert len(four.kept(BE)) <= 4
    assert four.show(FR, four.head(5000, 2)) == 1
    assert [row.size for row in four.kept(FR)] == [5000]
    # More of the same does not drive it out, and what follows is asked first-come.
    four.show(BE, *(four.head(n, 1) for n in range(30, 158)))
    assert four.kept(FR)
    assert 5000 in gossip.asks(four.nl, four.de.card)
    # The same size once more, of another history: proof, whoever shows it.
    assert four.show(BE, four.head(5000, 3)) == 1
    assert four.kinds() == ["fork"]


def test_a_head_that_two_showed_is_not_lost_when_one_shows_newer_ones(four: Four) -> None:
    """An accomplice shows the very head first, so that it can have it replaced."""
    four.show(BE, four.head(5000, 2))
    four.show(FR, four.head(5000, 2))
    four.show(BE, *(four.head(6000 + n, 2) for n in range(100)))
    assert [row.size for row in four.kept(FR)] == [5000]


def test_two_heads_of_one_size_in_one_call_are_a_fork(four: Four) -> None:
    four.show(BE, four.head(900, 1), four.head(901, 1), four.head(900, 2))
    assert four.kinds() == ["fork"]


def test_new_heads_every_day_do_not_put_off_the_proof(four: Four) -> None:
    for day in range(6):
        four.show(FR, four.head(5000 + day, 2))
        four.clock.forward(hours=20)
    assert len(four.kept(FR)) == 4
    assert max(row.size for row in four.kept(FR)) == 5005
    with pytest.raises(errors.RefusedError) as refused:
        heads.require_whole(four.nl, DE)
    assert refused.value.code == "log-unproven"


def test_an_owner_proves_all_and_the_room_is_free_again(four: Four) -> None:
    for size in (5, 7, 9, 11, 13):
        four.show(BE, four.true(size))
        four.show(FR, four.true(size))
    write(four.de, 3)
    four.calls()
    assert four.kinds() == []
    assert four.kept(BE) == four.kept(FR) == []
    assert len(four.nl.stores.witnessing.seen(four.origin)) == 2
    assert four.show(FR, four.true(13)) == 0  # proven
    heads.require_whole(four.nl, DE)


def test_nobody_owes_a_proof_that_it_was_not_asked_for(
    four: Four, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While an honest owner answers, an accomplice shows another true head of it."""
    four.show(BE, four.true(7))
    write(four.de, 3)
    monkeypatch.setattr(four, "between", lambda: four.show(BE, four.true(9)))
    four.calls()
    assert four.kinds() == []
    assert [row.size for row in four.kept(BE)] == [9]


def test_an_owner_is_not_accused_of_a_head_that_is_newer_than_its_call(four: Four) -> None:
    """Between making its call and its coming here, others were shown more of the same log."""
    note, _ = cosigning.own_head(four.de)
    write(four.de, 5)
    newer = four.true(four.de.stores.log.head().size)
    four.show(BE, newer)
    known = heads.held(four.nl, four.de.card)
    assert known is not None
    size = int(note.split(b"\n", 2)[1])
    heads.accept(four.nl, four.de.card, note, four.de.log.consistency(known.size, size))
    assert gossip.ask_caller(four.nl, four.de.card) == []
    four.deliver(note, [])
    assert four.kinds() == []
    four.calls()
    assert four.kinds() == []
    assert four.kept(BE) == []


def test_an_owner_that_keeps_back_a_proof_it_was_asked_for_is_found(four: Four) -> None:
    four.show(BE, four.head(7, 1))
    write(four.de, 3)
    four.calls(answers=False)
    assert four.kinds() == ["unproven"]


def test_what_a_peer_causes_again_and_again_is_bounded(four: Four) -> None:
    before = four.nl.stores.log.head().size
    for n in range(50):
        with pytest.raises(errors.VerificationError):
            heads.accept(four.nl, four.de.card, four.head(2, n), [])
        four.show(BE, b"no head")
    assert len(heads.incidents(four.nl)) == heads.MOST_OPEN
    grown = list(auditing.show(four.nl))[before:]
    assert len(grown) == heads.MOST_OPEN + 2
    assert {entry["local"]["what"] for entry in grown} == {
        "rolled-back",
        "more of the same",
        "foreign-heads",
    }
