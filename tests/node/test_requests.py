"""The inbox: who may decide what, and what a decision does."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from psihash import errors
from psihash.agreement.request import RequestKind
from psihash.agreement.roster import OperatorRole
from psihash.agreement.status import Status
from psihash.export import page_html
from psihash.node.agreeing import agreements, annexes, documents
from psihash.node.agreeing.agreements import Draft
from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.node.people import operators, request_kinds, requests
from psihash.storage.requests import RequestRow, RequestState
from psihash.terms import AlgorithmId, Learn, Rung, SessionRole
from tests.agreement import people
from tests.node import crew
from tests.node.crew import act, employ, id_of, password
from tests.session.nodes import Homes, carry, hold, row

PEOPLE = (("ada", "admin"), ("ann", "analyst"), ("apo", "approver"), ("amy", "analyst+approver"))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    crew.quick(monkeypatch)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Homes:
    return Homes.make(tmp_path_factory.mktemp("homes"))


@pytest.fixture
def nodes(homes: Homes, tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    """Both hold a collection; nobody has operators yet."""
    one, other = homes.open(tmp_path)
    for node in (one, other):
        hold(node, "cases", [row(number, [AlgorithmId.MD5]) for number in range(20)])
    yield one, other
    for node in (one, other):
        assert auditing.verify(node)["ok"]
        node.close()


def staffed(node: Node) -> Node:
    """With operators: ``amy`` may ask and decide."""
    employ(node, PEOPLE[:3])
    act(node, "ada")
    wanted = [OperatorRole.ANALYST, OperatorRole.APPROVER]
    added = operators.add(node, "amy", wanted, password("amy"))
    act(node, "apo")
    requests.approve(node, added.request, "fits")
    return node


def draft(peer: str, collections: Sequence[str] = ("cases",)) -> Draft:
    return Draft(
        peer, "a test", "CASE-1", "Art. 1", Rung.RECORDS, Learn.BOTH, collections,
        [AlgorithmId.MD5],
    )  # fmt: skip


def submitted(node: Node, peer: str) -> RequestRow:
    asked = agreements.submit(node, draft(peer))
    assert isinstance(asked, RequestRow)
    return asked


def code(caught: pytest.ExceptionInfo[errors.PsihashError]) -> str:
    return caught.value.code


def local(node: Node, event: str) -> list[dict[str, Any]]:
    return [entry["local"] for entry in auditing.show(node) if entry["event"] == event]


def status(node: Node, agreement: str) -> Status:
    return documents.load(node, agreement).state(node.stamp()).status


def agreed(one: Node, other: Node) -> str:
    """An agreement that each side's approver decided on."""
    act(one, "ann")
    asked = submitted(one, other.agency)
    act(one, "apo")
    requests.approve(one, asked.id, "fits the case")
    assert carry(one, other) == []
    act(other, "ann")
    taken_up = agreements.take_up(other, asked.agreement, ["cases"], case=None, legal_basis=None)
    act(other, "apo")
    requests.approve(other, taken_up.id, "fits")
    assert carry(one, other) == []
    return asked.agreement


def test_two_people_on_each_side_make_an_agreement(nodes: tuple[Node, Node]) -> None:
    one, other = (staffed(node) for node in nodes)
    assert carry(one, other) == []
    agreement = agreed(one, other)
    for node in nodes:
        assert status(node, agreement) is Status.ACTIVE
        assert requests.inbox(node) == []
    decided = local(one, "decision")[-1]
    assert decided["actor"]["name"] == "apo"
    assert decided["decided_as"] == "approver"
    assert (decided["reason"], decided["verdict"]) == ("fits the case", "approved")
    assert decided["proposer"] == id_of(one, "ann")


def test_no_name_of_a_person_reaches_the_peer(nodes: tuple[Node, Node]) -> None:
    one, other = (staffed(node) for node in nodes)
    assert carry(one, other) == []
    agreement = agreed(one, other)
    for node, author in ((other, one.agency), (one, other.agency)):
        for document in node.stores.agreements.documents(agreement, author=author):
            for name in (b"ann", b"apo", b"ada", b"amy"):
                assert b'"' + name + b'"' not in document.body
            assert b'"cases"' not in document.body


