"""From findings to the result that an analyst sees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from itertools import product
from typing import TypeVar

from psihash.export.report import SMALL_CELL
from psihash.hashset.store import HeldColumns
from psihash.node.running.holder import NodeHolder
from psihash.session.deal import Deal
from psihash.session.ports import Findings, Permit
from psihash.session.quarantine import OverMatchRule, set_aside
from psihash.session.result import (
    AlgorithmResult,
    Link,
    MatchedItems,
    PeerRecord,
    SessionResult,
)
from psihash.session.sharing import matched
from psihash.terms import AlgorithmId, Rung

_SERIES_SHOWN = 3

UNDISCLOSED = "undisclosed"
"""Stands for the peer's collection where a one-sided result does not tell which of several."""


def build(
    deal: Deal,
    permit: Permit,
    findings: Findings,
    agreement: str,
    opened: str,
    closed: str,
    rule: OverMatchRule,
) -> SessionResult:
    """The result of a session whose receipts are about to stand; ``receipt`` is filled in later.

    What matches too much by ``rule`` is quarantined."""
    role = findings.role
    told = deal.rung.height >= Rung.ITEMS.height
    found = _ordered(_matched(permit, findings)) if told else MatchedItems()
    exact, low, high = _matched_items(deal, findings, len(found))
    own, peer = len(permit.own.collections), len(permit.peer_collections)
    items, quarantined = set_aside(found, own, peer, rule)
    return SessionResult(
        session=deal.session_hex,
        peer=deal.sides.of(role.other).agency,
        agreement=agreement,
        role=role,
        rung=deal.rung,
        learn=deal.learn,
        engine=deal.engine,
        case=deal.case_of(role),
        peer_case=deal.case_of(role.other),
        opened=opened,
        closed=closed,
        algorithms={
            name: AlgorithmResult(
                len(permit.own.algorithms[name].digests), findings.by_algorithm[name].count
            )
            for name in deal.algorithms
        },
        matched_items=exact,
        matched_items_min=low,
        matched_items_max=high,
        links=_links(deal, permit, findings, items),
        items=items,
        receipt="",
        quarantined=quarantined,
    )


def _matched(permit: Permit, findings: Findings) -> MatchedItems:
    """Our items that any algorithm found, each put together from all that did."""
    holder = permit.own.holder
    if not isinstance(holder, NodeHolder):
        raise TypeError("a node's set is held by a NodeHolder")
    items = MatchedItems()
    places: dict[int, int] = {}
    for name, finding in findings.by_algorithm.items():
        if finding.rows is None:
            continue
        digests = matched(permit.own.algorithms[name].digests, finding.rows)
        labels = findings.labels.get(name) or [_only(permit)] * len(digests)
        records = findings.records.get(name) or [()] * len(digests)
        held, by, new = holder.held(name, digests), (name,), list[int]()
        for number, row in zip(held.places, held.rows, strict=True):
            place = places.setdefault(held.item_ids[row], len(places))
            label, record = labels[number], records[number]
            if place == len(items):
                items.matched_by.append(by)
                items.peer_collections.append(label)
                items.records.append(record)
                new.append(row)
            else:
                items.matched_by[place] = _union(items.matched_by[place], by)
                items.peer_collections[place] = _union(items.peer_collections[place], label)
                items.records[place] = _union(items.records[place], record)
            if row in held.further:
                told = items.matched_digests.get(place, ())
                items.matched_digests[place] = _union(told, ((name, digests[number].hex()),))
        _take(held, new, items)
    holder.forget()
    return items


_Part = TypeVar("_Part")


def _union(first: tuple[_Part, ...], second: tuple[_Part, ...]) -> tuple[_Part, ...]:
    return first if first == second else tuple(dict.fromkeys(first + second))


def _take(held: HeldColumns, rows: list[int], items: MatchedItems) -> None:
    """Add what is held of items that were found by now."""
    start = len(items.sizes)
    for name in AlgorithmId:
        if name in held.digests or name in items.digests:
            column = items.digests.setdefault(name, [None] * start)
            held_column = held.digests.get(name)
            if held_column is None:
                column.extend([None] * len(rows))
            else:
                raws = (held_column[row] for row in rows)
                column.extend(None if raw is None else raw.hex() for raw in raws)
    items.collections.extend(held.collections[row] for row in rows)
    items.verdicts.extend(held.verdicts[row] for row in rows)
    items.media_types.extend(held.media_types[row] for row in rows)
    items.sizes.extend(held.sizes[row] for row in rows)
    for place, row in enumerate(rows if held.further else (), start):
        if row in held.further:
            further = held.further[row]
            items.further_digests[place] = tuple((name, raw.hex()) for name, raw in further)


