"""The one place that reads the clock. Everything below gets its times from here, as values."""

from __future__ import annotations

import datetime as dt
from typing import Protocol


class Clock(Protocol):
    """Tells the time; tests hand in their own."""

    def now(self) -> dt.datetime:
        """The present, in UTC with its time zone set."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)


def seconds(moment: dt.datetime) -> str:
    """``2026-01-31T23:59:59Z``: the form in documents and rows."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def milliseconds(moment: dt.datetime) -> str:
    """``2026-01-31T23:59:59.999Z``: the form in the log."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
