"""``psihash serve``: the gRPC server over one node. The only thing here that listens."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import grpc

from psihash import errors, limits
from psihash.node.home.tls_probe import split_endpoint
from psihash.node.node import Node
from psihash.node.oversight import cosigning, witnesses
from psihash.node.peering.answering import Answering
from psihash.node.people.roles import RULE_ACTOR
from psihash.node.watching.scheduler import scheduling
from psihash.wire import services
from psihash_server import logs, metrics
from psihash_server.central import CentralService
from psihash_server.credentials import Credentials
from psihash_server.door import Door
from psihash_server.health import add_health
from psihash_server.service import PeerService
from psihash_server.waiting import raise_file_limit
from psihash_server.witnessing import WitnessingService

LISTEN_FAILED = errors.define("listen-failed", "the address to listen on is taken or not ours")

THREADS: Final = 64
"""Calls handled at a time; a held call waits in one of them for about a second."""

HOUSEKEEPING_SECONDS: Final = 30.0

COSIGNING_SECONDS: Final = 60.0
"""How often it is looked whether somebody is due; each is, once a day."""

OPTIONS: Final = [
    ("grpc.so_reuseport", 0),  # or two servers would share a port without an error
    ("grpc.max_receive_message_length", limits.MAX_RPC_BYTES),
    ("grpc.max_send_message_length", limits.MAX_RPC_BYTES),
    ("grpc.max_metadata_size", 8192),
    ("grpc.max_concurrent_streams", 32),
    ("grpc.server_handshake_timeout_ms", 5_000),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # Without this a dead peer is noticed only after 60 s, whatever the keepalive says.
    ("grpc.http2.ping_timeout_ms", 10_000),
    # The other side may ping as often as our own client does.
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.max_connection_idle_ms", 300_000),
    # A certificate is checked on every call, and once more when connections are renewed.
    ("grpc.max_connection_age_ms", 600_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
]


def serve(node: Node, listen: str, on_ready: Callable[[str], None] | None = None) -> None:
    """Answer peers on ``listen`` (HOST:PORT) until SIGTERM or SIGINT. Blocks."""
    node.keys  # noqa: B018 - asks for the passphrase now, not at the first call
    node.actor = RULE_ACTOR  # nobody sits here, whoever started it
    raise_file_limit()
    asyncio.run(_serve(node, listen, on_ready or _say_ready))


def _say_ready(address: str) -> None:
    logs.SERVER.info("psihash answers on %s", address)


async def _serve(node: Node, listen: str, on_ready: Callable[[str], None]) -> None:
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="psihash-call")
    answering = Answering(node)
    service = PeerService(node, answering, pool)
    door = Door(service)
    # No bound on all calls together: one peer could take every place. The door bounds each peer.
    server = grpc.aio.server(interceptors=[door], options=OPTIONS, migration_thread_pool=pool)
    try:
        server.add_generic_rpc_handlers(
            (
                services.handlers(services.PEER, service),
                services.handlers(services.WITNESSING, WitnessingService(node, service)),
                services.handlers(services.CENTRAL, CentralService(node, service)),
            )
        )
        health = add_health(server)
        port = _listen(server, listen, Credentials(node).server_credentials())
        await server.start()
        stop = threading.Event()
        with _metrics(node, service), _chores(node), scheduling(node, stop):
            on_ready(f"{listen.rpartition(':')[0]}:{port}")
            await _until_stopped(answering)
        health.stopping = True
        # The peers learn from the calls that they make now why their sessions end.
        await asyncio.get_running_loop().run_in_executor(None, answering.stop)
        await server.stop(grace=2.0)
    finally:
        answering.close()
        door.close()
        pool.shutdown(wait=False, cancel_futures=True)


@contextlib.contextmanager
def _metrics(node: Node, service: PeerService) -> Iterator[None]:
    """Metrics, where the settings name an address for them."""
    if not node.settings.metrics_listen:
        yield
        return
    shown = metrics.server(node, service.calls, node.settings.metrics_listen)
    threading.Thread(target=shown.serve_forever, name="psihash-metrics", daemon=True).start()
    logs.SERVER.info("metrics are shown", extra={"address": shown.address})
    try:
        yield
    finally:
        shown.shutdown()
        shown.server_close()


@contextlib.contextmanager
def _chores(node: Node) -> Iterator[None]:
    """Once a day checkpoints are exchanged with each peer and the witness. In a thread of its own:
    a peer that does not answer must not keep the housekeeping from holding its lease."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(COSIGNING_SECONDS):
            try:
                cosigning.daily(node)
                witnesses.daily(node)
            except errors.PsihashError as error:
                logs.SERVER.warning("cosigning failed", extra={"code": error.code})

    threading.Thread(target=run, name="psihash-cosigning", daemon=True).start()
    try:
        yield
    finally:
        stop.set()


def _listen(server: grpc.aio.Server, listen: str, credentials: grpc.ServerCredentials) -> int:
    split_endpoint(listen)  # without a port gRPC would take 443
    try:
        port = int(server.add_secure_port(listen, credentials))
    except RuntimeError:
        port = 0
    if port == 0:
        raise errors.UnavailableError(
            LISTEN_FAILED,
            f"{listen} cannot be listened on",
            hint="another process may use the port: `psihash doctor` looks",
        )
    return port


async def _until_stopped(answering: Answering) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), HOUSEKEEPING_SECONDS)
        # A full disk or a locked store passes; the next round makes up for it.
        with contextlib.suppress(errors.StorageError):
            await loop.run_in_executor(None, answering.housekeeping)
