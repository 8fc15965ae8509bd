"""The register of exports: where results were written to, so that a correction finds them."""

from __future__ import annotations

from psihash.node.node import Node
from psihash.node.running import sessions
from psihash.storage.exports import ExportRow


def exports_of(node: Node, session: str) -> list[ExportRow]:
    """The exports of one session, by its full id, newest first."""
    return node.stores.exports.all(session=session)


def listing(node: Node, prefix: str | None = None) -> list[ExportRow]:
    """All exports, newest first, or those of the session whose id begins with ``prefix``."""
    if prefix is None:
        return node.stores.exports.all()
    return exports_of(node, sessions.find(node, prefix).id)


def register(node: Node, session: str, peer: str, fmt: str, path: str, records: int) -> None:
    """Note an export; call it in the transaction of its log entry."""
    row = ExportRow(session, peer, node.stamp(), fmt, path, records, node.actor.name)
    node.stores.exports.add(row)
