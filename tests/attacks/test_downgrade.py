"""A peer that offers or accepts other terms than the agreement has: refused by the clause's name,
on real nodes, nothing charged and both logs saying so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from psihash.agreement.state import Agreement
from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.session import messages as m
from psihash.session.initiator import Initiator
from psihash.session.responder import Responder
from psihash.terms import AlgorithmId, Learn, Rung
from tests.attacks.peers import altering
from tests.psi.hostile import needs_library
from tests.session.lists import MD5, SHA1, SHA256
from tests.session.nodes import NodeMeeting, agree, hold, meet, refused_codes, row

pytestmark = needs_library
Nodes = tuple[Node, Node]
BOTH = (MD5, SHA1)


@pytest.fixture(scope="module")
def agreement(nodes: Nodes) -> Agreement:
    """Items, both learn, MD5 and SHA-1."""
    for node, numbers in zip(nodes, (range(30), range(20, 50)), strict=True):
        hold(node, "downgrade", [row(number, BOTH) for number in numbers])
    return agree(*nodes, ["downgrade"], ["downgrade"], algorithms=BOTH, case="NL-7")


def classes(*entries: tuple[AlgorithmId, int]) -> dict[str, Any]:
    return {
        "classes": tuple(m.SetClass(name, size) for name, size in entries),
        "algorithms": tuple(name for name, _ in entries),
    }


OFFERS: dict[str, tuple[dict[str, Any], str]] = {
    "a higher rung": ({"rung": Rung.RECORDS}, "clause-rung"),
    "other learners": ({"learn": Learn.INITIATOR}, "clause-learn"),
    "the other learner": ({"learn": Learn.RESPONDER}, "clause-learn"),
    "an engine that is not here": ({"engine": "unheard-of/9"}, "engine-missing"),
    "an algorithm too many": (classes((MD5, 108), (SHA1, 108), (SHA256, 64)), "clause-algorithm"),
    "no algorithm": (classes(), "bad-offer"),
    "an algorithm twice": (classes((MD5, 108), (MD5, 108)), "bad-offer"),
    "a size that is no class": (classes((MD5, 109), (SHA1, 108)), "bad-offer"),
    "a list above its annex": (classes((MD5, 2**20), (SHA1, 108)), "annex-mismatch"),
    "another annex of its own": ({"own_annex": bytes(32)}, "wrong-annex"),
    "another annex of ours": ({"peer_annex": bytes(32)}, "wrong-annex"),
    "another case": ({"own_case": "NL-8"}, "clause-case"),
    "no case": ({"own_case": ""}, "clause-case"),
    "tokens made another way": ({"canonicalisation": "psihash/token/0"}, "wrong-canonicalisation"),
    "an offer that has expired": ({"expires": "2020-01-01T00:00:00Z"}, "offer-expired"),
    "an offer for ever": ({"expires": "2099-01-01T00:00:00Z"}, "offer-too-long"),
    "an earlier receipt": ({"previous_receipt": bytes(32)}, "unknown-previous"),
}


def charged(node: Node) -> tuple[int, int]:
    totals = node.stores.ledger.totals("2000-01-01T00:00:00Z")
    return totals.sessions, totals.elements


def last_code(node: Node) -> str | None:
    code = list(auditing.show(node))[-1]["local"].get("code")
    return None if code is None else str(code)


@pytest.mark.parametrize("name", OFFERS)
def test_an_offer_outside_the_agreement_is_refused(
    nodes: Nodes, agreement: Agreement, name: str
) -> None:
    changes, code = OFFERS[name]

    def change(body: Any) -> Any:
        return replace(body, **changes) if isinstance(body, m.Offer) else body

    before = charged(nodes[1])
    meeting = meet(*nodes, agreement, initiator=altering(Initiator, change))
    codes = refused_codes(meeting)
    assert codes[1] == code
    assert codes[0] in (code, "peer-aborted")
    assert charged(nodes[1]) == before
    assert [last_code(node) for node in nodes] == [code, code]


def test_a_lower_rung_than_the_initiator_approved_is_refused(
    nodes: Nodes, agreement: Agreement
) -> None:
    """The agreement allows a lower rung, so the approval binds the two to one; and the transcript,
    should the approval be made out for the other rung (test_g1_transcript)."""

    def change(body: Any) -> Any:
        return replace(body, rung=Rung.COUNT) if isinstance(body, m.Offer) else body

    meeting = meet(*nodes, agreement, initiator=altering(Initiator, change))
    assert refused_codes(meeting)[1] == "approval-misplaced"


ACCEPTS: dict[str, tuple[Callable[[m.Accept], m.Accept], str]] = {
    "no classes": (lambda body: replace(body, classes=()), "bad-accept"),
    "classes in another order": (
        lambda body: replace(body, classes=body.classes[::-1]),
        "bad-accept",
    ),
    "a size that is no class": (
        lambda body: replace(body, classes=(m.SetClass(MD5, 65), body.classes[1])),
        "bad-accept",
    ),
    "a list above its annex": (
        lambda body: replace(body, classes=(m.SetClass(MD5, 2**20), body.classes[1])),
        "annex-mismatch",
    ),
    "another case": (lambda body: replace(body, own_case="BE-9"), "clause-case"),
    "no roots": (lambda body: replace(body, roots=()), "bad-roots"),
}


@pytest.mark.parametrize("name", ACCEPTS)
def test_an_acceptance_that_does_not_fit_is_refused(
    nodes: Nodes, agreement: Agreement, name: str
) -> None:
    accept, code = ACCEPTS[name]

    def change(body: Any) -> Any:
        return accept(body) if isinstance(body, m.Accept) else body

    before = charged(nodes[0])
    meeting = meet(*nodes, agreement, responder=altering(Responder, change))
    codes = refused_codes(meeting)
    assert codes[0] == code
    assert charged(nodes[0]) == before
    assert last_code(nodes[0]) == code
    assert last_code(nodes[1]) == code


def test_an_agreement_that_is_not_between_the_two_opens_nothing(
    nodes: Nodes, agreement: Agreement
) -> None:
    def hello(self: Any) -> Any:
        self._wish = replace(self._wish, proposal=replace(self._wish.proposal, agreement=bytes(32)))
        return Initiator._make_hello(self)

    stranger = type("Stranger", (Initiator,), {"_make_hello": hello})
    meeting = meet(*nodes, agreement, initiator=stranger)
    assert refused_codes(meeting) == ("no-such-agreement", "no-such-agreement")


BUDGETS: dict[str, dict[str, Any]] = {
    "clause-sessions": {"sessions_per_period": 1},
    "clause-elements": {"elements_per_period": 600},
}


@pytest.mark.parametrize("code", BUDGETS)
def test_a_budget_that_is_used_up_is_refused_by_its_clause(nodes: Nodes, code: str) -> None:
    agreement = agree(*nodes, ["downgrade"], ["downgrade"], algorithms=[MD5], **BUDGETS[code])
    meet(*nodes, agreement).results()
    before = charged(nodes[1])
    spent: NodeMeeting = meet(*nodes, agreement)
    codes = refused_codes(spent)
    assert codes == (code, code)
    assert charged(nodes[1]) == before


def test_a_session_that_breaks_off_is_charged_all_the_same(
    nodes: Nodes, agreement: Agreement
) -> None:
    """Without refund: a peer that stops with its result in hand has paid for it."""
    before = [charged(node) for node in nodes]
    meeting = meet(*nodes, agreement)
    while not meeting.parties[0].deal or meeting.parties[1].deal is None:
        meeting.pair.call()
    meeting.pair.cut()
    assert refused_codes(meeting)[0] is not None
    after = [charged(node) for node in nodes]
    assert [now[0] - then[0] for now, then in zip(after, before, strict=True)] == [1, 1]
    assert len({now[1] - then[1] for now, then in zip(after, before, strict=True)}) == 1
    assert after[0][1] > before[0][1]
