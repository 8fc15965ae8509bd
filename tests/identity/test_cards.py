"""Cards: nothing on them can be changed, and a newer one has to follow from the older."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from psihash import canonical, errors
from psihash.identity import authority, keys, signatures
from psihash.identity.cards import (
    Card,
    VerifiedCard,
    accept_card,
    card_json,
    make_card,
    parse_card,
    supersede,
)
from psihash.identity.fingerprints import format_fingerprint
from psihash.identity.keys import KeyRing
from psihash.identity.signatures import Context

from .conftest import NOW, Agency

JSON = dict[str, Any]


def text_of(card: Card) -> str:
    return format_fingerprint(card.fingerprint)


def dump(value: JSON) -> bytes:
    return json.dumps(value).encode()


def resigned(value: JSON, key: Ed25519PrivateKey) -> bytes:
    """A card altered and signed again by its own holder: only the form can be wrong now."""
    outside = ("fingerprint", "signature", "previous_signature")
    body = {name: inner for name, inner in value.items() if name not in outside}
    value["signature"] = signatures.sign(key, Context.CARD, canonical.encode(body)).hex()
    value.pop("fingerprint", None)
    return dump(value)


def next_card(of: Agency, version: int = 2, ring: KeyRing | None = None, **more: Any) -> Card:
    ring = ring or of.ring
    given_fields: JSON = {
        "version": version,
        "agency": of.agency,
        "name": of.card.name,
        "country": of.card.country,
        "ca_pem": of.ca.pem,
        "now": NOW + dt.timedelta(days=1),
    }
    return make_card(ring.signing, ring.card_keys("log"), **(given_fields | more))


def test_a_card_travels_in_every_layout(alpha: Agency) -> None:
    card = alpha.card
    shown = card_json(card)
    assert shown["fingerprint"] == text_of(card)
    for data in (
        card.encoded,
        dump(shown),
        json.dumps(shown, indent=4, ensure_ascii=False).encode() + b"\n",
        dump(dict(reversed(shown.items()))),
    ):
        again = parse_card(data)
        assert again == card
        assert again.encoded == card.encoded
        assert again.fingerprint == card.fingerprint
    assert canonical.decode(card.encoded, max_bytes=65536)["version"] == 1


def test_the_fingerprint_is_over_the_body(alpha: Agency) -> None:
    value = card_json(alpha.card)
    for name in ("fingerprint", "signature", "previous_signature"):
        del value[name]
    expected = canonical.digest(b"psihash/card-fingerprint/1", canonical.encode(value))[:25]
    assert base64.b32encode(expected).decode() == text_of(alpha.card).replace("-", "")
    body = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    parts = (b"psihash/card-fingerprint/1", body)
    by_hand = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    assert hashlib.sha256(by_hand).digest()[:25] == expected


def paths(value: JSON, above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, inner in value.items():
        found.append((*above, name))
        if isinstance(inner, dict):
            found += paths(inner, (*above, name))
    return found


@pytest.fixture(scope="module")
def shown(alpha: Agency) -> JSON:
    return card_json(alpha.card)


ODD: list[Any] = [
    None, True, False, 0, 1, -1, 2, 2**53, 10**30, 1.5, "", "x", "00", "\ud800", [], [1], {},
    {"a": 1}, "A" * 5000, "XX",
]  # fmt: skip


def set_at(value: JSON, path: tuple[str, ...], inner: Any) -> JSON:
    copy: JSON = json.loads(json.dumps(value))
    place = copy
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = inner
    return copy


def test_every_field_is_protected(shown: JSON) -> None:
    for path in paths(shown):
        for odd in ODD:
            changed = set_at(shown, path, odd)
            optional = path == ("fingerprint",) and odd is None
            if (changed == shown and not isinstance(odd, bool)) or optional:
                continue
            with pytest.raises((errors.InputError, errors.VerificationError)):
                parse_card(dump(changed))


def test_every_field_is_needed_and_no_other(shown: JSON) -> None:
    for path in paths(shown):
        copy: JSON = json.loads(json.dumps(shown))
        place = copy
        for name in path[:-1]:
            place = place[name]
        del place[path[-1]]
        if path == ("fingerprint",):
            parse_card(dump(copy))
            continue
        with pytest.raises(errors.InputError) as caught:
            parse_card(dump(copy))
        assert caught.value.code == "card-malformed"
    for path in (("extra",), ("keys", "extra")):
        with pytest.raises(errors.InputError):
            parse_card(dump(set_at(shown, path, None)))


@pytest.mark.parametrize(
    "path", [("name",), ("contact",), ("endpoint",), ("issued",), ("agency",), ("country",)]
)
def test_a_plausible_change_breaks_the_signature(shown: JSON, path: tuple[str, ...]) -> None:
    plausible = {
        "name": "Politie",
        "contact": None,
        "endpoint": "evil.example.org:7443",
        "issued": "2026-03-01T12:00:01Z",
        "agency": "nl-polic3",
        "country": "BE",
    }
    changed = set_at(shown, path, plausible[path[0]])
    del changed["fingerprint"]
    with pytest.raises(errors.VerificationError) as caught:
        parse_card(dump(changed))
    assert caught.value.code == "bad-signature"


def test_a_swapped_authority_breaks_the_signature(shown: JSON, beta: Agency) -> None:
    with pytest.raises(errors.VerificationError) as caught:
        parse_card(dump(set_at(shown, ("ca",), beta.card.ca)))
    assert caught.value.code == "bad-signature"


def test_a_shown_fingerprint_has_to_be_right(shown: JSON, beta: Agency) -> None:
    with pytest.raises(errors.VerificationError) as caught:
        parse_card(dump(set_at(shown, ("fingerprint",), text_of(beta.card))))
    assert caught.value.code == "fingerprint-mismatch"


def test_a_signature_from_elsewhere_is_refused(shown: JSON, alpha: Agency, beta: Agency) -> None:
    for key, context in (
        (alpha.ring.signing, Context.CARD_SUCCESSION),
        (alpha.ring.log, Context.CARD),
        (beta.ring.signing, Context.CARD),
    ):
        signature = signatures.sign(key, context, alpha.card.body).hex()
        with pytest.raises(errors.VerificationError):
            parse_card(dump(set_at(shown, ("signature",), signature)))


ODD_FORMS: dict[str, Callable[[JSON], JSON]] = {
    "upper-case hex": lambda v: set_at(v, ("keys", "log"), v["keys"]["log"].upper()),
    "version true": lambda v: set_at(v, ("version",), True),
    "version 0": lambda v: set_at(v, ("version",), 0),
    "format 2": lambda v: set_at(v, ("psihash_card",), 2),
    "format true": lambda v: set_at(v, ("psihash_card",), True),
    "hidden direction": lambda v: set_at(v, ("name",), "Poli\u202etie"),
    "two lines": lambda v: set_at(v, ("contact",), "a\nb"),
    "weak key": lambda v: set_at(v, ("keys", "log"), "01" + "00" * 31),
    "one key twice": lambda v: set_at(v, ("keys", "log"), v["keys"]["signing"]),
    "cosigns with log key": lambda v: set_at(v, ("keys", "cosigning"), v["keys"]["log"]),
    "bad ML-KEM key": lambda v: set_at(v, ("keys", "sealing_mlkem768"), "ff" * 1184),
    "origin with plus": lambda v: set_at(v, ("keys", "log_origin"), "a+b"),
    "spaces after PEM": lambda v: set_at(v, ("ca",), v["ca"] + "\n"),
    "CRLF": lambda v: set_at(v, ("ca",), v["ca"].replace("\n", "\r\n")),
    "two authorities": lambda v: set_at(v, ("ca",), v["ca"] * 2),
    "endpoint with path": lambda v: set_at(v, ("endpoint",), "a:1/x"),
}


@pytest.mark.parametrize("case", ODD_FORMS)
def test_the_holder_cannot_sign_an_odd_form(case: str, shown: JSON, alpha: Agency) -> None:
    with pytest.raises((errors.InputError, errors.VerificationError)) as caught:
        parse_card(resigned(ODD_FORMS[case](shown), alpha.ring.signing))
    assert caught.value.code != "bad-signature"


def test_a_leaf_is_no_authority_on_a_card(shown: JSON, alpha: Agency) -> None:
    with pytest.raises(errors.VerificationError) as caught:
        parse_card(resigned(set_at(shown, ("ca",), alpha.leaf.decode()), alpha.ring.signing))
    assert caught.value.code == "cert-bad-use"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'"card"',
        b"{",
        b"{}",
        b"\xff\xfe{}",
        b'{"version":1,"version":2}',
        b'{"a":NaN}',
        b'{"a":1e400}',
        b"[" * 60_000,
        b'{"a":' * 13_000,
        b'{"a":' + b"9" * 60_000 + b"}",
        b" " * 70_000,
    ],
)
def test_what_is_not_a_card(data: bytes) -> None:
    with pytest.raises(errors.InputError) as caught:
        parse_card(data)
    assert caught.value.code == "card-malformed"


def test_a_field_twice_is_refused(alpha: Agency) -> None:
    data = alpha.card.encoded
    for twice in (b'{"version":1,' + data[1:], data.replace(b'"keys":{', b'"keys":{"log":"",')):
        with pytest.raises(errors.InputError):
            parse_card(twice)


@given(st.binary(max_size=200))
def test_noise_is_refused_cleanly(noise: bytes) -> None:
    with pytest.raises(errors.InputError):
        parse_card(noise)


@given(data=st.data())
def test_damaged_cards_are_refused_cleanly(alpha: Agency, data: st.DataObject) -> None:
    raw = bytearray(alpha.card.encoded)
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(errors.InputError, errors.VerificationError):
        assert parse_card(bytes(raw)).body == alpha.card.body


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.binary().map(repr),
)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


@given(data=st.data())
def test_any_json_in_any_field_is_refused_cleanly(shown: JSON, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(paths(shown)))
    changed = set_at(shown, path, data.draw(TREES))
    if changed != shown and changed["fingerprint"] is not None:
        with pytest.raises((errors.InputError, errors.VerificationError)):
            parse_card(dump(changed))


def test_accepting_takes_the_right_fingerprint(alpha: Agency, beta: Agency) -> None:
    text = text_of(alpha.card)
    verified = accept_card(alpha.card, text.lower().replace("-", " "))
    assert verified.card == alpha.card
    assert verified.agency == "nl-police"
    almost = ("B" if text[-1] == "A" else "A").join([text[:-1], ""])
    for wrong in (text_of(beta.card), almost):
        with pytest.raises(errors.VerificationError) as caught:
            accept_card(alpha.card, wrong)
        assert caught.value.code == "fingerprint-mismatch"
        assert wrong not in caught.value.message
    with pytest.raises(errors.InputError):
        accept_card(alpha.card, text[:20])


def test_a_card_that_skipped_the_parser_is_checked_again(alpha: Agency) -> None:
    unsigned = replace(alpha.card, signature=bytes(64))
    with pytest.raises(errors.VerificationError):
        accept_card(unsigned, text_of(unsigned))
    renamed = replace(alpha.card, version=2, name="Else")
    with pytest.raises(errors.VerificationError):
        supersede(alpha.verified, renamed)


def test_a_newer_card_under_the_same_key(alpha: Agency) -> None:
    moved = next_card(alpha, endpoint="[2001:db8::9]:7443")
    assert moved.previous_signature is None
    verified = supersede(alpha.verified, parse_card(moved.encoded))
    assert verified.card.endpoint == "[2001:db8::9]:7443"
    assert verified.fingerprint != alpha.card.fingerprint
    assert supersede(alpha.verified, next_card(alpha, version=9)).card.version == 9


def test_a_newer_card_with_new_keys(alpha: Agency) -> None:
    ring = KeyRing.generate()
    ca = authority.make_ca(keys.new_p256_key(), "nl-police", "Politie", "NL", NOW)
    new = next_card(alpha, ring=ring, ca_pem=ca.pem, previous_key=alpha.ring.signing)
    assert supersede(alpha.verified, parse_card(new.encoded)).card == new

    for loose in (
        next_card(alpha, ring=ring),
        next_card(alpha, ring=ring, previous_key=ring.signing),
        next_card(alpha, ring=ring, previous_key=alpha.ring.log),
        replace(new, previous_signature=new.signature),
        replace(new, previous_signature=b""),
    ):
        with pytest.raises(errors.VerificationError) as caught:
            supersede(alpha.verified, loose)
        assert caught.value.code == "card-not-continuous"


def test_the_old_key_vouches_for_one_card_only(alpha: Agency) -> None:
    """Its signature cannot be carried to another card of the new key's holder."""
    ring = KeyRing.generate()
    new = next_card(alpha, ring=ring, previous_key=alpha.ring.signing)
    other = next_card(alpha, version=3, ring=ring)
    with pytest.raises(errors.VerificationError):
        supersede(alpha.verified, replace(other, previous_signature=new.previous_signature))


