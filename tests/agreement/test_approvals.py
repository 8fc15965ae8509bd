"""Rules for rungs: their forms, what meets them, and the approval of a session that cites them."""

from __future__ import annotations

import json
import os
from dataclasses import fields, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from psihash import canonical, errors
from psihash.agreement import session_approval
from psihash.agreement.approvals import AGREED, PERSON, Kind, RungRule, rule_from_words
from psihash.agreement.page import approver_page
from psihash.agreement.request import RequestKind, SessionSubject, new_request
from psihash.agreement.session_approval import By, Expected, SessionApproval, VerifiedApproval
from psihash.agreement.terms import parse_terms, terms_dict
from psihash.identity.signatures import public_bytes
from psihash.terms import AlgorithmId, Rung, SessionRole
from tests.agreement import people

RULES = st.one_of(
    st.sampled_from([AGREED, PERSON]),
    st.builds(RungRule, st.sampled_from([Kind.SERIES, Kind.ITEMS]), st.integers(1, 10**15)),
)
KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
SESSION = b"\x33" * 32
DRAFT = SessionApproval(
    "nl-police", "ab" * 32, Rung.ITEMS, "", By.RULE, "agreed", "2026-01-01T00:00:00Z"
)


@given(RULES)
def test_a_rule_has_one_form_in_words_and_one_in_the_terms(rule: RungRule) -> None:
    assert rule_from_words(rule.words) == rule
    assert (rule.value == rule.words) is not rule.is_threshold


@pytest.mark.parametrize(
    "words",
    ["", "Agreed", "series", "items", "0-of-items", "01-of-items", "-1-of-items", "5-of-count",
     "5 of items", "5-of-items ", "9" * 17 + "-of-items", "1000000000000001-of-items"],
)  # fmt: skip
def test_other_words_are_no_rule(words: str) -> None:
    with pytest.raises(errors.InputError):
        rule_from_words(words)


@given(RULES, RULES, RULES)
def test_terms_keep_their_rules(world: Any, series: Any, items: Any, records: Any) -> None:
    given_rules = {Rung.SERIES: series, Rung.ITEMS: items, Rung.RECORDS: records}
    terms = world.terms(approvals=given_rules)
    assert parse_terms(terms.to_bytes()) == terms
    assert terms.approvals == {Rung.COUNT: AGREED} | given_rules


