"""Office hours: when sessions are usual, by the settings."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from psihash import errors
from psihash.agreement.times import parse_time, whole_seconds
from psihash.node.home.settings import BAD_SETTINGS, Settings

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FORM: Final = re.compile(
    r"([a-z]{3})-([a-z]{3}) ([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Hours:
    """Days of the week (Monday is 0), and minutes of the day from and up to without."""

    days: frozenset[int]
    start: int
    stop: int
    zone: dt.tzinfo

    def hold(self, time: str) -> bool:
        """Whether a time of the log (RFC 3339 UTC) lies in them."""
        moment = parse_time(whole_seconds(time)).astimezone(self.zone)
        return (
            moment.weekday() in self.days and self.start <= moment.hour * 60 + moment.minute
        ) and moment.hour * 60 + moment.minute < self.stop


def of(settings: Settings) -> Hours:
    """What the settings say. Raises InputError ``bad-settings``."""
    match = _FORM.fullmatch(settings.office_hours.strip().lower())
    if match is None or not {match[1], match[2]} <= set(_DAYS):
        raise errors.InputError(BAD_SETTINGS, "office_hours must look like 'mon-fri 07:00-19:00'")
    first, last = _DAYS.index(match[1]), _DAYS.index(match[2])
    start, stop = (int(match[at]) * 60 + int(match[at + 1]) for at in (3, 5))
    if not start < stop <= 24 * 60:
        raise errors.InputError(BAD_SETTINGS, "office_hours must begin before they end")
    days = frozenset((first + n) % 7 for n in range((last - first) % 7 + 1))
    return Hours(days, start, stop, _zone(settings.office_time_zone))


def _zone(name: str) -> dt.tzinfo:
    if name == "UTC":
        return dt.UTC  # also where the machine has no time zones
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise errors.InputError(
            BAD_SETTINGS,
            "office_time_zone is not a time zone of this machine",
            hint="use a name such as Europe/Amsterdam; Debian has them in the package tzdata",
        ) from None
