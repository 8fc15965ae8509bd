"""Log entries about calls that were refused: told once a minute, however often a peer tries."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from psihash.audit.event import Event

_QUIET_SECONDS: Final = 60.0
_MOST: Final = 1024
"""Different refusals that are remembered, and so the most entries in a minute."""
_MOST_UNPROVEN: Final = 16
"""The same for those whose cause has not proven who it is: it can be another one each time."""


class QuietRecords:
    """Records refusals in the log. May be called from several threads."""

    def __init__(self, record: Callable[[Event, Mapping[str, Any]], object]) -> None:
        self._record = record
        self._told: dict[tuple[str, ...], float] = {}
        self._lock = threading.Lock()

    def record(self, event: Event, also: Mapping[str, Any] | None = None, **facts: str) -> None:
        """Make an entry unless one with the same facts was made within a minute, whatever ``also``
        says: nobody may flood the log."""
        if self._is_due((event.value, *facts.values()), time.monotonic()):
            self._record(event, {**facts, **(also or {})})

    def _is_due(self, key: tuple[str, ...], now: float) -> bool:
        with self._lock:
            if now - self._told.get(key, -_QUIET_SECONDS) < _QUIET_SECONDS:
                return False
            if len(self._told) >= _MOST:
                self._told = {
                    key: told for key, told in self._told.items() if now - told < _QUIET_SECONDS
                }
            if len(self._told) >= _MOST or self._are_strangers(key[0], now):
                return False
            self._told[key] = now
            return True

    def _are_strangers(self, event: str, now: float) -> bool:
        if event != Event.AUTH_FAILURE.value:
            return False
        told = (at for key, at in self._told.items() if key[0] == event)
        return sum(now - at < _QUIET_SECONDS for at in told) >= _MOST_UNPROVEN
