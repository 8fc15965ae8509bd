"""Until when something must have happened. Times are text (``2026-01-01T00:00:00Z``).

Sources: Directive (EU) 2023/977 Art. 5 (eight hours where the matter is urgent and the information
directly available, three days where urgent and not, seven days otherwise); Regulation (EU)
2024/982 Art. 47 (core data within 48 hours of a confirmed match); 48 hours are also this system's
period for a correction (Directive (EU) 2016/680 Art. 16; Regulation (EU) 2024/982 Art. 51).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from psihash.agreement.times import format_time, parse_time
from psihash.casework.words import Urgency, Wanted

URGENT_HOURS: Final = 8
URGENT_NOT_AVAILABLE_HOURS: Final = 3 * 24
NORMAL_HOURS: Final = 7 * 24
CORE_DATA_HOURS: Final = 48
CORRECTION_HOURS: Final = 48


def answer_due(received: str, urgency: Urgency, wanted: Wanted, *, available: bool) -> str:
    """When an answer is due; ``available``: the information is directly available."""
    if urgency is Urgency.URGENT:
        hours = URGENT_HOURS if available else URGENT_NOT_AVAILABLE_HOURS
    else:
        hours = NORMAL_HOURS
    if wanted is Wanted.CORE_DATA:
        hours = min(hours, CORE_DATA_HOURS)
    return add(received, hours=hours)


def correction_due(received: str) -> str:
    return add(received, hours=CORRECTION_HOURS)


def add(time: str, *, hours: int = 0, minutes: int = 0) -> str:
    return format_time(parse_time(time) + timedelta(hours=hours, minutes=minutes))


def is_overdue(due: str | None, now: str) -> bool:
    return due is not None and due < now