def test_nothing_leaves_before_the_approver_decides(nodes: tuple[Node, Node]) -> None:
    one, other = staffed(nodes[0]), nodes[1]
    assert carry(one, other) == []
    act(one, "ann")
    asked = submitted(one, other.agency)
    assert one.stores.agreements.find(asked.agreement) is None
    assert one.stores.outbox.waiting() == []
    with pytest.raises(errors.StateError) as caught:
        agreements.propose(one, draft(other.agency))
    assert code(caught) == "second-person"


def test_who_proposed_does_not_approve(nodes: tuple[Node, Node]) -> None:
    one, other = staffed(nodes[0]), nodes[1]
    act(one, "amy")
    asked = submitted(one, other.agency)
    with pytest.raises(errors.RefusedError) as caught:
        requests.approve(one, asked.id, "fits")
    assert code(caught) == "own-request"
    assert requests.find(one, asked.id).state is RequestState.PENDING
    act(one, "ann")
    with pytest.raises(errors.RefusedError) as caught:
        requests.approve(one, asked.id, "fits")
    assert code(caught) == "role-required"
    act(one, "apo")
    requests.approve(one, asked.id, "fits")


def test_a_decision_needs_the_password(nodes: tuple[Node, Node]) -> None:
    one, other = staffed(nodes[0]), nodes[1]
    act(one, "ann")
    asked = submitted(one, other.agency)
    act(one, "apo")
    one.unlocked.clear()
    one.ask = lambda _question: "not the password"
    with pytest.raises(errors.VerificationError) as caught:
        requests.approve(one, asked.id, "fits")
    assert code(caught) == "wrong-password"
    one.ask = None
    with pytest.raises(errors.InputError) as missing:
        requests.approve(one, asked.id, "fits")
    assert code(missing) == "no-password"
    assert requests.find(one, asked.id).state is RequestState.PENDING


def test_a_request_is_decided_once(nodes: tuple[Node, Node]) -> None:
    one, other = staffed(nodes[0]), nodes[1]
    act(one, "ann")
    asked = submitted(one, other.agency)
    act(one, "apo")
    requests.refuse(one, asked.id, "no basis")
    for decide in (requests.approve, requests.refuse):
        with pytest.raises(errors.StateError) as caught:
            decide(one, asked.id, "again")
        assert code(caught) == "not-pending"
    assert one.stores.agreements.find(asked.agreement) is None


def test_a_request_nobody_decides_expires(nodes: tuple[Node, Node]) -> None:
    one, other = staffed(nodes[0]), nodes[1]
    act(one, "ann")
    asked = submitted(one, other.agency)

    class Later:
        def now(self) -> dt.datetime:
            return dt.datetime.now(dt.UTC) + dt.timedelta(days=requests.PENDING_DAYS, hours=1)

    one.clock = Later()
    assert requests.inbox(one) == []
    assert requests.find(one, asked.id).state is RequestState.EXPIRED


def test_a_peers_terms_wait_in_the_inbox_and_can_be_refused(nodes: tuple[Node, Node]) -> None:
    one, other = nodes[0], staffed(nodes[1])
    assert carry(one, other) == []
    made = agreements.propose(one, draft(other.agency))
    assert carry(one, other) == []
    (waiting,) = requests.inbox(other)
    assert (waiting.kind, waiting.asked_by, waiting.agreement) == ("agreement", "the peer", made.id)
    act(other, "apo")
    with pytest.raises(errors.StateError) as caught:
        requests.approve(other, waiting.request, "fits")
    assert code(caught) == "not-taken-up"
    assert requests.find(other, waiting.request).state is RequestState.PENDING
    requests.refuse(other, waiting.request, "another law applies")
    assert carry(one, other) == []
    assert status(one, made.id) is Status.REFUSED


