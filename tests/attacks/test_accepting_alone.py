"""One account against its own agency, where a peer proposes: what it signs alone is refused there.

The attacker has the node's passphrase, its keys and its database, and the keys of one person. What
the own code refuses comes first; then it calls functions past that code, and the proposer refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from psihash import errors
from psihash.agreement.decision import Approval
from psihash.agreement.request import Request, RequestKind, agreement_subject, new_request
from psihash.agreement.state import Agreement
from psihash.agreement.status import Status
from psihash.node.agreeing import agreements, documents, signing
from psihash.node.node import Node
from psihash.node.people import requests, rosters
from psihash.storage.requests import RequestRow, RequestState
from psihash.terms import AlgorithmId, Rung
from tests.attacks.test_one_operator import code, deciding, draft, key_of
from tests.node import crew
from tests.node.crew import act, employ, id_of
from tests.session.nodes import Homes, carry, hold, meet, row


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    crew.quick(monkeypatch)


@pytest.fixture
def proposed(homes: Homes, tmp_path: Path) -> Iterator[tuple[Node, Node, Agreement]]:
    """Terms up to `records` with rules ``agreed``, at an agency with an admin, an analyst and an
    approver, whose roster the proposer holds."""
    one, other = homes.open(tmp_path)
    for node in (one, other):
        hold(node, "cases", [row(number, [AlgorithmId.MD5]) for number in range(20)])
    employ(other)
    assert carry(one, other) == []
    assert rosters.of_peer(one, other.agency) is not None
    made = agreements.propose(one, draft(other.agency))
    assert carry(one, other) == []
    yield one, other, made
    for node in (one, other):
        node.close()


Proposed = tuple[Node, Node, Agreement]


def asking(node: Node, peer: Node, agreement: Agreement, proposer: str, key: Any = None) -> Request:
    return new_request(
        node.agency,
        RequestKind.AGREEMENT,
        agreement_subject(agreement.id, peer.agency),
        proposer=proposer,
        created=node.stamp(),
        rng=node.rng,
        key=key,
    )


def never_in_force(proposed: Proposed) -> None:
    one, _, agreement = proposed
    loaded = documents.load(one, agreement.id)
    assert loaded.state(one.stamp()).status is Status.PROPOSED
    with pytest.raises(errors.RefusedError):
        meet(one, proposed[1], loaded, Rung.RECORDS)


@pytest.mark.parametrize("name", ["ada", "ann", "apo"])
def test_no_account_goes_through_alone(proposed: Proposed, name: str) -> None:
    one, other, agreement = proposed
    act(other, name)
    (came,) = requests.inbox(other)
    attempts: list[Callable[[], Any]] = [
        lambda: agreements.take_up(other, agreement.id, ["cases"], case=None, legal_basis=None),
        lambda: agreements.approve(other, agreement.id, reason="fits"),
        lambda: agreements.approve(other, agreement.id, ["cases"], case=None, legal_basis=None),
        lambda: requests.approve(other, came.request, "fits"),
        lambda: requests.approve(other, requests.inbox(other)[-1].request, "fits"),
    ]
    taken_up = 0
    for attempt in attempts:
        try:
            taken_up += isinstance(attempt(), RequestRow)
        except (errors.RefusedError, errors.StateError, errors.InputError):
            continue
    assert taken_up == (name == "ann")
    assert [each.body for each in other.stores.outbox.waiting()] == []
    assert carry(one, other) == []
    never_in_force(proposed)


def test_a_peers_question_that_is_marked_as_approved_signs_nothing(proposed: Proposed) -> None:
    """The approver edits the row in which the peer asks, with its own good signature."""
    one, other, agreement = proposed
    (came,) = requests.inbox(other)
    request = requests.body(requests.find(other, came.request))
    decision = deciding(other, request, id_of(other, "apo"), key_of(other, "apo"))
    other.stores.requests.decide(
        came.request, RequestState.APPROVED, other.stamp(), decision.to_bytes(), ""
    )
    act(other, "apo")
    signing.accept(other, agreement, ["cases"], Approval(request, decision))
    assert "proposer-unproven" in carry(one, other)
    never_in_force(proposed)


ALONE: dict[str, tuple[Callable[[Node, Node, Agreement], Approval | None], str]] = {}


def alone(name: str, expected: str) -> Callable[[Any], Any]:
    def keep(make: Callable[[Node, Node, Agreement], Approval | None]) -> Any:
        ALONE[name] = make, expected
        return make

    return keep


def approved(other: Node, one: Node, agreement: Agreement, proposer: str, key: Any) -> Approval:
    """The approver's own decision on a question of whatever origin."""
    request = asking(other, one, agreement, proposer, key)
    return Approval(request, deciding(other, request, id_of(other, "apo"), key_of(other, "apo")))


