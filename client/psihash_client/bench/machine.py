"""What this machine is, as far as it matters for a figure."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from psihash.psi.engines.ecdh import EcdhEngine
from psihash.psi.group import Group
from psihash.psi.registry import Registry
from psihash_client.bench.model import Machine


def describe(engines: Registry) -> Machine:
    """This machine, now."""
    found = group(engines)
    return Machine(
        cores=_cores(),
        cpu=_cpu(),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        group_backend="none" if found is None else found.name,
        load=_load(),
    )


def group(engines: Registry) -> Group | None:
    """The implementation of the group that ``ecdh`` runs on here; None without ``ecdh``."""
    for engine in engines.installed():
        if isinstance(engine, EcdhEngine):
            return engine.group
    return None


def _cores() -> int:
    """What this process may run on, which in a container can be less than there is."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _load() -> float | None:
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None
