"""Fingerprints: written one way, read in many."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash import errors
from psihash.identity.fingerprints import format_fingerprint, parse_fingerprint


@given(st.binary(min_size=25, max_size=25))
def test_round_trip(raw: bytes) -> None:
    text = format_fingerprint(raw)
    assert re.fullmatch(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){9}", text)
    plain = text.replace("-", "")
    spoken = " ".join(plain[i : i + 4] for i in range(0, 40, 4)).lower()
    for form in (
        text,
        plain,
        spoken,
        f"  {text}\n",
        text.replace("-", "\u2013"),
        text.replace("-", " - "),
        text.replace("-", "\u00a0"),
    ):
        assert parse_fingerprint(form) == raw


@pytest.mark.parametrize(
    "text",
    ["", "A" * 39, "A" * 41, "A" * 39 + "0", "A" * 39 + "1", "A" * 39 + "=", "A" * 39 + "\u0131",
     "A" * 39 + "\u017f", "-" * 40, "A" * 40 + " " * 200, "A" * 39 + "_", "A" * 39 + "\0"],
)  # fmt: skip
def test_what_is_not_a_fingerprint(text: str) -> None:
    with pytest.raises(errors.InputError) as caught:
        parse_fingerprint(text)
    assert caught.value.code == "bad-fingerprint"


@given(st.text(max_size=60))
def test_any_text_is_taken_or_refused_cleanly(text: str) -> None:
    with contextlib.suppress(errors.InputError):
        assert len(parse_fingerprint(text)) == 25