@alone("the node's signature alone", "approval-missing")
def _nothing(other: Node, one: Node, agreement: Agreement) -> None:
    del other, one, agreement


@alone("the approver, in the peer's name", "proposer-unproven")
def _peer(other: Node, one: Node, agreement: Agreement) -> Approval:
    return approved(other, one, agreement, "peer", None)


@alone("the approver, in nobody's name", "proposer-unproven")
def _nobody(other: Node, one: Node, agreement: Agreement) -> Approval:
    return approved(other, one, agreement, "", None)


@alone("the approver, in its own name", "own-request")
def _itself(other: Node, one: Node, agreement: Agreement) -> Approval:
    return approved(other, one, agreement, id_of(other, "apo"), key_of(other, "apo"))


@alone("the approver, in the analyst's name", "bad-signature")
def _analyst(other: Node, one: Node, agreement: Agreement) -> Approval:
    return approved(other, one, agreement, id_of(other, "ann"), key_of(other, "apo"))


@alone("the approver, in the analyst's name with the node's key", "bad-signature")
def _node(other: Node, one: Node, agreement: Agreement) -> Approval:
    return approved(other, one, agreement, id_of(other, "ann"), other.keys.signing)


@alone("the approver, in the admin's name", "proposer-unproven")
def _admin(other: Node, one: Node, agreement: Agreement) -> Approval:
    return approved(other, one, agreement, id_of(other, "ada"), key_of(other, "ada"))


@alone("the analyst, who decides too", "not-approver")
def _decides(other: Node, one: Node, agreement: Agreement) -> Approval:
    request = asking(other, one, agreement, id_of(other, "ann"), key_of(other, "ann"))
    return Approval(request, deciding(other, request, id_of(other, "ann"), key_of(other, "ann")))


@alone("the analyst, in the approver's name", "bad-signature")
def _forges(other: Node, one: Node, agreement: Agreement) -> Approval:
    request = asking(other, one, agreement, id_of(other, "ann"), key_of(other, "ann"))
    return Approval(request, deciding(other, request, id_of(other, "apo"), key_of(other, "ann")))


@pytest.mark.parametrize("name", ALONE)
def test_what_one_account_signs_past_the_code_is_refused_there(
    proposed: Proposed, name: str
) -> None:
    one, other, agreement = proposed
    make, expected = ALONE[name]
    signing.accept(other, agreement, ["cases"], make(other, one, agreement))
    assert expected in carry(one, other)
    never_in_force(proposed)


def test_a_decision_about_our_own_proposal_does_not_accept_anothers(proposed: Proposed) -> None:
    """Two people decided, once, about terms that this agency wrote."""
    one, other, agreement = proposed
    act(other, "ann")
    asked = agreements.submit(other, draft(one.agency))
    assert isinstance(asked, RequestRow)
    act(other, "apo")
    requests.approve(other, asked.id, "fits")
    signature = documents.load(other, asked.agreement).signature(other.agency)
    assert signature is not None
    signing.accept(other, agreement, ["cases"], signature.approval)
    assert "decision-misplaced" in carry(one, other)
    never_in_force(proposed)


def test_two_people_do_it(proposed: Proposed) -> None:
    one, other, agreement = proposed
    act(other, "ann")
    taken_up = agreements.take_up(other, agreement.id, ["cases"], case=None, legal_basis=None)
    with pytest.raises(errors.RefusedError) as caught:
        requests.approve(other, taken_up.id, "fits")
    assert code(caught) == "role-required"
    act(other, "apo")
    requests.approve(other, taken_up.id, "right")
    assert carry(one, other) == []
    for node in (one, other):
        assert documents.load(node, agreement.id).state(node.stamp()).status is Status.ACTIVE
    meet(one, other, documents.load(one, agreement.id), Rung.RECORDS).results()
