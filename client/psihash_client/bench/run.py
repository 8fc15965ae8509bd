"""One run of the benchmark: which rows, in which order, in which temporary folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from psihash.psi import groups, registry
from psihash_client.bench import machine, sessions, spu
from psihash_client.bench.model import (
    ECDH,
    OPENMINED,
    OURS,
    SLOW_CEILING,
    Report,
    Row,
    Task,
    extrapolate,
    in_order,
    largest,
    schedule,
)

OnTask = Callable[[Task], None]

_OWN_SETTINGS: Final = ("PSIHASH_HOME", "PSIHASH_STORE", "PSIHASH_PASSPHRASE_FILE")
"""They name an operator's home and store, which a benchmark must not touch."""


def run(
    engines: Sequence[str],
    sizes: Sequence[int],
    learns: Sequence[str],
    on_task: OnTask | None = None,
) -> Report:
    """Measure, then extrapolate. What cannot be run here is left out with a note."""
    installed = registry.default(os.environ.get("PSIHASH_GROUP", ""))
    usable, notes = available(engines, installed)
    about, ceilings = machine.describe(installed), {OPENMINED: SLOW_CEILING}
    group = machine.group(installed)
    if ECDH in usable and group is not None and not group.name.startswith(groups.NATIVE):
        notes.append(groups.describe(group))
        ceilings[ECDH] = SLOW_CEILING
    tasks, beyond = schedule(usable, sizes, learns, ceilings)
    rows = list(measure(tasks, on_task))
    for task in beyond:
        base = largest(rows, task.engine, task.learn)
        if base is not None:
            rows.append(extrapolate(base, task.items))
    rows.sort(key=in_order)
    return Report(rows, notes, about)


def available(engines: Sequence[str], installed: registry.Registry) -> tuple[list[str], list[str]]:
    """(engines that can be run here, a note for each that cannot)."""
    here = {registry.short_name(each.id) for each in installed.installed()}
    reasons = {registry.short_name(name): why for name, why in installed.missing.items()}
    others = spu.missing() if set(engines) & set(spu.PROTOCOLS) else ""
    usable, notes = [], []
    for engine in dict.fromkeys(engines):
        reason = others if engine in spu.PROTOCOLS else ""
        if engine in OURS and engine not in here:
            reason = reasons.get(engine, "it is not part of this version")
        if reason:
            notes.append(f"{engine} is left out: {reason}")
        else:
            usable.append(engine)
    return usable, notes


def measure(tasks: Sequence[Task], on_task: OnTask | None = None) -> Iterator[Row]:
    """One row for each task, in their order. Both homes are made once, where one needs them."""
    with (
        tempfile.TemporaryDirectory(prefix="psihash-bench-", ignore_cleanup_errors=True) as name,
        _without_own_settings(),
    ):
        folder = Path(name)
        others = [task for task in tasks if task.engine not in OURS]
        if len(others) == len(tasks):
            yield from _measure(tasks, folder, None, on_task)
            return
        with sessions.Agencies.made(folder) as agencies:
            yield from _measure(tasks, folder, agencies, on_task)


def _measure(
    tasks: Sequence[Task],
    folder: Path,
    agencies: sessions.Agencies | None,
    on_task: OnTask | None,
) -> Iterator[Row]:
    for task in tasks:
        if on_task is not None:
            on_task(task)
        if task.engine in OURS and agencies is not None:
            yield sessions.measure(agencies, task)
        else:
            yield spu.measure(folder, task)


@contextmanager
def _without_own_settings() -> Iterator[None]:
    kept = {name: os.environ.pop(name) for name in _OWN_SETTINGS if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)
