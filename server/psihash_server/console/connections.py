"""Connections of browsers: a request that does not come in time ends its connection.

uvicorn itself waits for the first byte, and for the last one, as long as the other side wants, and
counts a connection that said nothing like any other.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from psihash_server.waiting import Waiting

CONNECTIONS: Final = 128
"""That wait for a request, or for the rest of one."""
REQUEST_SECONDS: Final = 10.0
BYTES_A_SECOND: Final = 128 * 1024
"""How fast an upload has to be, at least."""
IDLE_SECONDS: Final = 15


class Connections:
    """What the connections of one console share."""

    def __init__(self, most: int = CONNECTIONS, seconds: float = REQUEST_SECONDS) -> None:
        self.waiting: Waiting[Connection] = Waiting(most)
        self.seconds = seconds

    def protocol(self) -> type[Connection]:
        """The class that uvicorn makes one of for each connection."""
        return type("Connection", (Connection,), {"shared": self})


class Connection(H11Protocol):
    """uvicorn's own, with a deadline for each request."""

    shared: Connections

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._reads_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait(self.shared.seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._done()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        super().handle_events()
        if self.conn.their_state in (h11.DONE, h11.MUST_CLOSE, h11.CLOSED, h11.ERROR):
            self._done()
        elif self.conn.their_state is h11.SEND_BODY and not self._reads_body:
            self._reads_body = True
            self._until(self.shared.seconds + self._length() / BYTES_A_SECOND)

    def on_response_complete(self) -> None:
        # The next request, or what is left of one that was answered before its end.
        self._wait(self.shared.seconds + (0 if self._reads_body else IDLE_SECONDS))
        super().on_response_complete()

    def _length(self) -> int:
        """The length that the request says it has; the console takes nothing else than a number."""
        given = dict(self.headers).get(b"content-length", b"0")
        return int(given) if given.isdigit() and len(given) < 12 else 0

    def _wait(self, seconds: float) -> None:
        self._until(seconds)
        address = self.client[0] if self.client else ""
        victim = self.shared.waiting.enter(self, address)
        if victim is not None:
            victim.transport.abort()

    def _until(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _done(self) -> None:
        self._reads_body = False
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self.shared.waiting.leave(self)
