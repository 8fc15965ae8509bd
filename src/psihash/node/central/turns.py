"""Turns: who of many members is answered next.

So many work at a time, and of one member one. Who waits is served round by round, one of each
member in a round, in the order in which the members came; how much a member has waiting does not
matter. A member has few places to wait in, so one that floods is sent away at once, and holds no
thread that others need.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from psihash import errors
from psihash.node.peering.channel import PEER_BUSY


@dataclass(eq=False, slots=True)
class _Ticket:
    ready: threading.Event = field(default_factory=threading.Event)


class Turns:
    """Safe to use from several threads."""

    def __init__(self, at_once: int, places: int, patience: float) -> None:
        """``places``: how many calls of one member may wait; ``patience``: for how many seconds."""
        if min(at_once, places) < 1:
            raise ValueError("somebody must work, and somebody may wait")
        self._at_once, self._places, self._patience = at_once, places, patience
        self._lock = threading.Lock()
        self._working: Counter[str] = Counter()
        self._waiting: dict[str, deque[_Ticket]] = {}
        """By member, in the order of the round: who was served goes to its end."""

    @contextmanager
    def turn(self, member: str) -> Iterator[None]:
        """Wait for a turn and hold it. Raises UnavailableError ``peer-busy``."""
        ticket = self._queue(member)
        if not ticket.ready.wait(self._patience):
            self._leave(member, ticket)
        try:
            yield
        finally:
            self._done(member)

    @property
    def waiting(self) -> int:
        """Calls that wait now."""
        with self._lock:
            return sum(map(len, self._waiting.values()))

    def _queue(self, member: str) -> _Ticket:
        with self._lock:
            queue = self._waiting.setdefault(member, deque())
            if len(queue) >= self._places:
                raise _busy()
            ticket = _Ticket()
            queue.append(ticket)
            self._serve()
        return ticket

    def _leave(self, member: str, ticket: _Ticket) -> None:
        """Give up waiting, unless the turn came at this moment."""
        with self._lock:
            if ticket.ready.is_set():
                return
            queue = self._waiting[member]
            queue.remove(ticket)
            if not queue:
                del self._waiting[member]
        raise _busy()

    def _done(self, member: str) -> None:
        with self._lock:
            self._working[member] -= 1
            if not self._working[member]:
                del self._working[member]
            self._serve()

    def _serve(self) -> None:
        """Give free turns to those who are next. Called with the lock held."""
        while self._working.total() < self._at_once:
            following = next((each for each in self._waiting if not self._working[each]), None)
            if following is None:
                return
            queue = self._waiting.pop(following)
            queue.popleft().ready.set()
            if queue:
                self._waiting[following] = queue
            self._working[following] += 1


def _busy() -> errors.UnavailableError:
    return errors.UnavailableError(PEER_BUSY, "too much is asked at the same time; try again")
