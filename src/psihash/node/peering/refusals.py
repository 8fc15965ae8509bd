"""Log entries about calls that were refused: told once a minute, however often a peer tries."""

from __future__ import annotations

import threading
import time
from typing import Final

from psihash.audit.event import Event
from psihash.node.node import Node

_QUIET_SECONDS: Final = 60.0
_MOST: Final = 1024
"""Different refusals that are remembered, and so the most entries in a minute."""


class Refusals:
    """Records refusals in the log. May be called from several threads."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._told: dict[tuple[str, ...], float] = {}
        self._lock = threading.Lock()

    def record(self, event: Event, **facts: str) -> None:
        """Make an entry unless the same one was made within a minute: nobody may flood the log."""
        if self._is_due((event.value, *facts.values()), time.monotonic()):
            self._node.record(event, facts)

    def _is_due(self, key: tuple[str, ...], now: float) -> bool:
        with self._lock:
            if now - self._told.get(key, -_QUIET_SECONDS) < _QUIET_SECONDS:
                return False
            if len(self._told) >= _MOST:
                self._told = {
                    key: told for key, told in self._told.items() if now - told < _QUIET_SECONDS
                }
            if len(self._told) >= _MOST:
                return False
            self._told[key] = now
            return True
