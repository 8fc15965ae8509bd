"""Corrections, and how long they took."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median_low
from typing import Final

from psihash.casework import clocks
from psihash.node.node import Node
from psihash.node.people.roles import use_case
from psihash.node.records.figures import seconds_between
from psihash.storage.corrections import CorrectionRow

BANDS: Final = (("up to 8 hours", 8), ("up to 24 hours", 24), ("up to 48 hours", 48))
LATE: Final = "more than 48 hours"
OPEN: Final = "open"


@dataclass(frozen=True, slots=True)
class CorrectionLine:
    """One notice. ``hours`` is from its coming or leaving until somebody resolved it."""

    row: CorrectionRow
    began: str
    hours: float | None
    band: str
    overdue: bool


@dataclass(frozen=True, slots=True)
class CorrectionTimes:
    """All notices, newest first, and sums of those that came in."""

    lines: list[CorrectionLine]
    bands: list[tuple[str, int]]
    """Of what came in: how many were resolved in which time, and how many are open."""
    median_hours: float | None


@use_case("oversight")
def of(node: Node, peer: str = "") -> CorrectionTimes:
    """The corrections with one peer or all of them."""
    now = node.stamp()
    lines = [
        _line(row, now) for row in node.stores.corrections.all() if not peer or row.peer == peer
    ]
    lines.sort(key=lambda line: line.began, reverse=True)
    received = [line for line in lines if line.row.side == "receiver"]
    names = [*(name for name, _ in BANDS), LATE, OPEN]
    bands = [(name, sum(line.band == name for line in received)) for name in names]
    took = [line.hours for line in received if line.hours is not None]
    return CorrectionTimes(lines, bands, median_low(took) if took else None)


def _line(row: CorrectionRow, now: str) -> CorrectionLine:
    began = row.received or row.sent or row.added
    seconds = seconds_between(began, row.resolved)
    hours = None if seconds is None else round(seconds / 3600, 1)
    overdue = row.resolved is None and clocks.is_overdue(row.due, now)
    return CorrectionLine(row, began, hours, _band(seconds), overdue)


def _band(seconds: int | None) -> str:
    if seconds is None:
        return OPEN
    return next((name for name, hours in BANDS if seconds <= hours * 3600), LATE)
