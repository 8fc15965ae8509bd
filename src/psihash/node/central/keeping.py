"""The end of what a member keeps of a central set: with the agreement, or with the epoch."""

from __future__ import annotations

import datetime as dt

from psihash.agreement.times import parse_time
from psihash.audit.event import Event
from psihash.central.manifest import EPOCH_DAYS, parse_manifest
from psihash.node.agreeing import documents
from psihash.node.node import Node


def erase_due(node: Node) -> int:
    """Erase what was asked and opened under agreements that are over, and copies of sets that no
    agreement needs or whose epoch is older than one may get; how many there were."""
    now, erased = node.stamp(), 0
    needed: set[str] = set()
    for agreement in node.stores.copies.agreements():
        row = node.stores.agreements.get(agreement)
        if not documents.load(node, agreement).state(now).status.is_over:
            needed.add(row.peer)
            continue
        with node.stores.database.transaction():
            node.stores.copies.forget(agreement)
            facts = {"agreement": agreement, "peer": row.peer, "what": "central-answers"}
            node.record(Event.ERASURE, facts | {"reason": "agreement-over"})
        erased += 1
    for centre in node.stores.publications.copied():
        if centre == node.agency or (centre in needed and not _outlived(node, centre)):
            continue
        with node.stores.database.transaction():
            latest = node.stores.publications.latest(centre)
            node.stores.publications.drop_before(
                centre, 0 if latest is None else latest.place.epoch + 1
            )
            facts = {"peer": centre, "what": "central-copy", "reason": "epoch-over"}
            node.record(Event.ERASURE, facts)
        erased += 1
    return erased


def _outlived(node: Node, centre: str) -> bool:
    """Whether the newest epoch of a centre is older than any may get, and a publication's life."""
    latest = node.stores.publications.latest(centre)
    if latest is None:
        return True
    first = node.stores.publications.of_epoch(centre, latest.place.epoch)[0]
    began = parse_time(parse_manifest(first.manifest).published)
    newest = parse_manifest(latest.manifest)
    late = node.now() >= began + dt.timedelta(days=EPOCH_DAYS)
    return late and node.stamp() >= newest.valid_until
