"""Clauses that the other side cannot see: the attacker is played, and what it gains is counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from psihash import errors
from psihash.node.records import retention
from psihash.node.running import sessions
from psihash.session.result import SessionResult
from psihash.terms import AlgorithmId, Rung, SessionRole
from tests.attacks.believers import Nodes, attack, charged, last_code, made
from tests.node.keeping import SetClock
from tests.node.ladder import ECDH, entries, replace_list
from tests.session.nodes import Homes, hold, meet, refused_codes, row

COUNT, SERIES, ITEMS, RECORDS = Rung
INITIATOR, RESPONDER = SessionRole
MD5 = AlgorithmId.MD5
HELD = range(20, 60)
"""What the victim has."""


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def two(homes: Homes, tmp_path: Path, clock: SetClock) -> Iterator[Nodes]:
    nodes = homes.open(tmp_path)
    for node, numbers in zip(nodes, (range(30), HELD), strict=True):
        node.clock = clock
        hold(node, "lists", [row(number, [MD5]) for number in numbers])
    yield nodes
    for node in nodes:
        node.close()


# -- minimum_items: one item's answer for each run, and runs are budgeted ------------------------


@pytest.mark.parametrize("role", SessionRole)
def test_a_set_below_the_minimum_buys_one_answer_a_charged_session(
    two: Nodes, role: SessionRole
) -> None:
    """The attacker wants to know of single items whether the victim has them. It brings one at a
    time under its padding, which the victim cannot see. It has N answers after N sessions, each
    charged in full, and then none any more."""
    allowed, guesses = 3, [19, 20, 21, 59, 60]
    place = 0 if role is INITIATOR else 1
    attacker, victim = two[place], two[1 - place]
    held = {0: HELD, 1: range(30)}[place]
    agreement = made(two, minimum_items=5, sessions_per_period=allowed)
    answers: dict[int, bool] = {}
    charges = []
    for guess in guesses:
        replace_list(attacker, "lists", [guess])
        meeting = attack(two, agreement, role, {"minimum_items": 1}, rung=COUNT, engine=ECDH)
        if len(answers) == allowed:
            assert refused_codes(meeting)[1 - place] == "clause-sessions"
            assert [last_code(node) for node in two] == ["clause-sessions"] * 2
            break
        answers[guess] = meeting.results()[place].algorithms[MD5].matched == 1
        charges.append(charged(victim))
    assert answers == {guess: guess in held for guess in guesses[:allowed]}
    cost = charges[0][1]
    assert charges == [(number, number * cost) for number in range(1, allowed + 1)]
    assert cost >= 2 * 64, "the padded lists of both, not the one item"


def test_an_honest_node_does_not_do_it(two: Nodes) -> None:
    replace_list(two[0], "lists", [20])
    agreement = made(two, minimum_items=5)
    codes = refused_codes(meet(*two, agreement, COUNT, engine=ECDH))
    assert codes[0] == "clause-minimum"
    assert last_code(two[0]) == "clause-minimum"
    codes = refused_codes(meet(*two[::-1], agreement, COUNT, engine=ECDH))
    assert codes == ("declined", "clause-minimum"), "the cause is not told"


# -- max_size_class, classes: what fits under a class --------------------------------------------


def test_a_list_of_guesses_is_bounded_by_its_class_and_committed_to(two: Nodes) -> None:
    """It fills its class with guesses. All are answered, and all stand in the tree whose root the
    victim keeps: next time they are still there, and the tree can only grow."""
    attacker, victim = two
    agreement = made(two)
    hold(attacker, "lists", [row(number, [MD5]) for number in range(30, 44)])
    ours, theirs = meet(*two, agreement, ITEMS, engine=ECDH).results()
    assert ours.algorithms[MD5].matched == 24
    assert theirs.algorithms[MD5].matched == 24, "the victim sees which of its own were asked for"
    annex = agreement.annex(attacker.agency)
    assert annex is not None
    (offered,) = annex.collections
    root = victim.stores.commitments.peer_root(agreement.id, attacker.agency, offered.id, MD5)
    assert root is not None
    assert root.size <= offered.classes[MD5]


# -- retention_days ------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1])
def test_a_peer_that_erases_nothing_keeps_what_it_had_and_gains_nothing(
    two: Nodes, clock: SetClock, place: int
) -> None:
    """Its copy cannot be reached. At the victim the end is the end all the same: nothing can be
    opened, and no climb builds on what is gone."""
    attacker, victim = two[place], two[1 - place]
    agreement = made(two, retention_days=10)
    meeting = meet(*two, agreement, COUNT, engine=ECDH)
    had = meeting.results()[place]
    clock.forward(days=11)
    retention.erase_due(victim)
    assert sessions.result(attacker, had.session).algorithms == had.algorithms
    with pytest.raises(errors.PsihashError):
        sessions.result(victim, had.session)
    assert entries(victim, "erasure")
    sides = (attacker, victim)
    climbing = meet(
        *sides, agreement, ITEMS, engine=ECDH, previous_receipt=bytes.fromhex(had.receipt)
    )
    assert refused_codes(climbing)[1] == "previous-erased"
    assert [last_code(node) for node in two] == ["previous-erased"] * 2


# -- words that bind people: purpose, handling and the others ------------------------------------

WORDS = (
    "purpose", "legal_basis", "offence_category", "data_subjects", "handling_code",
    "handling_note", "tlp", "contacts", "retention_days",
)  # fmt: skip
ELSE: dict[str, Any] = {
    "purpose": "whatever comes",
    "legal_basis": {"nl-police": "none", "be-police": "none"},
    "offence_category": "any",
    "data_subjects": (),
    "handling_note": "",
    "contacts": {"nl-police": "", "be-police": ""},
    "retention_days": 1_830,
}


@pytest.mark.parametrize("role", SessionRole)
def test_a_peer_that_reads_the_words_otherwise_gets_the_same_session_and_no_more(
    two: Nodes, role: SessionRole
) -> None:
    """Software cannot see what for a result is used. What such a peer gets is what the rung gives
    an honest one, the victim's log has the agreement by its id, and that is the signed bytes."""
    agreement = made(two)
    honest = meet(*two, agreement, ITEMS, engine=ECDH).results()
    meeting = attack(two, agreement, role, ELSE, rung=ITEMS, engine=ECDH)
    got = meeting.results()
    place = 0 if role is INITIATOR else 1
    assert seen(got[place]) == seen(honest[place])
    opened = entries(two[1 - place], "session-open")[-1]["shared"]
    assert agreement.id in str(opened)


def seen(result: SessionResult) -> Any:
    return (result.rung, result.algorithms, len(result.items or ()), result.links)


def test_all_the_words_are_words_of_the_terms(two: Nodes) -> None:
    agreement = made(two)
    assert set(WORDS) <= {each.name for each in fields(agreement.terms)}
    assert set(ELSE) <= set(WORDS)
