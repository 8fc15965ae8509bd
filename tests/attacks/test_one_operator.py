"""One account against its own agency: everything that a single operator can try who also has the
node's passphrase, its keys and its database.

What the own code refuses comes first. Then the attacker calls functions and edits rows past that
code; there the other agency refuses, by the roster that it holds and by signatures of people whose
keys the attacker does not have. At the end of each there is no agreement in force at the other
agency, so no session at any rung, ``records`` least of all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash import errors, limits
from psihash.agreement import roster as chain
from psihash.agreement.decision import VALID_DAYS, Approval, Decision, Verdict, decide
from psihash.agreement.document_model import TermsSignature
from psihash.agreement.documents import sign_document
from psihash.agreement.proposal import build_terms, party_of
from psihash.agreement.request import (
    Request,
    RequestKind,
    agreement_subject,
    new_request,
)
from psihash.agreement.roster import Member, OperatorRole, OperatorStatus
from psihash.agreement.status import Status
from psihash.agreement.terms import Terms
from psihash.agreement.times import add_days
from psihash.agreement.vocabulary import PartyRole
from psihash.identity import keys, signatures
from psihash.node.agreeing import agreements, documents, signing
from psihash.node.agreeing.agreements import Draft
from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.node.peering import contact
from psihash.node.people import login, operators, requests, rosters
from psihash.storage.requests import RequestRow, RequestState
from psihash.terms import AlgorithmId, Learn, Rung
from tests.agreement.people import session_subject
from tests.node import crew
from tests.node.crew import act, employ, id_of, password
from tests.session.nodes import Homes, carry, hold, row

MD5 = AlgorithmId.MD5


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    crew.quick(monkeypatch)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Homes:
    return Homes.make(tmp_path_factory.mktemp("homes"))


@pytest.fixture
def two(homes: Homes, tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    """Both with an admin, an analyst and an approver, whose rosters the other one holds."""
    one, other = homes.open(tmp_path)
    for node in (one, other):
        hold(node, "cases", [row(number, [MD5]) for number in range(20)])
        employ(node)
    assert carry(one, other) == []
    assert rosters.of_peer(other, one.agency) is not None
    yield one, other
    for node in (one, other):
        node.close()


def code(caught: pytest.ExceptionInfo[errors.PsihashError]) -> str:
    return caught.value.code


def draft(peer: str) -> Draft:
    return Draft(peer, "a test", "CASE-1", "Art. 1", Rung.RECORDS, Learn.BOTH, ["cases"], [MD5])


def terms_for(node: Node, other: Node) -> Terms:
    return build_terms(
        party_of(node.card),
        party_of(other.card),
        purpose="a test",
        legal_basis={node.agency: "Art. 1"},
        case={node.agency: "CASE-1"},
        rung=Rung.RECORDS,
        learn=Learn.BOTH,
        algorithms=[MD5],
        now=node.stamp(),
        rng=node.rng,
    )


def key_of(node: Node, name: str) -> Ed25519PrivateKey:
    """The key that this person's own password opens."""
    found = node.stores.operators.named(name)
    assert found is not None
    return keys.load_ed25519(found.sealed_key, password(name))


def asking(
    node: Node, terms: Terms, proposer: str, key: Ed25519PrivateKey | None = None
) -> Request:
    return new_request(
        node.agency,
        RequestKind.PROPOSE,
        agreement_subject(terms.id, terms.agencies[1]),
        proposer=proposer,
        created=node.stamp(),
        rng=node.rng,
        key=key,
    )


def deciding(node: Node, request: Request, operator: str, key: Ed25519PrivateKey) -> Decision:
    return decide(request, Verdict.APPROVED, operator, key, reason="", now=node.stamp())


def show(one: Node, other: Node, terms: Terms, approval: Approval | None) -> list[str]:
    """Sign with the node's key, past all use cases; the codes with which the other side refuses."""
    signing.propose(one, terms, ["cases"], approval)
    return carry(one, other)


