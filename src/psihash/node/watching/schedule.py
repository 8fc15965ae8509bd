"""When a watch is due, with the time zones of this machine."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from psihash import errors
from psihash.agreement.times import format_time, parse_time, whole_seconds
from psihash.central.cron import parse_cron
from psihash.central.slots import last_slot, next_slot
from psihash.node.node import Node
from psihash.storage.watches import WatchRow

BAD_ZONE = errors.define("bad-zone", "a time zone is none that this machine knows")
BAD_UNTIL = errors.define(
    "bad-until", "a watch must end in the future, within a year and within its agreement"
)

MAX_DAYS: Final = 366
DEFAULT_DAYS: Final = 90
_DAY: Final = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Due:
    """The slot to run now. ``first`` is earlier than it where slots were missed: one run makes up
    for all of them."""

    first: str
    slot: str


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """A time zone by its name in the tz database. Raises InputError ``bad-zone``."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise errors.InputError(
            BAD_ZONE,
            "this machine knows no such time zone",
            hint="a name like Europe/Brussels; the system's package tzdata has the list",
        ) from None


def due(row: WatchRow, now: str) -> Due | None:
    """What the schedule wants at ``now`` (RFC 3339); None where there is nothing to do. After the
    end of a watch there is not, whatever was missed."""
    if row.planned_from is None or is_past(row, now):
        return None
    cron, place = parse_cron(row.cron), zone(row.zone)
    first = next_slot(cron, place, _moment(row.planned_from))
    if first is None or first > _moment(now):
        return None
    last = last_slot(cron, place, _moment(now))
    if last is None:
        raise AssertionError("a slot that has come is the last one that has, or before it")
    return Due(format_time(first), format_time(last))


def is_past(row: WatchRow, now: str) -> bool:
    """Whether the time of a watch is over."""
    return _moment(row.until) <= _moment(now)


def upcoming(row: WatchRow, now: str, count: int = 1) -> list[str]:
    """The next slots after ``now``, in UTC; fewer where the watch ends before."""
    found: list[str] = []
    at = _moment(now)
    for _ in range(count):
        slot = next_slot(parse_cron(row.cron), zone(row.zone), at)
        if slot is None or slot >= _moment(row.until):
            break
        found.append(format_time(slot))
        at = slot
    return found


def end_of(node: Node, text: str | None, place: ZoneInfo, valid_until: str) -> str:
    """When a watch ends, in UTC: after the day ``text`` (like 2026-12-31) in its time zone, or
    after 90 days. Raises InputError ``bad-until``."""
    now = parse_time(node.stamp())
    agreed = parse_time(valid_until)
    if text is None:
        return format_time(min(now + DEFAULT_DAYS * _DAY, agreed))
    try:
        day = dt.date.fromisoformat(text) + _DAY
        end = dt.datetime.combine(day, dt.time(), tzinfo=place).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise _bad_until("--until takes a day like 2026-12-31") from None
    if not now < end <= now + (MAX_DAYS + 1) * _DAY:
        raise _bad_until(f"a watch ends in the future, and after {MAX_DAYS} days at most")
    if end.date() > agreed.date() + _DAY:
        raise _bad_until("the agreement ends before that")
    return format_time(min(end, agreed))


def _moment(text: str) -> dt.datetime:
    return parse_time(whole_seconds(text))


def _bad_until(reason: str) -> errors.InputError:
    return errors.InputError(BAD_UNTIL, reason)