def test_no_rollback(alpha: Agency) -> None:
    second = supersede(alpha.verified, next_card(alpha, version=2))
    assert supersede(second, second.card) is second
    for old in (alpha.card, next_card(alpha, version=2, contact="else"), next_card(alpha, 1)):
        with pytest.raises(errors.VerificationError) as caught:
            supersede(second, old)
        assert caught.value.code == "card-rollback"


def test_another_agencys_card_supersedes_nothing(alpha: Agency, beta: Agency) -> None:
    renamed = next_card(alpha, version=3, agency="nl-other")
    for new in (next_card(beta), renamed):
        with pytest.raises(errors.VerificationError) as caught:
            supersede(alpha.verified, new)
        assert caught.value.code == "card-not-continuous"


def test_what_a_peer_would_refuse_is_not_made(alpha: Agency) -> None:
    wrong: list[JSON] = [
        {"name": "a\nb"},
        {"country": "nl"},
        {"endpoint": "a"},
        {"version": 0},
        {"agency": "nl police"},
        {"contact": ""},
        {"ca_pem": alpha.leaf},
        {"ca_pem": b"\xff"},
    ]
    for change in wrong:
        with pytest.raises((errors.InputError, errors.VerificationError)):
            next_card(alpha, **change)
    with pytest.raises(errors.InputError) as caught:
        make_card(
            alpha.ring.log,
            alpha.ring.card_keys("log"),
            version=1,
            agency="a",
            name="a",
            country="NL",
            ca_pem=alpha.ca.pem,
            now=NOW,
        )
    assert caught.value.code == "card-key-mismatch"


def test_a_verified_card_cannot_be_made_by_hand(alpha: Agency) -> None:
    with pytest.raises(TypeError):
        VerifiedCard(alpha.card, alpha.card.fingerprint, object())
