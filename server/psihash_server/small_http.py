"""A small HTTP server: a few fixed paths, short requests, one for each connection, nothing logged
of what came in."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from typing import Any, ClassVar, Final

from psihash import errors
from psihash.node.home.tls_probe import split_endpoint
from psihash_server.waiting import Waiting

HTTP_LISTEN_FAILED = errors.define(
    "http-listen-failed", "the address for an HTTP service is taken or not ours"
)

CONNECTIONS: Final = 32
"""That wait for their request, and as many that are answered."""
SECONDS: Final = 10.0
"""For the whole of a request."""
MOMENT: Final = 1.0
"""Seconds that a new connection waits for room."""


@dataclass(frozen=True, slots=True)
class Page:
    """What is answered."""

    status: int
    body: bytes
    media_type: str


Handler = Callable[[bytes], Page]


class SmallServer(ThreadingMixIn, HTTPServer):
    """Answers the (method, path) pairs it is given."""

    daemon_threads = True
    request_queue_size = 128
    # Two servers on one port would each get some of the requests.
    allow_reuse_port = False
    allow_reuse_address = True

    def __init__(
        self, listen: str, routes: Mapping[tuple[str, str], Handler], max_body: int
    ) -> None:
        self.routes, self.max_body = dict(routes), max_body
        self._room = threading.BoundedSemaphore(2 * CONNECTIONS)
        self.waiting: Waiting[socket.socket] = Waiting(CONNECTIONS)
        host, port = split_endpoint(listen)
        try:
            super().__init__((host.strip("[]"), port), _Request)
        except OSError:
            raise errors.UnavailableError(
                HTTP_LISTEN_FAILED, f"{listen} cannot be listened on"
            ) from None

    @property
    def address(self) -> str:
        host, port = self.server_address[:2]
        return f"{host!s}:{port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        victim = self.waiting.enter(request, client_address[0])
        if victim is not None:
            with contextlib.suppress(OSError):  # it is gone already
                victim.shutdown(socket.SHUT_RDWR)
        # Whoever was sent away leaves the room in a moment.
        if not self._room.acquire(timeout=MOMENT):
            self.waiting.leave(request)
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.waiting.leave(request)
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is nobody's business; faults were answered with 500."""


class _Until(io.RawIOBase):
    """Reads from a connection until a time, however often it is asked to."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection, self._end = connection, time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class _Request(BaseHTTPRequestHandler):
    """One connection."""

    server: SmallServer
    timeout: ClassVar[float] = SECONDS
    protocol_version = "HTTP/1.1"
    server_version = "psihash"
    sys_version = ""

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(_Until(self.connection, SECONDS))

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        routes = self.server.routes
        handler = routes.get((method, self.path))
        if handler is None:
            known = any(path == self.path for _, path in routes)
            self._reply(Page(405 if known else 404, b"", "text/plain"))
            return
        body = self._body()
        if body is None:
            return
        self.server.waiting.leave(self.connection)
        self.connection.settimeout(SECONDS)
        try:
            page = handler(body)
        except errors.PsihashError:
            page = Page(503, b"", "text/plain")
        except Exception:  # noqa: BLE001 - its text could hold anything
            page = Page(500, b"", "text/plain")
        self._reply(page)

    def _body(self) -> bytes | None:
        """The body, or None where the request was answered already."""
        length = self.headers.get("Content-Length", "0")
        if self.headers.get("Transfer-Encoding") or not (length.isascii() and length.isdecimal()):
            self._reply(Page(411, b"", "text/plain"))
            return None
        if len(length) > 9 or int(length) > self.server.max_body:
            self._reply(Page(413, b"", "text/plain"))
            return None
        body = self.rfile.read(int(length))
        if len(body) != int(length):
            self.close_connection = True
            return None
        return body

    def _reply(self, page: Page) -> None:
        self.send_response(page.status)
        self.send_header("Content-Type", page.media_type)
        self.send_header("Content-Length", str(len(page.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.close_connection = True
        self.end_headers()
        self.wfile.write(page.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what a stranger sends belongs into no log."""
