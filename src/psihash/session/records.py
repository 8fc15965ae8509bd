"""Match records: what one side tells of a matched item, and the strict reading of it.

One line of RFC 8785 JSON for each matched element, ``{"records": [...]}``, ended by a line feed;
algorithms in the order of the offer, elements in the order of the tokens. Lines are read one by
one, so that a hostile list costs no more memory than what it says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from psihash import canonical, errors, limits
from psihash.hashset.model import Category, Dialect, Verdict
from psihash.session.blobs import bad, pad, unpad
from psihash.session.result import PeerRecord, verdict_dict
from psihash.terms import AlgorithmId, CollectionKind

_Word = TypeVar("_Word", CollectionKind, Dialect)

MAX_TEXT: Final = 500
MAX_VERDICTS: Final = 256
_SHORT_LINE: Final = 1_024
_MAX_KNOWN: Final = 10_000

RECORD_TOO_LONG = errors.define(
    "record-too-long",
    "a match record of ours is longer than the protocol allows",
    private=True,
)


def encode_records(records: Mapping[AlgorithmId, Sequence[Sequence[PeerRecord]]]) -> bytes:
    """This side's match records, cleaned of control characters and cut to the limits."""
    # What many elements share is one object, and written once.
    every = [row for rows in records.values() for row in rows]
    line = {key: _line(row) for key, row in {id(row): row for row in every}.items()}
    return pad(b"".join(line[id(row)] for row in every))


def decode_records(
    blob: bytes, counts: Mapping[AlgorithmId, int]
) -> dict[AlgorithmId, list[tuple[PeerRecord, ...]]]:
    """Strict inverse; every word of the peer is checked before it can reach a screen."""
    lines = _lines(unpad(blob), sum(counts.values()))
    read = _Elements()
    return {
        algorithm: [read.element(next(lines)) for _ in range(count)]
        for algorithm, count in counts.items()
    }


def _line(records: Sequence[PeerRecord]) -> bytes:
    """One element. Verdicts are left out from the end, of the longest record first, until the line
    fits: 64 KiB hold some hundred."""
    shown = [_record_dict(record) for record in records]
    line = canonical.encode({"records": shown}) + b"\n"
    while len(line) > limits.MAX_RECORD_LINE:
        longest = max(shown, key=lambda record: len(record["verdicts"]))
        if not longest["verdicts"]:
            raise errors.StateError(
                RECORD_TOO_LONG, "a match record is longer than the protocol allows"
            )
        del longest["verdicts"][len(longest["verdicts"]) // 2 :]
        line = canonical.encode({"records": shown}) + b"\n"
    return line


def _lines(data: bytes, count: int) -> Iterator[bytes]:
    """Exactly ``count`` lines, each within the limit. Checked before the first is handed out."""
    if data.count(b"\n") != count or (data and not data.endswith(b"\n")):
        raise bad("the number of records is not the number of matches")
    return _split(data)


def _split(data: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        end = data.index(b"\n", start)
        if end - start >= limits.MAX_RECORD_LINE:
            raise bad("a record is too long")
        yield data[start:end]
        start = end + 1


class _Elements:
    """Reads lines. Many are equal: short ones are remembered, some megabytes of them at most."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[PeerRecord, ...]] = {}

    def element(self, line: bytes) -> tuple[PeerRecord, ...]:
        known = self._known.get(line)
        if known is None:
            known = _element(line)
            if len(line) <= _SHORT_LINE and len(self._known) < _MAX_KNOWN:
                self._known[line] = known
        return known


def _element(line: bytes) -> tuple[PeerRecord, ...]:
    try:
        value = canonical.decode(line, max_bytes=limits.MAX_RECORD_LINE)
    except errors.InputError:
        raise bad("a record is not canonical JSON") from None
    _members(value, {"records"})
    records = value["records"]
    if not isinstance(records, list) or not 1 <= len(records) <= limits.MAX_RECORDS:
        raise bad("a list of records is malformed")
    return tuple(_record_from(record) for record in records)


def clean(text: str) -> str:
    """Text as it may be shown to a peer: printable, one line, at most 500 characters."""
    return "".join(char if char.isprintable() else " " for char in text)[:MAX_TEXT]


def _record_dict(record: PeerRecord) -> dict[str, Any]:
    verdicts = [verdict_dict(verdict) for verdict in record.verdicts[:MAX_VERDICTS]]
    for verdict in verdicts:
        for name in ("dated", "country", "source"):
            if verdict[name] is not None:
                verdict[name] = clean(verdict[name])
        verdict["series"] = [clean(label) for label in verdict["series"][:MAX_VERDICTS]]
        if verdict["category"] is not None:
            verdict["category"]["code"] = clean(verdict["category"]["code"])
            verdict["category"]["label"] = clean(verdict["category"]["label"])
    return {
        "collection": clean(record.collection),
        "kind": record.kind.value,
        "verdicts": verdicts,
        "contact": None if record.contact is None else clean(record.contact),
    }


def _record_from(value: Any) -> PeerRecord:
    _members(value, {"collection", "kind", "verdicts", "contact"})
    verdicts = value["verdicts"]
    if not isinstance(verdicts, list) or len(verdicts) > MAX_VERDICTS:
        raise bad("the verdicts of a record are malformed")
    return PeerRecord(
        collection=_text(value["collection"]),
        kind=_word(CollectionKind, value["kind"]),
        verdicts=tuple(_verdict(verdict) for verdict in verdicts),
        contact=_optional_text(value["contact"]),
    )


_VERDICT_MEMBERS: Final = set(verdict_dict(Verdict()))


def _verdict(value: Any) -> Verdict:
    _members(value, _VERDICT_MEMBERS)
    submissions, series = value["submissions"], value["series"]
    if submissions is not None and (type(submissions) is not int or submissions < 0):
        raise bad("a number of submissions is malformed")
    if not isinstance(series, list) or len(series) > MAX_VERDICTS:
        raise bad("the series of a verdict are malformed")
    return Verdict(
        category=_category(value["category"]),
        victim_identified=_flag(value["victim_identified"]),
        offender_identified=_flag(value["offender_identified"]),
        distributed=_flag(value["distributed"]),
        series=tuple(_text(label) for label in series),
        dated=_optional_text(value["dated"]),
        submissions=submissions,
        country=_optional_text(value["country"]),
        source=_optional_text(value["source"]),
    )


def _category(value: Any) -> Category | None:
    if value is None:
        return None
    _members(value, {"dialect", "code", "label"})
    return Category(_word(Dialect, value["dialect"]), _text(value["code"]), _text(value["label"]))


def _flag(value: Any) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise bad("a flag is neither yes, no nor not stated")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT or clean(value) != value:
        raise bad("a text is malformed")
    return value


def _optional_text(value: Any) -> str | None:
    return None if value is None else _text(value)


def _word(words: type[_Word], value: Any) -> _Word:
    try:
        return words(value)
    except ValueError:
        raise bad("an unknown word") from None


def _members(value: Any, names: set[str]) -> None:
    if not isinstance(value, dict) or set(value) != names:
        raise bad("an object has other members than it should")
