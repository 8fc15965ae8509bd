"""When a standing query is due: five fields of cron, read strictly.

::

    minute hour day-of-month month day-of-week       for example  0 2 * * *

A field is ``*`` or a list of numbers and ranges joined by commas; ``*/n`` and ``a-b/n`` take every
n-th. Months and days of the week may be named by their first three letters; Sunday is 0 or 7. Where
day of the month and day of the week are both restricted, either is enough (POSIX ``crontab``). What
other programs read in different ways is refused: ``?``, ``L``, ``#``, ``@daily``, seconds, ranges
that run backwards, and a step after a single number.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from psihash import errors

BAD_CRON = errors.define(
    "bad-cron", "a schedule is not five fields of cron, or names no date that there is"
)

MAX_CHARACTERS: Final = 200

_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_DAYS: Final = {
    name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))
}
_PART: Final = re.compile(
    r"(?:(?P<all>\*)|(?P<low>[0-9]{1,2}|[a-z]{3})(?:-(?P<high>[0-9]{1,2}|[a-z]{3}))?)"
    r"(?:/(?P<step>[0-9]{1,2}))?"
)
_LONGEST: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    words: Mapping[str, int]


_FIELDS: Final = (
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day of the month", 1, 31, {}),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 7, _DAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """A schedule. Numbers ascend; ``weekdays`` are 0 (Sunday) to 6."""

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    """Day of the month or day of the week is enough."""

    def on(self, date: dt.date) -> bool:
        """Whether the schedule has slots on a local date."""
        if date.month not in self.months:
            return False
        in_month = date.day in self.days
        in_week = date.isoweekday() % 7 in self.weekdays
        return in_month or in_week if self.either_day else in_month and in_week


def parse_cron(text: str) -> Cron:
    """A schedule from its five fields. Raises InputError ``bad-cron``."""
    if len(text) > MAX_CHARACTERS:
        raise _bad("it is too long")
    words = [word for word in text.lower().split(" ") if word]
    if len(words) != len(_FIELDS):
        raise _bad("it has not five fields: minute hour day-of-month month day-of-week")
    minutes, hours, days, months, weekdays = (
        _numbers(field, word) for field, word in zip(_FIELDS, words, strict=True)
    )
    cron = Cron(
        text=" ".join(words),
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(number % 7 for number in weekdays),
        either_day=not words[2].startswith("*") and not words[4].startswith("*"),
    )
    if not cron.either_day and not any(
        min(cron.days) <= _LONGEST[month - 1] for month in cron.months
    ):
        raise _bad("no month has such a day")
    return cron


def _numbers(field: _Field, word: str) -> set[int]:
    found: set[int] = set()
    for part in word.split(","):
        found |= _range(field, part)
    return found


def _range(field: _Field, part: str) -> set[int]:
    match = _PART.fullmatch(part)
    if match is None:
        raise _bad(f"the field '{field.name}' is none")
    if match["all"]:
        low, high = field.low, min(field.high, 6) if field.words is _DAYS else field.high
    else:
        low = _number(field, match["low"])
        high = _number(field, match["high"]) if match["high"] else low
        if match["step"] and not match["high"]:
            raise _bad(f"the field '{field.name}' has a step after a single number")
    step = int(match["step"] or 1)
    if not low <= high:
        raise _bad(f"the field '{field.name}' has a range that runs backwards")
    if match["step"] and not 1 <= step <= high - low:
        # "*/90" does not mean every ninety minutes to anybody but who wrote it.
        raise _bad(f"the field '{field.name}' has a step that its range does not have room for")
    return set(range(low, high + 1, step))


def _number(field: _Field, text: str) -> int:
    value = int(text) if text.isdecimal() else field.words.get(text, -1)
    if not field.low <= value <= field.high:
        raise _bad(f"the field '{field.name}' goes from {field.low} to {field.high}")
    return value


def _bad(reason: str) -> errors.InputError:
    return errors.InputError(
        BAD_CRON, f"the schedule cannot be used: {reason}", hint="every night at two: '0 2 * * *'"
    )
