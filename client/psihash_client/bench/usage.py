"""What this process has used so far. Loaded by every measured process, so it imports little."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Final

_STATUS: Final = Path("/proc/self/status")
_PEAK: Final = "VmHWM:"


def core_seconds() -> float:
    """Time on the processor, of this process and of the system for it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_mib() -> float:
    """The most memory that this process has held at once."""
    try:
        # getrusage on Linux also counts what the parent held when it started this process.
        lines = _STATUS.read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(_PEAK)) / 1024
    except (OSError, StopIteration):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / 2**20 if sys.platform == "darwin" else most / 2**10


def figures() -> dict[str, float]:
    """Both, as they go over a pipe."""
    return {"core_seconds": core_seconds(), "peak_mib": peak_mib()}