def test_the_older_commands_do_the_same(nodes: tuple[Node, Node]) -> None:
    one, other = nodes[0], staffed(nodes[1])
    assert carry(one, other) == []
    first, second = (agreements.propose(one, draft(other.agency)) for _ in range(2))
    assert carry(one, other) == []
    act(other, "ann")
    with pytest.raises(errors.RefusedError):
        agreements.approve(other, first.id, reason="fits")
    agreements.take_up(other, first.id, ["cases"], case="OURS-1", legal_basis="Art. 8")
    act(other, "apo")
    with pytest.raises(errors.InputError) as caught:
        agreements.approve(other, first.id, ["cases"], case=None, legal_basis=None)
    assert code(caught) == "chosen-already"
    agreements.approve(other, first.id, reason="fits")
    agreements.refuse(other, second.id, "one is enough")
    assert requests.inbox(other) == []
    assert carry(one, other) == []
    assert status(one, first.id) is Status.ACTIVE
    assert status(one, second.id) is Status.REFUSED
    signature = documents.load(one, first.id).signature(other.agency)
    assert signature is not None
    assert signature.actor == id_of(other, "apo")
    assert signature.approval is not None


def test_terms_from_before_the_first_operator_are_decided_too(nodes: tuple[Node, Node]) -> None:
    one, other = nodes
    made = agreements.propose(one, draft(other.agency))
    assert carry(one, other) == []
    staffed(other)
    act(other, "apo")
    with pytest.raises(errors.StateError) as caught:
        agreements.approve(other, made.id, reason="fits")
    assert code(caught) == "not-taken-up"
    act(other, "ann")
    agreements.take_up(other, made.id, ["cases"], case=None, legal_basis=None)
    act(other, "apo")
    agreements.approve(other, made.id, reason="fits")
    assert carry(one, other) == []
    assert status(one, made.id) is Status.ACTIVE


def test_who_takes_terms_up_does_not_approve_them(nodes: tuple[Node, Node]) -> None:
    one, other = nodes[0], staffed(nodes[1])
    assert carry(one, other) == []
    made = agreements.propose(one, draft(other.agency))
    assert carry(one, other) == []
    for name in ("ada", "apo"):
        act(other, name)
        with pytest.raises(errors.RefusedError) as caught:
            agreements.take_up(other, made.id, ["cases"], case=None, legal_basis=None)
        assert code(caught) == "role-required"
    act(other, "amy")
    taken_up = agreements.take_up(other, made.id, ["cases"], case=None, legal_basis=None)
    with pytest.raises(errors.RefusedError) as caught:
        requests.approve(other, taken_up.id, "fits")
    assert code(caught) == "own-request"
    act(other, "apo")
    requests.approve(other, taken_up.id, "fits")
    assert carry(one, other) == []
    assert status(one, made.id) is Status.ACTIVE
    assert local(other, "decision")[-1]["proposer"] == id_of(other, "amy")


def test_terms_taken_up_anew_replace_what_waits(nodes: tuple[Node, Node]) -> None:
    one, other = nodes[0], staffed(nodes[1])
    hold(other, "more", [row(1, [AlgorithmId.MD5])])
    assert carry(one, other) == []
    made = agreements.propose(one, draft(other.agency))
    assert carry(one, other) == []
    (came,) = requests.inbox(other)
    assert "take-up" in dict(requests.page(other, came.request)[1])["What is asked"]
    act(other, "ann")
    first = agreements.take_up(other, made.id, ["cases"], case=None, legal_basis=None)
    second = agreements.take_up(other, made.id, ["more"], case="OURS-2", legal_basis="Art. 9")
    (waiting,) = requests.inbox(other)
    assert (waiting.request, waiting.asked_by) == (second.id, "ann")
    states = {each.request: each.state for each in requests.inbox(other, everything=True)}
    assert states[came.request] == states[first.id] == "replaced"
    asked = dict(requests.page(other, second.id)[1])["What is asked"]
    assert "more" in asked
    assert "OURS-2" in asked
    assert "Art. 9" in asked
    act(other, "apo")
    with pytest.raises(errors.StateError):
        requests.approve(other, first.id, "fits")
    requests.approve(other, second.id, "fits")
    assert carry(one, other) == []
    agreement = documents.load(one, made.id)
    assert agreement.state(one.stamp()).status is Status.ACTIVE
    assert agreement.case(other.agency) == "OURS-2"
    assert [each.collection for each in other.stores.agreements.offered(made.id)] == ["more"]


def test_the_single_operator_takes_nothing_up(nodes: tuple[Node, Node]) -> None:
    one, other = nodes
    made = agreements.propose(one, draft(other.agency))
    assert carry(one, other) == []
    with pytest.raises(errors.StateError) as caught:
        agreements.take_up(other, made.id, ["cases"], case=None, legal_basis=None)
    assert code(caught) == "no-operators"


