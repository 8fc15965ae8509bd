"""``psihash witness``: the HTTP API of c2sp.org/tlog-witness over one home."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable

from psihash.audit.witness import MAX_REQUEST_BYTES
from psihash.node.node import Node
from psihash.node.oversight.witnesses import NodeWitness
from psihash_server.small_http import Page, SmallServer


def server(node: Node, listen: str) -> SmallServer:
    """The server, listening but not yet answering."""
    witness = NodeWitness(node)

    def add_checkpoint(body: bytes) -> Page:
        answer = witness.add_checkpoint(body)
        return Page(answer.status, answer.body, answer.media_type)

    return SmallServer(listen, {("POST", "/add-checkpoint"): add_checkpoint}, MAX_REQUEST_BYTES)


def serve(node: Node, listen: str, on_ready: Callable[[str], None] | None = None) -> None:
    """Cosign until SIGTERM or SIGINT. Blocks."""
    node.keys  # noqa: B018 - asks for the passphrase now, not at the first call
    running = server(node, listen)

    def stop(*_: object) -> None:
        # shutdown() waits for the loop, which this signal interrupted.
        threading.Thread(target=running.shutdown).start()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    (on_ready or _say_ready)(running.address)
    try:
        running.serve_forever()
    finally:
        running.server_close()


def _say_ready(address: str) -> None:
    print(f"psihash witnesses on {address}", file=sys.stderr, flush=True)
