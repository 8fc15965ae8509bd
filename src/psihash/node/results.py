"""From findings to the result that an analyst sees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from psihash.export.report import SMALL_CELL
from psihash.hashset.store import HeldItem
from psihash.node.holder import NodeHolder
from psihash.session.deal import Deal
from psihash.session.own import OwnSet
from psihash.session.ports import Findings, Permit
from psihash.session.result import (
    AlgorithmResult,
    Link,
    MatchedItem,
    PeerRecord,
    SessionResult,
)
from psihash.terms import AlgorithmId, Rung

_SERIES_SHOWN = 3

UNDISCLOSED = "undisclosed"
"""Stands for the peer's collection where a one-sided result does not tell which of several."""


@dataclass(slots=True)
class _Match:
    """One of our items, put together from all algorithms that found it."""

    item: HeldItem
    matched_by: list[AlgorithmId] = field(default_factory=list)
    labels: dict[str, None] = field(default_factory=dict)
    records: dict[PeerRecord, None] = field(default_factory=dict)


def build(
    deal: Deal, permit: Permit, findings: Findings, agreement: str, opened: str, closed: str
) -> SessionResult:
    """The result of a session whose receipts are about to stand; ``receipt`` is filled in later."""
    role = findings.role
    matches = _matches(permit, findings) if deal.rung.height >= Rung.ITEMS.height else {}
    items = tuple(sorted((_item(match) for match in matches.values()), key=_urgency))
    exact, low, high = _matched_items(deal, findings, len(items))
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
    )


def _matches(permit: Permit, findings: Findings) -> dict[int, _Match]:
    matches: dict[int, _Match] = {}
    for name, finding in findings.by_algorithm.items():
        if finding.rows is None:
            continue
        digests = [permit.own.algorithms[name].digests[row].tobytes() for row in finding.rows]
        labels = findings.labels.get(name) or [_only(permit)] * len(digests)
        records = findings.records.get(name) or [()] * len(digests)
        held = _held(permit.own, name, digests)
        for items, label, record in zip(held, labels, records, strict=True):
            for item in items:
                match = matches.setdefault(item.item_id, _Match(item))
                match.matched_by.append(name)
                match.labels |= dict.fromkeys(label)
                match.records |= dict.fromkeys(record)
    return matches


def _held(own: OwnSet, name: AlgorithmId, digests: list[bytes]) -> list[list[HeldItem]]:
    holder = own.holder
    if not isinstance(holder, NodeHolder):
        raise TypeError("a node's set is held by a NodeHolder")
    return holder.items(name, digests)


def _only(permit: Permit) -> tuple[str, ...]:
    """The peer's collection when it offers just one: then every match is in it."""
    return tuple(permit.peer_collections) if len(permit.peer_collections) == 1 else ()


def _item(match: _Match) -> MatchedItem:
    item, records = match.item, tuple(match.records)
    first: dict[AlgorithmId, str] = {}
    further: list[tuple[AlgorithmId, str]] = []
    for digest in item.digests:
        text = digest.raw.hex()
        if first.setdefault(digest.algorithm, text) != text:
            further.append((digest.algorithm, text))
    names = tuple(dict.fromkeys(record.collection for record in records))
    return MatchedItem(
        digests=first,
        further_digests=tuple(further),
        matched_by=tuple(match.matched_by),
        collections=item.collections,
        verdicts=item.verdicts,
        peer_collections=names or tuple(match.labels),
        records=_by_collection(records),
        media_type=item.media_type,
        size=item.size,
    )


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


def _urgency(item: MatchedItem) -> tuple[bool, list[str]]:
    """Identified there and open here first; then a stable order."""
    return (not item.identified_there_open_here, list(item.digests.values()))


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


def _links(
    deal: Deal, permit: Permit, findings: Findings, items: tuple[MatchedItem, ...]
) -> tuple[Link, ...]:
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


def _item_links(items: tuple[MatchedItem, ...]) -> tuple[Link, ...]:
    pairs: Counter[tuple[str, str]] = Counter()
    for item in items:
        for own in item.collections:
            for peer in item.peer_collections or (UNDISCLOSED,):
                pairs[own, peer] += 1
    ordered = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(Link(own, peer, count) for (own, peer), count in ordered)


def coverage(own: Mapping[AlgorithmId, int], items: int) -> dict[AlgorithmId, int]:
    """Percent of items that have a digest of each algorithm, rounded down to tens."""
    return {name: 10 * (10 * count // items) if items else 0 for name, count in own.items()}