def test_the_reason_of_an_approval_stays_here(nodes: tuple[Node, Node]) -> None:
    """Of terms on both sides, and of a session: nothing that leaves has it."""
    one, other = (staffed(node) for node in nodes)
    assert carry(one, other) == []
    agreement = agreed(one, other)
    for node, author in ((other, one.agency), (one, other.agency)):
        for document in node.stores.agreements.documents(agreement, author=author):
            assert b"fits" not in document.body
    decided = local(one, "decision")[-1]
    assert decided["reason"] == "fits the case"
    shown = requests.inbox(one, everything=True)
    assert [each.reason for each in shown if each.kind == "propose"] == ["fits the case"]


def subject(
    node: Node,
    agreement: str,
    peer: str,
    role: SessionRole = SessionRole.INITIATOR,
    rung: Rung = Rung.RECORDS,
) -> dict[str, Any]:
    """A session under an agreement as it stands; its annexes are made up where there is none."""
    more: dict[str, Any] = {"agreement": agreement, "peer": peer, "rung": rung, "role": role}
    if node.stores.agreements.find(agreement) is not None:
        for name, agency in (("annex", node.agency), ("peer_annex", peer)):
            annex = documents.load(node, agreement).annex(agency)
            if annex is not None:
                more[name] = annex.digest.hex()
    return people.session_subject(**more)


def test_a_question_about_annexes_that_were_replaced_is_not_decided(
    nodes: tuple[Node, Node],
) -> None:
    """A yes would let nothing run: what runs is asked about anew."""
    one, other = (staffed(node) for node in nodes)
    assert carry(one, other) == []
    agreement = agreed(one, other)
    act(one, "ann")
    wanted = subject(one, agreement, other.agency)
    asked = requests.file(one, RequestKind.SESSION, wanted, peer=other.agency, agreement=agreement)
    hold(one, "cases", [row(number, [AlgorithmId.MD5]) for number in range(100, 300)])
    annexes.refresh_all(one, other.agency)
    act(one, "apo")
    with pytest.raises(errors.StateError) as caught:
        requests.approve(one, asked.id, "fits")
    assert code(caught) == "request-outdated"
    requests.refuse(one, asked.id, "asked anew")


def test_a_session_request_is_found_by_what_it_asks(nodes: tuple[Node, Node]) -> None:
    one, other = (staffed(node) for node in nodes)
    assert carry(one, other) == []
    agreement = agreed(one, other)
    act(one, "ann")
    wanted = subject(one, agreement, other.agency)
    asked = requests.file(one, RequestKind.SESSION, wanted, peer=other.agency, agreement=agreement)
    again = requests.file(one, RequestKind.SESSION, wanted, peer=other.agency, agreement=agreement)
    assert again.id == asked.id
    assert requests.approved(one, RequestKind.SESSION, wanted) is None
    act(one, "apo")
    requests.approve(one, asked.id, "needed")
    found = requests.approved(one, RequestKind.SESSION, wanted)
    assert found is not None
    assert found.decision is not None
    assert found.decision.decider.operator == id_of(one, "apo")
    for changed in (
        subject(one, agreement, other.agency, rung=Rung.ITEMS),
        subject(one, agreement, other.agency, SessionRole.RESPONDER),
        subject(one, "00" * 32, other.agency),
        subject(one, agreement, "fr-police"),
    ):
        assert requests.approved(one, RequestKind.SESSION, changed) is None


def test_an_approval_ends(nodes: tuple[Node, Node]) -> None:
    one, other = (staffed(node) for node in nodes)
    assert carry(one, other) == []
    agreement = agreed(one, other)
    wanted = subject(one, agreement, other.agency, SessionRole.RESPONDER)
    asked = requests.file(
        one, RequestKind.SESSION, wanted, peer=other.agency, agreement=agreement, by_peer=True
    )
    act(one, "apo")
    requests.approve(one, asked.id, "fits")

    class Later:
        def now(self) -> dt.datetime:
            return dt.datetime.now(dt.UTC) + dt.timedelta(days=8)

    assert requests.approved(one, RequestKind.SESSION, wanted) is not None
    one.clock = Later()
    assert requests.approved(one, RequestKind.SESSION, wanted) is None


