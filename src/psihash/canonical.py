"""Canonical bytes: RFC 8785 JSON, strict parsing, and length-prefixed hashing.

Whatever is signed or hashed goes through here, so that there is one encoding of each thing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NoReturn

import rfc8785

from psihash import errors

NOT_CANONICAL = errors.define(
    "not-canonical", "a document is not valid RFC 8785 JSON, or is too large or too deep"
)

MAX_DEPTH = 16
"""No document of ours nests deeper; a deeper one is an attack on the parser's stack."""


def encode(value: Mapping[str, Any]) -> bytes:
    """RFC 8785 bytes of a JSON object. Floats are refused: no document of ours needs one."""
    _check(value, 0)
    return rfc8785.dumps(dict(value))


def decode(data: bytes, *, max_bytes: int) -> dict[str, Any]:
    """Parse an object and insist that ``data`` is its one canonical encoding (RFC 8785)."""
    if len(data) > max_bytes:
        raise errors.InputError(NOT_CANONICAL, f"the document is larger than {max_bytes} bytes")
    try:
        value = json.loads(data, parse_float=_no_float, parse_constant=_no_float)
    except (ValueError, RecursionError):
        raise errors.InputError(NOT_CANONICAL, "the document is not JSON") from None
    if not isinstance(value, dict):
        raise errors.InputError(NOT_CANONICAL, "the document is not a JSON object")
    _check(value, 0)
    if rfc8785.dumps(value) != data:
        raise errors.InputError(NOT_CANONICAL, "the document is not in RFC 8785 form")
    return value


def _no_float(_text: str) -> NoReturn:
    raise ValueError("no fractions in documents")


def _check(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise errors.InputError(NOT_CANONICAL, "the document nests too deep")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise errors.InputError(NOT_CANONICAL, "an object key is not a string")
            _check(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, depth + 1)
    elif isinstance(value, int) and not isinstance(value, bool):
        if not -(2**53) < value < 2**53:
            raise errors.InputError(NOT_CANONICAL, "a number is out of range")
    elif isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise errors.InputError(NOT_CANONICAL, "a string is not Unicode text") from None
    elif value is not None and not isinstance(value, bool):
        raise errors.InputError(NOT_CANONICAL, "a value has no JSON form here")


def framed(*parts: bytes) -> bytes:
    """Join parts, each behind its length as eight big-endian bytes: an injective encoding."""
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def digest(*parts: bytes) -> bytes:
    """SHA-256 over the length-prefixed parts. The first part should name the context."""
    return hashlib.sha256(framed(*parts)).digest()
