"""Every spelling of a digest names the same bytes, and nothing else is a digest."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash import errors
from psihash.hashset.digests import digest_or_reason, parse_digest
from psihash.hashset.model import Digest, Reason
from psihash.terms import AlgorithmId

ALGORITHMS = st.sampled_from(list(AlgorithmId))


@st.composite
def digests(draw: st.DrawFn) -> Digest:
    algorithm = draw(ALGORITHMS)
    size = algorithm.digest_bytes
    return Digest(algorithm, draw(st.binary(min_size=size, max_size=size)))


def spellings(digest: Digest) -> dict[str, str]:
    raw = digest.raw
    pairs = [raw[i : i + 1].hex() for i in range(len(raw))]
    quads = [raw[i : i + 2].hex() for i in range(0, len(raw), 2)]
    return {
        "lower": raw.hex(),
        "upper": raw.hex().upper(),
        "mixed": "".join(c.upper() if i % 3 else c for i, c in enumerate(raw.hex())),
        "0x": "0x" + raw.hex(),
        "0X": "0X" + raw.hex().upper(),
        "colons": ":".join(pairs),
        "blanks": " ".join(pairs),
        "hyphens": "-".join(pairs).upper(),
        "groups": " ".join(quads),
        "two blanks": "  ".join(pairs),
        "padding": f"  {raw.hex()}\t",
        "quotes": f'"{raw.hex()}"',
        "spreadsheet": f'="{raw.hex()}"',
        "base32": base64.b32encode(raw).decode(),
        "base32 bare": base64.b32encode(raw).decode().rstrip("="),
        "base32 lower": base64.b32encode(raw).decode().lower(),
        "base64": base64.b64encode(raw).decode(),
        "base64 bare": base64.b64encode(raw).decode().rstrip("="),
        "base64 url": base64.urlsafe_b64encode(raw).decode(),
    }


@given(digests())
def test_every_spelling_with_a_stated_algorithm(digest: Digest) -> None:
    for name, text in spellings(digest).items():
        if re.fullmatch("[0-9A-Fa-f]+", text) and name.startswith("base"):
            continue  # then it is only ever hexadecimal: see below
        assert digest_or_reason(text, digest.algorithm) == digest, name


@given(digests())
def test_hexadecimal_needs_no_algorithm(digest: Digest) -> None:
    for name, text in spellings(digest).items():
        if not name.startswith("base"):
            assert digest_or_reason(text, None) == digest, name


def test_unstated_base32_sha1_and_padded_base64() -> None:
    raw = hashlib.sha1(b"x").digest()
    assert parse_digest(base64.b32encode(raw).decode()) == Digest(AlgorithmId.SHA1, raw)
    for algorithm in (AlgorithmId.MD5, AlgorithmId.SHA1, AlgorithmId.SHA256, AlgorithmId.SHA512):
        raw = hashlib.new(algorithm.value, b"x").digest()
        assert parse_digest(base64.b64encode(raw).decode()) == Digest(algorithm, raw)


@given(digests(), ALGORITHMS)
def test_the_hexadecimal_text_of_another_algorithm_is_refused(
    digest: Digest, other: AlgorithmId
) -> None:
    """64 digits are also valid base64 of 48 bytes: a shifted column must not become a digest."""
    if other is not digest.algorithm:
        assert digest_or_reason(digest.raw.hex(), other) is Reason.BAD_LENGTH


@given(digests(), st.data())
def test_one_wrong_character_is_refused(digest: Digest, data: st.DataObject) -> None:
    text = digest.raw.hex()
    position = data.draw(st.integers(0, len(text) - 1))
    wrong = data.draw(st.sampled_from("gGzZ!\0é٣0\uff46%_ \n")).replace("0", "")
    broken = text[:position] + wrong + text[position + 1 :]
    for algorithm in (digest.algorithm, None):
        result = digest_or_reason(broken, algorithm)
        # A blank at an end is no more than a digit that is missing.
        assert result in (Reason.BAD_CHARACTERS, Reason.BAD_LENGTH), broken


@given(st.text(max_size=600), st.one_of(st.none(), ALGORITHMS))
def test_any_text_gives_a_digest_of_the_right_length_or_a_reason(
    text: str, algorithm: AlgorithmId | None
) -> None:
    result = digest_or_reason(text, algorithm)
    if isinstance(result, Digest):
        assert len(result.raw) == result.algorithm.digest_bytes
        assert algorithm in (None, result.algorithm)


@pytest.mark.parametrize(
    ("text", "algorithm"),
    [
        ("", None),
        ("d41d8cd98f00b204e9800998ecf8427", None),
        ("d41d8cd98f00b204e9800998ecf8427e0", None),
        ("d41d8cd98f00b204e9800998ecf8427", AlgorithmId.MD5),
        ("0xd41d8cd98f00b204e9800998ecf842", AlgorithmId.MD5),  # 32 characters, 15 bytes
        ("d4 1d 8c d9 8f 00 b2 04 e9 80 99", AlgorithmId.MD5),  # 32 characters, 11 bytes
        ("d4:1d-8c:d9:8f:00:b2:04:e9:80:09:98:ec:f8:42:7e", None),  # two kinds of mark
        ("d:41d8cd98f00b204e9800998ecf8427e", None),  # not between bytes
        (":d41d8cd98f00b204e9800998ecf8427e", None),
        ("1.23E+31", None),
        ("A" * 1_000_000, None),
        ("=" * 32, AlgorithmId.SHA1),
        ("B" * 22 + "===", AlgorithmId.MD5),  # too much padding
        ("B" * 22, AlgorithmId.MD5),  # bits left over at the end
        ("٤" * 32, AlgorithmId.MD5),  # digits, but not ours
    ],
)
def test_bad_digests(text: str, algorithm: AlgorithmId | None) -> None:
    with pytest.raises(errors.InputError) as caught:
        parse_digest(text, algorithm)
    assert caught.value.code == "bad-digest"
    assert not text or text not in caught.value.message
