"""C1: a peer without the items makes us see hits, to collect openings and records."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from psihash.psi.engines.openmined import OpenminedEngine
from psihash.session import messages as m
from psihash.session.blobs import pad
from psihash.session.commitment import Opening, encode_openings
from psihash.session.machine import Input
from psihash.session.own import OwnSet
from psihash.session.party import Party
from psihash.session.responder import Responder
from psihash.terms import AlgorithmId, Rung, SessionRole
from psihash.testing.holding import Holding
from psihash.testing.memory import Bench, Meeting
from psihash.testing.pump import pump
from tests.attacks.engines import DishonestEngine, ForgedSender
from tests.attacks.peers import altering, between, blind, caught, overriding, without_table
from tests.psi.hostile import Points, needs_library, points
from tests.session.lists import MD5, OURS, lists

VICTIM, THIEF = SessionRole.INITIATOR, SessionRole.RESPONDER
NOTHING = lists(empty=range(1000, 1003))
"""A peer that holds none of our items."""


class Reflecting(ForgedSender):
    """Random points as its set, and our own questions as its answers."""

    def setup(self) -> Points:
        return points(self.terms.own_size)

    def answers(self, request: Points) -> Points:
        return request


class Rotating(ForgedSender):
    """Honest answers, each in the place of the next: hits move to items that it does not hold."""

    def answers(self, request: Points) -> Points:
        honest = self.multiplied(request)
        return honest[1:] + honest[:1]


class Repeating(ForgedSender):
    """The answer to one question for all of them: if that is a canary, all would be hits."""

    def answers(self, request: Points) -> Points:
        return [self.multiplied(request)[0]] * len(request)


FORGERIES: dict[str, tuple[type[ForgedSender], set[str]]] = {
    "our questions reflected": (Reflecting, {"psi-canary-missed"}),
    "answers rotated": (Rotating, {"psi-canary-missed", "psi-dummy-matched"}),
    "one answer for all": (Repeating, {"psi-wrong-order"}),
}


def told(meeting: Meeting, role: SessionRole) -> list[str]:
    """What the honest side's journal says that it disclosed."""
    steps = meeting.journals[list(SessionRole).index(role)].steps
    return [step for step in steps if step.startswith("disclosing")]


@needs_library
@pytest.mark.parametrize("rung", [Rung.ITEMS, Rung.RECORDS])
@pytest.mark.parametrize("name", FORGERIES)
def test_forged_answers_are_named_and_nothing_is_disclosed(name: str, rung: Rung) -> None:
    forger, codes = FORGERIES[name]
    made = Bench.of(OURS, NOTHING, engine=OpenminedEngine())
    made.desks[1].engine = DishonestEngine(forger)
    meeting = made.meet(rung)
    assert caught(meeting, VICTIM) in codes
    assert told(meeting, VICTIM) == []


@needs_library
def test_at_count_reflected_questions_are_no_count() -> None:
    made = Bench.of(OURS, NOTHING, engine=OpenminedEngine())
    made.desks[1].engine = DishonestEngine(Reflecting)
    meeting = made.meet(Rung.COUNT)
    # At count a list is ascending, and our own questions are; but no canary is among the hits.
    assert caught(meeting, VICTIM) == "psi-canary-missed"


@pytest.mark.parametrize("role", SessionRole)
def test_a_claimed_result_that_the_other_does_not_see_is_named(role: SessionRole) -> None:
    """The peer says that it sees hits, or repeats our own check value."""
    for rung in (Rung.COUNT, Rung.ITEMS, Rung.RECORDS):
        for mac in (bytes(32), b""):
            meeting = forged_check(rung, role, mac)
            assert caught(meeting, role.other) == "results-differ"
            assert told(meeting, role.other) == []


def forged_check(rung: Rung, role: SessionRole, mac: bytes) -> Meeting:
    def change(body: m.Sealed) -> m.Sealed:
        if isinstance(body, m.ResultCheck):
            return m.ResultCheck(tuple(replace(part, mac=mac) for part in body.results))
        return body

    return between(Bench.of(OURS, NOTHING), rung, role, blind_altering, change)


def blind_altering(base: type[Party], change: Any) -> type[Party]:
    return altering(blind(base), change)


