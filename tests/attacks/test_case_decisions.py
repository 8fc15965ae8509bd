"""Requests, answers and notices from a node that skips its own approver.

The attacker has the node of an agency with operators, its keys, its database, and the keys of one
person. The other agency holds the roster: what two people did not agree to is not taken there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash import canonical
from psihash.agreement.decision import Approval, Verdict, decide
from psihash.agreement.request import Request, RequestKind, document_subject, new_request
from psihash.agreement.vocabulary import HandlingCode, Tlp
from psihash.casework import reading
from psihash.casework.answers import Message
from psihash.casework.corrections import Concerned, Notice, NoticeAnswer
from psihash.casework.documents import CaseDocument
from psihash.casework.handling import Handling
from psihash.casework.pack import Pack
from psihash.casework.states import Step
from psihash.casework.words import Action, HitVerdict, Reason
from psihash.node.casework import case_documents, case_taking, corrections, followups, hits
from psihash.node.node import Node
from psihash.node.people import requests, rosters
from psihash.terms import AlgorithmId, Rung
from tests.attacks.test_one_operator import key_of
from tests.followup.test_hostile import seal
from tests.node import crew, ladder
from tests.node.crew import act, employ, id_of
from tests.session.nodes import Homes, agree, carry, hold, meet, row

MD5 = AlgorithmId.MD5
ASKED: dict[str, Any] = {"facts": "facts", "reasons": "reasons", "offence": "abuse"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    crew.quick(monkeypatch)


@dataclass
class Met:
    """``one`` has operators, whose roster ``other`` holds; both learned the hits of a session, and
    ``other``, which has none, has asked about them."""

    one: Node
    other: Node
    session: str
    asked: str

    def taken(self, document: CaseDocument) -> str:
        """The code with which ``other`` takes what ``one`` writes; empty where it does."""
        body = seal(self.one, self.other.agency, document.to_bytes())
        (code,) = case_taking.take_all(self.other, self.one.agency, [body])
        return code

    def signed(self, document: CaseDocument, **changes: Any) -> CaseDocument:
        """Signed by the agency's key, which the attacker has."""
        return reading.sign(replace(document, **changes, signature=b""), self.one.keys.signing)

    def heading(self) -> dict[str, Any]:
        return case_documents.heading(self.one, self.other.agency)


@pytest.fixture
def met(homes: Homes, tmp_path: Path) -> Iterator[Met]:
    one, other = homes.open(tmp_path)
    for node in (one, other):
        hold(node, "lists", [row(number, [MD5]) for number in range(5)])
    agreement = agree(one, other, ["lists"], ["lists"], rung=Rung.ITEMS)
    session = meet(one, other, agreement).results()[0].session
    for node in (one, other):
        hits.decide(node, session, (), HitVerdict.CONFIRMED, "compared", everything=True)
    draft = followups.Draft(session=session, hits=(), everything=True, **ASKED)
    asked = followups.request(other, draft).id
    employ(one)
    assert carry(one, other) == []
    assert rosters.of_peer(other, one.agency) is not None
    yield Met(one, other, session, asked)
    for node in (one, other):
        node.close()


def pack(met: Met) -> Pack:
    """A request that was written as it should be, and waits for the approver."""
    act(met.one, "ann")
    draft = followups.Draft(session=met.session, hits=(), everything=True, **ASKED)
    found = case_documents.kept(met.one, met.session, followups.request(met.one, draft).id)
    assert isinstance(found, Pack)
    return found


def message(met: Met) -> Message:
    return Message(
        **met.heading(),
        request=met.asked,
        step=Step.GRANTED,
        text=("the victim is known",),
        role="analyst",
        handling=Handling(HandlingCode.H2, Tlp.AMBER),
    )


def notice(met: Met) -> Notice:
    reference = hits.of_session(met.one, met.session)[0].reference
    return Notice(
        **met.heading(),
        reason=Reason.WRONG,
        text=("by mistake",),
        sessions=(Concerned(met.session, (reference,)),),
    )


def done_about_a_notice(met: Met, action: Action = Action.REMOVED) -> NoticeAnswer:
    digest = row(1, [MD5]).digests[0].raw.hex()
    made = corrections.notify(met.other, [digest], "", Reason.WRONG, "x")
    assert carry(met.one, met.other) == []
    text = () if action is Action.RECEIVED else ("taken out",)
    return NoticeAnswer(
        **met.heading(),
        notice=made.notices[0].correction,
        action=action,
        text=text,
        role="analyst",
    )


