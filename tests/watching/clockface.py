"""A schedule's slots found the slow way: minute by minute, from the text of the five fields."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

MINUTE: Final = dt.timedelta(minutes=1)
MONTHS: Final = (
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
)  # fmt: skip
DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@cache
def says(field: str, value: int, low: int, high: int, names: tuple[str, ...], first: int) -> bool:
    """Whether one field of cron names a number."""
    for part in field.split(","):
        body, _, step = part.partition("/")
        start, _, end = body.partition("-")
        if body == "*":
            one, other = low, high
        else:
            one = names.index(start) + first if start in names else int(start)
            other = one if not end else names.index(end) + first if end in names else int(end)
        if one <= value <= other and (value - one) % int(step or 1) == 0:
            return True
    return False


def matches(text: str, local: dt.datetime) -> bool:
    """Whether a local time is one that the fields name."""
    minute, hour, day, month, weekday = text.split()
    if not says(minute, local.minute, 0, 59, (), 0) or not says(hour, local.hour, 0, 23, (), 0):
        return False
    if not says(month, local.month, 1, 12, MONTHS, 1):
        return False
    in_month = says(day, local.day, 1, 31, (), 0)
    number = (local.weekday() + 1) % 7
    in_week = says(weekday, number, 0, 6, DAYS, 0) or (
        number == 0 and weekday != "*" and says(weekday, 7, 0, 7, DAYS, 0)
    )
    if not day.startswith("*") and not weekday.startswith("*"):
        return in_month or in_week
    return in_month and in_week


@cache
def walls(zone: ZoneInfo, at: dt.datetime) -> tuple[dt.datetime, bool]:
    """What the clock shows, and whether it shows it for the second time."""
    local = at.astimezone(zone)
    return local.replace(tzinfo=None, fold=0), bool(local.fold)


def slots(text: str, zone: ZoneInfo, start: dt.datetime, end: dt.datetime) -> set[dt.datetime]:
    """Every slot from ``start`` to before ``end``, both whole minutes in UTC."""
    found: set[dt.datetime] = set()
    at = start - dt.timedelta(hours=30)
    before = walls(zone, at)[0]
    while at < end:
        wall, again = walls(zone, at)
        for skipped in _between(before, wall):
            if matches(text, skipped):
                # It counts on from the last minute before the clocks were put forward.
                found.add(at + (skipped - before - MINUTE))
        if not again and matches(text, wall):
            found.add(at)
        before, at = wall, at + MINUTE
    return {slot for slot in found if start <= slot < end}


def _between(before: dt.datetime, after: dt.datetime) -> Iterator[dt.datetime]:
    """Local minutes that no clock showed."""
    wall = before + MINUTE
    while wall < after:
        yield wall
        wall += MINUTE