def test_the_single_operator_decides_what_waits(nodes: tuple[Node, Node]) -> None:
    one, other = nodes
    made = agreements.propose(one, draft(other.agency))
    assert carry(one, other) == []
    agreements.approve(other, made.id, ["cases"], case=None, legal_basis=None)
    assert carry(one, other) == []
    wanted = subject(one, made.id, other.agency, SessionRole.RESPONDER)
    asked = requests.file(
        one, RequestKind.SESSION, wanted, peer=other.agency, agreement=made.id, by_peer=True
    )
    requests.approve(one, asked.id, "fits")
    found = requests.approved(one, RequestKind.SESSION, wanted)
    assert found is not None
    assert found.decision is None
    staffed(one)
    assert requests.approved(one, RequestKind.SESSION, wanted) is None


def test_the_page_says_what_the_approver_has_to_know(nodes: tuple[Node, Node]) -> None:
    one, other = (staffed(node) for node in nodes)
    assert carry(one, other) == []
    agreement = agreed(one, other)
    act(one, "ann")
    asked = requests.file(
        one,
        RequestKind.SESSION,
        subject(one, agreement, other.agency),
        peer=other.agency,
        agreement=agreement,
    )
    view, sections = requests.page(one, asked.id)
    page = dict(sections)
    assert set(page) >= {
        "Who asks",
        "What is asked",
        "What we learn",
        "What they learn",
        "What a dishonest partner could learn",
        "For which case",
        "Under which law",
        "How much of the budget is used",
        "What was exposed to this partner before",
    }
    assert "ann" in page["Who asks"]
    assert "'records'" in page["What is asked"]
    assert "CASE-1" in page["For which case"]
    assert "Nothing" in page["What was exposed to this partner before"]
    assert view.asked_by == "ann"
    text = json.dumps(asdict(view))
    assert "attachment" not in text


def test_pages_of_the_other_kinds(nodes: tuple[Node, Node]) -> None:
    one, other = (staffed(node) for node in nodes)
    assert carry(one, other) == []
    act(one, "ann")
    asked = submitted(one, other.agency)
    page = dict(requests.page(one, asked.id)[1])
    assert "cases" in page["What is asked"]
    assert "Between" in page
    act(one, "ada")
    added = operators.add(one, "abe", [OperatorRole.APPROVER], password("abe"))
    page = dict(requests.page(one, added.request)[1])
    assert "abe" in page["What is asked"]


def test_the_html_page_runs_and_loads_nothing() -> None:
    data = page_html.render("<b>", [("<script>alert(1)</script>", 'x" onload="y')], "`psihash`")
    text = data.decode()
    assert "<script" not in text
    assert 'onload="y' not in text
    assert "http-equiv" in text
    assert "default-src 'none'" in text
    assert '<html lang="en">' in text
    assert "src=" not in text.replace("default-src", "").replace("style-src", "")
    assert "href" not in text


def test_requests_are_found_by_a_prefix(nodes: tuple[Node, Node]) -> None:
    one, other = staffed(nodes[0]), nodes[1]
    act(one, "ann")
    asked = submitted(one, other.agency)
    assert requests.find(one, asked.id[:6].upper()).id == asked.id
    for text in (asked.id[:5], "zzzzzz", ""):
        with pytest.raises(errors.NotFoundError):
            requests.find(one, text)


def test_the_attachment_is_sealed_and_bound(nodes: tuple[Node, Node]) -> None:
    one, other = staffed(nodes[0]), nodes[1]
    act(one, "ann")
    asked, second = submitted(one, other.agency), submitted(one, other.agency)
    assert asked.sealed_attachment is not None
    assert b"cases" not in asked.sealed_attachment + asked.body
    with one.stores.database.transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE requests SET sealed_attachment = (SELECT sealed_attachment FROM requests "
            f"WHERE id = '{second.id}') WHERE id = '{asked.id}'"
        )
    act(one, "apo")
    with pytest.raises(errors.StorageError):
        requests.approve(one, asked.id, "fits")


@pytest.mark.parametrize("kind", RequestKind)
def test_every_kind_of_request_can_be_decided(kind: RequestKind) -> None:
    assert isinstance(request_kinds.handler(kind), request_kinds.Handler)
