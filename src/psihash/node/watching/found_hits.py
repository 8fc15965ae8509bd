"""The hits of a watch as they are kept: each sealed by itself under the watch's key.

A run replaces what changed and nothing else. The key ends with the watch's retention, and with it
every hit.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from psihash.canonical import framed
from psihash.identity import sealing
from psihash.node.central.outcome import RunOutcome, RunState
from psihash.node.node import Node
from psihash.session import sealed_form
from psihash.session.result import MatchedItem, MatchedItems
from psihash.storage.watch_hits import WatchHitRow
from psihash.storage.watches import WatchRow

_PURPOSE: Final = "watch-keys"
_MARK_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run leaves, sealed before the transaction that stores it."""

    sealed_key: bytes
    sealed_state: bytes
    changed: list[WatchHitRow]
    standing: frozenset[str]


def state(node: Node, row: WatchRow) -> RunState | None:
    """Where the run before ended; None for the first."""
    if row.sealed_state is None:
        return None
    opened = sealing.open_sealed(_key(node, row), row.sealed_state, _context(row.id, "state"))
    return RunState.from_bytes(opened)


def prepare(node: Node, row: WatchRow, outcome: RunOutcome, slot: str) -> Prepared:
    """Seal what is new or says something else than before."""
    sealed_key = row.sealed_key
    if sealed_key is None:
        fresh = sealing.new_key()
        sealed_key = sealing.seal(node.storage_key(_PURPOSE), fresh, _context(row.id, "key"))
    key = _open_key(node, row.id, sealed_key)
    before = node.stores.watch_hits.marks(row.id)
    changed = []
    for hit in outcome.hits:
        body = sealed_form.encode_items(MatchedItems.of([hit.item]))
        mark = hmac.digest(key, body, "sha256")[:_MARK_BYTES]
        since, known = before.get(hit.reference, (slot, b""))
        if known != mark:
            sealed = sealing.seal(key, body, _context(row.id, hit.reference))
            changed.append(WatchHitRow(row.id, hit.reference, hit.item_id, since, mark, sealed))
    return Prepared(
        sealed_key=sealed_key,
        sealed_state=sealing.seal(key, outcome.state.to_bytes(), _context(row.id, "state")),
        changed=changed,
        standing=frozenset(hit.reference for hit in outcome.hits),
    )


def store(node: Node, row: WatchRow, prepared: Prepared) -> int:
    """Inside the run's transaction; how many hits stand no more."""
    gone = node.stores.watch_hits.marks(row.id).keys() - prepared.standing
    node.stores.watch_hits.replace(row.id, prepared.changed, gone)
    return len(gone)


def of_watch(node: Node, row: WatchRow) -> Iterator[tuple[WatchHitRow, MatchedItem]]:
    """The hits that stand, opened, those identified there and open here first."""
    rows = node.stores.watch_hits.of(row.id)
    if not rows:
        return
    key = _key(node, row)
    found = [(each, _open(key, each)) for each in rows]
    found.sort(key=lambda pair: not pair[1].identified_there_open_here)
    yield from found


def mac(node: Node, row: WatchRow, about: str, text: str) -> str:
    """HMAC-SHA-256 of a text in hex, under a key that ends with the watch's: for the log, as it has
    one of what is said of the hits of sessions (:mod:`psihash.node.casework.said`)."""
    key = hmac.digest(_key(node, row), b"psihash/said/1", "sha256")
    return hmac.digest(key, framed(f"said:{about}".encode(), text.encode()), "sha256").hex()


def _open(key: bytes, row: WatchHitRow) -> MatchedItem:
    body = sealing.open_sealed(key, row.sealed, _context(row.watch, row.reference))
    (item,) = sealed_form.decode_items(body)
    return item


def _key(node: Node, row: WatchRow) -> bytes:
    if row.sealed_key is None:
        raise AssertionError("a watch that has something sealed has a key")
    return _open_key(node, row.id, row.sealed_key)


def _open_key(node: Node, watch: str, sealed_key: bytes) -> bytes:
    return sealing.open_sealed(node.storage_key(_PURPOSE), sealed_key, _context(watch, "key"))


def _context(watch: str, name: str) -> bytes:
    return f"psihash/watch/1 {watch} {name}".encode()
