"""``psihash serve``: the gRPC server over one node. The only thing here that listens."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import grpc

from psihash import errors, limits
from psihash.node.answering import Answering
from psihash.node.node import Node
from psihash.wire.v1 import peer_pb2_grpc
from psihash_server.credentials import Credentials
from psihash_server.service import PeerService

LISTEN_FAILED = errors.define("listen-failed", "the address to listen on is taken or not ours")

THREADS: Final = 64
"""Calls handled at a time; a held call waits in one of them for about a second."""

HOUSEKEEPING_SECONDS: Final = 30.0

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
    asyncio.run(_serve(node, listen, on_ready or _say_ready))


def _say_ready(address: str) -> None:
    print(f"psihash answers on {address}", file=sys.stderr, flush=True)


async def _serve(node: Node, listen: str, on_ready: Callable[[str], None]) -> None:
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="psihash-call")
    server = grpc.aio.server(
        maximum_concurrent_rpcs=4 * THREADS, options=OPTIONS, migration_thread_pool=pool
    )
    answering = Answering(node)
    try:
        service = PeerService(node, answering, pool)
        peer_pb2_grpc.add_PeerServicer_to_server(service, server)  # type: ignore[no-untyped-call]
        port = _listen(server, listen, Credentials(node).server_credentials())
        await server.start()
        on_ready(f"{listen.rpartition(':')[0]}:{port}")
        await _until_stopped(answering)
        # The peers learn from the calls that they make now why their sessions end.
        await asyncio.get_running_loop().run_in_executor(None, answering.stop)
        await server.stop(grace=2.0)
    finally:
        answering.close()
        pool.shutdown(wait=False, cancel_futures=True)


def _listen(server: grpc.aio.Server, listen: str, credentials: grpc.ServerCredentials) -> int:
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
