"""A session's result: as the document that ``export --format json`` writes, and in plain words."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from psihash.terms import Rung
from psihash_client.labels import algorithm_name, plural, short
from psihash_client.output import table, wrapped

if TYPE_CHECKING:
    from psihash.casework.handling import Handling
    from psihash.hashset.model import Verdict
    from psihash.session.result import MatchedItem, PeerRecord, SessionResult

_MOST_ROWS = 20
"""A terminal shows the beginning of a long list; an export has all of it."""


def result_document(result: SessionResult, handling: Handling) -> dict[str, Any]:
    """The same fields as in ``psihash export --format json`` (docs/exports.md)."""
    from psihash import export

    stream = io.BytesIO()
    export.write(result, "json", stream, handling)
    document: dict[str, Any] = json.loads(stream.getvalue())
    return document


def quarantined_document(result: SessionResult) -> list[dict[str, Any]]:
    """The items that match too much, for a person who wants to know which."""
    return [
        {
            "digests": {name.value: text for name, text in item.digests.items()},
            "collections": list(item.collections),
            "peer_collections": list(item.peer_collections),
        }
        for item in result.quarantined
    ]


def result_lines(result: SessionResult, handling: Handling, heading: str = "") -> Iterator[str]:
    """The result in the order in which an analyst needs it."""
    from psihash.node.watching.finding import is_watch

    kind = "watch" if is_watch(result.session) else "session"
    if heading:
        yield heading
    yield from wrapped(
        f"{result.rung.value} match with {result.peer} for case {result.case or 'not stated'}, "
        f"{kind} {short(result.session)}, engine {result.engine}."
    )
    note = f" {handling.note}" if handling.note else ""
    yield from wrapped(f"Handling code {handling.code}, TLP:{handling.tlp}.{note}")
    if all(part.matched is None for part in result.algorithms.values()):
        yield ""
        yield "By the agreement this side does not learn the result. Both sides signed a receipt."
        return
    yield from _first_to_see(result)
    yield from _links(result)
    yield from _counts(result)
    yield from _quarantined(result)
    yield from _next_steps(result)


def _first_to_see(result: SessionResult) -> Iterator[str]:
    first = [item for item in result.items if item.identified_there_open_here]
    if not first:
        if result.rung is Rung.RECORDS and result.items:
            yield ""
            yield "No item of yours is open here with its victim identified there."
        return
    yield ""
    yield from wrapped(
        f"FIRST: {plural(len(first), 'item')} of yours with the victim identified there and open "
        "here."
    )
    groups = _groups(first)
    contacts = set[str]().union(*(group.contacts for group in groups.values()))
    if len(contacts) == 1:
        yield from wrapped(f"Whom to ask: {min(contacts)}")
    yield ""
    ordered = sorted(groups.items(), key=lambda pair: (-pair[1].items, pair[0]))
    rows: list[tuple[object, ...]] = [
        (group.items, series, _joined(group.countries), theirs, own, _joined(group.contacts))
        for (series, theirs, own), group in ordered
    ]
    headers: tuple[str, ...] = (
        "items", "their series", "country", "in their", "in your", "ask",
    )  # fmt: skip
    if len(contacts) < 2:
        headers, rows = headers[:-1], [row[:-1] for row in rows]
    yield from _beginning(headers, rows, elastic=range(1, len(headers)))


@dataclass(slots=True)
class _Group:
    """Items that stand at one place: how many, and what the peer says of them."""

    items: int = 0
    countries: set[str] = field(default_factory=set)
    contacts: set[str] = field(default_factory=set)


def _groups(items: Iterable[MatchedItem]) -> dict[tuple[str, str, str], _Group]:
    """Items by (their series, their collection, our collection)."""
    groups: defaultdict[tuple[str, str, str], _Group] = defaultdict(_Group)
    for item in items:
        places = set()
        for series, record, verdict in _identifying(item):
            for own in item.collections:
                place = series, record.collection, own
                places.add(place)
                groups[place].countries.update([verdict.country] if verdict.country else [])
                groups[place].contacts.update([record.contact] if record.contact else [])
        for place in places:
            groups[place].items += 1
    return groups


def _identifying(item: MatchedItem) -> Iterator[tuple[str, PeerRecord, Verdict]]:
    for record in item.records:
        for verdict in record.verdicts:
            if verdict.victim_identified:
                yield from ((series, record, verdict) for series in verdict.series or ("-",))


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(sorted(texts)) or "-"


def _links(result: SessionResult) -> Iterator[str]:
    from psihash.export.report import link_bounds

    if not result.links:
        return
    yield ""
    rows = []
    for link in sorted(result.links, key=lambda each: -each.matched):
        least, most = link_bounds(result, link)
        rows.append((link.own, link.peer, f"{least:,}" if least == most else f"{least} to {most}"))
    what = "series" if result.rung is Rung.SERIES else "collection"
    yield from _beginning((f"your {what}", f"their {what}", "in common"), rows, elastic=(0, 1))


def _counts(result: SessionResult) -> Iterator[str]:
    yield ""
    items = _items_in_words(result)
    if items:
        yield items
    for algorithm, part in result.algorithms.items():
        if part.matched is not None:
            name = algorithm_name(algorithm)
            yield f"{part.matched:,} of your {part.own:,} {name} digests are also there."
    yield "Two copies match only where both sides hold a digest of the same algorithm."


def _items_in_words(result: SessionResult) -> str:
    least, most = result.matched_items_min, result.matched_items_max
    if least is None or most is None:
        return ""
    there = {name for item in result.items for name in item.peer_collections}
    where = f", in {plural(len(there), 'collection')} of theirs" if there else ""
    if least == most:
        are = "is" if most == 1 else "are"
        return f"{plural(most, 'item')} of yours {are} also there{where}."
    return (
        f"At least {least:,} items of yours are also there{where}: {most:,} digests match in all."
    )


def _quarantined(result: SessionResult) -> Iterator[str]:
    """What matches too much: of each item a digest and how much of both sides it stands in."""
    if not result.quarantined:
        return
    yield ""
    yield from wrapped(
        f"Quarantined: {plural(len(result.quarantined), 'item')} that stand in a large share of "
        "all collections of one side, as logos and test images do. They are counted above but not "
        "among the links; `psihash export` leaves them out unless --include-quarantined is given."
    )
    yield ""
    rows = [
        (next(iter(item.digests.values()), "-"), len(item.collections), len(item.peer_collections))
        for item in result.quarantined
    ]
    headers = ("digest", "in your collections", "in theirs")
    yield from _beginning(headers, rows, elastic=())


def _next_steps(result: SessionResult) -> Iterator[str]:
    yield ""
    session = short(result.session)
    if not any(part.matched for part in result.algorithms.values()):
        yield "A zero is not evidence of absence: the other side may hold digests of another"
        yield "algorithm, copies that were changed, or may have kept items out of this match."
    elif result.rung.height < Rung.ITEMS.height:
        yield "To learn which ones over the same lists, if the agreement allows rung items:"
        yield f"`psihash match {result.peer} --agreement {short(result.agreement)} --rung items \\"
        yield f"--from {session}`; else propose a new agreement."
    else:
        yield f"Next: `psihash export {session} --format vics --out FILE` takes it into Griffeye;"
        yield "a hit is a hint for a person to confirm."
    if result.receipt:
        yield f"Receipt {result.receipt}."


def _beginning(
    headers: Sequence[str], rows: Sequence[Sequence[object]], elastic: Sequence[int]
) -> Iterator[str]:
    yield from table(headers, islice(rows, _MOST_ROWS), elastic)
    if len(rows) > _MOST_ROWS:
        yield f"... and {len(rows) - _MOST_ROWS:,} more: `psihash export` writes all of them."
