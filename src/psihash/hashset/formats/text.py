"""From a list's bytes to UTF-8 and to lines, whatever wrote them.

Byte order marks of UTF-8, UTF-16 and UTF-32 are understood. Bytes that are not UTF-8 are read as
Windows-1252, which contains ISO-8859-1: old tools wrote names in it, and a digest is ASCII anyway.
A line ends at LF, CRLF or a lone CR. No line is held beyond :data:`MAX_LINE`.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from psihash.hashset.formats.base import SNIFF_BYTES
from psihash.hashset.model import Reason

BLOCK: Final = 1 << 18
"""Bytes per read: large enough that Python's cost per block vanishes, small enough for caches."""

MAX_LINE: Final = 1 << 20
"""Characters in one line or record. No list's row comes near; a longer one is refused."""

# UTF-32 first: its little-endian mark begins with UTF-16's.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def _windows_1252(byte: int) -> str:
    try:
        return bytes((byte,)).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


_ESCAPED: Final = {chr(0xDC00 + byte): _windows_1252(byte) for byte in range(0x80, 0x100)}
_ESCAPE: Final = re.compile("[\udc80-\udcff]")


class Lines(NamedTuple):
    """Consecutive lines without their ends; or, with ``refused``, one line that has none."""

    first: int
    """Number of the first line, from 1."""
    texts: list[str]
    refused: Reason | None = None


def decoded(stream: BinaryIO) -> Iterator[str]:
    """The stream's text in pieces of at most about ``BLOCK`` characters."""
    head = stream.read(BLOCK)
    while 0 < len(head) < 4:
        more = stream.read(BLOCK)
        if not more:
            break
        head += more
    encoding = "utf-8"
    for mark, name in _MARKS:
        if head.startswith(mark):
            head, encoding = head[len(mark) :], name
            break
    # Only UTF-8's decoder can carry foreign bytes along as escapes; the others replace them.
    errors = "surrogateescape" if encoding == "utf-8" else "replace"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    yield _without_escapes(decoder.decode(head))
    while block := stream.read(BLOCK):
        yield _without_escapes(decoder.decode(block))
    yield _without_escapes(decoder.decode(b"", final=True))


def _without_escapes(text: str) -> str:
    if text.isascii():
        return text
    return _ESCAPE.sub(lambda match: _ESCAPED[match[0]], text)


def lines(stream: BinaryIO) -> Iterator[Lines]:
    """All lines, in batches. Lines with NUL and lines that are too long come as refusals."""
    number = 1
    tail = ""
    skipping = False
    held = ""
    for piece in decoded(stream):
        text = held + piece
        # A CR at the end of a piece may be half of a CRLF.
        held = "\r" if text.endswith("\r") else ""
        text = text[: len(text) - len(held)]
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        body, end, rest = text.rpartition("\n")
        if end:
            body = tail + body
            batch = body.split("\n")
            if skipping or len(batch[0]) > MAX_LINE:
                yield Lines(number, [], Reason.TOO_LONG)
                number += 1
                del batch[0]
            yield from _clean(number, batch, nul="\0" in body)
            number += len(batch)
            tail, skipping = "", False
        if not skipping:
            tail += rest
            skipping = len(tail) > MAX_LINE
        if skipping:
            tail = ""
    if skipping:
        yield Lines(number, [], Reason.TOO_LONG)
    elif tail or held:
        yield from _clean(number, [tail], nul="\0" in tail)


def _clean(number: int, batch: list[str], *, nul: bool) -> Iterator[Lines]:
    """The batch, cut at lines that hold a NUL: no text has one, so the line is damaged."""
    start = 0
    if nul:
        for index, line in enumerate(batch):
            if "\0" not in line:
                continue
            if index > start:
                yield Lines(number + start, batch[start:index])
            yield Lines(number + index, [], Reason.BAD_CHARACTERS)
            start = index + 1
    if start < len(batch):
        yield Lines(number + start, batch[start:])


def head_text(head: bytes) -> str:
    """The text of a file's first bytes, with LF as the only line end, for sniffing."""
    text = "".join(decoded(io.BytesIO(head[:SNIFF_BYTES])))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def head_lines(head: bytes) -> list[str]:
    """The whole lines of a file's first bytes: the last is left out where it may be cut, and a
    damaged line is empty."""
    found = head_text(head).split("\n")
    if len(found) > 1:
        found.pop()
    return ["" if "\0" in line else line for line in found]
