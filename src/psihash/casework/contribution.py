"""``contribution/1``: what a member gives to a centre; its parts, and the centre's answer.

The contribution says what comes and has the SHA-256 of each part, so the one decision about it
covers every item. A part holds rows of one collection: an item's digests in the order of
``algorithms`` (empty where there is none) and the number of what is said of it.
"""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from psihash import canonical
from psihash.agreement.fields import Fields, bad, distinct
from psihash.casework.documents import CaseDocument
from psihash.casework.handling import Handling, read_handling
from psihash.hashset.model import Category, Dialect, Digest, Row, Verdict
from psihash.terms import AlgorithmId, CollectionKind

TYPE: Final = "contribution/1"
PART_TYPE: Final = "contribution-part/1"
ANSWER_TYPE: Final = "contribution-answer/1"

MAX_COLLECTIONS: Final = 64
"""As many as an agreement has."""
MAX_PARTS: Final = 400
MAX_ROWS: Final = 4_000
"""In one part; its bytes are the tighter limit."""
MAX_ITEMS: Final = 250_000
"""In one contribution. What is larger goes in several."""
MAX_PART_BYTES: Final = 150_000
MAX_VERDICTS: Final = 1_000
"""Different ones in one part."""
MAX_SERIES: Final = 16
MAX_LABEL: Final = 100
MAX_LABELS: Final = 64
"""With which one digest may come, over all collections: as many as a publication has of one."""

_ID_BYTES: Final = 32
_PSEUDONYM: Final = re.compile(r"(?:[0-9a-f]{16}|[0-9a-f]{32})?")
_COUNTRY: Final = re.compile(r"(?:[A-Z]{2})?")


class GivenAs(enum.StrEnum):
    """What a collection is to the centre, by the member's hits."""

    NEW = "new"
    """It knew no item of it."""
    ADDITION = "addition"


