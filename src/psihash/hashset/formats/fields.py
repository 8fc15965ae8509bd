"""The values in a list's fields besides digests: flags, sizes, dates, labels.

Whoever fills in a list may write anything here, so each reader has a limit, and what it does not
understand is "not stated" (``None``), never "no".
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

MAX_LABEL: Final = 256
"""Characters kept of a series, category, agency or media type."""

MAX_OTHER: Final = 4_096
"""Characters of a hash that is kept and not matched; a longer one is not kept."""

MAX_SIZE: Final = 2**63 - 1
"""Largest file size in bytes; stores keep it as a signed 64-bit number."""

MAX_SUBMISSIONS: Final = 2**31 - 1

_YES: Final = """
true t yes y 1 ja j oui si sí sim vero verdadero verdadeiro wahr vrai waar tak kyllä ano da sant
"""
_NO: Final = """
false f no n 0 nein nee non não nao nej nei falso falsch faux onwaar nie ei ne usant falsk falskt
"""
_FLAGS: Final = dict.fromkeys(_YES.split(), True) | dict.fromkeys(_NO.split(), False)
_ABSENT: Final = frozenset({"", "null", "(null)", "\\n", "none", "n/a", "-"})
_FIRST_DIGITS: Final = re.compile(r"\+?([0-9]{1,19})")
_MILLISECONDS: Final = re.compile(r"/Date\((-?[0-9]{1,15})(?:[+-][0-9]{4})?\)/")
_DATE: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:[.,][0-9]+)? ?(Z|z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
# Controls would write to a terminal, and direction marks would make one label look like another.
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def is_absent(text: str) -> bool:
    """Whether a digest field is empty, or holds what databases export for "nothing"."""
    return len(text) < 16 and text.strip().lower() in _ABSENT


def flag(value: object) -> bool | None:
    """Three-state. Understands JSON booleans, 0 and 1, and yes and no in many languages."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return bool(value) if value in (0, 1) else None
    if not isinstance(value, str) or len(value) > 32:
        return None
    return _FLAGS.get(value.strip().casefold())


def label(text: str) -> str | None:
    """A name as people wrote it, in one line of at most ``MAX_LABEL`` characters, NFC."""
    return _label(text[: 4 * MAX_LABEL])


@lru_cache(maxsize=4096)
def _label(text: str) -> str | None:
    if not (text.isascii() and text.isprintable()):
        text = _SURROGATE.sub("\ufffd", text)
        text = unicodedata.normalize("NFC", _UNPRINTABLE.sub(" ", text))
    return text.strip()[:MAX_LABEL].rstrip() or None


def series(text: str) -> tuple[str, ...]:
    """Series labels of one field; a vertical bar separates several."""
    if not text:
        return ()
    labels = (label(part) for part in text.split("|"))
    return tuple(dict.fromkeys(name for name in labels if name))[:MAX_SERIES]


MAX_SERIES: Final = 64
"""Series labels kept of one row."""


def other_hash(text: str) -> str | None:
    """A hash of a kind that cannot be matched, as written; None where absent or too long."""
    if 8 <= len(text) <= MAX_OTHER and text.isalnum() and text.isascii():
        return text
    text = text.strip()
    if len(text) > MAX_OTHER or is_absent(text):
        return None
    return _SURROGATE.sub("\ufffd", _UNPRINTABLE.sub(" ", text)) or None


def size(value: object) -> int | None:
    """Bytes; None where not a plain whole number."""
    if type(value) is str and len(value) < 19 and value.isdecimal() and value.isascii():
        return int(value)
    return _whole(value, MAX_SIZE)


def submissions(value: object) -> int | None:
    return _whole(value, MAX_SUBMISSIONS)


def _whole(value: object, largest: int) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        match = _FIRST_DIGITS.fullmatch(value.strip()) if len(value) < 32 else None
        value = int(match[1]) if match else None
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and 0 <= value <= largest else None


def date(text: str) -> str | None:
    """RFC 3339 in UTC, to the second, or a date alone; None where the form is ambiguous.

    A time without an offset is taken as UTC. ``07/06/2023`` is two dates, so it is none.
    """
    return _date(text.strip()) if len(text) <= 64 else None


@lru_cache(maxsize=4096)
def _date(text: str) -> str | None:
    try:
        if match := _MILLISECONDS.fullmatch(text):
            seconds = int(match[1]) // 1000
            return _rfc3339(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
        match = _DATE.fullmatch(text)
        if not match:
            return None
        day, time, offset = match.groups()
        if time is None:
            return datetime.fromisoformat(day).date().isoformat()
        zone = (offset or "Z").upper()
        return _rfc3339(datetime.fromisoformat(f"{day}T{time}{zone}").astimezone(UTC))
    except (ValueError, OverflowError):
        return None


def _rfc3339(moment: datetime) -> str:
    return moment.replace(tzinfo=None, microsecond=0).isoformat(timespec="seconds") + "Z"


def country(text: str) -> str | None:
    """ISO 3166-1 alpha-2 in capitals, or None."""
    text = text.strip()
    return text.upper() if len(text) == 2 and text.isascii() and text.isalpha() else None