def never_in_force(other: Node, agreement: str) -> None:
    """At the other agency nobody of the first one has signed, and the log names the incident."""
    assert documents.load(other, agreement).state(other.stamp()).status is Status.UNSIGNED
    act(other, "apo")
    with pytest.raises(errors.StateError):
        agreements.approve(other, agreement, ["cases"], case=None, legal_basis=None)
    assert any(entry["event"] == "incident" for entry in auditing.show(other))


# -- through the code ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ann", "ada"])
def test_one_account_cannot_propose_and_approve(two: tuple[Node, Node], name: str) -> None:
    one, other = two
    act(one, "ann")
    asked = agreements.submit(one, draft(other.agency))
    assert isinstance(asked, RequestRow)
    act(one, name)
    attempts: list[Callable[[], Any]] = [
        lambda: requests.approve(one, asked.id, "fits"),
        lambda: agreements.propose(one, draft(other.agency)),
        lambda: agreements.approve(one, asked.agreement, ["cases"], case=None, legal_basis=None),
    ]
    for attempt in attempts:
        with pytest.raises((errors.RefusedError, errors.StateError)):
            attempt()
    assert one.stores.outbox.waiting() == []
    assert requests.find(one, asked.id).state is RequestState.PENDING


def test_an_admin_cannot_make_an_approver_of_its_own(two: tuple[Node, Node]) -> None:
    one, other = two
    act(one, "ada")
    added = operators.add(one, "own", [OperatorRole.APPROVER], password("own"))
    assert added.status == "pending"
    with pytest.raises(errors.StateError):
        login.login(one, "own", password("own"))
    operators.disable(one, "apo", force=True)
    with pytest.raises(errors.PsihashError) as caught:
        operators.add(one, "too", [OperatorRole.APPROVER], password("too"))
    assert code(caught) == "no-approver"
    with pytest.raises(errors.PsihashError):
        requests.approve(one, added.request, "fits")
    assert carry(one, other) == []
    held = rosters.of_peer(other, one.agency)
    assert held is not None
    assert held.active(OperatorRole.APPROVER) == []


def test_an_admin_cannot_set_another_password(two: tuple[Node, Node]) -> None:
    """Nor swap the key behind it: the roster has the public one."""
    one, _ = two
    mine = Ed25519PrivateKey.generate()
    from psihash.identity import passwords

    one.stores.operators.set_password(
        id_of(one, "apo"),
        passwords.hash_password(password("ada")),
        keys.encrypt_private(mine, password("ada")),
    )
    login.login(one, "apo", password("ada"))
    one.unlocked.clear()
    one.ask = lambda _question: password("ada").decode()
    with pytest.raises(errors.VerificationError) as caught:
        login.own_key(one)
    assert code(caught) == "operator-key-differs"


def test_a_role_in_an_edited_row_gives_nothing(two: tuple[Node, Node]) -> None:
    one, _ = two
    with one.stores.database.transaction() as connection:
        connection.exec_driver_sql("UPDATE operators SET roles = 'approver' WHERE name = 'ann'")
    act(one, "ann")
    with pytest.raises(errors.RefusedError) as caught:
        requests.approve(one, "000000", "fits")
    assert code(caught) == "role-required"


def test_a_request_that_is_marked_as_approved_is_not(two: tuple[Node, Node]) -> None:
    one, other = two
    act(one, "ann")
    subject = session_subject(peer=other.agency)
    asked = requests.file(one, RequestKind.SESSION, subject, peer=other.agency)
    assert requests.approved(one, RequestKind.SESSION, subject) is None
    forged = deciding(one, requests.body(asked), id_of(one, "apo"), one.keys.signing)
    for decision in (None, forged.to_bytes()):
        with one.stores.database.transaction() as connection:
            connection.exec_driver_sql("UPDATE requests SET state = 'pending', decision = NULL")
        one.stores.requests.decide(asked.id, RequestState.APPROVED, one.stamp(), decision, "yes")
        assert requests.approved(one, RequestKind.SESSION, subject) is None


