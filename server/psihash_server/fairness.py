"""One caller's share of this node: so many calls at once, so many a minute."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager

from psihash import errors, limits
from psihash.node.peering.channel import PEER_BUSY


class AtOnce:
    """Counts what runs, by who runs it. Safe to use from several threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()

    @contextmanager
    def of(self, who: str) -> Iterator[None]:
        """Around one of them; raises UnavailableError ``peer-busy`` above the share."""
        with self._lock:
            if self._running[who] >= self._most:
                raise errors.UnavailableError(PEER_BUSY, "this peer makes too many calls")
            self._running[who] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[who] -= 1
                if not self._running[who]:
                    del self._running[who]


class FairShare:
    """Counts calls by agency. Safe to use from several threads."""

    def __init__(self, at_once: int = limits.CALLS_AT_ONCE) -> None:
        self._lock = threading.Lock()
        self._running = AtOnce(at_once)
        self._recent: dict[str, deque[float]] = {}

    @contextmanager
    def of(self, agency: str) -> Iterator[None]:
        """Around one call; raises UnavailableError ``peer-busy`` above the share."""
        with self._running.of(agency):
            with self._lock:
                recent = self._recent.setdefault(agency, deque(maxlen=limits.CALLS_PER_MINUTE))
                if len(recent) == recent.maxlen and time.monotonic() - recent[0] < 60.0:
                    raise errors.UnavailableError(PEER_BUSY, "this peer makes too many calls")
                recent.append(time.monotonic())
            yield
