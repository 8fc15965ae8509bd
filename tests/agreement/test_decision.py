"""Requests and decisions: who can make them, and what a node without its people cannot."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from psihash import canonical, errors
from psihash.agreement.decision import (
    Approval,
    Decision,
    Verdict,
    VerifiedDecision,
    decide,
    parse_decision,
    verify_decision,
)
from psihash.agreement.document_model import TermsSignature
from psihash.agreement.documents import parse_document, sign_document
from psihash.agreement.request import (
    Request,
    RequestKind,
    agreement_subject,
    new_request,
    parse_request,
    subject_key,
)
from psihash.agreement.times import add_days
from psihash.agreement.vocabulary import PartyRole
from psihash.terms import Rung, SessionRole
from tests.agreement.people import (
    AGENCY,
    AGREEMENT,
    NOW,
    People,
    operator_id,
    session_subject,
)


def refused(people: People, decision: Decision, request: Request, now: str = NOW) -> str:
    with pytest.raises(errors.PsihashError) as caught:
        verify_decision(decision, request, people.held, now)
    return caught.value.code


def test_what_another_person_approved_is_approved() -> None:
    people = People.usual()
    request = parse_request(people.request().to_bytes())
    decision = parse_decision(people.decide(request).to_bytes())
    verified = verify_decision(decision, request, people.held, NOW)
    assert (verified.request, verified.decider.operator) == (request, operator_id(3))


def test_nobody_approves_what_he_asked_for() -> None:
    people = People.usual()
    people.add(5, "analyst", "approver", by=[1, 3])
    request = people.request(proposer=5)
    assert refused(people, people.decide(request, by=5), request) == "own-request"
    verify_decision(people.decide(request, by=3), request, people.held, NOW)


@pytest.mark.parametrize(("by", "code"), [(1, "not-approver"), (2, "own-request")])
def test_only_an_approver_decides(by: int, code: str) -> None:
    people = People.usual()
    request = people.request()
    if by == 1:
        assert refused(people, people.decide(request, by=by), request) == code
    else:
        assert refused(people, people.decide(request, by=by), request) == "not-approver"


def test_a_refusal_is_no_approval() -> None:
    people = People.usual()
    request = people.request()
    refusal = people.decide(request, verdict=Verdict.REFUSED)
    assert refused(people, refusal, request) == "decision-otherwise"
    verify_decision(refusal, request, people.held, NOW, verdict=Verdict.REFUSED)
    with pytest.raises(errors.InputError):
        decide(request, Verdict.REFUSED, operator_id(3), people.key(3), reason="", now=NOW)


def test_a_decision_has_its_time() -> None:
    people = People.usual()
    request = people.request()
    decision = people.decide(request)
    assert refused(people, decision, request, decision.expires) == "decision-expired"
    assert refused(people, decision, request, add_days(NOW, -1)) == "decision-expired"
    verify_decision(decision, request, people.held, "2026-03-01T11:56:00Z")
    long = replace(decision, expires=add_days(NOW, 32))
    with pytest.raises(errors.InputError):
        parse_decision(long.to_bytes())


def test_a_decision_is_about_one_request() -> None:
    people = People.usual()
    decision = people.decide(people.request(rung=Rung.COUNT))
    for other in (people.request(), people.request(rung=Rung.COUNT)):
        assert refused(people, decision, other) == "decision-misplaced"


def test_a_disabled_or_unknown_person_decides_nothing() -> None:
    people = People.usual()
    request = people.request()
    decision = people.decide(request)
    people.add(3, "approver", by=[1], status="disabled")
    assert refused(people, decision, request) == "operator-disabled"
    stranger = Ed25519PrivateKey.generate()
    people.keys[operator_id(9)] = stranger
    assert refused(people, people.decide(request, by=9), request) == "operator-unknown"


def test_a_disabled_person_asks_for_nothing() -> None:
    people = People.usual()
    request = people.request()
    decision = people.decide(request)
    people.add(2, "analyst", by=[1], status="disabled")
    assert refused(people, decision, request) == "operator-disabled"


def test_an_approver_cannot_put_another_name_under_its_own_request() -> None:
    """One approver with the node's key: it needs an analyst's key to ask."""
    people = People.usual()
    forged = people.request(proposer=2, key=people.key(3))
    assert refused(people, people.decide(forged), forged) == "bad-signature"
    nobody = people.request(proposer="")
    assert refused(people, people.decide(nobody), nobody) == "proposer-unproven"
    peer = people.request(proposer="peer")
    assert refused(people, people.decide(peer), peer) == "proposer-unproven"
    approver = people.request(proposer=4)
    assert refused(people, people.decide(approver), approver) == "proposer-unproven"
    admin = people.request(proposer=1)
    assert refused(people, people.decide(admin), admin) == "proposer-unproven"


def test_a_peer_asks_for_what_it_opens_only() -> None:
    people = People.usual()
    asked = people.request(proposer="peer", role=SessionRole.RESPONDER)
    verify_decision(people.decide(asked), asked, people.held, NOW)
    for kind in (RequestKind.AGREEMENT, RequestKind.PROPOSE):
        subject = agreement_subject(AGREEMENT, "be-police")
        request = new_request(AGENCY, kind, subject, proposer="peer", created=NOW, rng=os.urandom)
        assert refused(people, people.decide(request), request) == "proposer-unproven"


def test_another_agencys_people_decide_nothing_here() -> None:
    ours, theirs = People.usual(), People.usual()
    request = ours.request()
    assert refused(ours, theirs.decide(request), request) == "bad-signature"


@given(st.sampled_from(["agency", "request", "verdict", "operator", "role", "reason", "decided",
                        "expires", "signature"]))  # fmt: skip
def test_every_changed_member_is_noticed(name: str) -> None:
    people = People.usual()
    request = people.request()
    decision = people.decide(request)
    changes: dict[str, Any] = {
        "agency": "be-police",
        "request": "00" * 32,
        "verdict": "refused",
        "operator": operator_id(4),
        "role": "admin",
        "reason": "other",
        "decided": "2026-03-01T11:00:00Z",
        "expires": add_days(NOW, 8),
        "signature": "00" * 64,
    }
    value = canonical.decode(decision.to_bytes(), max_bytes=1 << 20)
    changed = parse_decision(canonical.encode(value | {name: changes[name]}))
    with pytest.raises(errors.PsihashError):
        verify_decision(changed, request, people.held, NOW)


@given(st.sampled_from(["agency", "kind", "subject", "proposer", "created", "nonce", "signature"]))
def test_every_changed_member_of_a_request_is_noticed(name: str) -> None:
    people = People.usual()
    request = people.request()
    decision = people.decide(request)
    subject = session_subject(rung=Rung.ITEMS)
    changes: dict[str, Any] = {
        "agency": "be-police",
        "kind": "follow-up",
        "subject": subject,
        "proposer": operator_id(4),
        "created": "2026-03-01T11:00:00Z",
        "nonce": "00" * 16,
        "signature": "00" * 64,
    }
    value = canonical.decode(request.to_bytes(), max_bytes=1 << 20)
    changed = canonical.encode(value | {name: changes[name]})
    with pytest.raises(errors.PsihashError):
        verify_decision(decision, parse_request(changed), people.held, NOW)


def test_a_verified_decision_cannot_be_made_by_hand() -> None:
    people = People.usual()
    request = people.request()
    decider = people.held.members[operator_id(3)]
    with pytest.raises(TypeError):
        VerifiedDecision(people.decide(request), request, decider, object())


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "raise"},
        {"subject": {}},
        {"subject": []},
        {"subject": {"agreement": AGREEMENT}},
        {"proposer": "Jane"},
        {"proposer": "peer"},
        {"proposer": ""},
        {"signature": ""},
        {"signature": "00"},
        {"nonce": ""},
        {"more": 1},
    ],
)
def test_malformed_requests_are_refused(change: dict[str, Any]) -> None:
    value = canonical.decode(People.usual().request().to_bytes(), max_bytes=1 << 20)
    with pytest.raises(errors.InputError) as caught:
        parse_request(canonical.encode(value | change))
    assert caught.value.code == "bad-document"


def test_an_approval_in_a_signature_is_an_object_or_absent() -> None:
    people = People.usual()
    request = people.request()
    approval = Approval(request, people.decide(request))
    signature = TermsSignature(
        author=AGENCY,
        agreement=AGREEMENT,
        role=PartyRole.PROPOSER,
        decided=NOW,
        actor=operator_id(2),
        approval=approval,
    )
    signed = sign_document(signature, people.agency_key)
    assert parse_document(signed.to_bytes()) == signed
    value = canonical.decode(signed.to_bytes(), max_bytes=1 << 20)
    wrong: object
    for wrong in (None, {}, [], "yes", {"request": value["approval"]["request"]}):
        with pytest.raises(errors.InputError) as caught:
            parse_document(canonical.encode(value | {"approval": wrong}))
        assert caught.value.code == "bad-document"


def test_an_operator_signs_what_it_asks_for() -> None:
    with pytest.raises(errors.InputError):
        new_request(
            AGENCY,
            RequestKind.FOLLOW_UP,
            {"pack": "1"},
            proposer=operator_id(2),
            created=NOW,
            rng=os.urandom,
        )


def test_the_same_wish_has_the_same_key() -> None:
    people = People.usual()
    one, other = people.request(), people.request()
    assert one.id != other.id
    assert subject_key(one.kind, one.subject) == subject_key(other.kind, other.subject)
    assert subject_key(one.kind, one.subject) != subject_key(
        one.kind, people.request(rung=Rung.COUNT).subject
    )