def test_a_row_with_another_body_is_damaged(two: tuple[Node, Node]) -> None:
    """A harmless request is shown to the approver, and another one is signed: not here."""
    one, other = two
    act(one, "ann")
    first, second = (
        requests.file(
            one,
            RequestKind.SESSION,
            session_subject(peer=other.agency, rung=rung),
        )
        for rung in (Rung.COUNT, Rung.RECORDS)
    )
    with one.stores.database.transaction() as connection:
        connection.exec_driver_sql(
            f"UPDATE requests SET body = (SELECT body FROM requests WHERE id = '{second.id}') "
            f"WHERE id = '{first.id}'"
        )
    act(one, "apo")
    with pytest.raises(errors.StorageError):
        requests.approve(one, first.id, "fits")


# -- past the code: what the other agency refuses ------------------------------------------------


def test_terms_that_the_node_alone_signed_are_refused(two: tuple[Node, Node]) -> None:
    one, other = two
    act(one, "ann")
    terms = terms_for(one, other)
    assert "approval-missing" in show(one, other, terms, None)
    never_in_force(other, terms.id)


def test_an_agency_that_forgets_its_operators_is_not_believed(two: tuple[Node, Node]) -> None:
    one, other = two
    with one.stores.database.transaction() as connection:
        for table in ("operator_logins", "operators", "rosters"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    made = agreements.propose(one, draft(other.agency))
    assert "approval-missing" in carry(one, other)
    never_in_force(other, made.id)


FORGERIES: dict[str, tuple[Callable[[Node, Request], Decision], str]] = {
    "the node's key in the approver's name": (
        lambda node, request: deciding(node, request, id_of(node, "apo"), node.keys.signing),
        "bad-signature",
    ),
    "the analyst's key in the approver's name": (
        lambda node, request: deciding(node, request, id_of(node, "apo"), key_of(node, "ann")),
        "bad-signature",
    ),
    "the admin's key in the approver's name": (
        lambda node, request: deciding(node, request, id_of(node, "apo"), key_of(node, "ada")),
        "bad-signature",
    ),
    "the analyst itself": (
        lambda node, request: deciding(node, request, id_of(node, "ann"), key_of(node, "ann")),
        "not-approver",
    ),
    "the admin itself": (
        lambda node, request: deciding(node, request, id_of(node, "ada"), key_of(node, "ada")),
        "not-approver",
    ),
    "somebody whom nobody knows": (
        lambda node, request: deciding(
            node, request, "op-" + "0" * 16, Ed25519PrivateKey.generate()
        ),
        "operator-unknown",
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_decision_is_refused(two: tuple[Node, Node], name: str) -> None:
    one, other = two
    make, expected = FORGERIES[name]
    terms = terms_for(one, other)
    request = asking(one, terms, id_of(one, "ann"), key_of(one, "ann"))
    act(one, "ann")
    assert expected in show(one, other, terms, Approval(request, make(one, request)))
    never_in_force(other, terms.id)


PROPOSERS: dict[str, tuple[Callable[[Node, Terms], Request], str]] = {
    "the analyst's name, the approver's key": (
        lambda node, terms: asking(node, terms, id_of(node, "ann"), key_of(node, "apo")),
        "bad-signature",
    ),
    "the analyst's name, the node's key": (
        lambda node, terms: asking(node, terms, id_of(node, "ann"), node.keys.signing),
        "bad-signature",
    ),
    "nobody": (lambda node, terms: asking(node, terms, ""), "proposer-unproven"),
    "the peer": (lambda node, terms: asking(node, terms, "peer"), "proposer-unproven"),
    "itself": (
        lambda node, terms: asking(node, terms, id_of(node, "apo"), key_of(node, "apo")),
        "own-request",
    ),
}


@pytest.mark.parametrize("name", PROPOSERS)
def test_an_approver_alone_cannot_ask_and_decide(two: tuple[Node, Node], name: str) -> None:
    """The approver has a key that counts, and needs somebody else's for the question."""
    one, other = two
    make, expected = PROPOSERS[name]
    terms = terms_for(one, other)
    request = make(one, terms)
    decision = deciding(one, request, id_of(one, "apo"), key_of(one, "apo"))
    act(one, "apo")
    assert expected in show(one, other, terms, Approval(request, decision))
    never_in_force(other, terms.id)


def genuine(one: Node, other: Node) -> Approval:
    """What two people decided once, about other terms."""
    act(one, "ann")
    asked = agreements.submit(one, draft(other.agency))
    assert isinstance(asked, RequestRow)
    act(one, "apo")
    requests.approve(one, asked.id, "right")
    signature = documents.load(one, asked.agreement).signature(one.agency)
    assert signature is not None
    assert signature.approval is not None
    assert carry(one, other) == []
    return signature.approval


def test_an_older_approval_does_not_serve_again(two: tuple[Node, Node]) -> None:
    one, other = two
    older = genuine(one, other)
    terms = terms_for(one, other)
    act(one, "ann")
    assert "decision-misplaced" in show(one, other, terms, older)
    never_in_force(other, terms.id)


def test_an_older_decision_under_a_new_question_does_not_serve(two: tuple[Node, Node]) -> None:
    one, other = two
    older = genuine(one, other)
    terms = terms_for(one, other)
    act(one, "ann")
    request = asking(one, terms, id_of(one, "ann"), key_of(one, "ann"))
    approval = Approval(request, older.decision)
    assert "decision-misplaced" in show(one, other, terms, approval)
    renamed = Approval(request, replace(older.decision, request=request.id))
    codes = contact.take(other, one.agency, [signature_of(one, terms, renamed)])
    assert codes == ["bad-signature"]
    never_in_force(other, terms.id)


def signature_of(node: Node, terms: Terms, approval: Approval | None, decided: str = "") -> bytes:
    return sign_document(
        TermsSignature(
            author=node.agency,
            agreement=terms.id,
            role=PartyRole.PROPOSER,
            decided=decided or node.stamp(),
            actor=id_of(node, "ann"),
            approval=approval,
        ),
        node.keys.signing,
    ).to_bytes()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"reason": "another reason"}, "bad-signature"),
        ({"verdict": Verdict.APPROVED}, "bad-signature"),
        ({"verdict": Verdict.REFUSED}, "decision-otherwise"),
    ],
)
def test_a_refusal_that_was_altered_is_no_approval(
    two: tuple[Node, Node], change: dict[str, Any], expected: str
) -> None:
    one, other = two
    terms = terms_for(one, other)
    request = asking(one, terms, id_of(one, "ann"), key_of(one, "ann"))
    said = decide(
        request, Verdict.REFUSED, id_of(one, "apo"), key_of(one, "apo"),
        reason="no", now=one.stamp(),
    )  # fmt: skip
    changed = replace(said, **{"verdict": Verdict.APPROVED} | change)
    act(one, "ann")
    assert expected in show(one, other, terms, Approval(request, changed))
    never_in_force(other, terms.id)


