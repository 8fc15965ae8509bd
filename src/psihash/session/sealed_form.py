"""The JSON in which a result is sealed: our own words, authenticated, read by this code alone.

Matched items are written in columns, and what many have in common (names, verdicts, records) once,
in tables whose rows the columns number. So 100,000 items take a fraction of a second, where one
object for each would take many. Version 1 was one such object for each item, in RFC 8785 form, and
version 2 did not say which of several digests of an item matched; both are still read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, Final, TypeVar

from psihash import errors
from psihash.hashset.model import Verdict
from psihash.session.result import (
    AlgorithmResult,
    Link,
    MatchedItem,
    MatchedItems,
    PeerRecord,
    SessionResult,
    verdict_dict,
    verdict_from,
)
from psihash.terms import AlgorithmId, CollectionKind, Learn, Rung, SessionRole

RESULT_FORM = errors.define(
    "result-form", "a sealed result has a form that this version does not know"
)

VERSION: Final = 3

_PLAIN: Final = ("session", "peer", "agreement", "engine", "case", "peer_case", "opened", "closed")
_COUNTS: Final = ("matched_items", "matched_items_min", "matched_items_max")

_Value = TypeVar("_Value", bound=Hashable)


def encode(result: SessionResult) -> bytes:
    """The bytes to seal: ASCII."""
    value = {name: getattr(result, name) for name in (*_PLAIN, *_COUNTS, "receipt")}
    value |= {
        "version": VERSION,
        "role": result.role.value,
        "rung": result.rung.value,
        "learn": result.learn.value,
        "algorithms": {
            name.value: {"own": part.own, "matched": part.matched}
            for name, part in result.algorithms.items()
        },
        "links": [[link.own, link.peer, link.matched] for link in result.links],
        "items": _columns(result.items + result.quarantined),
        "quarantined": len(result.quarantined),
    }
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def decode(data: bytes) -> SessionResult:
    """Inverse of :func:`encode`. Raises StateError ``result-form`` for a version that was not
    known when this was written."""
    value = json.loads(data)
    if value["version"] not in (1, 2, VERSION):
        raise errors.StateError(
            RESULT_FORM,
            "the result was sealed by another version of psihash",
            hint="use the version of psihash that ran the session, or a newer one",
        )
    items = value["items"]
    rows = MatchedItems.of(map(_old_item, items)) if value["version"] == 1 else _items(items)
    kept = len(rows) - value.get("quarantined", 0)
    return SessionResult(
        **{name: value[name] for name in (*_PLAIN, *_COUNTS, "receipt")},
        role=SessionRole(value["role"]),
        rung=Rung(value["rung"]),
        learn=Learn(value["learn"]),
        algorithms={
            AlgorithmId(name): AlgorithmResult(part["own"], part["matched"])
            for name, part in value["algorithms"].items()
        },
        links=tuple(Link(*link) for link in value["links"]),
        items=rows[:kept],
        quarantined=rows[kept:],
    )


def encode_items(items: MatchedItems) -> bytes:
    """Matched items alone, where they are kept apart from a result."""
    value = {"version": VERSION, "items": _columns(items)}
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def decode_items(data: bytes) -> MatchedItems:
    """Inverse of :func:`encode_items`. Raises StateError ``result-form``."""
    value = json.loads(data)
    if value["version"] not in (2, VERSION):
        raise errors.StateError(RESULT_FORM, "matched items were sealed by another version")
    return _items(value["items"])


def _columns(items: MatchedItems) -> dict[str, Any]:
    """The items in columns. Where a column has numbers, its table has what they stand for."""
    verdicts, verdicts_of = _numbered(items.verdicts)
    records, records_of = _numbered(items.records)
    every = [said for rows in verdicts for _, said in rows]
    every += [said for rows in records for record in rows for said in record.verdicts]
    said, said_of = _numbered(every)
    number = iter(said_of)  # taken in the order in which ``every`` was filled
    return {
        "digests": {name.value: column for name, column in items.digests.items()},
        "matched_by": _numbered(items.matched_by),
        "collections": _numbered(items.collections),
        "verdicts": [
            [[[name, next(number)] for name, _ in rows] for rows in verdicts],
            verdicts_of,
        ],
        "records": [[[_record(each, number) for each in rows] for rows in records], records_of],
        "said": [verdict_dict(verdict) for verdict in said],
        "peer_collections": _numbered(items.peer_collections),
        "media_types": _numbered(items.media_types),
        "sizes": items.sizes,
        "further_digests": list(items.further_digests.items()),
        "matched_digests": list(items.matched_digests.items()),
    }


def _record(record: PeerRecord, number: Iterator[int]) -> list[Any]:
    said = [next(number) for _ in record.verdicts]
    return [record.collection, record.kind.value, said, record.contact]


def _numbered(column: Sequence[_Value]) -> tuple[list[_Value], list[int]]:
    """The distinct values of a column, and for each of its places the number of its own.

    Most places share a few objects. So values are told apart as objects first, which is cheap, and
    only then compared.
    """
    objects = list(map(id, column))
    numbers: dict[_Value, int] = {}
    number = {
        key: numbers.setdefault(value, len(numbers))
        for key, value in dict(zip(objects, column, strict=True)).items()
    }
    return list(numbers), list(map(number.__getitem__, objects))


def _items(value: dict[str, Any]) -> MatchedItems:
    """Inverse of :func:`_columns`."""
    said = [verdict_from(verdict) for verdict in value["said"]]
    return MatchedItems(
        digests={AlgorithmId(name): column for name, column in value["digests"].items()},
        matched_by=_spread(value["matched_by"], _algorithms),
        collections=_spread(value["collections"], tuple),
        verdicts=_spread(value["verdicts"], lambda rows: _verdicts(rows, said)),
        peer_collections=_spread(value["peer_collections"], tuple),
        records=_spread(value["records"], lambda rows: _records(rows, said)),
        media_types=_spread(value["media_types"], lambda text: text),
        sizes=value["sizes"],
        further_digests={place: _further(rows) for place, rows in value["further_digests"]},
        matched_digests={place: _further(rows) for place, rows in value.get("matched_digests", ())},
    )


def _spread(numbered: list[Any], convert: Callable[[Any], Any]) -> list[Any]:
    """A column from its table and its numbers."""
    table, numbers = numbered
    return list(map([convert(value) for value in table].__getitem__, numbers))


def _algorithms(names: list[str]) -> tuple[AlgorithmId, ...]:
    return tuple(AlgorithmId(name) for name in names)


def _further(rows: list[list[str]]) -> tuple[tuple[AlgorithmId, str], ...]:
    return tuple((AlgorithmId(name), text) for name, text in rows)


def _verdicts(rows: list[Any], said: list[Verdict]) -> tuple[tuple[str, Verdict], ...]:
    return tuple((name, said[number]) for name, number in rows)


def _records(rows: list[Any], said: list[Verdict]) -> tuple[PeerRecord, ...]:
    return tuple(
        PeerRecord(
            collection, CollectionKind(kind), tuple(said[number] for number in numbers), contact
        )
        for collection, kind, numbers, contact in rows
    )


def _old_item(value: dict[str, Any]) -> MatchedItem:
    """An item of version 1."""
    return MatchedItem(
        digests={AlgorithmId(name): text for name, text in value["digests"].items()},
        matched_by=_algorithms(value["matched_by"]),
        collections=tuple(value["collections"]),
        verdicts=tuple((name, verdict_from(verdict)) for name, verdict in value["verdicts"]),
        peer_collections=tuple(value["peer_collections"]),
        records=tuple(
            PeerRecord(
                record["collection"],
                CollectionKind(record["kind"]),
                tuple(verdict_from(verdict) for verdict in record["verdicts"]),
                record["contact"],
            )
            for record in value["records"]
        ),
        media_type=value["media_type"],
        size=value["size"],
        further_digests=_further(value["further_digests"]),
    )
