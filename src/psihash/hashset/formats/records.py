"""Delimited text: lines to records of fields, with quoting as real writers do it.

A field is quoted if it begins with a quotation mark; inside, a doubled mark stands for one, and
the field may hold separators and line ends. A mark elsewhere is a plain character. A quoted field
that is not closed within :data:`MAX_RECORD_LINES` lines refuses the line it began in, and reading
goes on at the next one: one stray mark must not swallow the rest of a list.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, Final

from psihash.hashset.formats.text import MAX_LINE, lines
from psihash.hashset.model import Reason, Refusal

MAX_RECORD_LINES: Final = 200
"""Also how many times over a hostile list can make a line be looked at."""
SEPARATORS: Final = (",", ";", "\t", "|")

Numbered = tuple[int, str | Reason]
"""A line's number and text, or why it has none."""

Record = tuple[int, list[str]]
"""The number of a record's first line, and its fields."""


def numbered_lines(stream: BinaryIO) -> Iterator[Numbered]:
    for first, texts, refused in lines(stream):
        if refused:
            yield first, refused
        else:
            yield from enumerate(texts, first)


def split(line: str, separator: str) -> list[str]:
    """The fields of one line; a quoted field that is left open ends with the line."""
    found: list[str] = []
    opened = _feed(line, separator, found, None)
    if opened:
        found.append(_unquoted("".join(opened)))
    return found


def records(numbered: Iterator[Numbered], separator: str) -> Iterator[Record | Refusal]:
    """All records. Blank lines are none."""
    again: deque[Numbered] = deque()
    while True:
        item = again.popleft() if again else next(numbered, None)
        if item is None:
            return
        number, text = item
        if isinstance(text, Reason):
            yield Refusal(text, number)
        elif '"' not in text:
            if text and not text.isspace():
                yield number, text.split(separator)
        else:
            yield _quoted(number, text, separator, numbered, again)


def _quoted(
    number: int, text: str, separator: str, numbered: Iterator[Numbered], again: deque[Numbered]
) -> Record | Refusal:
    """One record that begins with ``text``. Lines taken in vain go back to ``again``."""
    found: list[str] = []
    opened = _feed(text, separator, found, None)
    taken: list[Numbered] = []
    length = len(text)
    while opened:
        item = again.popleft() if again else next(numbered, None)
        if item is not None:
            taken.append(item)
            length += 0 if isinstance(item[1], Reason) else len(item[1])
        if (
            item is None
            or isinstance(item[1], Reason)
            or len(taken) >= MAX_RECORD_LINES
            or length > MAX_LINE
        ):
            again.extendleft(reversed(taken))
            reason = Reason.TOO_LONG if length > MAX_LINE else Reason.BAD_RECORD
            return Refusal(reason, number)
        opened = _feed(item[1], separator, found, opened)
    return number, found


def _feed(
    line: str, separator: str, found: list[str], opened: list[str] | None
) -> list[str] | None:
    """Append the fields of ``line``; return the pieces of a field that it leaves open.

    A quoted field is open as long as it holds an odd number of marks.
    """
    joint = "\n"
    for part in line.split(separator):
        if opened is None:
            if '"' not in part:
                found.append(part)
                continue
            inner = part[1:-1]
            if part[0] == '"' == part[-1] and '"' not in inner and len(part) > 1:
                found.append(inner)
                continue
            bare = part.lstrip(" ")
            if bare[0] != '"':
                found.append(part)
            elif bare.count('"') % 2:
                opened = [bare]
            else:
                found.append(_unquoted(bare))
        else:
            opened.append(joint + part)
            if part.count('"') % 2:
                found.append(_unquoted("".join(opened)))
                opened = None
        joint = separator
    return opened


def _unquoted(text: str) -> str:
    text = text.rstrip(" ")
    inner = text[1:-1] if text.endswith('"') and len(text) > 1 else text[1:]
    return inner.replace('""', '"') if '"' in inner else inner
