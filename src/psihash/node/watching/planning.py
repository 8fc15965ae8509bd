"""What the collections of a watch are to its centre, as of the last run.

A collection of which the centre knew no item is a new one to it; of any other, the items that it
did not know are an addition to the collection that most of the others stand in.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from psihash import errors
from psihash.casework import contribution as documents
from psihash.casework.contribution import GivenAs
from psihash.hashset.model import Verdict
from psihash.node.agreeing import documents as agreement_documents
from psihash.node.node import Node
from psihash.node.people.roles import use_case
from psihash.node.watching import finding, found_hits
from psihash.storage.central_holdings import state_of
from psihash.storage.watches import WatchRow
from psihash.terms import AlgorithmId, CollectionKind

WATCH_NOT_RUN = errors.define(
    "watch-not-run", "the watch has not run since its collections changed, or never"
)
NOT_WATCHED = errors.define("not-watched", "the watch does not match that collection")


@dataclass(frozen=True, slots=True)
class Item:
    """An item that the centre does not have."""

    digests: dict[AlgorithmId, str]
    said: Verdict


@dataclass(frozen=True, slots=True)
class Plan:
    """One collection of ours as it looks to the centre."""

    collection: str
    kind: CollectionKind
    given_as: GivenAs
    to: str
    """Pseudonym of the centre's collection that it adds to; empty for a new one."""
    held: int
    known: int
    """Items that the centre has."""
    items: tuple[Item, ...]
    """Those that it has not."""


@dataclass(frozen=True, slots=True)
class Planned:
    """All that could be given."""

    watch: WatchRow
    plans: tuple[Plan, ...]

    @property
    def giving(self) -> tuple[Plan, ...]:
        return tuple(plan for plan in self.plans if plan.items)


@use_case("contribute")
def plan(node: Node, prefix: str, collections: Sequence[str] = ()) -> Planned:
    """What a watch's collections are to the centre as of its last run; with ``collections``, these
    alone. Raises StateError ``watch-not-run``."""
    row = finding.find(node, prefix)
    names = list(dict.fromkeys(collections)) or list(row.collections)
    if not set(names) <= set(row.collections):
        raise errors.NotFoundError(NOT_WATCHED, "the watch does not match that collection")
    _require_fresh(node, row)
    agreement = agreement_documents.load(node, row.agreement)
    known: dict[str, Counter[str]] = defaultdict(Counter)
    for _, item in found_hits.of_watch(node, row):
        for name in item.collections:
            known[name].update(item.peer_collections)
    hits = node.stores.watch_hits.items(row.id)
    algorithms = agreement.terms.algorithms
    return Planned(row, tuple(_plan(node, name, hits, known[name], algorithms) for name in names))


def _require_fresh(node: Node, row: WatchRow) -> None:
    """The last run under the agreement looked at these collections as they are now."""
    standing = node.stores.copies.standing(row.agreement)
    scanned = state_of(node.stores.database, row.collections)
    if row.sealed_state is None or standing is None or standing.scanned != scanned:
        raise errors.StateError(
            WATCH_NOT_RUN,
            "what the centre has of these collections is not known",
            hint=f"run `psihash watch run {row.id[:12]}` first",
        )


def _plan(
    node: Node,
    name: str,
    hits: set[int],
    pseudonyms: Counter[str],
    algorithms: Sequence[AlgorithmId],
) -> Plan:
    info = node.stores.holdings.collection(name)
    held = _held(node, name, algorithms)
    missing = tuple(item for number, item in held.items() if number not in hits)
    known = len(held) - len(missing)
    to = min(pseudonyms, key=lambda each: (-pseudonyms[each], each)) if known and pseudonyms else ""
    given_as = GivenAs.ADDITION if to else GivenAs.NEW
    return Plan(name, info.kind, given_as, to, len(held), known, missing)


def _held(node: Node, name: str, algorithms: Sequence[AlgorithmId]) -> dict[int, Item]:
    """The items of a collection that have a digest of the agreement's algorithms, by number."""
    found: dict[int, Item] = {}
    for algorithm in algorithms:
        for part in node.stores.holdings.digests(algorithm, [name]):
            raws = [row.tobytes() for row in np.ascontiguousarray(part)]
            columns = node.stores.holdings.held_columns(algorithm, raws, [name])
            for place, number in enumerate(columns.item_ids):
                if number in found:
                    continue
                digests = {
                    each: raw.hex()
                    for each in algorithms
                    if (raw := columns.digests.get(each, [None] * (place + 1))[place])
                }
                found[number] = Item(digests, _said(columns.verdicts[place]))
    return found


def _said(verdicts: Sequence[tuple[str, Verdict]]) -> Verdict:
    """One verdict of several: identified where any says so, every series, the first category."""
    every = [documents.told(verdict) for _, verdict in verdicts]
    flags = {each.victim_identified for each in every}
    series = dict.fromkeys(label for each in every for label in each.series)
    return Verdict(
        category=next((each.category for each in every if each.category), None),
        victim_identified=True if True in flags else False if False in flags else None,
        series=tuple(series)[: documents.MAX_SERIES],
        country=next((each.country for each in every if each.country), None),
    )
