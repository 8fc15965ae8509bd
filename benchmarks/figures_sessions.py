"""What sessions cost, as ratios between runs that follow each other on this machine.

``make figures`` runs it; some minutes on two cores. SecretFlow's engines are in it where
PSIHASH_BENCH_SPU_PYTHON names a Python that has the package spu, ten million items where
FIGURES_LARGE=1. ``python benchmarks/figures_sessions.py 100`` tries it with lists a hundred times
shorter; the figures then say nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from psihash_client.bench import machine, run, spu
from psihash_client.bench.model import ECDH, OPENMINED, SPU_ECDH, SPU_RR22, Row, Task

from psihash.psi import encoding, groups, registry
from psihash.psi.engine import Engine, Party, RunTerms
from psihash.terms import Learn, Role, Rung, size_class

BOTH, INITIATOR = Learn.BOTH.value, Learn.INITIATOR.value
SMALL, MIDDLE, LARGE = 100_000, 1_000_000, 10_000_000

EVALUATION: Final = """
import json, os, time
import psihash_native as native

def best(work):
    times = []
    for _ in range(7):
        start = time.process_time()
        for _ in range(4):
            work()
        times.append(time.process_time() - start)
    return min(times) / 4 / COUNT * 1e6

COUNT = 8192
by, messages = native.Scalar.random(), os.urandom(32 * COUNT)
points = native.hash_to_group(messages, b"figures")
native.multiply(points, by)
print(json.dumps([
    best(lambda: native.multiply(points, by)),
    best(lambda: native.hash_to_group(messages, b"figures", by)),
]))
"""
"""Microseconds per element of one evaluation, and of hash-to-group with a multiplication."""


def main(words: Sequence[str]) -> int:
    """Entry point; returns the exit code, 0 also where a figure is not what it should be."""
    divisor = int(words[0]) if words else 1
    engines = registry.default(os.environ.get("PSIHASH_GROUP", ""))
    about, group = machine.describe(engines), machine.group(engines)
    print(f"{about.cpu}, {about.cores} cores, group by {about.group_backend}, load {about.load}")
    if divisor > 1:
        print(f"tried with lists {divisor} times shorter: not a measurement")
    if group is None or not group.name.startswith(groups.NATIVE):
        print(f"these figures need psihash-native: {groups.HOW_TO_GET_NATIVE}")
        return 0
    show_kernels()
    rows = {(row.engine, row.items): row for row in run.measure(_tasks(divisor), _say)}
    show_rows(list(rows.values()))
    show_small(rows[ECDH, SMALL // divisor], rows.get((OPENMINED, SMALL // divisor)))
    middle = rows[ECDH, MIDDLE // divisor]
    show_beside(middle, [rows.get((name, middle.items)) for name in (SPU_ECDH, SPU_RR22)])
    show_memory(middle, 600)
    if large := rows.get((ECDH, LARGE // divisor)):
        show_beside(large, [rows.get((SPU_RR22, large.items))])
        show_memory(large, 3 * 1024)
    show_overhead(middle, next(e for e in engines.installed() if e.id.startswith(ECDH)))
    return 0


def _tasks(divisor: int) -> list[Task]:
    here, _ = run.available([OPENMINED], registry.default())
    tasks = [Task(ECDH, SMALL, BOTH), *(Task(name, SMALL, INITIATOR) for name in here)]
    tasks.append(Task(ECDH, MIDDLE, BOTH))
    reason = spu.missing()
    if reason:
        print(f"without SecretFlow: {reason}")
    else:
        tasks += [Task(SPU_ECDH, MIDDLE, BOTH), Task(SPU_RR22, MIDDLE, BOTH)]
    if os.environ.get("FIGURES_LARGE") == "1":
        tasks.append(Task(ECDH, LARGE, BOTH))
        tasks += [] if reason else [Task(SPU_RR22, LARGE, BOTH)]
    return [replace(task, items=task.items // divisor) for task in tasks]


def _say(task: Task) -> None:
    print(f"running {task.engine}, {task.items:,} x {task.items:,}, {task.learn}", flush=True)


def verdict(good: bool) -> str:
    return "reached" if good else "MISSED"


def show_kernels() -> None:
    """One thread per kernel, each in a process of its own."""
    import psihash_native as native

    print("\nOne evaluation (decode, multiply, encode), microseconds per element and core:")
    found = {}
    for name in native.kernels():
        environment = os.environ | {"PSIHASH_KERNEL": name, "RAYON_NUM_THREADS": "1"}
        command = [sys.executable, "-c", EVALUATION]
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
        found[name], mask = json.loads(done.stdout)
        print(f"  {name:<6} {found[name]:7.2f}   hash-to-group and multiply {mask:7.2f}")
    if "ifma" in found:
        print(f"  ifma at most 7.5: {verdict(found['ifma'] <= 7.5)}")
    if "avx2" in found:
        ratio = found["dalek"] / found["avx2"]
        print(f"  avx2 {ratio:.2f} times as fast as dalek, at least 1, aim 1.8: "
              f"{verdict(ratio > 1)}, aim {verdict(ratio >= 1.8)}")  # fmt: skip


def show_rows(rows: Sequence[Row]) -> None:
    print("\n     items  engine     learn       seconds  core s  bytes/item  peak MiB")
    for row in rows:
        count = "-" if row.bytes_per_item is None else f"{row.bytes_per_item:.0f}"
        print(f"{row.items:10,}  {row.engine:<9}  {row.learn:<9}  {row.seconds:8.2f}  "
              f"{row.core_seconds:7.2f}  {count:>10}  {row.peak_mib:8.0f}")  # fmt: skip


def show_small(ours: Row, theirs: Row | None) -> None:
    if theirs is None:
        print("openmined cannot be run here")
        return
    seconds = theirs.seconds / ours.seconds
    cores = theirs.core_seconds / ours.core_seconds
    print(f"\n{ours.items:,} x {ours.items:,}: ecdh, both learn, against openmined, one learns:")
    print(f"  {seconds:.1f} times faster, at least 20: {verdict(seconds >= 20)}")
    print(f"  {cores:.1f} times fewer core-seconds, at least 9: {verdict(cores >= 9)}")


def show_beside(ours: Row, others: Sequence[Row | None]) -> None:
    """Only SecretFlow's ECDH does the same thing; RR22 is shown for comparison."""
    print(f"\n{ours.items:,} x {ours.items:,}, both learn: ecdh {ours.seconds:.1f} s")
    for other in others:
        if other is None:
            continue
        ratio = other.seconds / ours.seconds
        words = f"  {other.engine} takes {ratio:.2f} times as long ({other.seconds:.1f} s)"
        goal = f", at least 1: {verdict(ratio >= 1)}" if other.engine == SPU_ECDH else ""
        print(words + goal)


