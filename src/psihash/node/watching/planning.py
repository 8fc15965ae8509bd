"""What collections are to a centre, as of the last run of a watch or of a session with it.

A collection of which the centre knew no item is a new one to it; of any other, the items that it
did not know are an addition to the collection that most of the others stand in.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from psihash import errors
from psihash.casework import contribution as documents
from psihash.casework.contribution import GivenAs
from psihash.hashset.model import Verdict
from psihash.node.agreeing import documents as agreement_documents
from psihash.node.node import Node
from psihash.node.people.roles import use_case
from psihash.node.watching import finding, found_hits, session_outcome
from psihash.storage.central_holdings import state_of
from psihash.storage.watches import WatchRow
from psihash.terms import AlgorithmId, CollectionKind

WATCH_NOT_RUN = errors.define(
    "watch-not-run", "the watch has not run since its collections changed, or never"
)
NOT_WATCHED = errors.define(
    "not-watched", "neither the watch nor the session matches that collection"
)


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
class Source:
    """By what is known what the centre has: ``id`` of a watch, or of a session."""

    id: str
    peer: str
    agreement: str


@dataclass(frozen=True, slots=True)
class Planned:
    """All that could be given."""

    source: Source
    plans: tuple[Plan, ...]

    @property
    def giving(self) -> tuple[Plan, ...]:
        return tuple(plan for plan in self.plans if plan.items)


@use_case("contribute")
def plan(node: Node, prefix: str, collections: Sequence[str] = ()) -> Planned:
    """What the collections of a watch are to its centre as of its last run, or those of a session
    as of its result; with ``collections``, these alone.

    Raises StateError (``watch-not-run``, ``no-hits``, ``session-set-gone``), NotFoundError."""
    if not finding.is_watch(prefix):
        return _by_session(node, prefix, collections)
    row = finding.find(node, prefix)
    names = _chosen(row.collections, collections)
    _require_fresh(node, row)
    agreement = agreement_documents.load(node, row.agreement)
    known: dict[str, Counter[str]] = defaultdict(Counter)
    for _, item in found_hits.of_watch(node, row):
        for name in item.collections:
            known[name].update(item.peer_collections)
    hits = node.stores.watch_hits.items(row.id)
    algorithms = agreement.terms.algorithms
    plans = []
    for name in names:
        held = _held(node, name, algorithms)
        missing = tuple(item for number, item in held.items() if number not in hits)
        plans.append(_plan(node, name, len(held), len(held) - len(missing), missing, known[name]))
    return Planned(Source(row.id, row.peer, row.agreement), tuple(plans))


def _by_session(node: Node, prefix: str, collections: Sequence[str]) -> Planned:
    """Items that were not in the session's set are not given: the centre may have them."""
    outcome = session_outcome.read(node, prefix)
    names = _chosen(outcome.collections, collections)
    standing = {info.name for info in node.stores.holdings.collections()}
    agreement = agreement_documents.load(node, outcome.agreement)
    plans = []
    for name in (each for each in names if each in standing):
        held = _held(node, name, agreement.terms.algorithms).values()
        missing = tuple(item for item in held if outcome.was_missing(item.digests))
        known = sum(outcome.was_found(item.digests) for item in held)
        plans.append(_plan(node, name, len(held), known, missing, outcome.peer_collections[name]))
    return Planned(Source(outcome.session, outcome.peer, outcome.agreement), tuple(plans))


def _chosen(every: Sequence[str], collections: Sequence[str]) -> list[str]:
    names = list(dict.fromkeys(collections)) or list(every)
    if not set(names) <= set(every):
        raise errors.NotFoundError(NOT_WATCHED, "that collection was not matched")
    return names


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
    held: int,
    known: int,
    missing: tuple[Item, ...],
    pseudonyms: Counter[str],
) -> Plan:
    info = node.stores.holdings.collection(name)
    to = min(pseudonyms, key=lambda each: (-pseudonyms[each], each)) if known and pseudonyms else ""
    given_as = GivenAs.ADDITION if to else GivenAs.NEW
    return Plan(name, info.kind, given_as, to, held, known, _distinct(missing))


def _distinct(items: Iterable[Item]) -> tuple[Item, ...]:
    """Each digest in one item alone, as a centre wants it: lists that disagree name two items that
    share one. Where an item has no other, what is said of it is said of the one that has it."""
    at: dict[tuple[AlgorithmId, str], int] = {}
    found: list[Item] = []
    for item in items:
        own = {name: text for name, text in item.digests.items() if (name, text) not in at}
        if own:
            at |= dict.fromkeys(own.items(), len(found))
            found.append(Item(own, item.said))
            continue
        same = at[next(iter(item.digests.items()))]
        said = _said([("", found[same].said), ("", item.said)])
        found[same] = Item(found[same].digests, said)
    return tuple(found)


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
