"""From the text of a digest to (algorithm, raw bytes), in every spelling that lists use.

Accepted: hexadecimal in any case, with ``0x``, with one kind of separator (space, colon or hyphen)
between bytes; base32 and base64 (both alphabets), padded or not. A text made of hexadecimal digits
is only ever read as hexadecimal: 64 of them are also the base64 of 48 bytes, and a SHA-256 in a
SHA-384 column must be refused and not turned into other bytes.

Where the algorithm is not stated it follows from the number of hexadecimal digits, or from base32
or base64 that cannot be a misspelt hexadecimal text (an upper-case base32 SHA-1, base64 that ends
in padding). The raw bytes are the identity: two spellings of one digest compare equal.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from psihash import errors
from psihash.hashset.model import Digest, Reason
from psihash.terms import AlgorithmId

BAD_DIGEST = errors.define("bad-digest", "a text is not a digest of the stated algorithm")

MAX_TEXT: Final = 512
"""No spelling of a 64-byte digest is longer; a longer text is refused unread."""

HEX_DIGITS: Final[dict[AlgorithmId, int]] = {a: 2 * a.digest_bytes for a in AlgorithmId}
"""Number of hexadecimal digits of each algorithm's digest."""

BY_HEX_DIGITS: Final[dict[int, AlgorithmId]] = {n: a for a, n in HEX_DIGITS.items()}
_BY_BYTES: Final = {a.digest_bytes: a for a in AlgorithmId}

_HEX: Final = re.compile(r"[0-9A-Fa-f]+")
_GROUPS: Final = tuple(
    re.compile(rf"(?:[0-9A-Fa-f]{{2}})+(?:{mark}(?:[0-9A-Fa-f]{{2}})+)+")
    for mark in (" +", ":", "-")
)
_BASE32: Final = re.compile(r"[A-Za-z2-7]+={0,6}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_BASE32_SHA1: Final = re.compile(r"[A-Z2-7]{32}")


def parse_digest(text: str, algorithm: AlgorithmId | None = None) -> Digest:
    """Read one digest, or raise InputError ``bad-digest``. See the module for what is accepted."""
    result = digest_or_reason(text, algorithm)
    if isinstance(result, Digest):
        return result
    wanted = algorithm or "digest"
    if result is Reason.BAD_LENGTH:
        message = f"the text does not have the length of a {wanted}"
    else:
        message = f"the text is not a {wanted}"
    known = ", ".join(f"{a} {n}" for a, n in HEX_DIGITS.items())
    raise errors.InputError(BAD_DIGEST, message, hint=f"hexadecimal digits: {known}")


def digest_or_reason(text: str, algorithm: AlgorithmId | None) -> Digest | Reason:
    """The same without exceptions, for readers of millions of rows."""
    found = BY_HEX_DIGITS.get(len(text))
    if found is not None and (algorithm is found or algorithm is None):
        try:
            raw = bytes.fromhex(text)
        except ValueError:
            return _from_other_spelling(text, algorithm)
        # fromhex skips blanks between bytes: then bytes are missing.
        if 2 * len(raw) == len(text):
            return Digest(found, raw)
    return _from_other_spelling(text, algorithm)


def _from_other_spelling(text: str, algorithm: AlgorithmId | None) -> Digest | Reason:
    if len(text) > MAX_TEXT:
        return Reason.BAD_LENGTH
    text = _unwrapped(text)
    if not text.isascii() or not text:
        return Reason.BAD_CHARACTERS
    digits = _hex_digits(text)
    if digits:
        found = algorithm or BY_HEX_DIGITS.get(len(digits))
        if found is None or len(digits) != HEX_DIGITS[found]:
            return Reason.BAD_LENGTH
        return Digest(found, bytes.fromhex(digits))
    raw = _unstated(text) if algorithm is None else _encoded(text, algorithm.digest_bytes)
    if raw is None:
        return Reason.BAD_CHARACTERS
    return Digest(_BY_BYTES[len(raw)], raw)


def _unwrapped(text: str) -> str:
    """Without blanks, the quotes that spreadsheets leave (``="ab"``, ``'ab'``), and ``0x``."""
    text = text.strip()
    if text.startswith('="'):
        text = text[1:]
    text = text.strip("\"'").strip()
    return text[2:] if text[:2] in ("0x", "0X") else text


def _hex_digits(text: str) -> str:
    """The bare hexadecimal digits of ``text``, or an empty text where it is not hexadecimal."""
    if _HEX.fullmatch(text):
        return text
    if any(groups.fullmatch(text) for groups in _GROUPS):
        return re.sub(r"[ :-]+", "", text)
    return ""


def _unstated(text: str) -> bytes | None:
    """Encodings that cannot be mistaken for a misspelt hexadecimal text."""
    if _BASE32_SHA1.fullmatch(text):
        return _encoded(text, AlgorithmId.SHA1.digest_bytes)
    if text.endswith("="):
        for size in _BY_BYTES:
            raw = _encoded(text, size)
            if raw is not None:
                return raw
    return None


def _encoded(text: str, size: int) -> bytes | None:
    """``size`` bytes from base32 or base64; None where the text is neither, or not canonical."""
    bare = text.rstrip("=")
    try:
        if len(bare) == (size * 8 + 4) // 5 and _BASE32.fullmatch(text):
            full = bare.upper() + "=" * (-len(bare) % 8)
            raw, again = base64.b32decode(full), base64.b32encode
        elif len(bare) == (size * 4 + 2) // 3 and _BASE64.fullmatch(text):
            full = bare.translate(_STANDARD_ALPHABET) + "=" * (-len(bare) % 4)
            raw, again = base64.b64decode(full, validate=True), base64.b64encode
        else:
            return None
    except (binascii.Error, ValueError):
        return None
    # Bits left over at the end must be zero, or two texts would name one digest.
    if len(raw) != size or again(raw).decode() != full:
        return None
    # Padding is either absent or complete.
    return raw if text in (bare, text[: len(bare)] + full[len(bare) :]) else None


_STANDARD_ALPHABET: Final = str.maketrans("-_", "+/")