def test_a_decision_that_expired_before_the_terms_were_signed_is_refused(
    two: tuple[Node, Node],
) -> None:
    one, other = two
    terms = terms_for(one, other)
    request = asking(one, terms, id_of(one, "ann"), key_of(one, "ann"))
    early = add_days(one.stamp(), -10)
    said = decide(
        request, Verdict.APPROVED, id_of(one, "apo"), key_of(one, "apo"), reason="", now=early
    )
    assert "decision-expired" in show(one, other, terms, Approval(request, said))
    never_in_force(other, terms.id)


def test_a_lapsed_decision_is_not_brought_back_by_an_early_date(two: tuple[Node, Node]) -> None:
    """The node's key can write any date under a signature, the other side's clock has another."""
    one, other = two
    terms = terms_for(one, other)
    request = asking(one, terms, id_of(one, "ann"), key_of(one, "ann"))
    days = VALID_DAYS + limits.TRANSIT_DAYS + 1
    then = add_days(one.stamp(), -days)
    said = decide(
        request, Verdict.APPROVED, id_of(one, "apo"), key_of(one, "apo"), reason="", now=then
    )
    backdated = signature_of(one, terms, Approval(request, said), then)
    codes = contact.take(other, one.agency, [terms.to_bytes(), backdated])
    assert codes == ["", "decision-expired"]
    never_in_force(other, terms.id)


