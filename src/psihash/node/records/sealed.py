"""A session's sealed blobs: result, receipts, snapshot. Erasing its key erases them all."""

from __future__ import annotations

import hmac
from typing import Final

from psihash import canonical
from psihash.identity import sealing
from psihash.node.node import Node
from psihash.session.messages import Receipt

RESULT: Final = "result"
SNAPSHOT: Final = "snapshot"
BASE: Final = "base"
"""What a session at a higher rung needs to know of this one."""
RESULT_KEY: Final = "result-key"
OWN_RECEIPT: Final = "own-receipt"
PEER_RECEIPT: Final = "peer-receipt"

_PURPOSE: Final = "session-keys"


def make_key(node: Node, session: str) -> None:
    """Give a session its key, sealed under the node's storage key."""
    sealed = sealing.seal(node.storage_key(_PURPOSE), sealing.new_key(), _context(session, "key"))
    node.stores.sessions.put_key(session, sealed)


def put(node: Node, session: str, name: str, data: bytes) -> None:
    sealed = sealing.seal(_key(node, session), data, _context(session, name))
    node.stores.sessions.put_blob(session, name, sealed)


def get(node: Node, session: str, name: str) -> bytes | None:
    """The blob in clear; None if there is none. Raises ``session-erased`` when the key is gone."""
    sealed = node.stores.sessions.blob(session, name)
    if sealed is None:
        return None
    return sealing.open_sealed(_key(node, session), sealed, _context(session, name))


def mac(node: Node, session: str, name: str, data: bytes) -> str:
    """HMAC-SHA-256 over ``data`` in hex, under a key that ends with the session's. For the log: who
    has the text can hold it against the entry, and without the key the value says nothing."""
    key = hmac.digest(_key(node, session), b"psihash/said/1", "sha256")
    return hmac.digest(key, canonical.framed(name.encode(), data), "sha256").hex()


def pack_receipt(receipt: Receipt) -> bytes:
    """The form in which receipts are sealed: 64 bytes of signature, then the body."""
    return receipt.signature + receipt.body


def receipt(node: Node, session: str, name: str) -> Receipt | None:
    """A sealed receipt: ``OWN_RECEIPT`` or ``PEER_RECEIPT``."""
    data = get(node, session, name)
    return None if data is None else Receipt(data[64:], data[:64])


def _key(node: Node, session: str) -> bytes:
    sealed = node.stores.sessions.key(session)
    return sealing.open_sealed(node.storage_key(_PURPOSE), sealed, _context(session, "key"))


def _context(session: str, name: str) -> bytes:
    return f"psihash/session/1 {session} {name}".encode()
