"""Terms: one encoding, strict reading, and the rules over several members."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash import canonical, errors
from psihash.agreement import defaults
from psihash.agreement.documents import parse_body
from psihash.agreement.terms import Terms, parse_terms, terms_dict
from psihash.agreement.times import add_days, format_time, parse_time
from psihash.agreement.vocabulary import HandlingCode, PartyRole
from psihash.terms import AlgorithmId, Learn, Rung


def code_of(data: bytes) -> str:
    with pytest.raises(errors.PsihashError) as caught:
        parse_terms(data)
    return caught.value.code


def parsed_or_refused(data: bytes) -> Terms | None:
    """None if refused, and then with one of the two codes; any other exception is a bug."""
    try:
        return parse_terms(data)
    except errors.PsihashError as error:
        if error.code not in ("bad-document", "records-need-both"):
            raise
        return None


def test_round_trip_and_id(world: Any) -> None:
    terms = world.terms()
    data = terms.to_bytes()
    assert parse_terms(data) == terms
    assert terms.id == hashlib.sha256(data).hexdigest()
    assert parse_body(data) == terms
    assert terms.role_of(world.nl) is PartyRole.PROPOSER
    assert terms.role_of(world.de) is PartyRole.OTHER


def test_defaults_are_filled_in(world: Any) -> None:
    terms = world.terms()
    assert terms.valid_until == "2027-01-01T00:00:00Z"
    assert terms.sessions_per_period == defaults.SESSIONS_PER_PERIOD
    assert terms.case == {world.nl: "NL-2026-17", world.de: ""}
    assert terms.nonce == bytes(range(16))


def test_the_longest_terms_fit_a_document(world: Any) -> None:
    text = "\U0001f50e" * defaults.MAX_TEXT
    both = {world.nl: text, world.de: text}
    terms = world.terms(
        purpose=text,
        legal_basis=both,
        case=both,
        contacts=both,
        offence_category=text,
        handling_note=text,
        algorithms=list(AlgorithmId),
    )
    assert len(terms.to_bytes()) < defaults.MAX_DOCUMENT_BYTES


BAD_MEMBERS: list[tuple[str, Any]] = [
    ("type", "agreement-terms/2"),
    ("nonce", "00" * 15),
    ("nonce", "AB" * 16),
    ("nonce", "\u0660" * 32),
    ("parties", []),
    ("parties", {}),
    ("purpose", ""),
    ("purpose", " padded"),
    ("purpose", "two\nlines"),
    ("purpose", "right\u202eto left"),
    ("purpose", "hidden\u200bspace"),
    ("purpose", "line\u2028separator"),
    ("purpose", "x" * 4001),
    ("purpose", None),
    ("legal_basis", {}),
    ("legal_basis", {"nl-police": "", "de-bka": "x"}),
    ("legal_basis", {"nl-police": "x", "de-bka": "x", "fr-ofmin": "x"}),
    ("case", {"nl-police": "x"}),
    ("contacts", ["x", "y"]),
    ("data_subjects", []),
    ("data_subjects", ["victim", "victim"]),
    ("data_subjects", ["dog"]),
    ("algorithms", []),
    ("algorithms", ["md5", "md5"]),
    ("algorithms", ["MD5"]),
    ("algorithms", ["pdq"]),
    ("algorithms", [["md5"]]),
    ("engines", []),
    ("engines", ["any", "openmined-p256/1"]),
    ("engines", ["openmined"]),
    ("engines", ["openmined-p256/1", "openmined-p256/1"]),
    ("engines", [1]),
    ("rung", "everything"),
    ("rung", 3),
    ("learn", "neither"),
    ("opened_by", "both"),
    ("max_size_class", 1000),
    ("max_size_class", 0),
    ("max_size_class", True),
    ("sessions_per_period", 0),
    ("sessions_per_period", "100"),
    ("sessions_per_period", -1),
    ("elements_per_period", 10**15 + 1),
    ("period_days", 0),
    ("period_days", 367),
    ("valid_from", "2026-01-01T00:00:00+00:00"),
    ("valid_from", "2026-02-30T00:00:00Z"),
    ("valid_from", "2026-01-01T00:00:60Z"),
    ("valid_from", "0000-01-01T00:00:00Z"),
    ("valid_from", "9999-01-01T00:00:00Z"),
    ("valid_from", "\u0662\u0660\u0662\u0666-01-01T00:00:00Z"),
    ("valid_until", "2026-01-01T00:00:00Z"),
    ("valid_until", "2025-01-01T00:00:00Z"),
    ("valid_until", "2031-01-06T00:00:00Z"),
    ("handling_code", "H4"),
    ("handling_code", "H3"),
    ("tlp", "amber"),
    ("retention_days", 0),
    ("retention_days", 1831),
    ("minimum_items", 0),
    ("minimum_items", 2**25),
]


@pytest.mark.parametrize(("member", "value"), BAD_MEMBERS)
def test_a_bad_member_is_refused(world: Any, member: str, value: Any) -> None:
    wrong = terms_dict(world.terms()) | {member: value}
    assert code_of(canonical.encode(wrong)) == "bad-document"


def test_every_member_is_needed_and_no_other_is_taken(world: Any) -> None:
    good = terms_dict(world.terms())
    for member in good:
        short = {name: value for name, value in good.items() if name != member}
        assert code_of(canonical.encode(short)) == "bad-document"
    assert code_of(canonical.encode(good | {"extra": 1})) == "bad-document"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("agency", "../etc"),
        ("agency", "de-bka"),
        ("country", "nl"),
        ("country", "NLD"),
        ("card", "AAAA"),
        ("card", "-".join(["aaaa"] * 10)),
        ("card", "-".join(["AAA1"] * 10)),
        ("name", ""),
        ("name", "x" * 201),
        ("signing_key", "00" * 31),
        ("extra", "x"),
    ],
)
def test_a_bad_party_is_refused(world: Any, member: str, value: str) -> None:
    good = terms_dict(world.terms())
    party = good["parties"][0] | {member: value}
    wrong = canonical.encode(good | {"parties": [party, good["parties"][1]]})
    assert code_of(wrong) == "bad-document"


def test_one_key_cannot_be_both_sides(world: Any) -> None:
    good = terms_dict(world.terms())
    first, second = good["parties"]
    twin = second | {"signing_key": first["signing_key"]}
    assert code_of(canonical.encode(good | {"parties": [first, twin]})) == "bad-document"


@pytest.mark.parametrize("learn", [Learn.INITIATOR, Learn.RESPONDER])
def test_records_need_both(world: Any, learn: Learn) -> None:
    with pytest.raises(errors.RefusedError) as caught:
        world.terms(rung=Rung.RECORDS, learn=learn)
    assert caught.value.code == "records-need-both"
    assert world.terms(rung=Rung.ITEMS, learn=learn).learn is learn


def test_other_encodings_of_good_terms_are_refused(world: Any) -> None:
    data = world.terms().to_bytes()
    value = json.loads(data)
    doubled = b'{"type":"agreement-terms/1",' + data[1:]
    for other in (
        json.dumps(value).encode(),
        json.dumps(value, indent=1).encode(),
        data + b"\n",
        data.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + data,
        doubled,
        data.replace(b'"period_days":30', b'"period_days":30.0'),
        b"",
        b"[]",
        b"[" * 100_000,
        b"9" * 10_000,
        b" " * (defaults.MAX_DOCUMENT_BYTES + 1),
    ):
        assert code_of(other) == "bad-document"


@given(st.data())
def test_no_damage_passes_or_crashes(world: Any, data: st.DataObject) -> None:
    """A changed byte is refused, or makes other terms with another id."""
    good = world.terms().to_bytes()
    place = data.draw(st.integers(0, len(good) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != good[place]))
    damaged = good[:place] + bytes([byte]) + good[place + 1 :]
    terms = parsed_or_refused(damaged)
    if terms is not None:
        assert terms.to_bytes() == damaged
        assert terms.id != world.terms().id


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


@given(st.data())
def test_any_json_in_any_member_is_refused_with_a_code(world: Any, data: st.DataObject) -> None:
    value = terms_dict(world.terms())
    member = data.draw(st.sampled_from(sorted(value)))
    value[member] = data.draw(_json)
    raw = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    terms = parsed_or_refused(raw.encode("utf-8", "surrogatepass"))
    if terms is not None:
        assert terms_dict(terms) == value


def test_messages_repeat_nothing_of_a_peer(world: Any) -> None:
    for member, value in BAD_MEMBERS:
        wrong = terms_dict(world.terms()) | {member: value}
        with pytest.raises(errors.PsihashError) as caught:
            parse_terms(canonical.encode(wrong))
        if isinstance(value, str) and len(value) > 8 and "/" not in value:
            assert value not in caught.value.message


def test_an_outsider_has_no_role(world: Any) -> None:
    with pytest.raises(errors.RefusedError) as caught:
        world.terms().role_of(world.fr)
    assert caught.value.code == "not-a-party"


def test_h3_carries_its_note(world: Any) -> None:
    terms = world.terms(handling_code=HandlingCode.H3, handling_note="Ask first")
    assert parse_terms(terms.to_bytes()).handling_note == "Ask first"


def test_a_text_for_a_stranger_is_refused(world: Any) -> None:
    with pytest.raises(errors.InputError):
        world.terms(case={world.fr: "FR-1"})


@given(st.datetimes())
def test_times_round_trip_and_sort_as_text(moment: Any) -> None:
    text = format_time(parse_time("2026-01-01T00:00:00Z"))
    assert text == "2026-01-01T00:00:00Z"
    written = moment.replace(microsecond=0).isoformat() + "Z"
    assert format_time(parse_time(written)) == written
    assert (written < text) == (parse_time(written) < parse_time(text))


def test_days_leave_the_calendar_with_a_code() -> None:
    assert add_days("2024-02-28T10:00:00Z", 1) == "2024-02-29T10:00:00Z"
    for text, days in (("9999-12-31T00:00:00Z", 1), ("0001-01-01T00:00:00Z", -1)):
        with pytest.raises(errors.InputError) as caught:
            add_days(text, days)
        assert caught.value.code == "bad-time"
