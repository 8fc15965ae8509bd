"""The hits of a watch as a result: shown and exported like that of a session."""

from __future__ import annotations

from collections import Counter
from itertools import product

from psihash.audit.event import Event
from psihash.casework.handling import Handling
from psihash.node.agreeing import documents
from psihash.node.casework import followup_rows
from psihash.node.node import Node
from psihash.node.people.roles import use_case
from psihash.node.watching import finding, found_hits
from psihash.session.result import AlgorithmResult, Link, MatchedItems, SessionResult
from psihash.storage.watches import WatchRow
from psihash.terms import AlgorithmId, Learn, Rung, SessionRole

ENGINE = "voprf-ristretto255/1"
"""What stands where a session has its engine."""


@use_case("hit list")
def show(node: Node, prefix: str) -> tuple[SessionResult, Handling]:
    """The hits of a watch that stand, and what may be done with them. The look is recorded (LED
    Art. 25)."""
    row = finding.find(node, prefix)
    node.record(Event.CONSULTATION, {"watch": row.id, "peer": row.peer, "what": "result"})
    return result(node, row), handling(node, row)


def handling(node: Node, row: WatchRow) -> Handling:
    """What the agreement says."""
    return followup_rows.handling(node, row.agreement, None, None, "")


def result(node: Node, row: WatchRow) -> SessionResult:
    """The hits that stand, those identified there and open here first. ``session`` is the watch;
    ``closed`` is the slot of the last run that ended well. A watch has no receipt, and its centre
    learns nothing."""
    agreement = documents.load(node, row.agreement)
    items = MatchedItems.of(item for _, item in found_hits.of_watch(node, row))
    pairs: Counter[tuple[str, str]] = Counter()
    for item in items:
        pairs.update(product(item.collections, item.peer_collections))
    ordered = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))
    count = len(items)
    return SessionResult(
        session=row.id,
        peer=row.peer,
        agreement=row.agreement,
        role=SessionRole.INITIATOR,
        rung=Rung.RECORDS,
        learn=Learn.INITIATOR,
        engine=ENGINE,
        case=agreement.case(node.agency),
        peer_case=agreement.case(row.peer),
        opened=row.added,
        closed=row.last_slot or "",
        algorithms={
            name: AlgorithmResult(_held(node, row, name), _matched(items, name))
            for name in agreement.terms.algorithms
        },
        matched_items=count,
        matched_items_min=count,
        matched_items_max=count,
        links=tuple(Link(own, peer, number) for (own, peer), number in ordered),
        items=items,
        receipt="",
    )


def _held(node: Node, row: WatchRow, name: AlgorithmId) -> int:
    held = {info.name for info in node.stores.holdings.collections()}
    names = [each for each in row.collections if each in held]
    return sum(len(part) for part in node.stores.holdings.digests(name, names)) if names else 0


def _matched(items: MatchedItems, name: AlgorithmId) -> int:
    return sum(name in matched_by for matched_by in items.matched_by)
