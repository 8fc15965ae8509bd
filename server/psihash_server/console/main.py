"""``psihash console``: serves the pages until it is interrupted."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, Final

import uvicorn

from psihash import errors
from psihash.node.node import Node
from psihash.node.oversight import hours
from psihash.node.people import login
from psihash.node.people.roles import RULE_ACTOR
from psihash_server import logs
from psihash_server.console import place as places
from psihash_server.console.app import build
from psihash_server.console.connections import CONNECTIONS, IDLE_SECONDS, Connections
from psihash_server.console.place import Place
from psihash_server.main import LISTEN_FAILED
from psihash_server.waiting import raise_file_limit

_HANDSHAKE_SECONDS: Final = 10.0


def serve(node: Node, place: Place, on_ready: Callable[[str], None] | None = None) -> None:
    """Answer browsers at ``place`` until SIGTERM or SIGINT. Blocks.

    Raises StateError ``no-operators``: the pages are for people who log in.
    """
    if not node.stores.operators.any():
        raise errors.StateError(
            login.NO_OPERATORS,
            "the console is for people who log in, and this agency has no operators yet",
            hint="run `psihash operator add NAME --role admin`",
        )
    hours.of(node.settings)  # a setting that is wrong is said now, not on a page
    node.keys  # noqa: B018 - asks for the passphrase now, not at the first result
    node.actor = RULE_ACTOR  # until somebody logs in
    # What is uploaded lies in the home while it is read: /tmp may be memory, or of others.
    tempfile.tempdir = str(node.home)
    raise_file_limit()
    app, services = build(node, place)
    config = uvicorn.Config(
        app,
        host=place.host,
        port=place.port,
        http=Connections().protocol(),
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        # Those that wait never reach it; those whose request is complete are answered.
        limit_concurrency=2 * CONNECTIONS,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=16 * 1024,
    )
    config.load()
    if place.tls is not None:
        config.ssl = places.context(place.tls)
    server = _Server(config, lambda: (on_ready or _say_ready)(place.url))
    services.verifier.start()
    try:
        server.run()
    except SystemExit:
        raise errors.UnavailableError(
            LISTEN_FAILED,
            f"{place.host}:{place.port} cannot be listened on",
            hint="another process may use the port: choose another with --listen",
        ) from None
    finally:
        services.verifier.stop()


class _Server(uvicorn.Server):
    """Says when it listens, and ends in good order when it is told to: uvicorn's own would let
    the signal kill the process afterwards."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if self.config.ssl is not None:
            loop: Any = asyncio.get_running_loop()
            # uvicorn has no setting for it, and asyncio's own is a minute.
            loop.create_server = functools.partial(
                loop.create_server, ssl_handshake_timeout=_HANDSHAKE_SECONDS
            )
        await super().startup(sockets)
        if self.started:
            self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        names = (signal.SIGTERM, signal.SIGINT)
        before = {name: signal.signal(name, self.handle_exit) for name in names}
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)


def _say_ready(url: str) -> None:
    logs.CONSOLE.info("the console is at %s", url)
