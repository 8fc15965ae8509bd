"""The moments of a schedule: each local time that it names is one slot, and runs exactly once.

Clocks that change make some local times occur twice and others not at all. A time that occurs
twice is a slot the first time. A time that is skipped is a slot as long after the change as it lies
after the last time before it (02:30, where 02:00 becomes 03:00, is 03:30); where that is a slot
anyway, it is one slot. So a slot is named by its moment in UTC, and moments ascend.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

from psihash.central.cron import Cron

_DAY: Final = dt.timedelta(days=1)
_AHEAD: Final = 9 * 366
"""Days after which a schedule has come round: 29 February is missing in 2100."""
_AROUND: Final = 2
"""Local dates on either side of a moment in which its neighbours may be: no change of clocks is
longer than a day."""


def next_slot(cron: Cron, zone: dt.tzinfo, after: dt.datetime) -> dt.datetime | None:
    """The first slot later than ``after``, both in UTC; None where the calendar ends."""
    return _nearest(cron, zone, after, 1)


def last_slot(cron: Cron, zone: dt.tzinfo, until: dt.datetime) -> dt.datetime | None:
    """The last slot at ``until`` or before, both in UTC; None where the calendar begins."""
    return _nearest(cron, zone, until, -1)


def _nearest(cron: Cron, zone: dt.tzinfo, moment: dt.datetime, way: int) -> dt.datetime | None:
    """The nearest slot in one direction. A skipped time may come after one of the next date, so
    some dates more are looked at once there is one."""
    best: dt.datetime | None = None
    left = _AHEAD
    for date in _dates(moment.astimezone(zone).date(), way):
        if left == 0:
            break
        left -= 1
        if not cron.on(date):
            continue
        slots = [at for at in _on(cron, zone, date) if (at > moment if way > 0 else at <= moment)]
        if not slots:
            continue
        if best is None:
            left = min(left, _AROUND)
        nearest = min(slots) if way > 0 else max(slots)
        best = nearest if best is None else min(best, nearest) if way > 0 else max(best, nearest)
    return best


def _dates(start: dt.date, way: int) -> Iterator[dt.date]:
    """Local dates from a little behind ``start`` on, as far as the calendar goes."""
    try:
        date = start - way * _AROUND * _DAY
        while True:
            yield date
            date += way * _DAY
    except OverflowError:
        return


def _on(cron: Cron, zone: dt.tzinfo, date: dt.date) -> Iterator[dt.datetime]:
    """The slots of one local date, in UTC. ``fold=0`` is the first of two, and in a gap counts on
    with the offset from before it."""
    for hour in cron.hours:
        for minute in cron.minutes:
            local = dt.datetime.combine(date, dt.time(hour, minute), tzinfo=zone)
            yield local.astimezone(dt.UTC)
