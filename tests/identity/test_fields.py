"""The text fields of an identity."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash import errors
from psihash.identity import fields

from .conftest import NOW

GOOD: list[tuple[Callable[[str], str], list[str]]] = [
    (
        lambda text: fields.check_text(text, "name"),
        ["Politie", "Größe, Київ 警察", "a" * 200, "O'Neill & Co. (VI), +31 20 1"],
    ),
    (fields.check_country, ["NL", "XK", "EU"]),
    (
        fields.check_endpoint,
        ["a:1", "node.example.org:65535", "192.0.2.1:443", "[2001:db8::1]:443", "xn--bcher.de:1"],
    ),
    (fields.check_origin, ["psihash.internal/nl-police", "a"]),
    (fields.check_time, ["2026-03-01T12:00:00Z", "2024-02-29T00:00:00Z"]),
]

BAD: list[tuple[Callable[[str], str], list[str]]] = [
    (
        lambda text: fields.check_text(text, "name"),
        [
            "",
            " a",
            "a ",
            "a\nb",
            "a\0",
            "a" * 201,
            "a\u202eb",
            "a\u200bb",
            "a\ud800",
            "\u2028",
            "\x1b[2J",
            "\ue000",
            "\u0378",
        ],
    ),
    (fields.check_country, ["", "nl", "NLD", "N1", "NL\n", "ÄÖ"]),
    (
        fields.check_endpoint,
        [
            "",
            "a",
            ":1",
            "a:",
            "a:0",
            "a:01",
            "a:65536",
            "a:+1",
            "a: 1",
            "a:1\n",
            "a:\u0661",
            "2001:db8::1:443",
            "[192.0.2.1]:443",
            "[a]:1",
            "[::1",
            "[fe80::1%eth0]:1",
            "256.1.1.1:1",
            "a..b:1",
            "-a:1",
            "a-:1",
            "https://a:1",
            "user@a:1",
            "a/b:1",
            "bücher.de:1",
            "a" * 64 + ":1",
            "a." * 130 + "a:1",
        ],
    ),
    (fields.check_origin, ["", "a b", "a+b", "a\n", "ä", "a" * 201, "a\x7f"]),
    (
        fields.check_time,
        [
            "",
            "2026-03-01",
            "2026-03-01T12:00:00",
            "2026-03-01T12:00:00+00:00",
            "2026-03-01T12:00:00.5Z",
            "2026-02-30T12:00:00Z",
            "2026-03-01T24:30:00Z",
            "2026-03-01t12:00:00Z",
            "2026-03-01T12:00:00Z\n",
            "٢٠٢٦-03-01T12:00:00Z",
        ],
    ),
]


@pytest.mark.parametrize(("check", "texts"), GOOD)
def test_good_fields(check: Callable[[str], str], texts: list[str]) -> None:
    for text in texts:
        assert check(text) == text


@pytest.mark.parametrize(("check", "texts"), BAD)
def test_bad_fields(check: Callable[[str], str], texts: list[str]) -> None:
    for text in texts:
        with pytest.raises(errors.InputError) as caught:
            check(text)
        assert caught.value.code == "bad-identity-field", text


@given(st.text(max_size=300), st.sampled_from([check for check, _ in GOOD]))
def test_any_text_is_taken_or_refused_cleanly(text: str, check: Callable[[str], str]) -> None:
    with contextlib.suppress(errors.InputError):
        assert check(text) == text


def test_times_are_written_as_they_are_read() -> None:
    assert fields.check_time(fields.time_text(NOW)) == "2026-03-01T12:00:00Z"
