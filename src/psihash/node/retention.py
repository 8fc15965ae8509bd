"""Results end with their retention period: the key is destroyed, the rows go, the log says so."""

from __future__ import annotations

from psihash.agreement.terms import parse_terms
from psihash.agreement.times import add_days
from psihash.audit.event import Event
from psihash.node.node import Node


def erase_due(node: Node) -> int:
    """Erase the results whose agreement's retention is over; return how many there were."""
    now, erased = node.stamp(), 0
    node.stores.outbox.remove_delivered(now)
    for row in node.stores.sessions.all(state="completed"):
        if row.erased is not None or row.closed is None:
            continue
        terms = parse_terms(node.stores.agreements.get(row.agreement).terms)
        if add_days(row.closed[:19] + "Z", terms.retention_days) > now:
            continue
        with node.stores.database.transaction():
            node.stores.sessions.erase(row.id, now)
            node.record(
                Event.ERASURE,
                {"session": row.id, "peer": row.peer, "what": "result", "reason": "retention"},
            )
        erased += 1
    return erased