WRITTEN: dict[str, Callable[[Met], CaseDocument]] = {
    "request": pack, "answer": message, "notice": notice,
    "what was done about a notice": done_about_a_notice,
}  # fmt: skip


def asking(
    met: Met, document: CaseDocument, proposer: str, key: Any = None, /, **subject: Any
) -> Request:
    about = document.notice if isinstance(document, NoticeAnswer) else met.session
    true = document_subject(document.id, document.TYPE, met.other.agency, about)
    corrects = isinstance(document, Notice | NoticeAnswer)
    kind = RequestKind.CORRECTION if corrects else RequestKind.FOLLOW_UP
    return new_request(
        met.one.agency, subject.pop("kind", kind), true | subject, proposer=proposer,
        created=met.one.stamp(), rng=met.one.rng, key=key,
    )  # fmt: skip


def deciding(
    met: Met,
    request: Request,
    name: str,
    key: Ed25519PrivateKey,
    verdict: Verdict = Verdict.APPROVED,
    days: int = 0,
) -> Approval:
    now = met.one.now() + dt.timedelta(days=days)
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    reason = "" if verdict is Verdict.APPROVED else "no"
    who = id_of(met.one, name)
    return Approval(request, decide(request, verdict, who, key, reason=reason, now=stamp))


def by(met: Met, document: CaseDocument, asks: str, decides: str, **how: Any) -> Approval:
    """A decision with the keys of two people, or of one under two names."""
    about: dict[str, Any] = {
        name: how.pop(name) for name in ("session", "kind", "peer") if name in how
    }
    if "another" in how:
        about["document"] = how.pop("another")
    asks_with, decides_with = how.pop("asks_with", asks), how.pop("decides_with", decides)
    keys = {"node": met.one.keys.signing}
    asking_key, deciding_key = (
        keys.get(each) or key_of(met.one, each) for each in (asks_with, decides_with)
    )
    request = asking(met, document, id_of(met.one, asks), asking_key, **about)
    return deciding(met, request, decides, deciding_key, **how)


