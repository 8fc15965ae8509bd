"""Times in documents: RFC 3339, UTC, whole seconds, one spelling (``2026-01-01T00:00:00Z``).

One spelling means that times sort as text. Nothing here reads a clock.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from psihash import errors

BAD_TIME = errors.define("bad-time", "a time is not of the form 2026-01-01T00:00:00Z")

_SHAPE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"


def parse_time(text: str) -> datetime:
    """The moment that ``text`` names. Raises InputError."""
    if _SHAPE.fullmatch(text):
        try:
            return datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)
        except ValueError:
            pass
    raise errors.InputError(BAD_TIME, "a time must look like 2026-01-01T00:00:00Z")


def format_time(moment: datetime) -> str:
    # isoformat and not strftime, which writes the year 999 with three digits.
    return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat() + "Z"


def whole_seconds(text: str) -> str:
    """A time of the store, which has milliseconds, in the form of documents."""
    return text[:19] + "Z"


def add_days(text: str, days: int) -> str:
    """The time ``days`` (negative for earlier) after ``text``. Raises InputError."""
    try:
        return format_time(parse_time(text) + timedelta(days=days))
    except OverflowError:
        raise errors.InputError(BAD_TIME, "the time lies outside the calendar") from None
