"""Handling codes, clocks, states, references, and the strict reading of documents."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations, product
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from psihash import canonical, errors, limits
from psihash.agreement.vocabulary import DataSubject, HandlingCode, Tlp
from psihash.casework import clocks, corrections, hits, reading, sealed, states, texts, words
from psihash.casework.answers import Message
from psihash.casework.corrections import Concerned, Notice, NoticeAnswer
from psihash.casework.documents import CaseDocument, VerifiedCase, verify
from psihash.casework.handling import CODES, TLPS, Handling, merge, read_handling
from psihash.casework.pack import Authority, Pack
from psihash.casework.states import AUTHORS, FINAL, TRANSITIONS, State, Step
from psihash.casework.words import Action, Reason, Side, Urgency, Wanted
from psihash.identity import envelopes, signatures
from psihash.identity.keys import KeyRing
from psihash.terms import AlgorithmId

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = signatures.public_bytes(KEY)
NOW = "2026-03-01T12:00:00Z"
HEAD: dict[str, Any] = {
    "author": "nl-police", "recipient": "de-bka", "nonce": "00" * 16,
    "issued": NOW, "expires": "2026-03-31T12:00:00Z",
}  # fmt: skip
FREE = Handling(HandlingCode.H0, Tlp.CLEAR)
PACK = Pack(
    **HEAD,
    agreement="a" * 64,
    session="b" * 64,
    hits=(("1" * 32, "2" * 32), ("3" * 32,)),
    wanted=Wanted.CORE_DATA,
    information="",
    purpose="identify the victim",
    case="NL-1",
    peer_case="",
    facts=("facts",),
    offence="abuse",
    data_subjects=(DataSubject.VICTIM,),
    reasons=("they matched",),
    connection="",
    urgency=Urgency.NORMAL,
    urgency_reason="",
    legal_basis="Art. 4",
    authority=Authority("Politie", "NL", ""),
    confirmed_by="analyst",
    confirmed=NOW,
    handling=FREE,
    deadline="",
)
MESSAGE = Message(
    **HEAD, request="c" * 64, step=Step.GRANTED, text=("known",), role="analyst", handling=FREE
)
NOTICE = Notice(
    **HEAD,
    reason=Reason.WRONG,
    text=("by mistake",),
    sessions=(Concerned("d" * 64, ("4" * 32,)),),
)
ANSWER = NoticeAnswer(**HEAD, notice="e" * 64, action=Action.REMOVED, text=(), role="analyst")
ALL = (PACK, MESSAGE, NOTICE, ANSWER)

handlings = st.builds(
    Handling,
    st.sampled_from(CODES),
    st.sampled_from(TLPS),
    st.sampled_from(["", "call first", "not in court", "call first / not in court"]),
)


def code_of(function: Any, *args: Any) -> str:
    with pytest.raises(errors.PsihashError) as caught:
        function(*args)
    return caught.value.code


# --- handling codes ------------------------------------------------------------------------------


@given(st.lists(handlings, min_size=1, max_size=5))
def test_the_strictest_wins_in_any_order(parts: list[Handling]) -> None:
    merged = merge(parts)
    assert all(CODES.index(merged.code) >= CODES.index(part.code) for part in parts)
    assert all(TLPS.index(merged.tlp) >= TLPS.index(part.tlp) for part in parts)
    assert merged.code in {part.code for part in parts}
    assert merged.tlp in {part.tlp for part in parts}
    for order in permutations(parts[:4]):
        other = merge(order)
        assert (other.code, other.tlp) == (merge(parts[:4]).code, merge(parts[:4]).tlp)
    notes = merged.note.split(" / ") if merged.note else []
    assert len(set(notes)) == len(notes)
    assert all(part.note in merged.note for part in parts if " / " not in part.note)


@given(handlings, handlings, handlings)
def test_merging_step_by_step_is_merging_at_once(a: Handling, b: Handling, c: Handling) -> None:
    assert merge([merge([a, b]), c]) == merge([a, b, c])
    assert merge([a, a]) == merge([a])


def test_nothing_has_no_handling() -> None:
    assert code_of(merge, []) == "no-handling"


def test_h3_says_what_else_holds() -> None:
    assert code_of(read_handling, {"code": "H3", "tlp": "RED", "note": ""}, "x") == "bad-document"


# --- clocks --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("urgency", "wanted", "available", "due"),
    [
        (Urgency.URGENT, Wanted.INFORMATION, True, "2026-03-01T20:00:00Z"),
        (Urgency.URGENT, Wanted.CORE_DATA, True, "2026-03-01T20:00:00Z"),
        (Urgency.URGENT, Wanted.INFORMATION, False, "2026-03-04T12:00:00Z"),
        (Urgency.URGENT, Wanted.CORE_DATA, False, "2026-03-03T12:00:00Z"),
        (Urgency.NORMAL, Wanted.INFORMATION, True, "2026-03-08T12:00:00Z"),
        (Urgency.NORMAL, Wanted.CORE_DATA, True, "2026-03-03T12:00:00Z"),
    ],
)
def test_when_an_answer_is_due(urgency: Urgency, wanted: Wanted, available: bool, due: str) -> None:
    assert clocks.answer_due(NOW, urgency, wanted, available=available) == due


def test_corrections_are_due_in_48_hours() -> None:
    assert clocks.correction_due("2028-02-28T00:00:00Z") == "2028-03-01T00:00:00Z"
    assert clocks.is_overdue(NOW, "2026-03-01T12:00:01Z")
    assert not clocks.is_overdue(NOW, NOW)
    assert not clocks.is_overdue(None, NOW)


# --- states --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "step"), list(product(State, Step)))
def test_what_is_not_in_the_table_is_refused(state: State, step: Step) -> None:
    if (state, step) in TRANSITIONS:
        assert states.after(state, step) is TRANSITIONS[state, step]
        assert state not in FINAL
    else:
        assert code_of(states.after, state, step) == "follow-up-step"


def test_every_state_can_be_reached_and_left() -> None:
    reached = set(TRANSITIONS.values()) | {State.WAITING}
    assert reached == set(State)
    assert {state for state, _ in TRANSITIONS} == set(State) - FINAL


@pytest.mark.parametrize(("step", "side"), list(product(Step, Side)))
def test_each_step_has_one_author(step: Step, side: Side) -> None:
    if AUTHORS.get(step) is side:
        states.check_author(step, side)
    else:
        assert code_of(states.check_author, step, side) == "follow-up-side"


# --- references ----------------------------------------------------------------------------------


def test_a_reference_is_of_one_session_algorithm_and_digest() -> None:
    raw = bytes(range(16))
    names = {
        hits.reference(bytes(32), AlgorithmId.MD5, raw),
        hits.reference(b"k" * 32, AlgorithmId.MD5, raw),
        hits.reference(bytes(32), AlgorithmId.MD5, raw[::-1]),
        hits.reference(bytes(32), AlgorithmId.SHA1, raw + b"1234"),
    }
    assert len(names) == 4
    assert {len(name) for name in names} == {32}
    assert raw.hex() not in names


def test_a_reference_is_what_the_page_says() -> None:
    import hashlib
    import hmac

    raw = bytes(range(16))
    token = hashlib.sha256(canonical.framed(b"psihash/token/1", b"md5", raw)).digest()
    message = canonical.framed(b"psihash/hit/1", b"md5", token)
    expected = hmac.digest(bytes(32), message, "sha256")[:16].hex()
    assert hits.reference(bytes(32), AlgorithmId.MD5, raw) == expected


def test_an_item_has_a_reference_for_each_digest_that_matched() -> None:
    found = [(AlgorithmId.MD5, "0" * 32), (AlgorithmId.SHA1, "2" * 40)]
    assert hits.references(bytes(32), found) == tuple(
        hits.reference(bytes(32), name, bytes.fromhex(text)) for name, text in found
    )
    assert hits.references(bytes(32), []) == ()


# --- documents -----------------------------------------------------------------------------------


@pytest.mark.parametrize("document", ALL, ids=lambda each: each.TYPE)
def test_a_document_survives_its_journey(document: CaseDocument) -> None:
    signed = reading.sign(document, KEY)
    again = reading.parse(signed.to_bytes())
    assert again == signed
    assert again.id == signed.id
    assert isinstance(verify(again, "nl-police", "de-bka", PUBLIC, NOW), VerifiedCase)


def test_only_verify_makes_the_proof() -> None:
    with pytest.raises(TypeError):
        VerifiedCase(PACK, object())


def test_what_verify_refuses() -> None:
    signed = reading.sign(PACK, KEY)
    other = signatures.public_bytes(Ed25519PrivateKey.generate())
    cases = {
        "wrong-author": (signed, "fr-police", "de-bka", PUBLIC, NOW),
        "wrong-recipient": (signed, "nl-police", "fr-police", PUBLIC, NOW),
        "bad-signature": (signed, "nl-police", "de-bka", other, NOW),
        "document-expired": (signed, "nl-police", "de-bka", PUBLIC, PACK.expires),
        "document-early": (signed, "nl-police", "de-bka", PUBLIC, "2026-03-01T11:49:59Z"),
    }
    for code, words_ in cases.items():
        assert code_of(verify, *words_) == code
    altered = replace(signed, purpose="else")
    assert code_of(verify, altered, "nl-police", "de-bka", PUBLIC, NOW) == "bad-signature"


@pytest.mark.parametrize("document", ALL, ids=lambda each: each.TYPE)
def test_no_member_may_lack_be_added_or_be_of_another_kind(document: CaseDocument) -> None:
    value = json.loads(reading.sign(document, KEY).to_bytes())
    bad: object
    for name in value:
        for bad in ("missing", None, 3, True, {}, [[]], ["x\u202ey"], "\u202e", " x"):
            changed = dict(value)
            if bad == "missing":
                del changed[name]
            else:
                changed[name] = bad
            if changed == value:
                continue
            assert code_of(reading.parse, canonical.encode(changed)) == "bad-document", (name, bad)
    assert code_of(reading.parse, canonical.encode(value | {"more": 1})) == "bad-document"


@pytest.mark.parametrize(
    "changes",
    [
        {"hits": []},
        {"hits": [[]]},
        {"hits": [["1" * 32], ["1" * 32]]},
        {"hits": [["1" * 31]]},
        {"hits": [["A" * 32]]},
        {"hits": [["1" * 32, "2" * 32] * 9]},
        {"hits": [[f"{n:032x}"] for n in range(words.MAX_HITS + 1)]},
        {"facts": []},
        {"facts": ["x"] * (words.MAX_LINES + 1)},
        {"facts": ["x" * 4_000] * 6},
        {"urgency": "urgent"},
        {"handling": {"code": "H3", "tlp": "RED", "note": ""}},
        {"deadline": "tomorrow"},
        {"confirmed_by": "x" * 101},
        {"expires": NOW},
        {"data_subjects": ["victim", "victim"]},
        {"type": "follow-up/2"},
    ],
)
def test_requests_that_are_refused(changes: dict[str, Any]) -> None:
    value = json.loads(reading.sign(PACK, KEY).to_bytes()) | changes
    assert code_of(reading.parse, canonical.encode(value)) == "bad-document"


@pytest.mark.parametrize("step", [Step.RELEASED, Step.NOT_TAKEN])
def test_steps_that_nobody_says(step: Step) -> None:
    assert code_of(reading.sign, replace(MESSAGE, step=step), KEY) == "bad-document"


@pytest.mark.parametrize("step", [Step.REFUSED, Step.MORE_INFORMATION, Step.WITHDRAWN])
def test_steps_that_need_a_text(step: Step) -> None:
    assert code_of(reading.sign, replace(MESSAGE, step=step, text=()), KEY) == "bad-document"


def test_notices_have_bounds() -> None:
    many = tuple(f"{n:032x}" for n in range(words.MAX_NOTICE_REFERENCES // 2 + 1))
    both = (Concerned("1" * 64, many), Concerned("2" * 64, many))
    assert code_of(reading.sign, replace(NOTICE, sessions=both), KEY) == "bad-document"
    twice = (NOTICE.sessions[0], NOTICE.sessions[0])
    assert code_of(reading.sign, replace(NOTICE, sessions=twice), KEY) == "bad-document"


@given(st.lists(st.integers(1, 5_000), min_size=1, max_size=80))
def test_a_large_correction_goes_in_parts(sizes: list[int]) -> None:
    concerned = [
        Concerned(f"{at:064x}", tuple(f"{at:016x}{n:016x}" for n in range(size)))
        for at, size in enumerate(sizes[:8] if sum(sizes) > 40_000 else sizes)
    ]
    parts = list(corrections.parts(concerned))
    said = [(each.session, name) for part in parts for each in part for name in each.references]
    assert said == [(each.session, name) for each in concerned for name in each.references]
    for part in parts:
        assert len(part) <= words.MAX_NOTICE_SESSIONS
        assert sum(len(each.references) for each in part) <= words.MAX_NOTICE_REFERENCES
        assert len({each.session for each in part}) == len(part)


def test_the_largest_notice_and_request_fit_into_a_document() -> None:
    names = tuple(f"{n:032x}" for n in range(words.MAX_NOTICE_REFERENCES))
    text = tuple("\u20ac" * 100 for _ in range(words.MAX_LINES))
    notice = reading.sign(replace(NOTICE, text=text, sessions=(Concerned("1" * 64, names),)), KEY)
    ring = KeyRing.generate()
    envelope = envelopes.seal_to(ring.card_keys("log"), bytes(words.MAX_DOCUMENT_BYTES), b"")
    assert len(notice.to_bytes()) <= words.MAX_DOCUMENT_BYTES
    outer = sealed.Sealed("a" * 63, "b" * 63, envelope)
    assert len(outer.to_bytes()) <= limits.MAX_DOCUMENT
    assert sealed.parse_sealed(outer.to_bytes()) == outer


def test_what_is_too_large_is_said_where_it_is_written() -> None:
    long = tuple("\U0001f600" * 100 for _ in range(200))
    huge = replace(PACK, facts=long, reasons=long, purpose="\U0001f600" * 4_000)
    huge = replace(huge, offence="\U0001f600" * 4_000, information="\U0001f600" * 4_000)
    assert code_of(reading.sign, huge, KEY) == "case-document-too-large"


# --- envelopes -----------------------------------------------------------------------------------


def test_an_envelope_opens_for_its_recipient_and_names_only() -> None:
    ring, other = KeyRing.generate(), KeyRing.generate()
    context = sealed.context("nl-police", "de-bka")
    envelope = envelopes.seal_to(ring.card_keys("log"), b"content", context)
    assert envelopes.open_envelope(ring, envelope, context) == b"content"
    assert envelope != envelopes.seal_to(ring.card_keys("log"), b"content", context)
    assert code_of(envelopes.open_envelope, other, envelope, context) == "sealed-broken"
    wrong = sealed.context("fr-police", "de-bka")
    assert code_of(envelopes.open_envelope, ring, envelope, wrong) == "sealed-broken"


@pytest.mark.parametrize("place", [0, 40, 1_119, 1_120, 1_140, -1])
def test_an_altered_envelope_does_not_open(place: int) -> None:
    ring = KeyRing.generate()
    envelope = bytearray(envelopes.seal_to(ring.card_keys("log"), b"content", b""))
    envelope[place] ^= 1
    code = code_of(envelopes.open_envelope, ring, bytes(envelope), b"")
    assert code in ("sealed-broken", "bad-key-exchange")
    assert code_of(envelopes.open_envelope, ring, bytes(envelope)[:1_000], b"") == "sealed-broken"


@given(st.binary(max_size=300))
def test_noise_is_no_document(noise: bytes) -> None:
    for function in (reading.parse, sealed.parse_sealed):
        assert code_of(function, noise) == "bad-document"


# --- texts ---------------------------------------------------------------------------------------


@given(st.text(max_size=500))
def test_a_persons_text_becomes_lines_or_is_refused(text: str) -> None:
    try:
        lines = texts.lines_of(text)
    except errors.InputError:
        return
    assert all(line == line.strip() and line for line in lines)
    reading.sign(replace(MESSAGE, text=lines), KEY)


def test_long_lines_are_cut_into_several() -> None:
    lines = texts.lines_of("x" * 9_000 + "\n\n\ttab\tbed\r\n")
    assert [len(line) for line in lines] == [4_000, 4_000, 1_000, 7]
    assert lines[-1] == "tab bed"
