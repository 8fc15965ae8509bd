"""What a result links: our series with theirs, the items that each pair has in common, and which
of theirs have an identified victim. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from psihash.export.report import link_bounds
from psihash.hashset.model import Verdict
from psihash.session.result import MatchedItem, SessionResult


@dataclass(frozen=True, slots=True)
class Edge:
    """One pair. ``least`` and ``most`` differ where only "1 to 4" is known."""

    own: str
    peer: str
    least: int
    most: int
    urgent: int
    """Items with a victim identified there and open here."""


@dataclass(frozen=True, slots=True)
class PeerSeries:
    """A series of theirs, or the collection of what has none."""

    name: str
    identified: bool
    countries: tuple[str, ...]
    contacts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LinkGraph:
    """Edges, the most urgent first; ``peer`` has every series of theirs by name."""

    edges: tuple[Edge, ...]
    peer: dict[str, PeerSeries]


@dataclass(slots=True)
class _Seen:
    identified: bool = False
    countries: set[str] = field(default_factory=set)
    contacts: set[str] = field(default_factory=set)


def of_result(result: SessionResult) -> LinkGraph:
    """From the items where there are any, else from the links of collections or numbers."""
    seen: dict[str, _Seen] = {}
    if len(result.items):
        edges = list(_of_items(result, seen))
    else:
        edges = []
        for link in result.links:
            least, most = link_bounds(result, link)
            edges.append(Edge(link.own, link.peer, least, most, 0))
            seen.setdefault(link.peer, _Seen())
    edges.sort(
        key=lambda each: (
            -each.urgent,
            not seen[each.peer].identified,
            -each.most,
            each.own,
            each.peer,
        )
    )
    return LinkGraph(
        tuple(edges),
        {
            name: PeerSeries(
                name, each.identified, tuple(sorted(each.countries)), tuple(sorted(each.contacts))
            )
            for name, each in seen.items()
        },
    )


def _of_items(result: SessionResult, seen: dict[str, _Seen]) -> Iterator[Edge]:
    matched, urgent = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    # Many items have the very same verdicts and records: what they say is worked out once.
    known: dict[tuple[int, ...], tuple[list[tuple[str, str]], bool]] = {}
    for item in result.items:
        key = tuple(map(id, (item.collections, item.verdicts, item.peer_collections, item.records)))
        if key not in known:
            known[key] = list(_pairs(item, seen)), item.identified_there_open_here
        pairs, first = known[key]
        matched.update(pairs)
        if first:
            urgent.update(pairs)
    for pair, count in matched.items():
        yield Edge(*pair, count, count, urgent[pair])


def _pairs(item: MatchedItem, seen: dict[str, _Seen]) -> Iterator[tuple[str, str]]:
    theirs = set(_theirs(item, seen))
    for own in _ours(item):
        for peer in theirs:
            yield own, peer


def _ours(item: MatchedItem) -> set[str]:
    labelled = {name: set[str]() for name in item.collections}
    for collection, verdict in item.verdicts:
        labelled.setdefault(collection, set()).update(verdict.series)
    return {series for collection, names in labelled.items() for series in (names or {collection})}


def _theirs(item: MatchedItem, seen: dict[str, _Seen]) -> Iterator[str]:
    for record in item.records:
        for verdict in record.verdicts:
            for name in verdict.series or (record.collection,):
                _note(seen, name, verdict, record.contact)
                yield name
        if not record.verdicts:
            seen.setdefault(record.collection, _Seen())
            yield record.collection
    if not item.records:
        for name in item.peer_collections or ("not told",):
            seen.setdefault(name, _Seen())
            yield name


def _note(seen: dict[str, _Seen], name: str, verdict: Verdict, contact: str | None) -> None:
    known = seen.setdefault(name, _Seen())
    known.identified = known.identified or verdict.victim_identified is True
    known.countries.update([verdict.country] if verdict.country else [])
    known.contacts.update([contact] if contact else [])