def _ordered(items: MatchedItems) -> MatchedItems:
    """With the records in the form in which they are shown: identified there and open here first,
    then by digest."""
    for place, records in enumerate(items.records):
        if records:
            names = dict.fromkeys(record.collection for record in records)
            items.peer_collections[place] = tuple(names)
            if len(names) < len(records):
                items.records[place] = _by_collection(records)
    keys = ["".join(filter(None, texts)) for texts in zip(*items.digests.values(), strict=True)]
    if any(items.records):
        first = (item.identified_there_open_here for item in items)
        keys = [f"{not wanted:d}{key}" for wanted, key in zip(first, keys, strict=True)]
    return items.at(sorted(range(len(items)), key=keys.__getitem__))


def _only(permit: Permit) -> tuple[str, ...]:
    """The peer's collection when it offers just one: then every match is in it."""
    return tuple(permit.peer_collections) if len(permit.peer_collections) == 1 else ()


def _by_collection(records: tuple[PeerRecord, ...]) -> tuple[PeerRecord, ...]:
    """One record per collection of the peer, also where two algorithms brought one each."""
    merged: dict[str, PeerRecord] = {}
    for record in records:
        known = merged.get(record.collection)
        verdicts = record.verdicts if known is None else (*known.verdicts, *record.verdicts)
        merged[record.collection] = PeerRecord(
            record.collection, record.kind, tuple(dict.fromkeys(verdicts)), record.contact
        )
    return tuple(merged.values())


def _matched_items(
    deal: Deal, findings: Findings, items: int
) -> tuple[int | None, int | None, int | None]:
    """Exact from ``items`` upwards and for one algorithm; else bounds. None where not learned."""
    if not findings.role.learns(deal.learn):
        return None, None, None
    if deal.rung.height >= Rung.ITEMS.height:
        return items, items, items
    counts = [findings.by_algorithm[name].count or 0 for name in deal.algorithms]
    if len(counts) == 1:
        return counts[0], counts[0], counts[0]
    return None, max(counts), sum(counts)


def _links(deal: Deal, permit: Permit, findings: Findings, items: MatchedItems) -> tuple[Link, ...]:
    if deal.rung.height >= Rung.ITEMS.height:
        return _item_links(items)
    if deal.rung is Rung.SERIES:
        return tuple(_series_links(permit, findings))
    own, only = permit.own.collections, _only(permit)
    counts = [findings.by_algorithm[name].count for name in deal.algorithms]
    if len(own) == 1 and only and len(counts) == 1 and counts[0]:
        return (Link(own[0].name, only[0], counts[0]),)
    return ()


def _series_links(permit: Permit, findings: Findings) -> Iterator[Link]:
    """One link for each pair of numbers that matched, by algorithm. The peer's series have the
    numbers that they had in this run and in no other."""
    for name, finding in findings.by_algorithm.items():
        cells = permit.own.algorithms[name].cells
        if cells is None or finding.pair_counts is None:
            continue
        pairs = sorted(finding.pair_counts.items(), key=lambda pair: (-pair[1], pair[0]))
        for (cell, number), count in pairs:
            # "1 to 4" wherever it is shown: the exact number is not kept.
            known = count if count >= SMALL_CELL else 1
            yield Link(series_name(cells.series[cell]), f"s-{number}", known)


def series_name(series: Collection[str]) -> str:
    """What a cell is called: its series, the first few where small ones were put together."""
    names = sorted(series)
    shown = " + ".join(names[:_SERIES_SHOWN])
    more = len(names) - _SERIES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _item_links(items: MatchedItems) -> tuple[Link, ...]:
    # A few combinations of collections, many times each.
    combinations = Counter(zip(items.collections, items.peer_collections, strict=True))
    pairs: Counter[tuple[str, str]] = Counter()
    for (own, peer), count in combinations.items():
        for pair in product(own, peer or (UNDISCLOSED,)):
            pairs[pair] += count
    ordered = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(Link(own, peer, count) for (own, peer), count in ordered)
