"""The end of what watches leave: hits with the retention of their agreement, runs after a year."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from psihash.agreement.terms import parse_terms
from psihash.agreement.times import add_days, whole_seconds
from psihash.audit.event import Event
from psihash.node.node import Node
from psihash.storage.contributions import ContributionState
from psihash.storage.watches import WatchRow

RUN_DAYS: Final = 366
"""How long it stays to be seen when a watch ran; the log has it longer."""
DELIVERY_DAYS: Final = 30
UNDECIDED_DAYS: Final = 31
"""How long a contribution of ours waits: the request for it ends a day before."""


@dataclass(frozen=True, slots=True)
class KeptWatch:
    """A watch that is over, with the time until which its hits may be kept."""

    watch: str
    peer: str
    agreement: str
    until: str


def kept(node: Node) -> Iterator[KeptWatch]:
    """Watches that are over and whose hits are still here."""
    for row in node.stores.watches.all():
        if row.over is not None and row.erased is None:
            yield KeptWatch(row.id, row.peer, row.agreement, _until(node, row, row.over))


def erase_due(node: Node) -> int:
    """Erase the hits of watches whose retention is over; of how many watches."""
    now = node.stamp()
    due = [each for each in kept(node) if each.until <= now]
    for each in due:
        with node.stores.database.transaction():
            row = node.stores.watches.get_locked(each.watch)
            if row.erased is not None:
                continue
            hits = node.stores.watch_hits.erase(row.id)
            node.stores.hits.forget(row.id)
            node.stores.watches.change(
                row.id, (row.state,), erased=now, sealed_key=None, sealed_state=None
            )
            node.record(
                Event.ERASURE,
                {
                    "watch": row.id,
                    "peer": row.peer,
                    "agreement": row.agreement,
                    "what": "watch-hits",
                    "hits": hits,
                    "reason": "retention",
                },
            )
    return len(due)


def tidy_up(node: Node) -> None:
    """What nobody asks about any more goes."""
    now = node.stamp()
    node.stores.watches.remove_runs(add_days(now, -RUN_DAYS))
    node.stores.webhooks.remove_old(add_days(now, -DELIVERY_DAYS))
    for row in node.stores.contributions.all():
        undecided = row.state is ContributionState.WAITING
        if undecided and whole_seconds(row.added) <= add_days(now, -UNDECIDED_DAYS):
            node.stores.contributions.change(
                row, state=ContributionState.HELD_BACK, sealed_key=None, sealed_plan=None
            )


def _until(node: Node, row: WatchRow, over: str) -> str:
    terms = parse_terms(node.stores.agreements.get(row.agreement).terms)
    return add_days(over, terms.retention_days)
