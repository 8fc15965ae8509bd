"""Strict reading of protobuf messages: one encoding, checked lengths, known words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, TypeVar

from google.protobuf.message import DecodeError, Message

from psihash import errors
from psihash.terms import AlgorithmId, Learn, Rung

MALFORMED = errors.define("malformed-message", "a message from the peer is not well-formed")

CODE: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")
ENGINE: Final = re.compile(r"[a-z0-9][a-z0-9./-]{0,63}")
COLLECTION: Final = re.compile(r"[a-z0-9-]{1,64}")
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MAX_CASE: Final = 4000
MAX_SIZE: Final = 2**40

_Word = TypeVar("_Word", AlgorithmId, Rung, Learn)
_Message = TypeVar("_Message", bound=Message)


def parse(kind: type[_Message], data: bytes) -> _Message:
    """Parse a protobuf message and insist that ``data`` is its one encoding."""
    message = kind()
    try:
        message.ParseFromString(data)
    except (DecodeError, ValueError, RuntimeError):
        raise malformed("not a protobuf message of this kind") from None
    plain = kind()
    plain.CopyFrom(message)
    plain.DiscardUnknownFields()  # type: ignore[attr-defined]
    if plain.SerializeToString(deterministic=True) != data:
        raise malformed("not the one encoding of this message")
    return message


def malformed(message: str) -> errors.ProtocolError:
    return errors.ProtocolError(MALFORMED, message)


def exactly(data: bytes, length: int) -> bytes:
    if len(data) != length:
        raise malformed("a field has the wrong length")
    return data


def at_most(data: bytes, length: int) -> bytes:
    if len(data) > length:
        raise malformed("a field is too long")
    return data


def matching(text: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(text):
        raise malformed("a word has a form that is not allowed")
    return text


def code(text: str) -> str:
    return matching(text, CODE)


def word(words: type[_Word], text: str) -> _Word:
    try:
        return words(text)
    except ValueError:
        raise malformed("an unknown word") from None


def case(text: str) -> str:
    if len(text) > MAX_CASE or not text.isprintable():
        raise malformed("a case reference is too long or not printable")
    return text


def size(value: int) -> int:
    if not 0 <= value <= MAX_SIZE:
        raise malformed("a size is out of range")
    return value


def few(values: Iterable[Any], most: int) -> list[Any]:
    found = list(values)
    if len(found) > most:
        raise malformed("a list is too long")
    return found
