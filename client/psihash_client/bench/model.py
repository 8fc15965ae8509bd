"""What is measured, and what follows from it for larger lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from psihash import errors
from psihash.terms import size_class

BENCH_FAILED = errors.define(
    "bench-failed", "a measured run failed, or did not find what both lists have in common"
)

ECDH: Final = "ecdh"
OPENMINED: Final = "openmined"
SPU_ECDH: Final = "spu-ecdh"
SPU_RR22: Final = "spu-rr22"
ENGINES: Final = (ECDH, OPENMINED, SPU_ECDH, SPU_RR22)
"""In the order in which they are run and shown. The last two are SecretFlow's."""

OURS: Final = frozenset({ECDH, OPENMINED})
"""What a psihash node runs, in whole sessions."""

SLOW_CEILING: Final = 100_000
"""The most that an engine is measured with which takes hours for ten million."""

MOST_ITEMS: Final = 10_000_000
"""A national database."""

OVERLAP: Final = 10
"""One item in so many is in both lists."""


@dataclass(frozen=True, slots=True)
class Task:
    """One row to measure."""

    engine: str
    items: int
    """On each side."""
    learn: str
    """``both`` or ``initiator``."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one run cost, both parties together."""

    engine: str
    items: int
    learn: str
    seconds: float
    """From the start of the match until both sides have the receipts."""
    core_seconds: float
    """Time on the processor, of the programs and of the system for them, in both processes."""
    bytes_per_item: float | None
    """Bytes sent in both directions, per item of either list. None where nobody counted."""
    peak_mib: float
    """Most memory that the larger of the two processes held."""
    idle_mib: float
    """What the larger of the two processes held before the run."""
    extrapolated: bool = False
    """Not measured: computed from the largest size that was."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured. Figures of different machines say nothing about engines."""

    cores: int
    cpu: str
    system: str
    python: str
    group_backend: str
    """The implementation of the group that ``ecdh`` ran on."""
    load: float | None
    """Processes that wanted a core before the first run, on average over a minute."""


@dataclass(frozen=True, slots=True)
class Report:
    """All rows of one run of the program."""

    rows: Sequence[Row]
    notes: Sequence[str]
    machine: Machine


def overlap(items: int) -> int:
    """How many items both lists of this length have in common."""
    return items // OVERLAP


def schedule(
    engines: Sequence[str],
    sizes: Sequence[int],
    learns: Sequence[str],
    ceilings: Mapping[str, int],
) -> tuple[list[Task], list[Task]]:
    """(to measure, to extrapolate). An engine that is asked for more than its ceiling is measured
    at the ceiling instead. Small lists come first, and all engines for one list together."""
    measured: set[Task] = set()
    beyond: set[Task] = set()
    for engine in engines:
        ceiling = ceilings.get(engine, MOST_ITEMS)
        for learn in learns:
            for items in sizes:
                measured.add(Task(engine, min(items, ceiling), learn))
                if items > ceiling:
                    beyond.add(Task(engine, items, learn))
    return sorted(measured, key=in_order), sorted(beyond, key=in_order)


def in_order(each: Task | Row) -> tuple[int, int, str]:
    """Sorts by size, then by engine."""
    return each.items, ENGINES.index(each.engine), each.learn


def extrapolate(row: Row, items: int) -> Row:
    """What ``row`` says about a longer list: all that grows, grows as the elements do that are
    computed with: with the size classes in our sessions, else with the items."""
    ratio = items / row.items
    if row.engine in OURS:
        ratio = size_class(items) / size_class(row.items)
    per_item = ratio * row.items / items
    return replace(
        row,
        items=items,
        seconds=row.seconds * ratio,
        core_seconds=row.core_seconds * ratio,
        bytes_per_item=None if row.bytes_per_item is None else row.bytes_per_item * per_item,
        peak_mib=row.idle_mib + (row.peak_mib - row.idle_mib) * ratio,
        extrapolated=True,
    )


def largest(rows: Sequence[Row], engine: str, learn: str) -> Row | None:
    """The measured row of the longest lists; None where there is none."""
    found = [row for row in rows if (row.engine, row.learn) == (engine, learn)]
    measured = [row for row in found if not row.extrapolated]
    return max(measured, key=lambda row: row.items, default=None)
