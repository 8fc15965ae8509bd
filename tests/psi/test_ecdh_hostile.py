"""A hostile peer of ``ecdh-ristretto255/1``: refused by name, with no result."""

from __future__ import annotations

import numpy as np
import pytest

from psihash.psi.engines.ecdh_frames import Content, Kind
from psihash.psi.group import Rows
from psihash.terms import Learn, Rung
from tests.psi.ecdh_peer import Peer, as_receiver, as_sender, mapped
from tests.psi.group_cases import BAD_ENCODINGS
from tests.psi.parties import some_tokens

OURS, THEIRS = some_tokens(range(20)), some_tokens(range(12, 32))
SIZE = 20
TAGS = np.repeat(np.array([7, 9], dtype=np.uint32), 10)
RUNGS = (Rung.COUNT, Rung.SERIES, Rung.ITEMS)
HIDDEN = (Rung.COUNT, Rung.SERIES)
every_rung = pytest.mark.parametrize("rung", RUNGS)
every_hidden = pytest.mark.parametrize("rung", HIDDEN)


def tags(rung: Rung) -> np.ndarray | None:
    return TAGS if rung is Rung.SERIES else None


def masked(peer: Peer) -> Rows:
    return peer.group.mask(peer.secret, mapped(THEIRS))


def asked(rung: Rung, learn: Learn = Learn.BOTH) -> tuple[Peer, Rows]:
    """A peer as receiver that has the honest list, has given its own, and now is to answer."""
    peer, points, _ = as_receiver(rung, SIZE, OURS, tags=tags(rung), learn=learn)
    peer.tell(*peer.send_list(masked(peer), tags(rung)))
    return peer, points


@every_rung
@pytest.mark.parametrize("bad", BAD_ENCODINGS)
def test_a_list_with_what_is_no_point(rung: Rung, bad: str) -> None:
    for play in (as_sender, as_receiver):
        peer = play(rung, SIZE, OURS, tags=tags(rung))[0]
        points = masked(peer).copy()
        points[13] = np.frombuffer(BAD_ENCODINGS[bad], dtype=np.uint8)
        assert peer.refused(*peer.send_list(points, tags(rung))) == "psi-bad-point"


@every_rung
@pytest.mark.parametrize("bad", BAD_ENCODINGS)
def test_an_answer_that_is_no_point(rung: Rung, bad: str) -> None:
    peer, questions = asked(rung)
    answers = peer.honest_answers(questions)
    proven = next(peer.answers(questions, answers, tags(rung))) if rung is Rung.ITEMS else b""
    answers = answers.copy()
    answers[4] = np.frombuffer(BAD_ENCODINGS[bad], dtype=np.uint8)
    if rung is Rung.ITEMS:
        peer, questions = asked(rung)
        content = Content(answers, None, proven[11 + 32 * SIZE :][:64])
        assert peer.refused(peer.packed(Kind.ANSWER, SIZE, 0, content)) == "psi-bad-point"
        return
    peer.tell(peer.digest(answers, tags(rung)))
    assert peer.refused(*peer.answers(questions, answers, tags(rung))) == "psi-bad-point"


@every_rung
def test_a_list_that_repeats_a_point(rung: Rung) -> None:
    for play in (as_sender, as_receiver):
        peer = play(rung, SIZE, OURS, tags=tags(rung))[0]
        points = masked(peer).copy()
        points[17] = points[2]
        assert peer.refused(*peer.send_list(points, tags(rung))) == "ecdh-repeated-point"


@pytest.mark.usefixtures("small_frames")
@every_rung
def test_a_point_is_repeated_in_another_frame(rung: Rung) -> None:
    peer = as_receiver(rung, SIZE, OURS, tags=tags(rung))[0]
    points = masked(peer).copy()
    points[19] = points[0]
    *before, last = peer.send_list(points, tags(rung))
    assert peer.tell(*before) == []
    assert peer.refused(last) == "ecdh-repeated-point"


@every_hidden
def test_answers_that_repeat_a_point(rung: Rung) -> None:
    peer, questions = asked(rung)
    answers = peer.honest_answers(questions).copy()
    answers[1] = answers[0]
    peer.tell(peer.digest(answers, tags(rung)))
    assert peer.refused(*peer.answers(questions, answers, tags(rung))) == "ecdh-repeated-point"


@every_rung
@pytest.mark.parametrize("change", [-1, 1, -SIZE])
def test_too_few_or_too_many_points(rung: Rung, change: int) -> None:
    for play in (as_sender, as_receiver):
        peer = play(rung, SIZE, OURS, tags=tags(rung))[0]
        points = peer.group.mask(peer.secret, mapped(some_tokens(range(SIZE + change))))
        numbers = None if rung is not Rung.SERIES else np.zeros(len(points), dtype=np.uint32)
        for total in (SIZE, len(points)):
            again = play(rung, SIZE, OURS, tags=tags(rung))[0]
            frame = again.packed(Kind.LIST, total, 0, Content(points, numbers))
            assert again.refused(frame) == "psi-wrong-count"


@every_rung
def test_a_list_for_another_rung(rung: Rung) -> None:
    other = RUNGS[RUNGS.index(rung) - 1]
    peer = as_sender(rung, SIZE, OURS, tags=tags(rung))[0]
    stranger = as_sender(other, SIZE, OURS, tags=tags(other))[0]
    frames = stranger.send_list(masked(stranger), tags(other))
    assert peer.refused(*frames) == "psi-wrong-rung"


