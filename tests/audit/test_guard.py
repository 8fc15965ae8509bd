"""Nothing shaped like a digest of the material gets into an entry."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash import errors
from psihash.audit.entry import Rng, build_entry
from psihash.audit.event import Event
from psihash.audit.guard import NON_MATERIAL_FIELDS, NON_MATERIAL_SUFFIXES, assert_no_digest
from psihash.terms import AlgorithmId

NAMES = [algorithm.value for algorithm in AlgorithmId]


def spellings(name: str) -> list[str]:
    raw = hashlib.new(name, b"material", usedforsecurity=False).digest()
    text = raw.hex()
    return [
        text,
        text.upper(),
        f"{name}:{text}",
        f"see {text}.jpg please",
        raw.hex(":"),
        raw.hex(" "),
        raw.hex("-"),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
    ]


def refuse(value: dict[str, object]) -> None:
    with pytest.raises(errors.StateError) as caught:
        assert_no_digest(value)
    assert caught.value.code == "log-holds-digest"


@pytest.mark.parametrize("name", NAMES)
def test_every_spelling_of_every_digest_is_refused_everywhere(name: str) -> None:
    for text in spellings(name):
        refuse({"reason": text})
        refuse({text: 1})
        refuse({"a": {"b": [1, [{"c": text}]]}})
        refuse({"a": [[text]]})
        refuse({"session": {"reason": text}})


@pytest.mark.parametrize(
    "field", [*sorted(NON_MATERIAL_FIELDS), *("x" + s for s in NON_MATERIAL_SUFFIXES)]
)
def test_known_fields_may_hold_hashes_of_other_things(field: str) -> None:
    assert_no_digest({field: "ab" * 32, "inner": {field: ["cd" * 32]}})


def test_the_message_does_not_repeat_the_digest() -> None:
    text = hashlib.md5(b"material", usedforsecurity=False).hexdigest()
    for value in ({"reason": text}, {text: 1}):
        with pytest.raises(errors.StateError) as caught:
            assert_no_digest(value)
        assert text not in str(caught.value) + caught.value.hint


def test_ordinary_facts_pass() -> None:
    assert_no_digest(
        {
            "actor": "jan.de-vries",
            "case": "NL-2026-000123/44",
            "reason": "Verdachte uploads, zie verzoek 2026/33; Art. 15 Prüm II.",
            "count": 3412,
            "peer": "de-bka",
            "time": "2026-01-01T00:00:00.000Z",
            "engine": "ecdh-ristretto255/1",
            "uuid": "6f1ed002-ab59-4d1c-8b2a-1f2f6e0c9a11",
            "version": "0.1.0",
            "nothing": None,
            "flag": True,
        }
    )


@given(st.text(alphabet="abcdefghij klmnopqrstuvwxyz.,0123", max_size=31))
def test_short_text_passes(text: str) -> None:
    assert_no_digest({"reason": text})


def test_neither_part_of_an_entry_takes_a_digest(rng: Rng) -> None:
    bad = {"file": "d41d8cd98f00b204e9800998ecf8427e"}
    for shared, local in ((bad, {}), (None, bad)):
        with pytest.raises(errors.StateError):
            build_entry(
                "psihash/log/nl", 0, "2026-01-01T00:00:00.000Z", Event.EXPORT, shared, local, rng
            )
