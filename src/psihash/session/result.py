"""What a session told this side: the value that is sealed, shown and exported.

Built only after both receipts agree. The JSON form (``to_json``) is what is sealed under the
session's key; it never leaves this agency by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psihash import canonical
from psihash.hashset.model import Category, Dialect, Verdict
from psihash.terms import AlgorithmId, CollectionKind, Learn, Rung, SessionRole

MAX_RESULT_BYTES = 4 * 1024**3
"""Our own sealed result; the bound only stops a damaged file from filling the memory."""


@dataclass(frozen=True, slots=True)
class AlgorithmResult:
    """``own``: distinct digests put in. ``matched``: None on a side that may not learn."""

    own: int
    matched: int | None


@dataclass(frozen=True, slots=True)
class Link:
    """Matched items between one collection here and one there.

    ``peer`` is a name only where a record disclosed it, else the pseudonym from the annex.
    """

    own: str
    peer: str
    matched: int


@dataclass(frozen=True, slots=True)
class PeerRecord:
    """The peer's match record of one item in one of its collections; rung ``records`` only."""

    collection: str
    kind: CollectionKind
    verdicts: tuple[Verdict, ...]
    """Every distinct verdict; its number is the votes."""
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class MatchedItem:
    """One of this side's items that the peer also holds; from rung ``items`` upwards."""

    digests: dict[AlgorithmId, str]
    """The item's own digests, lower hex; the first where it has several of one algorithm."""
    matched_by: tuple[AlgorithmId, ...]
    collections: tuple[str, ...]
    """Own collections that hold it."""
    verdicts: tuple[tuple[str, Verdict], ...]
    """(own collection, verdict)."""
    peer_collections: tuple[str, ...]
    """Pseudonyms, or names at ``records``. Empty where the rung or the engine does not tell."""
    records: tuple[PeerRecord, ...] = ()
    media_type: str | None = None
    size: int | None = None
    further_digests: tuple[tuple[AlgorithmId, str], ...] = ()
    """The others, where lists disagree: the same MD5 stands beside more than one SHA-1."""

    @property
    def identified_there_open_here(self) -> bool:
        """The peer has identified the victim and this side has not: the first thing to see."""
        there = any(v.victim_identified is True for r in self.records for v in r.verdicts)
        here = any(v.victim_identified is True for _, v in self.verdicts)
        return there and not here


@dataclass(frozen=True, slots=True)
class SessionResult:
    """The whole result of one session, as this side may see it."""

    session: str
    peer: str
    agreement: str
    role: SessionRole
    rung: Rung
    learn: Learn
    engine: str
    case: str
    peer_case: str
    opened: str
    closed: str
    algorithms: dict[AlgorithmId, AlgorithmResult]
    matched_items: int | None
    matched_items_min: int | None
    matched_items_max: int | None
    links: tuple[Link, ...]
    items: tuple[MatchedItem, ...]
    """Empty below ``items``. First those identified there and open here."""
    receipt: str
    """SHA-256 over both signed receipts, hex: names this result in logs and talks."""

    def to_json(self) -> bytes:
        return canonical.encode(_result_dict(self))

    @classmethod
    def from_json(cls, data: bytes) -> SessionResult:
        return _result_from(canonical.decode(data, max_bytes=MAX_RESULT_BYTES))


def verdict_dict(verdict: Verdict) -> dict[str, Any]:
    """The JSON form of a verdict, also used in match records on the wire."""
    category = verdict.category
    return {
        "category": None
        if category is None
        else {"dialect": category.dialect.value, "code": category.code, "label": category.label},
        "victim_identified": verdict.victim_identified,
        "offender_identified": verdict.offender_identified,
        "distributed": verdict.distributed,
        "series": list(verdict.series),
        "dated": verdict.dated,
        "submissions": verdict.submissions,
        "country": verdict.country,
        "source": verdict.source,
    }


def verdict_from(value: dict[str, Any]) -> Verdict:
    """Inverse of :func:`verdict_dict` for values that were checked before."""
    category = value["category"]
    return Verdict(
        category=None
        if category is None
        else Category(Dialect(category["dialect"]), category["code"], category["label"]),
        victim_identified=value["victim_identified"],
        offender_identified=value["offender_identified"],
        distributed=value["distributed"],
        series=tuple(value["series"]),
        dated=value["dated"],
        submissions=value["submissions"],
        country=value["country"],
        source=value["source"],
    )


def _item_dict(item: MatchedItem) -> dict[str, Any]:
    return {
        "digests": {name.value: text for name, text in item.digests.items()},
        "matched_by": [name.value for name in item.matched_by],
        "collections": list(item.collections),
        "verdicts": [[name, verdict_dict(verdict)] for name, verdict in item.verdicts],
        "peer_collections": list(item.peer_collections),
        "records": [
            {
                "collection": record.collection,
                "kind": record.kind.value,
                "verdicts": [verdict_dict(verdict) for verdict in record.verdicts],
                "contact": record.contact,
            }
            for record in item.records
        ],
        "media_type": item.media_type,
        "size": item.size,
        "further_digests": [[name.value, text] for name, text in item.further_digests],
    }


def _item_from(value: dict[str, Any]) -> MatchedItem:
    return MatchedItem(
        digests={AlgorithmId(name): text for name, text in value["digests"].items()},
        matched_by=tuple(AlgorithmId(name) for name in value["matched_by"]),
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
        further_digests=tuple((AlgorithmId(name), text) for name, text in value["further_digests"]),
    )


_PLAIN = ("session", "peer", "agreement", "engine", "case", "peer_case", "opened", "closed")
_COUNTS = ("matched_items", "matched_items_min", "matched_items_max")


def _result_dict(result: SessionResult) -> dict[str, Any]:
    plain = {name: getattr(result, name) for name in (*_PLAIN, *_COUNTS, "receipt")}
    return plain | {
        "version": 1,
        "role": result.role.value,
        "rung": result.rung.value,
        "learn": result.learn.value,
        "algorithms": {
            name.value: {"own": part.own, "matched": part.matched}
            for name, part in result.algorithms.items()
        },
        "links": [[link.own, link.peer, link.matched] for link in result.links],
        "items": [_item_dict(item) for item in result.items],
    }


def _result_from(value: dict[str, Any]) -> SessionResult:
    plain = {name: value[name] for name in (*_PLAIN, *_COUNTS, "receipt")}
    return SessionResult(
        **plain,
        role=SessionRole(value["role"]),
        rung=Rung(value["rung"]),
        learn=Learn(value["learn"]),
        algorithms={
            AlgorithmId(name): AlgorithmResult(part["own"], part["matched"])
            for name, part in value["algorithms"].items()
        },
        links=tuple(Link(*link) for link in value["links"]),
        items=tuple(_item_from(item) for item in value["items"]),
    )
