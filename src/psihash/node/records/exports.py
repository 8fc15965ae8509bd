"""The register of exports: where results were written to, so that a correction finds them."""

from __future__ import annotations

from psihash.node.node import Node
from psihash.node.running import sessions
from psihash.node.watching import finding
from psihash.storage.exports import ExportRow


def exports_of(node: Node, session: str) -> list[ExportRow]:
    """The exports of one session, by its full id, newest first."""
    return node.stores.exports.all(session=session)


def listing(node: Node, prefix: str | None = None) -> list[ExportRow]:
    """All exports, newest first, or those of the session or watch whose id begins so."""
    if prefix is None:
        every = [*node.stores.exports.all(), *node.stores.exports.of_watches()]
        return sorted(every, key=lambda row: row.time, reverse=True)
    if finding.is_watch(prefix):
        return node.stores.exports.of_watches(watch=finding.find(node, prefix).id)
    return exports_of(node, sessions.find(node, prefix).id)


def register(node: Node, session: str, peer: str, fmt: str, path: str, records: int) -> None:
    """Note an export; call it in the transaction of its log entry."""
    row = ExportRow(session, peer, node.stamp(), fmt, path, records, node.actor.name)
    if finding.is_watch(session):
        node.stores.exports.add_of_watch(row)
    else:
        node.stores.exports.add(row)