class Taken(enum.StrEnum):
    """What the centre did."""

    TAKEN = "taken"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class GivenCollection:
    """One collection. ``to``: how the centre told of the one that it adds to, empty for a new one:
    its pseudonym in the central set, or :func:`named` of what a session told."""

    label: str
    kind: CollectionKind
    given_as: GivenAs
    to: str
    items: int

    def to_dict(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "kind": self.kind.value,
            "as": self.given_as.value,
            "to": self.to,
            "items": self.items,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution(CaseDocument):
    """All of it, without the items."""

    TYPE: ClassVar[str] = TYPE

    agreement: str
    case: str
    """The member's case reference."""
    collections: tuple[GivenCollection, ...]
    parts: tuple[str, ...]
    """SHA-256 of each part's content, hex, in order."""
    handling: Handling

    def members(self) -> dict[str, Any]:
        return {
            "agreement": self.agreement,
            "case": self.case,
            "collections": [each.to_dict() for each in self.collections],
            "parts": list(self.parts),
            "handling": self.handling.to_dict(),
        }

    def count(self, given_as: GivenAs) -> int:
        """How many collections are given as that."""
        return sum(each.given_as is given_as for each in self.collections)

    @property
    def items(self) -> int:
        return sum(each.items for each in self.collections)


@dataclass(frozen=True, slots=True)
class PartContent:
    """Rows of one collection, by its place in the contribution."""

    collection: int
    algorithms: tuple[AlgorithmId, ...]
    verdicts: tuple[Verdict, ...]
    rows: tuple[tuple[tuple[str, ...], int], ...]
    """(digests in lower hex, number of the verdict)."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "collection": self.collection,
            "algorithms": [name.value for name in self.algorithms],
            "verdicts": [_verdict_dict(each) for each in self.verdicts],
            "rows": [[*digests, number] for digests, number in self.rows],
        }

    @property
    def digest(self) -> str:
        """SHA-256, hex: what the contribution names it by."""
        return hashlib.sha256(canonical.encode(self.to_dict())).hexdigest()

    def items(self, source: str) -> Iterator[Row]:
        """The rows as an import takes them; ``source`` is said of each item."""
        for digests, number in self.rows:
            held = tuple(
                Digest(name, bytes.fromhex(text))
                for name, text in zip(self.algorithms, digests, strict=True)
                if text
            )
            said = self.verdicts[number]
            yield Row(
                held,
                Verdict(
                    category=said.category,
                    victim_identified=said.victim_identified,
                    series=said.series,
                    country=said.country,
                    source=source,
                ),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributionPart(CaseDocument):
    """One part. It is nothing without the contribution that names it."""

    TYPE: ClassVar[str] = PART_TYPE

    contribution: str
    number: int
    content: PartContent

    def members(self) -> dict[str, Any]:
        return {
            "contribution": self.contribution,
            "number": self.number,
            "content": self.content.to_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributionAnswer(CaseDocument):
    """What the centre did with a contribution."""

    TYPE: ClassVar[str] = ANSWER_TYPE

    contribution: str
    step: Taken

    def members(self) -> dict[str, Any]:
        return {"contribution": self.contribution, "step": self.step.value}


def read(fields: Fields, common: dict[str, Any]) -> Contribution:
    """The members of this type. Raises InputError (``bad-document``)."""
    made = Contribution(
        agreement=fields.hexadecimal("agreement", _ID_BYTES).hex(),
        case=fields.text("case", empty=True),
        collections=tuple(
            _collection(each) for each in fields.sequence("collections", 1, MAX_COLLECTIONS)
        ),
        parts=_digests(fields.sequence("parts", 1, MAX_PARTS)),
        handling=read_handling(fields.take("handling"), "the contribution: handling"),
        **common,
    )
    if made.items > MAX_ITEMS:
        raise bad("the contribution: it has too many items")
    return made


def read_part(fields: Fields, common: dict[str, Any]) -> ContributionPart:
    """The members of this type. Raises InputError (``bad-document``)."""
    return ContributionPart(
        contribution=fields.hexadecimal("contribution", _ID_BYTES).hex(),
        number=fields.integer("number", 0, MAX_PARTS - 1),
        content=_content(fields.take("content")),
        **common,
    )


def read_answer(fields: Fields, common: dict[str, Any]) -> ContributionAnswer:
    """The members of this type. Raises InputError (``bad-document``)."""
    return ContributionAnswer(
        contribution=fields.hexadecimal("contribution", _ID_BYTES).hex(),
        step=fields.choice("step", Taken),
        **common,
    )


def named(agreement: str, name: str) -> str:
    """What a contribution calls a collection of which a session told: ``name`` is what its annex
    calls it, or what a record disclosed. For looking it up, not for hiding it. ``agreement`` in
    hex."""
    parts = (b"psihash/contribution/to/1", bytes.fromhex(agreement), name.encode())
    return hashlib.sha256(canonical.framed(*parts)).hexdigest()[:32]


def told(verdict: Verdict) -> Verdict:
    """What of a verdict of ours a contribution can say."""
    category = verdict.category
    return Verdict(
        category=None
        if category is None
        else Category(category.dialect, _cut(category.code), _cut(category.label)),
        victim_identified=verdict.victim_identified,
        series=tuple(dict.fromkeys(filter(None, map(_cut, verdict.series))))[:MAX_SERIES],
        country=verdict.country if _COUNTRY.fullmatch(verdict.country or "") else None,
    )


def size_of(verdict: Verdict) -> int:
    """Bytes that a verdict takes in a part."""
    return len(canonical.encode(_verdict_dict(verdict))) + 1


def row_size(digests: Sequence[str]) -> int:
    """Bytes that an item takes in a part, beside its verdict."""
    return sum(map(len, digests)) + 3 * len(digests) + 8


def _cut(text: str) -> str:
    shown = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(shown.split())[:MAX_LABEL].strip()


def _verdict_dict(verdict: Verdict) -> dict[str, Any]:
    category = verdict.category
    return {
        "category": []
        if category is None
        else [category.dialect.value, category.code, category.label],
        "identified": {None: "", True: "yes", False: "no"}[verdict.victim_identified],
        "series": list(verdict.series),
        "country": verdict.country or "",
    }


def _collection(value: Any) -> GivenCollection:
    fields = Fields(value, "a collection of the contribution")
    found = GivenCollection(
        label=_text(fields, "label"),
        kind=fields.choice("kind", CollectionKind),
        given_as=fields.choice("as", GivenAs),
        to=fields.matching("to", _PSEUDONYM),
        items=fields.integer("items", 1, MAX_ITEMS),
    )
    fields.done()
    if (found.given_as is GivenAs.NEW) is bool(found.to):
        raise bad("a collection of the contribution: an addition is to something, and new is not")
    return found


def _digests(values: Sequence[Any]) -> tuple[str, ...]:
    if not all(isinstance(each, str) and re.fullmatch("[0-9a-f]{64}", each) for each in values):
        raise bad("the contribution: a part is not named by its digest")
    return distinct(tuple(values), "the contribution: parts")


def _content(value: Any) -> PartContent:
    fields = Fields(value, "a part of a contribution")
    algorithms = fields.choices("algorithms", AlgorithmId)
    verdicts = tuple(_verdict(each) for each in fields.sequence("verdicts", 1, MAX_VERDICTS))
    found = PartContent(
        collection=fields.integer("collection", 0, MAX_COLLECTIONS - 1),
        algorithms=algorithms,
        verdicts=verdicts,
        rows=tuple(
            _row(each, algorithms, len(verdicts)) for each in fields.sequence("rows", 1, MAX_ROWS)
        ),
    )
    fields.done()
    return found


def _row(
    value: Any, algorithms: tuple[AlgorithmId, ...], verdicts: int
) -> tuple[tuple[str, ...], int]:
    if not isinstance(value, list) or len(value) != len(algorithms) + 1:
        raise bad("a row of a contribution has not one digest for each algorithm, and a number")
    *digests, number = value
    if type(number) is not int or not 0 <= number < verdicts or not any(digests):
        raise bad("a row of a contribution has no digest, or says something that is not there")
    for name, text in zip(algorithms, digests, strict=True):
        if not isinstance(text, str) or not _DIGEST[name].fullmatch(text):
            raise bad("a row of a contribution has something that is no digest")
    return tuple(digests), number


_DIGEST: Final = {
    name: re.compile(rf"(?:[0-9a-f]{{{2 * name.digest_bytes}}})?") for name in AlgorithmId
}


def _verdict(value: Any) -> Verdict:
    fields = Fields(value, "what a contribution says of items")
    category = fields.sequence("category", 0, 3)
    identified = fields.string("identified")
    series = fields.sequence("series", 0, MAX_SERIES)
    country = fields.matching("country", _COUNTRY)
    fields.done()
    flags = {"": None, "yes": True, "no": False}
    if identified not in flags:
        raise bad("what a contribution says of items: identified is yes, no or empty")
    return Verdict(
        category=_category(category),
        victim_identified=flags[identified],
        series=distinct(tuple(_label(each) for each in series), "the series of a contribution"),
        country=country or None,
    )


def _category(value: list[Any]) -> Category | None:
    if not value:
        return None
    if len(value) != 3:
        raise bad("a category of a contribution has not its three parts")
    fields = Fields(dict(zip(("dialect", "code", "label"), value, strict=True)), "a category")
    return Category(
        fields.choice("dialect", Dialect),
        _text(fields, "code", empty=True),
        _text(fields, "label", empty=True),
    )


def _label(value: Any) -> str:
    return _text(Fields({"label": value}, "a series of a contribution"), "label")


def _text(fields: Fields, name: str, *, empty: bool = False) -> str:
    """A text that may name something in the holdings: there a name has no space but the plain one,
    and :func:`told` leaves no other."""
    found = fields.text(name, empty=empty, limit=MAX_LABEL)
    if not found.isprintable():
        raise bad("a label of a contribution has characters that no name in the holdings has")
    return found
