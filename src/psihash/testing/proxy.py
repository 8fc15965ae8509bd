"""A TCP proxy that misbehaves on request: slow, cut, reset, sliced, or silent.

It listens on loopback and passes bytes on to one target. Faults can be changed while it runs and
hold for all connections from then on. Names of the faults follow toxiproxy's.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from types import TracebackType
from typing import Final

_CHUNK: Final = 65_536
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends RST instead of FIN."""


class Proxy:
    """``with Proxy(port_of_the_target) as proxy: connect to proxy.port``."""

    def __init__(self, target: int, port: int = 0) -> None:
        self.latency = 0.0
        """Seconds that each chunk waits before it is passed on."""
        self.slice = _CHUNK
        """Most bytes that are passed on at a time."""
        self.silent = False
        """Black hole: connections stay open and nothing passes, in either direction."""
        self.refusing = False
        """New connections are closed at once."""
        self.connections = 0
        self.passed = 0
        """Bytes in both directions so far."""
        self.cuts = 0
        self._target = target
        self._cut_at: int | None = None
        self._reset = False
        self._lock = threading.Lock()
        self._pairs: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", port), reuse_port=False)
        self.port: int = self._listener.getsockname()[1]
        self._closed = False
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed = True
        # Only a shutdown wakes a thread that waits in accept.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut_after(self, count: int, *, reset: bool = False) -> None:
        """Cut every connection, once, when ``count`` more bytes have passed."""
        with self._lock:
            self._cut_at, self._reset = self.passed + count, reset

    def cut(self, *, reset: bool = False) -> None:
        """Cut every connection now."""
        with self._lock:
            ended, self._pairs = self._pairs, set()
            self.cuts += bool(ended)
        for each in ended:
            _end(each, reset=reset)

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self.refusing:
                _end(near, reset=True)
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._target), timeout=10)
            except OSError:
                _end(near, reset=True)
                continue
            far.settimeout(None)
            with self._lock:
                self._pairs |= {near, far}
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                for start in range(0, len(data), self.slice):
                    self._pass_on(data[start : start + self.slice], sink)
        with self._lock:
            self._pairs -= {source, sink}
        for each in (source, sink):
            _end(each, reset=False)

    def _pass_on(self, part: bytes, sink: socket.socket) -> None:
        if self.latency:
            time.sleep(self.latency)
        while self.silent and not self._closed:
            time.sleep(0.02)
        with self._lock:
            room = None if self._cut_at is None else self._cut_at - self.passed
            due = room is not None and room <= len(part)
            part = part[:room] if due else part
            self.passed += len(part)
            if due:
                self._cut_at = None
        sink.sendall(part)
        if due:
            self.cut(reset=self._reset)


def _end(connection: socket.socket, *, reset: bool) -> None:
    with contextlib.suppress(OSError):
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            connection.shutdown(socket.SHUT_RD)  # wakes the thread that reads; sends nothing
        else:
            connection.shutdown(socket.SHUT_RDWR)
    connection.close()
