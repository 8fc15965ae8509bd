"""SecretFlow's engines, in the interpreter that PSIHASH_BENCH_SPU_PYTHON names.

They have pins of their own, so they cannot live in psihash's environment. The lists are the same
as for psihash, as CSV files; reading and writing those is part of the run, as their library has no
other way in.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import ExitStack
from importlib import resources
from pathlib import Path
from typing import Final

from psihash import errors
from psihash.terms import Learn
from psihash_client.bench.child import Child
from psihash_client.bench.lists import write_lists
from psihash_client.bench.model import BENCH_FAILED, SPU_ECDH, SPU_RR22, Row, Task, overlap
from psihash_client.bench.sessions import make_row
from psihash_client.bench.spu_party import COLUMN
from psihash_client.demo_agency import free_ports

VARIABLE: Final = "PSIHASH_BENCH_SPU_PYTHON"
PROTOCOLS: Final = {SPU_ECDH: "ecdh", SPU_RR22: "rr22"}

_TRY: Final = "import spu.psi, spu.libspu.link"
_TRY_SECONDS: Final = 120


def missing() -> str:
    """Why SecretFlow's engines cannot be run here, in words; empty where they can."""
    python = os.environ.get(VARIABLE, "")
    if not python:
        return f"{VARIABLE} does not name a Python interpreter that has the package spu"
    try:
        done = subprocess.run(
            [python, "-c", _TRY], capture_output=True, timeout=_TRY_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return f"the interpreter that {VARIABLE} names does not start"
    if done.returncode:
        return f"the interpreter that {VARIABLE} names cannot import spu"
    return ""


def measure(folder: Path, task: Task) -> Row:
    """One run in two fresh processes. Raises PsihashError ``bench-failed`` like a session's."""
    paths = write_lists(folder, task.items, heading=COLUMN)
    ports = free_ports(2)
    with ExitStack() as stack:
        sides = [
            stack.enter_context(_party(folder, task, rank, ports, path))
            for rank, path in enumerate(paths)
        ]
        for side in sides:
            side.answer()
        for side in sides:
            side.tell(step="connect")
        idle = [side.answer() for side in sides]
        began = time.perf_counter()
        for side in sides:
            side.tell(step="run")
        used = [side.answer() for side in sides]
        seconds = time.perf_counter() - began
        for side in sides:
            side.tell(step="end")
    learners = used if task.learn == Learn.BOTH else used[:1]
    if {each["matched"] for each in learners} != {overlap(task.items)}:
        raise errors.PsihashError(BENCH_FAILED, f"{task.engine} did not find what is in common")
    counts = [each["received"] for each in used]
    return make_row(task, seconds, idle, used, None if None in counts else sum(counts))


def _party(folder: Path, task: Task, rank: int, ports: list[int], path: Path) -> Child:
    wanted = {
        "rank": rank,
        "ports": ports,
        "protocol": PROTOCOLS[task.engine],
        "both": task.learn == Learn.BOTH,
        "input": str(path),
        "output": str(folder / f"spu-{rank}.csv"),
    }
    text = resources.files("psihash_client.bench").joinpath("spu_party.py").read_text("utf-8")
    command = [os.environ[VARIABLE], "-c", text, json.dumps(wanted)]
    return Child(f"{task.engine}-{rank}", command, folder)
