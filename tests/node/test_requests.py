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
from psihash.agreement.request import RequestKind, session_subject
from psihash.agreement.roster import OperatorRole
from psihash.agreement.status import Status
from psihash.export import page_html
from psihash.node.agreeing import agreements, documents
from psihash.node.agreeing.agreements import Draft
from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.node.people import operators, request_kinds, requests
from psihash.node.people.request_kinds import Choices
from psihash.storage.requests import RequestRow, RequestState
from psihash.terms import AlgorithmId, Learn, Rung, SessionRole
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
    requests.approve(node, added.request)
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
    act(other, "apo")
    waiting = requests.inbox(other)[0]
    requests.approve(other, waiting.request, "fits", Choices(["cases"]))
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
        requests.approve(one, asked.id)
    assert code(caught) == "own-request"
    assert requests.find(one, asked.id).state is RequestState.PENDING
    act(one, "ann")
    with pytest.raises(errors.RefusedError) as caught:
        requests.approve(one, asked.id)
    assert code(caught) == "role-required"
    act(one, "apo")
    requests.approve(one, asked.id)


def test_a_decision_needs_the_password(nodes: tuple[Node, Node]) -> None:
    one, other = staffed(nodes[0]), nodes[1]
    act(one, "ann")
    asked = submitted(one, other.agency)
    act(one, "apo")
    one.unlocked.clear()
    one.ask = lambda _question: "not the password"
    with pytest.raises(errors.VerificationError) as caught:
        requests.approve(one, asked.id)
    assert code(caught) == "wrong-password"
    one.ask = None
    with pytest.raises(errors.InputError) as missing:
        requests.approve(one, asked.id)
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
    with pytest.raises(errors.InputError) as caught:
        requests.approve(other, waiting.request)
    assert code(caught) == "no-collections"
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
        agreements.approve(other, first.id, ["cases"])
    act(other, "apo")
    agreements.approve(other, first.id, ["cases"], case="OURS-1")
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
    agreements.approve(other, made.id, ["cases"])
    assert carry(one, other) == []
    assert status(one, made.id) is Status.ACTIVE


def subject(
    agreement: str, peer: str, role: SessionRole = SessionRole.INITIATOR, rung: Rung = Rung.RECORDS
) -> dict[str, Any]:
    return session_subject(agreement, peer, rung, "", role)


def test_a_session_request_is_found_by_what_it_asks(nodes: tuple[Node, Node]) -> None:
    one, other = (staffed(node) for node in nodes)
    assert carry(one, other) == []
    agreement = agreed(one, other)
    act(one, "ann")
    wanted = subject(agreement, other.agency)
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
        subject(agreement, other.agency, rung=Rung.ITEMS),
        subject(agreement, other.agency, SessionRole.RESPONDER),
        subject("00" * 32, other.agency),
        subject(agreement, "fr-police"),
    ):
        assert requests.approved(one, RequestKind.SESSION, changed) is None


def test_an_approval_ends(nodes: tuple[Node, Node]) -> None:
    one, other = (staffed(node) for node in nodes)
    assert carry(one, other) == []
    agreement = agreed(one, other)
    wanted = subject(agreement, other.agency, SessionRole.RESPONDER)
    asked = requests.file(
        one, RequestKind.SESSION, wanted, peer=other.agency, agreement=agreement, by_peer=True
    )
    act(one, "apo")
    requests.approve(one, asked.id)

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
    agreements.approve(other, made.id, ["cases"])
    assert carry(one, other) == []
    wanted = subject(made.id, other.agency, SessionRole.RESPONDER)
    asked = requests.file(
        one, RequestKind.SESSION, wanted, peer=other.agency, agreement=made.id, by_peer=True
    )
    requests.approve(one, asked.id)
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
        subject(agreement, other.agency),
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
        requests.approve(one, asked.id)


@pytest.mark.parametrize("kind", RequestKind)
def test_every_kind_of_request_can_be_decided(kind: RequestKind) -> None:
    assert isinstance(request_kinds.handler(kind), request_kinds.Handler)
