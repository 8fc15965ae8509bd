"""One peer's share of this node: so many calls at once, so many a minute."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager

from psihash import errors, limits
from psihash.node.peering.channel import PEER_BUSY


class FairShare:
    """Counts calls by agency. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()
        self._recent: dict[str, deque[float]] = {}

    @contextmanager
    def of(self, agency: str) -> Iterator[None]:
        """Around one call; raises UnavailableError ``peer-busy`` above the share."""
        with self._lock:
            recent = self._recent.setdefault(agency, deque(maxlen=limits.CALLS_PER_MINUTE))
            full = len(recent) == recent.maxlen and time.monotonic() - recent[0] < 60.0
            if full or self._running[agency] >= limits.CALLS_AT_ONCE:
                raise errors.UnavailableError(PEER_BUSY, "this peer makes too many calls")
            recent.append(time.monotonic())
            self._running[agency] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[agency] -= 1
