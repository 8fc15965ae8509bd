"""Members that several documents of this package have: texts of several lines, references."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

from psihash.agreement import defaults
from psihash.agreement.fields import Fields, bad, check_text, distinct
from psihash.casework import words

_REFERENCE: Final = re.compile(r"[0-9a-f]{32}")
_KEPT: Final = {"\t": " "}


def lines_of(text: str) -> tuple[str, ...]:
    """A person's text as the lines of a document: trimmed, without empty ones, long ones cut into
    several. Raises InputError (``bad-document``) where it does not fit."""
    found: list[str] = []
    for line in text.splitlines():
        plain = "".join(_KEPT.get(character, character) for character in line).strip()
        while plain:
            found.append(plain[: defaults.MAX_TEXT].strip())
            plain = plain[defaults.MAX_TEXT :].strip()
    return check_lines(found, "the text", empty=True)


def read_lines(fields: Fields, name: str, *, empty: bool = False) -> tuple[str, ...]:
    """A text of several lines from a document."""
    raw = fields.sequence(name, 0 if empty else 1, words.MAX_LINES)
    return check_lines(raw, name, empty=empty)


def check_lines(raw: list[Any], what: str, *, empty: bool) -> tuple[str, ...]:
    if not all(isinstance(line, str) for line in raw):
        raise bad(f"{what} has a line that is not text")
    if len(raw) > words.MAX_LINES or sum(map(len, raw)) > words.MAX_LINES_TEXT:
        raise bad(f"{what} is longer than {words.MAX_LINES_TEXT:,} characters")
    if not raw and not empty:
        raise bad(f"{what} is empty")
    return tuple(check_text(line, what) for line in raw)


def read_references(fields: Fields, name: str, most: int) -> tuple[str, ...]:
    """Distinct references of hits, at least one."""
    raw = fields.sequence(name, 1, most)
    return check_references(raw, name)


def check_references(raw: list[Any], what: str) -> tuple[str, ...]:
    if not all(isinstance(each, str) and _REFERENCE.fullmatch(each) for each in raw):
        raise bad(f"{what} has something that is no reference of a hit")
    return distinct(tuple(raw), what)


def one_line(text: str) -> str:
    """A person's words for a member of one line: line breaks become spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())