def test_a_disabled_approver_counts_no_more(two: tuple[Node, Node]) -> None:
    one, other = two
    terms = terms_for(one, other)
    request = asking(one, terms, id_of(one, "ann"), key_of(one, "ann"))
    decision = deciding(one, request, id_of(one, "apo"), key_of(one, "apo"))
    act(one, "ada")
    operators.disable(one, "apo", force=True)
    assert carry(one, other) == []
    assert "operator-disabled" in show(one, other, terms, Approval(request, decision))
    never_in_force(other, terms.id)


# -- the roster itself ---------------------------------------------------------------------------


def record_of(one: Node, signers: dict[str, Ed25519PrivateKey], *roles: OperatorRole) -> bytes:
    mine = Ed25519PrivateKey.generate()
    member = Member("op-" + "f" * 16, roles, signatures.public_bytes(mine), OperatorStatus.ACTIVE)
    record = chain.next_record(rosters.own(one), one.agency, member, one.stamp())
    signed = {name: chain.record_signature(record, key) for name, key in signers.items()}
    return chain.sign_record(record, one.keys.signing, signed).to_bytes()


def test_an_approver_that_nobody_approved_is_refused_there(two: tuple[Node, Node]) -> None:
    one, other = two
    ada, ann, apo = (id_of(one, name) for name in ("ada", "ann", "apo"))
    attempts = {
        "the admin alone": {ada: key_of(one, "ada")},
        "the analyst alone": {ann: key_of(one, "ann")},
        "the approver alone": {apo: key_of(one, "apo")},
        "the node's key for the approver": {ada: key_of(one, "ada"), apo: one.keys.signing},
        "the admin's key twice": {ada: key_of(one, "ada"), apo: key_of(one, "ada")},
    }
    for name, signers in attempts.items():
        body = record_of(one, signers, OperatorRole.APPROVER)
        (found,) = contact.take(other, one.agency, [body])
        assert found in ("roster-broken", "bad-signature"), name
        with pytest.raises(errors.VerificationError):
            rosters.append(one, chain.parse_record(body))
    held = rosters.of_peer(other, one.agency)
    assert held is not None
    assert held.number == 2


def test_a_roster_that_begins_anew_is_refused_there(two: tuple[Node, Node]) -> None:
    one, other = two
    mine = Ed25519PrivateKey.generate()
    member = Member(
        "op-" + "e" * 16,
        (OperatorRole.ADMIN,),
        signatures.public_bytes(mine),
        OperatorStatus.ACTIVE,
    )
    record = chain.next_record(None, one.agency, member, one.stamp())
    signed = chain.sign_record(
        record, one.keys.signing, {member.operator: chain.record_signature(record, mine)}
    )
    assert contact.take(other, one.agency, [signed.to_bytes()]) == ["roster-forked"]


def test_two_people_do_it(two: tuple[Node, Node]) -> None:
    """The same steps with both people, so that the refusals above are not for another cause."""
    one, other = two
    terms = terms_for(one, other)
    request = asking(one, terms, id_of(one, "ann"), key_of(one, "ann"))
    decision = deciding(one, request, id_of(one, "apo"), key_of(one, "apo"))
    act(one, "ann")
    assert show(one, other, terms, Approval(request, decision)) == []
    act(other, "ann")
    taken_up = agreements.take_up(other, terms.id, ["cases"], case=None, legal_basis=None)
    act(other, "apo")
    requests.approve(other, taken_up.id, "fits")
    assert carry(one, other) == []
    for node in two:
        assert documents.load(node, terms.id).state(node.stamp()).status is Status.ACTIVE


def test_a_clock_of_the_own_node_opens_nothing(two: tuple[Node, Node]) -> None:
    """The attacker sets the own clock back, so that an expired decision looks fresh there. Its
    terms are those that the two people decided on, so there is nothing to gain."""
    one, other = two
    older = genuine(one, other)
    terms = terms_for(one, other)

    class Earlier:
        def now(self) -> dt.datetime:
            return dt.datetime.now(dt.UTC) - dt.timedelta(days=3)

    one.clock = Earlier()
    codes = contact.take(
        other, one.agency, [terms.to_bytes(), signature_of(one, terms, older, one.stamp())]
    )
    assert codes == ["", "decision-misplaced"]
    never_in_force(other, terms.id)
