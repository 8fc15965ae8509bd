"""What a process remembers of its peers. It is gone with the process, and nothing depends on it but
time: what is remembered need not be computed again, or was seen too often."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Final

from psihash.agreement.roster import Roster
from psihash.casework.words import REFUSED_PER_DAY

__all__ = ["Refusals", "VerifiedRoster"]


@dataclass(frozen=True, slots=True)
class VerifiedRoster:
    """A chain of operators that this process has verified."""

    bodies: tuple[bytes, ...]
    """The very bytes of its records."""
    source: tuple[bytes, ...]
    """What its keys came from."""
    keys: frozenset[bytes]
    roster: Roster


class Refusals:
    """When documents of a peer came to nothing. Any thread may ask."""

    def __init__(self, most: int = REFUSED_PER_DAY) -> None:
        self._most: Final = most
        self._times: dict[str, deque[str]] = {}
        self._lock = threading.Lock()

    def add(self, agency: str, now: str) -> None:
        """Note one at ``now`` (RFC 3339)."""
        with self._lock:
            self._times.setdefault(agency, deque(maxlen=self._most)).append(now)

    def too_many(self, agency: str, since: str) -> bool:
        """Whether as many as are borne came at ``since`` or later."""
        with self._lock:
            times = self._times.get(agency)
            return times is not None and len(times) == self._most and times[0] >= since