BAD: dict[str, Any] = {
    "none": {},
    "no object": [],
    "a rung missing": {"count": "agreed", "series": "agreed", "records": "agreed"},
    "a rung too many": {"count": "agreed", "series": "agreed", "items": "agreed",
                        "records": "agreed", "everything": "agreed"},
    "an unknown word": {"items": "perhaps"},
    "a measure as a word": {"items": "series"},
    "a word as a measure": {"items": {"at_least": 5, "of": "person"}},
    "no number": {"items": {"of": "items"}},
    "zero": {"items": {"at_least": 0, "of": "items"}},
    "truth": {"items": {"at_least": True, "of": "items"}},
    "a member too many": {"items": {"at_least": 5, "of": "items", "or": "person"}},
    "a number at count": {"count": {"at_least": 5, "of": "items"}},
    "null": {"items": None},
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_other_rules_are_refused(world: Any, name: str) -> None:
    value = terms_dict(world.terms())
    partly = isinstance(BAD[name], dict) and len(BAD[name]) == 1
    value["approvals"] = value["approvals"] | BAD[name] if partly else BAD[name]
    with pytest.raises(errors.InputError) as caught:
        parse_terms(canonical.encode(value))
    assert caught.value.code == "bad-document"


def test_a_rung_above_the_highest_has_no_rule(world: Any) -> None:
    with pytest.raises(errors.InputError):
        world.terms(rung=Rung.COUNT, approvals={Rung.ITEMS: PERSON})


@given(RULES, st.none() | st.integers(0, 30), st.none() | st.integers(0, 30))
def test_what_meets_a_rule(rule: RungRule, pair: int | None, matched: int | None) -> None:
    shown = {Kind.SERIES: pair, Kind.ITEMS: matched}.get(rule.kind)
    enough = shown is not None and shown >= rule.at_least
    assert rule.met_by(pair, matched) is (rule == AGREED or (rule != PERSON and enough))


@pytest.mark.parametrize("has_operators", [True, False])
def test_the_page_says_who_approves(world: Any, has_operators: bool) -> None:
    agreement = world.active(approvals={Rung.RECORDS: rule_from_words("20-of-series")})
    page = dict(approver_page(agreement, world.nl, peer_has_operators=has_operators))
    text = page["Who approves each session"]
    assert "'count': these signatures approve every session." in text
    assert "at least 20 matched digests of one collection or series of one's own" in text
    assert ("no operators with keys of their own" in text) is not has_operators


# -- the document --------------------------------------------------------------------------------


def expected(**changes: Any) -> Expected:
    usual = Expected(
        agency="nl-police",
        session=SESSION,
        subject=replace(people.SESSION, rung=Rung.ITEMS),
        rule=AGREED,
        possible=None,
        roster=None,
        now="2026-01-01T00:00:00Z",
    )
    return replace(usual, **changes)


def check(document: bytes, **changes: Any) -> VerifiedApproval:
    return session_approval.verify(document, public_bytes(KEY), expected(**changes))


def test_an_approval_that_holds_is_a_value_that_only_the_check_makes() -> None:
    document = session_approval.sign(DRAFT, SESSION, KEY)
    verified = check(document)
    assert verified.digest == session_approval.digest(document)
    assert session_approval.parse(document).to_bytes() == document
    with pytest.raises(TypeError):
        VerifiedApproval(verified.approval, verified.digest, object())


@pytest.mark.parametrize(("rule", "previous", "met", "good"), [
    ("agreed", "", None, True),
    ("person", "", None, False),
    ("5-of-items", "cd" * 32, True, True),
    ("5-of-items", "cd" * 32, None, True),
    ("5-of-items", "cd" * 32, False, False),
    ("5-of-items", "", None, False),
])  # fmt: skip
def test_when_a_rule_decides(rule: str, previous: str, met: bool | None, good: bool) -> None:
    draft = replace(DRAFT, rule=rule, previous=previous)
    document = session_approval.sign(draft, SESSION, KEY)
    subject = replace(expected().subject, previous=previous)
    how = {"rule": rule_from_words(rule), "subject": subject, "possible": met}
    if good:
        check(document, **how)
        return
    with pytest.raises(errors.RefusedError) as caught:
        check(document, **how)
    assert caught.value.code == "clause-approval"


def test_a_rule_that_the_terms_do_not_have_is_refused() -> None:
    document = session_approval.sign(replace(DRAFT, rule="agreed"), SESSION, KEY)
    with pytest.raises(errors.RefusedError, match="rule"):
        check(document, rule=PERSON)


OTHERWISE: dict[str, Any] = {
    "agreement": "00" * 32,
    "peer": "fr-police",
    "rung": Rung.ITEMS,
    "previous": "cd" * 32,
    "role": SessionRole.RESPONDER,
    "engine": "openmined-p256/1",
    "algorithms": (AlgorithmId.MD5, AlgorithmId.SHA1),
    "case": "CASE-2",
    "peer_case": "another",
    "annex": "0c" * 32,
    "peer_annex": "0c" * 32,
}


def by_person(staff: people.People, about: SessionSubject) -> bytes:
    """What a person decided about ``about``, shown for the usual session."""
    asked = new_request(
        people.AGENCY, RequestKind.SESSION, about.to_dict(), proposer=people.operator_id(2),
        created=people.NOW, rng=os.urandom, key=staff.key(2),
    )  # fmt: skip
    draft = replace(
        DRAFT, by=By.PERSON, rule="person", rung=people.SESSION.rung, request=asked,
        decision=staff.decide(asked), roster=staff.held.number,
    )  # fmt: skip
    return session_approval.sign(draft, SESSION, KEY)


def test_a_decision_names_all_that_runs() -> None:
    """Each word of it: a decision about anything else is about something else."""
    staff = people.People.usual()
    how = {"subject": people.SESSION, "rule": PERSON, "roster": staff.held, "now": people.NOW}
    check(by_person(staff, people.SESSION), **how)
    assert set(OTHERWISE) == {each.name for each in fields(people.SESSION)}
    for name, value in OTHERWISE.items():
        other = replace(people.SESSION, **{name: value})
        with pytest.raises(errors.RefusedError) as caught:
            check(by_person(staff, other), **how)
        assert caught.value.code == "approval-misplaced", name


def members() -> dict[str, Any]:
    return dict(json.loads(session_approval.sign(DRAFT, SESSION, KEY)))


@pytest.mark.parametrize("name", members())
@given(value=st.one_of(st.none(), st.integers(), st.text(max_size=70), st.just({}), st.just([])))
def test_an_altered_member_never_holds(name: str, value: Any) -> None:
    whole = members()
    if whole[name] == value and type(whole[name]) is type(value):
        return
    try:
        document = canonical.encode(whole | {name: value})
    except errors.PsihashError:
        return
    with pytest.raises(errors.PsihashError):
        check(document)


@pytest.mark.parametrize("name", members())
def test_a_missing_or_foreign_member_is_refused(name: str) -> None:
    whole = members()
    for value in (
        {key: each for key, each in whole.items() if key != name},
        whole | {f"{name}_": whole[name]},
    ):
        with pytest.raises(errors.InputError):
            session_approval.parse(canonical.encode(value))


@given(st.binary(max_size=300))
def test_any_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(errors.InputError):
        session_approval.parse(data)