def test_our_own_check_value_sent_back_is_no_answer() -> None:
    class Echo(blind(Responder)):  # type: ignore[misc]
        def _on_result(self, body: m.ResultCheck) -> Any:
            self._collect()
            yield self._send(Input.SEND_RESULT, body)

    meeting = Bench.of(OURS, OURS).meet(Rung.ITEMS, responder=Echo)
    assert caught(meeting, VICTIM) == "results-differ"


# -- guesses in the engine's list that were never committed to ------------------------------------


class Guessing(Holding):
    """Puts guesses into its lists for the engine; its trees are those of ``committed``."""

    committed: Holding

    def own_set(self, algorithms: Any, rung: Rung = Rung.ITEMS) -> OwnSet:
        true = self.committed.own_set(algorithms, rung)
        return replace(super().own_set(algorithms, rung), commitments=true.commitments)


def guessing_bench(role: SessionRole) -> Bench:
    """``role`` holds three other items, and guesses our whole list."""
    names = ("nl-police", "be-police")
    thief = Guessing(names[list(SessionRole).index(role)], {"empty": OURS["alpha"]})
    thief.committed = Holding(thief.owner, NOTHING)
    honest = Holding(names[1 - list(SessionRole).index(role)], OURS)
    return Bench(thief, honest) if role is SessionRole.INITIATOR else Bench(honest, thief)


def some_opening(committed: Holding, algorithm: AlgorithmId, how: str) -> Opening:
    tree = next(iter(committed.own_set([algorithm]).commitments.values()))
    good = tree.opening(next(iter(tree.places)))  # type: ignore[attr-defined]
    return {
        "an opening of another leaf": good,
        "a made-up salt": replace(good, salt=bytes(32)),
        "no proof": replace(good, proof=()),
        "an index outside": replace(good, index=tree.size),
        "a short salt": good,
    }[how]


OPENINGS = (
    "an opening of another leaf",
    "a made-up salt",
    "no proof",
    "an index outside",
)


@pytest.mark.parametrize("how", OPENINGS)
@pytest.mark.parametrize("role", SessionRole)
def test_guesses_that_were_not_committed_to_get_no_record(role: SessionRole, how: str) -> None:
    """The engine cannot tell a guess from an item; the commitment can."""
    made = guessing_bench(role)
    thief = made.ours if role is SessionRole.INITIATOR else made.theirs
    assert isinstance(thief, Guessing)
    opening = some_opening(thief.committed, MD5, how)

    def forged(self: Any) -> Any:
        blob = encode_openings([(0, opening)] * self._shared().matches)
        yield from self._send_parts(Input.SEND_OPENINGS, pad(blob), m.Openings)

    meeting = between(made, Rung.RECORDS, role, lawless, forged)
    assert caught(meeting, role.other) == "bad-opening"
    assert told(meeting, role.other) == ["disclosing labels"]


def lawless(base: type[Party], send_openings: Any) -> type[Party]:
    return without_table(overriding(base, _send_openings=send_openings))


@pytest.mark.parametrize("role", SessionRole)
def test_without_openings_there_are_no_records(role: SessionRole) -> None:
    """A peer that skips its openings gets no record for it."""

    def skipped(self: Any) -> Any:
        yield from self._send_records()

    meeting = between(Bench.of(OURS, OURS), Rung.RECORDS, role, lawless, skipped)
    assert caught(meeting, role.other) == "unexpected-message"
    assert told(meeting, role.other) == ["disclosing labels"]


def test_guesses_that_were_committed_to_are_answered_and_bounded() -> None:
    """What holds instead of a proof of possession: a guess is an element of a list whose class is
    charged, and it stands in the peer's tree for as long as the agreement lives."""
    meeting = Bench.of(OURS, lists(guesses=range(30))).meet(Rung.RECORDS)
    pump(meeting.pair)
    assert meeting.codes == (None, None)
    deal = meeting.journals[0].desk.deals[0]
    size = deal.size_class(THIEF, MD5)
    assert meeting.journals[1].visible is not None
    found = meeting.journals[1].visible.by_algorithm[MD5].count
    assert found is not None
    assert found <= size
    assert sum(root.size for root in deal.roots_of(THIEF)) >= 30