Make = Callable[[Met, CaseDocument], Approval | None]
FORGED: dict[str, tuple[Make, str]] = {
    "no decision at all": (lambda met, document: None, "approval-missing"),
    "the node's key decides": (
        lambda met, document: by(met, document, "ann", "apo", decides_with="node"),
        "bad-signature",
    ),
    "the analyst decides": (lambda met, document: by(met, document, "ann", "ann"), "not-approver"),
    "the admin decides": (lambda met, document: by(met, document, "ann", "ada"), "not-approver"),
    "the analyst, in the approver's name": (
        lambda met, document: by(met, document, "ann", "apo", decides_with="ann"),
        "bad-signature",
    ),
    "the approver asks too": (lambda met, document: by(met, document, "apo", "apo"), "own-request"),
    "the approver, in the analyst's name": (
        lambda met, document: by(met, document, "ann", "apo", asks_with="apo"),
        "bad-signature",
    ),
    "the admin asks": (lambda met, document: by(met, document, "ada", "apo"), "proposer-unproven"),
    "the peer is said to ask": (
        lambda met, document: deciding(
            met, asking(met, document, "peer"), "apo", key_of(met.one, "apo")
        ),
        "proposer-unproven",
    ),
    "it was refused": (
        lambda met, document: by(met, document, "ann", "apo", verdict=Verdict.REFUSED),
        "decision-otherwise",
    ),
    "it will be decided": (
        lambda met, document: by(met, document, "ann", "apo", days=2),
        "decision-expired",
    ),
    "of another document": (
        lambda met, document: by(met, document, "ann", "apo", another="00" * 32),
        "decision-misplaced",
    ),
    "of another session": (
        lambda met, document: by(met, document, "ann", "apo", session="00" * 32),
        "decision-misplaced",
    ),
    "for another peer": (
        lambda met, document: by(met, document, "ann", "apo", peer="fr-police"),
        "decision-misplaced",
    ),
    "of another kind": (
        lambda met, document: by(
            met, document, "ann", "apo",
            kind=RequestKind.FOLLOW_UP
            if isinstance(document, Notice | NoticeAnswer) else RequestKind.CORRECTION,
        ),
        "decision-misplaced",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.parametrize("written", WRITTEN)
def test_what_two_people_did_not_let_go_is_not_taken(met: Met, written: str, name: str) -> None:
    make, expected = FORGED[name]
    document = WRITTEN[written](met)
    before = met.other.stores.sessions.blob_names(met.session)
    assert met.taken(met.signed(document, approval=make(met, document))) == expected
    assert met.other.stores.sessions.blob_names(met.session) == before
    assert corrections.marked(met.other, met.session) == []
    assert ladder.entries(met.other, "incident")[-1]["local"]["codes"] == [expected]


@pytest.mark.parametrize("written", WRITTEN)
def test_what_two_people_let_go_is_taken_once(met: Met, written: str) -> None:
    document = WRITTEN[written](met)
    approval = by(met, document, "ann", "apo")
    whole = met.signed(document, approval=approval)
    assert whole.id == document.id, "the decision names what it lets go"
    assert met.taken(whole) == ""
    entries = len(ladder.entries(met.other, "follow-up") + ladder.entries(met.other, "correction"))
    assert met.taken(whole) == ""
    assert entries == len(
        ladder.entries(met.other, "follow-up") + ladder.entries(met.other, "correction")
    )


def test_a_decision_does_not_serve_for_a_second_document(met: Met) -> None:
    """The same words, with another nonce: another document."""
    document = message(met)
    approval = by(met, document, "ann", "apo")
    assert met.taken(met.signed(document, approval=approval)) == ""
    again = met.signed(document, approval=approval, nonce="ab" * 16)
    assert met.taken(again) == "decision-misplaced"


def test_a_document_is_bound_to_its_decision(met: Met) -> None:
    """By the agency's signature: nobody takes it off or exchanges it on the way."""
    document = message(met)
    whole = met.signed(document, approval=by(met, document, "ann", "apo"))
    assert met.taken(replace(whole, approval=None)) == "bad-signature"
    other = by(met, document, "ann", "apo")
    assert met.taken(replace(whole, approval=other)) == "bad-signature"


@pytest.mark.parametrize("wrong", [None, {}, [], "yes", {"request": {}}])
def test_a_decision_is_an_object_or_absent(met: Met, wrong: object) -> None:
    whole = met.signed(message(met))
    value = canonical.decode(whole.to_bytes(), max_bytes=1 << 20) | {"approval": wrong}
    body = seal(met.one, met.other.agency, canonical.encode(value))
    assert case_taking.take_all(met.other, met.one.agency, [body]) == ["bad-document"]


def test_what_nobody_decides_has_no_decision(met: Met) -> None:
    received = replace(message(met), step=Step.RECEIVED, text=(), role="node")
    approval = by(met, received, "ann", "apo")
    assert met.taken(met.signed(received, approval=approval)) == "decision-misplaced"
    answer = done_about_a_notice(met, Action.RECEIVED)
    said = met.signed(answer, approval=by(met, answer, "ann", "apo"))
    assert met.taken(said) == "decision-misplaced"


def test_a_disabled_approver_lets_nothing_go_any_more(met: Met) -> None:
    from psihash.node.people import operators

    document = message(met)
    approval = by(met, document, "ann", "apo")
    act(met.one, "ada")
    operators.disable(met.one, "apo", force=True)
    assert carry(met.one, met.other) == []
    assert met.taken(met.signed(document, approval=approval)) == "operator-disabled"


def test_the_whole_way_with_two_people(met: Met) -> None:
    """Written by the analyst, let go by the approver: the same code for all three kinds, and the
    reason for it stays at home."""
    document = pack(met)
    act(met.one, "ann")
    followups.say(met.one, met.asked, Step.GRANTED, "the victim is known")
    corrections.notify(met.one, [row(1, [MD5]).digests[0].raw.hex()], "", Reason.WRONG, "wrong")
    act(met.one, "apo")
    for waiting in requests.inbox(met.one):
        requests.approve(met.one, waiting.request, "a reason for ourselves")
    assert carry(met.one, met.other) == []
    state = met.other.stores.followups.find(met.asked)
    assert state is not None
    assert state.state == "granted"
    came = case_documents.kept(met.other, met.session, document.id)
    assert came is not None
    assert came.approval is not None
    assert came.approval.decision.operator == id_of(met.one, "apo")
    assert b"a reason for ourselves" not in came.to_bytes()
    assert corrections.marked(met.other, met.session)


def test_an_agency_without_operators_signs_alone(met: Met) -> None:
    """Until it shows a roster. Then it cannot go back."""
    draft = followups.Draft(session=met.session, hits=(), everything=True, **ASKED)
    made = followups.request(met.other, draft)
    assert carry(met.other, met.one) == []
    found = case_documents.kept(met.one, met.session, made.id)
    assert found is not None
    assert found.approval is None
    document = message(met)
    with met.one.stores.database.transaction() as connection:
        for table in ("operator_logins", "operators", "rosters"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    assert met.taken(met.signed(document)) == "approval-missing"
