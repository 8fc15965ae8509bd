"""JSON from a stream, in bounded memory, with embedded pictures cut out before parsing.

:func:`events` yields what ijson's parser sees of a filtered stream. The filter works on bytes: the
value of a property that is called like a picture, and any string longer than :data:`MAX_STRING`,
becomes an empty string without being decoded or held.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import ijson

from psihash import errors
from psihash.hashset.formats.base import TRUNCATED_LIST
from psihash.hashset.formats.text import decoded

MAX_STRING: Final = 1 << 16
"""Bytes of a string that reaches the parser: far above any hash, name or comment."""

MAX_DEPTH: Final = 64
"""Nesting of objects and arrays; lists need less than ten."""

_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
# The longest part of a block that ends outside of a string.
_CLOSED: Final = re.compile(rb"(?:[^\"]++|" + _STRING + rb")*+", re.DOTALL)
_INSIDE: Final = re.compile(rb"[^\"\\]*+(?:\\.[^\"\\]*+)*+", re.DOTALL)
_PICTURE_KEY: Final = (
    rb'"(?:miniature|thumb[a-z]*|preview[a-z]*|picture[a-z]*|image|imagedata|base64|data)"\s{0,64}'
)
_PICTURE: Final = re.compile(
    rb"(" + _PICTURE_KEY + rb":\s{0,64})" + _STRING, re.DOTALL | re.IGNORECASE
)
_PICTURE_AHEAD: Final = re.compile(_PICTURE_KEY + rb"(?::\s{0,64})?\Z", re.IGNORECASE)
_AHEAD: Final = 256
_ANY_STRING: Final = re.compile(_STRING, re.DOTALL)
_NUMBER_RUN: Final = re.compile(rb"(?<![-+.0-9A-Za-z])[-+.0-9A-Za-z]{1025}")


class _Filtered:
    """What ijson reads from: the stream without pictures and without over-long strings."""

    def __init__(self, stream: BinaryIO) -> None:
        self._pieces = _without_pictures(text.encode() for text in decoded(stream))

    def read(self, size: int = -1) -> bytes:
        """The next piece, of any length; empty only at the end. ijson asks with 0 to learn the
        type."""
        if size == 0:
            return b""
        return next(filter(None, self._pieces), b"")


def _without_pictures(blocks: Iterator[bytes]) -> Iterator[bytes]:
    data = b""  # not yet passed on; begins outside of a string, or inside of one that is dropped
    inside = False
    for block in blocks:
        data += block
        if inside:
            data = data[_span(_INSIDE, data) :]
            if data[:1] != b'"':
                continue
            yield b'"'
            data, inside = data[1:], False
        end = _span(_CLOSED, data)
        if len(data) - end > MAX_STRING:
            yield _cut(data[:end]) + b'"'
            data, inside = data[end + 1 :], True
            data = data[_span(_INSIDE, data) :]
            continue
        # A picture's name stays with its value, which may follow in the next block.
        ahead = _PICTURE_AHEAD.search(data, max(0, end - _AHEAD), end)
        end = ahead.start() if ahead else end
        yield _cut(data[:end])
        data = data[end:]
    yield _cut(data)


def _span(pattern: re.Pattern[bytes], data: bytes) -> int:
    """How far ``pattern``, which matches the empty text too, reaches from the beginning."""
    match = pattern.match(data)
    return match.end() if match else 0


def _cut(data: bytes) -> bytes:
    data = _PICTURE.sub(rb'\1""', data)
    # The parser holds a number in one piece; a long one can only be there to fill memory.
    if _NUMBER_RUN.search(data) and any(map(_NUMBER_RUN.search, _ANY_STRING.split(data))):
        raise errors.InputError(TRUNCATED_LIST, "the list holds a number that is too long")
    return data


def events(stream: BinaryIO) -> Iterator[tuple[str, Any]]:
    """(event, value) as ijson names them. Raises InputError ``truncated-list`` where the text
    stops being JSON, and where it ends too early."""
    depth = 0
    try:
        for event, value in ijson.basic_parse(_Filtered(stream), use_float=True):
            if event in ("start_map", "start_array"):
                depth += 1
                if depth > MAX_DEPTH:
                    break
            elif event in ("end_map", "end_array"):
                depth -= 1
            yield event, value
        else:
            return
    except (ijson.JSONError, ValueError, OverflowError):
        raise errors.InputError(
            TRUNCATED_LIST,
            "the list breaks off, or stops being JSON, before its end",
            hint="export it again; nothing of it was kept",
        ) from None
    raise errors.InputError(TRUNCATED_LIST, f"the list nests deeper than {MAX_DEPTH} levels")
