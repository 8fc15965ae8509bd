"""What a session told this side: the value that is sealed, shown and exported.

Built only after both receipts agree. What is sealed under the session's key is its JSON form, see
:mod:`psihash.session.sealed_form`; it never leaves this agency by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, repeat
from operator import eq
from typing import Any, Final, NamedTuple, overload

from psihash.hashset.model import Category, Dialect, Verdict
from psihash.terms import AlgorithmId, CollectionKind, Learn, Rung, SessionRole


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


class MatchedItem(NamedTuple):
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
    matched_digests: tuple[tuple[AlgorithmId, str], ...] = ()
    """Which digests matched, where the item has further ones; else :attr:`found_by` says it."""

    @property
    def found_by(self) -> tuple[tuple[AlgorithmId, str], ...]:
        """The digests that matched in the session, in the order of ``matched_by``. An algorithm of
        which several digests are held and none was noted is left out: a result of an earlier
        version does not say which of them it was."""
        several = {name for name, _ in self.further_digests}
        found: list[tuple[AlgorithmId, str]] = []
        for name in self.matched_by:
            if name in several:
                found += [each for each in self.matched_digests if each[0] is name]
            elif name in self.digests:
                found.append((name, self.digests[name]))
        return tuple(found)

    @property
    def identified_there_open_here(self) -> bool:
        """The peer has identified the victim and this side has not: the first thing to see."""
        if not self.records:
            return False
        there = any(v.victim_identified is True for r in self.records for v in r.verdicts)
        here = any(v.victim_identified is True for _, v in self.verdicts)
        return there and not here


@dataclass(frozen=True, slots=True, eq=False)
class MatchedItems(Sequence[MatchedItem]):
    """Any number of matched items, in columns: an item is made when it is looked at. What items
    have in common (names, verdicts, records) is one object for all of them."""

    digests: dict[AlgorithmId, list[str | None]] = field(default_factory=dict)
    """In the order of the algorithms."""
    matched_by: list[tuple[AlgorithmId, ...]] = field(default_factory=list)
    collections: list[tuple[str, ...]] = field(default_factory=list)
    verdicts: list[tuple[tuple[str, Verdict], ...]] = field(default_factory=list)
    peer_collections: list[tuple[str, ...]] = field(default_factory=list)
    records: list[tuple[PeerRecord, ...]] = field(default_factory=list)
    media_types: list[str | None] = field(default_factory=list)
    sizes: list[int | None] = field(default_factory=list)
    further_digests: dict[int, tuple[tuple[AlgorithmId, str], ...]] = field(default_factory=dict)
    """By place; few items have any."""
    matched_digests: dict[int, tuple[tuple[AlgorithmId, str], ...]] = field(default_factory=dict)
    """By place, for those that have further digests."""

    @classmethod
    def of(cls, items: Iterable[MatchedItem]) -> MatchedItems:
        """Items in columns."""
        if isinstance(items, MatchedItems):
            return items
        rows = tuple(items)
        named = {name for item in rows for name in item.digests}
        return cls(
            {name: [each.digests.get(name) for each in rows] for name in sorted(named, key=_ORDER)},
            [each.matched_by for each in rows],
            [each.collections for each in rows],
            [each.verdicts for each in rows],
            [each.peer_collections for each in rows],
            [each.records for each in rows],
            [each.media_type for each in rows],
            [each.size for each in rows],
            {
                place: each.further_digests
                for place, each in enumerate(rows)
                if each.further_digests
            },
            {
                place: each.matched_digests
                for place, each in enumerate(rows)
                if each.matched_digests
            },
        )

    def at(self, places: Sequence[int]) -> MatchedItems:
        """The items at some places, in that order."""
        return MatchedItems(
            digests={name: [texts[k] for k in places] for name, texts in self.digests.items()},
            further_digests=_picked(self.further_digests, places),
            matched_digests=_picked(self.matched_digests, places),
            **{name: [column[k] for k in places] for name, column in self._plain().items()},
        )

    def __add__(self, other: MatchedItems) -> MatchedItems:
        names = sorted({*self.digests, *other.digests}, key=_ORDER)
        theirs = other._plain()
        return MatchedItems(
            digests={name: self._texts(name) + other._texts(name) for name in names},
            further_digests=self.further_digests | _moved(other.further_digests, len(self)),
            matched_digests=self.matched_digests | _moved(other.matched_digests, len(self)),
            **{name: column + theirs[name] for name, column in self._plain().items()},
        )

    def _texts(self, name: AlgorithmId) -> list[str | None]:
        return self.digests.get(name) or [None] * len(self)

    def __len__(self) -> int:
        return len(self.matched_by)

    def __iter__(self) -> Iterator[MatchedItem]:
        names, none = tuple(self.digests), ()
        texts = zip(*self.digests.values(), strict=True) if names else repeat(none)
        further = map(self.further_digests.get, count(), repeat(none))
        found = map(self.matched_digests.get, count(), repeat(none))
        columns = zip(texts, *self._plain().values(), further, found, strict=False)
        for carried, *facts in columns:
            digests = {name: text for name, text in zip(names, carried, strict=True) if text}
            yield MatchedItem._make((digests, *facts))

    @overload
    def __getitem__(self, place: int) -> MatchedItem: ...

    @overload
    def __getitem__(self, place: slice) -> MatchedItems: ...

    def __getitem__(self, place: int | slice) -> MatchedItem | MatchedItems:
        if isinstance(place, slice):
            return self.at(range(len(self))[place])
        (item,) = self.at([range(len(self))[place]])
        return item

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]

    def _plain(self) -> dict[str, list[Any]]:
        """The columns that hold what the items do, in the order of the items' fields."""
        return {
            "matched_by": self.matched_by,
            "collections": self.collections,
            "verdicts": self.verdicts,
            "peer_collections": self.peer_collections,
            "records": self.records,
            "media_types": self.media_types,
            "sizes": self.sizes,
        }


_ORDER: Final = tuple(AlgorithmId).index
_Sparse = dict[int, tuple[tuple[AlgorithmId, str], ...]]


def _picked(column: _Sparse, places: Sequence[int]) -> _Sparse:
    return {place: column[k] for place, k in enumerate(places if column else ()) if k in column}


def _moved(column: _Sparse, by: int) -> _Sparse:
    return {by + place: texts for place, texts in column.items()}


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
    items: MatchedItems
    """Empty below ``items``. First those identified there and open here."""
    receipt: str
    """SHA-256 over both signed receipts, hex: names this result in logs and talks."""
    quarantined: MatchedItems = field(default_factory=MatchedItems)
    """Items that match too much (:mod:`psihash.session.quarantine`): they count in
    ``matched_items`` and stand neither in ``items`` nor in ``links``."""

    def with_quarantined(self) -> SessionResult:
        """The same with all items among ``items``. The links stay as they are."""
        return replace(self, items=self.items + self.quarantined, quarantined=MatchedItems())

    def to_json(self) -> bytes:
        """The form that is sealed; equal results of one process have equal bytes."""
        from psihash.session import sealed_form

        return sealed_form.encode(self)

    @classmethod
    def from_json(cls, data: bytes) -> SessionResult:
        """Inverse of :meth:`to_json`, and of that of earlier versions."""
        from psihash.session import sealed_form

        return sealed_form.decode(data)


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
