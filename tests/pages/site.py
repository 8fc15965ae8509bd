"""A console on a port of this machine, served by a thread of the test."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from tests.console import office as offices
from tests.console.office import Office, Prepared


@dataclass(frozen=True)
class Site:
    """Where it is, and whose."""

    url: str
    office: Office


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def answering(app: ASGIApp, port: int) -> Iterator[str]:
    """An application on a port, in a thread; its address."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_config=None, lifespan="off", ws="none", http="h11"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


@contextmanager
def serving(prepared: Prepared, folder: Path) -> Iterator[Site]:
    """A copy of the prepared office, answering."""
    port = free_port()
    office = offices.open_office(prepared, folder, f"127.0.0.1:{port}")
    try:
        with answering(office.app, port) as url:
            yield Site(url, office)
    finally:
        office.node.close()
