"""Times as text whose order is the order in time."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from psihash import errors

BAD_STORE_TIME = errors.define("bad-store-time", "a time is not RFC 3339 UTC text")

_FORM: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(?:Z|\+00:00)", re.ASCII
)


def normal(text: str) -> str:
    """The one form that is stored and compared: UTC, milliseconds, ``Z``. Raises InputError."""
    match = _FORM.fullmatch(text)
    if match is not None:
        seconds, fraction = match.group(1), match.group(2) or ""
        try:
            datetime.fromisoformat(seconds)
        except ValueError:
            pass
        else:
            return f"{seconds}.{fraction[:3]:0<3}Z"
    raise errors.InputError(BAD_STORE_TIME, "a time must look like 2026-01-31T12:00:00.000Z")
