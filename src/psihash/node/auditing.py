"""The log: showing entries, and verifying that it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psihash.audit.entry import log_origin, open_entry
from psihash.audit.verify import verify_log
from psihash.node import sessions
from psihash.node.node import Node


def show(node: Node, session: str | None = None) -> Iterator[dict[str, Any]]:
    """Entries in order; only those of one session if it is given (by id or prefix)."""
    wanted = None if session is None else sessions.find(node, session).id
    size = node.stores.log.head().size
    for stored in node.stores.log.entries(0, size):
        entry = open_entry(stored)
        shared, local = entry.shared_facts(), entry.local_facts()
        if wanted is None or wanted in (
            (shared or {}).get("session"),
            (local or {}).get("session"),
        ):
            yield {
                "seq": entry.seq,
                "time": entry.time,
                "event": entry.event.value,
                "operation": entry.event.led_operation.value,
                "shared": shared,
                "local": local,
            }


def verify(node: Node) -> dict[str, Any]:
    """Re-hash every entry and check every checkpoint; raises VerificationError with the cause."""
    store = node.stores.log
    found = verify_log(
        store.entries(0, store.head().size),
        (note for _, note in store.checkpoints()),
        log_origin(node.agency),
        [node.card.keys.log],
    )
    return {
        "ok": True,
        "origin": found.origin,
        "size": found.size,
        "root": found.root.hex(),
        "signed_size": found.signed_size,
        "checkpoints": found.checkpoints,
        "unsigned": found.unsigned,
    }