def show_memory(row: Row, most: int) -> None:
    good = verdict(row.peak_mib < most)
    print(f"  {row.items:,} a side: {row.peak_mib:,.0f} MiB, under {most:,}: {good}")


def show_overhead(session: Row, engine: Engine) -> None:
    """Core-seconds, since one process cannot run two parties at once."""
    cores, seconds = engine_alone(engine, session.items)
    share = 1 - cores / session.core_seconds
    print(f"\nThe session around the engine, {session.items:,} a side, both learn:")
    print(f"  engine alone, one side after the other: {cores:.2f} core-seconds, {seconds:.2f} s")
    print(f"  session: {session.core_seconds:.2f} core-seconds, {session.seconds:.2f} s")
    print(f"  outside the engine {100 * share:.1f} % of the core-seconds, at most 15: "
          f"{verdict(share <= 0.15)}")  # fmt: skip


def engine_alone(engine: Engine, items: int) -> tuple[float, float]:
    """(core-seconds, seconds) of both sides of one run in this process, nothing around it."""
    parties = _parties(engine, items)
    cores, began = time.process_time(), time.perf_counter()
    pump(*parties)
    return time.process_time() - cores, time.perf_counter() - began


def _parties(engine: Engine, items: int) -> tuple[Party, Party]:
    size = size_class(items + encoding.CANARIES)
    context, secrets = bytes(32), (engine.secret(Rung.ITEMS), engine.secret(Rung.ITEMS))
    canaries, common = encoding.canaries(context, 0), items // 10
    drawn = np.frombuffer(os.urandom(32 * (2 * items - common)), dtype=np.uint8).reshape(-1, 32)
    made = []
    for own, role in enumerate((Role.SENDER, Role.RECEIVER)):
        tokens = drawn[:items] if own == 0 else drawn[-items:]
        held, _ = encoding.padded_list(np.ascontiguousarray(tokens), size, canaries, os.urandom)
        peer, mine = secrets[1 - own], secrets[own]
        public = b"" if peer is None else peer.public
        terms = RunTerms(
            "session", context, 0, Rung.ITEMS, Learn.BOTH, size, size, bytes(32), public
        )
        made.append(engine.party(role, held, terms, os.urandom, mine))
    return made[0], made[1]


def pump(one: Party, other: Party) -> None:
    """Carry every frame over until both have come to their end."""
    sides = (one, other)
    waiting: tuple[deque[bytes], deque[bytes]] = (deque(), deque())
    for at, side in enumerate(sides):
        waiting[1 - at].extend(side.start())
    while waiting[0] or waiting[1]:
        for at, side in enumerate(sides):
            if waiting[at]:
                waiting[1 - at].extend(side.receive(waiting[at].popleft()))
    if one.outcome is None or other.outcome is None:
        raise AssertionError("the run has not come to its end")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