@every_rung
def test_frames_out_of_turn(rung: Rung) -> None:
    peer = as_sender(rung, SIZE, OURS, tags=tags(rung))[0]
    points = masked(peer)
    assert peer.refused(*peer.answers(points, points, tags(rung))) == "psi-out-of-turn"
    peer = as_sender(rung, SIZE, OURS, tags=tags(rung))[0]
    assert peer.refused(peer.digest(points, tags(rung))) == "psi-out-of-turn"
    peer, _ = asked(rung)
    assert peer.refused(*peer.send_list(masked(peer), tags(rung))) == "psi-out-of-turn"


@every_hidden
def test_an_answer_before_its_digest(rung: Rung) -> None:
    peer, questions = asked(rung)
    answers = peer.honest_answers(questions)
    assert peer.refused(*peer.answers(questions, answers, tags(rung))) == "psi-out-of-turn"


@every_rung
def test_an_answer_where_nothing_is_to_be_learned(rung: Rung) -> None:
    peer, questions = asked(rung, Learn.INITIATOR)
    assert peer.party.outcome is not None, "a sender that learns nothing is done"
    answers = peer.honest_answers(questions)
    assert peer.refused(*peer.answers(questions, answers, tags(rung))) == "psi-out-of-turn"


@every_hidden
def test_answers_that_are_not_the_announced_ones(rung: Rung) -> None:
    peer, questions = asked(rung)
    answers = peer.honest_answers(questions)
    peer.tell(peer.digest(answers, tags(rung)))
    turned = answers[::-1].copy()
    assert peer.refused(*peer.answers(questions, turned, tags(rung))) == "ecdh-answers-changed"


def test_numbers_that_are_not_the_announced_ones() -> None:
    peer, questions = asked(Rung.SERIES)
    answers = peer.honest_answers(questions)
    peer.tell(peer.digest(answers, TAGS))
    frames = peer.answers(questions, answers, TAGS[::-1].copy())
    assert peer.refused(*frames) == "ecdh-answers-changed"


@pytest.mark.parametrize("numbers", [TAGS + 1, np.full(SIZE, 7, dtype=np.uint32)])
def test_numbers_that_are_not_those_of_the_questions(numbers: np.ndarray) -> None:
    peer, questions = asked(Rung.SERIES)
    answers = peer.honest_answers(questions)
    numbers = numbers.astype(np.uint32)
    peer.tell(peer.digest(answers, numbers))
    assert peer.refused(*peer.answers(questions, answers, numbers)) == "ecdh-numbers-changed"


# Proofs at items.


def test_an_answer_under_another_secret() -> None:
    peer, questions = asked(Rung.ITEMS)
    peer.secret = peer.group.new_secret()
    answers = peer.honest_answers(questions)
    assert peer.refused(*peer.answers(questions, answers)) == "group-bad-proof"


def test_one_wrong_answer_among_good_ones() -> None:
    peer, questions = asked(Rung.ITEMS)
    answers = peer.honest_answers(questions).copy()
    answers[11] = peer.group.remask(peer.group.new_secret(), questions[11:12])[0]
    assert peer.refused(*peer.answers(questions, answers)) == "group-bad-proof"


def test_good_answers_in_the_wrong_places() -> None:
    peer, questions = asked(Rung.ITEMS)
    order = [1, 0, *range(2, SIZE)]
    turned = questions[order].copy()
    answers = peer.honest_answers(turned)
    assert peer.refused(*peer.answers(turned, answers)) == "group-bad-proof"


@pytest.mark.parametrize("proof", [bytes(64), b"\xff" * 64])
def test_a_made_up_proof(proof: bytes) -> None:
    peer, questions = asked(Rung.ITEMS)
    answers = peer.honest_answers(questions)
    frame = peer.packed(Kind.ANSWER, SIZE, 0, Content(answers, None, proof))
    assert peer.refused(frame) == "group-bad-proof"


@pytest.mark.usefixtures("small_frames")
def test_the_proof_of_another_frame() -> None:
    """Same points, another place: the proof is bound to where it stands."""
    peer, questions = asked(Rung.ITEMS)
    answers = peer.honest_answers(questions)
    frames = list(peer.answers(questions, answers))
    again, others = asked(Rung.ITEMS)
    stale = frames[1][11 + 32 * 8 :][:64]
    content = Content(again.honest_answers(others)[:8].copy(), None, stale)
    assert again.refused(again.packed(Kind.ANSWER, SIZE, 0, content)) == "group-bad-proof"


def test_our_own_proofs_played_back() -> None:
    """A mirror: the peer returns our answers as its own."""
    peer, _, _ = as_receiver(Rung.ITEMS, SIZE, OURS)
    said = peer.tell(*peer.send_list(masked(peer)))
    answers, _ = peer.read(Kind.ANSWER, said)
    proof = said[0][11 + 32 * SIZE :][:64]
    frame = peer.packed(Kind.ANSWER, SIZE, 0, Content(answers, None, proof))
    assert peer.refused(frame) == "group-bad-proof"


@pytest.mark.usefixtures("small_frames")
def test_a_bad_proof_ends_the_run_before_any_hit_is_known() -> None:
    peer, questions = asked(Rung.ITEMS)
    frames = list(peer.answers(questions, peer.honest_answers(questions)))
    peer.tell(*frames[:-1])
    assert peer.party.outcome is None
    bad = bytearray(frames[-1])
    bad[20] ^= 1
    assert peer.refused(bytes(bad)) in {"psi-other-run", "psi-bad-point"}
