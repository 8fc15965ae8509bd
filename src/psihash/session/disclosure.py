"""Labels and records: what is told about matched items, and the strict reading of it.

Both blobs are RFC 8785 JSON behind an eight-byte length, padded with zeros to a quarter octave,
so that their size on the wire shows a class and not the number of hits. For each algorithm of the
offer they hold one entry per matched element, in the order of the tokens, which both sides know.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from psihash import canonical, errors, limits
from psihash.hashset.model import Category, Dialect, Verdict
from psihash.session.result import PeerRecord, verdict_dict
from psihash.terms import AlgorithmId, CollectionKind

BAD_DISCLOSURE = errors.define(
    "bad-disclosure", "the peer's labels, openings or records are malformed or too large"
)

_Word = TypeVar("_Word", CollectionKind, Dialect)

MAX_TEXT: Final = 500
MAX_VERDICTS: Final = 256
_PAD_MIN: Final = 4096


def pad(data: bytes) -> bytes:
    """Length, data and zeros up to the next quarter octave from 4,096 bytes."""
    need = len(data) + 8
    step = max(0, math.ceil(4 * math.log2(need / _PAD_MIN)))
    size = max(need, math.ceil(_PAD_MIN * 2 ** (step / 4)))
    return len(data).to_bytes(8, "big") + data + bytes(size - need)


def unpad(blob: bytes) -> bytes:
    length = int.from_bytes(blob[:8], "big")
    if len(blob) < 8 or length > len(blob) - 8 or any(blob[8 + length :]):
        raise _bad("the padding is wrong")
    return blob[8 : 8 + length]


def parts(blob: bytes) -> Iterator[tuple[bytes, bool]]:
    """Cut a blob into messages; the flag says that more follow."""
    size = limits.MAX_ENGINE_FRAME
    for start in range(0, len(blob), size):
        yield blob[start : start + size], start + size < len(blob)


class Collector:
    """Puts the parts of a blob together again, up to a limit that the matches justify."""

    def __init__(self, matches: int) -> None:
        allowed = 2 * _PAD_MIN + 2 * matches * limits.MAX_BLOB_BYTES_PER_MATCH
        self._limit = min(limits.MAX_BLOB_BYTES, allowed)
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> None:
        self._size += len(part)
        if not part or self._size > self._limit:
            raise _bad("the blob is larger than the matches justify")
        self._parts.append(part)

    def blob(self) -> bytes:
        return b"".join(self._parts)


def encode_labels(labels: Mapping[AlgorithmId, Sequence[Sequence[str]]]) -> bytes:
    """Pseudonyms of the collections that hold each matched element."""
    names = sorted({name for rows in labels.values() for row in rows for name in row})
    number = {name: place for place, name in enumerate(names)}
    return pad(
        canonical.encode(
            {
                "collections": names,
                "elements": {
                    algorithm.value: [sorted(number[name] for name in row) for row in rows]
                    for algorithm, rows in labels.items()
                },
            }
        )
    )


def decode_labels(
    blob: bytes, counts: Mapping[AlgorithmId, int], allowed: Mapping[str, CollectionKind]
) -> dict[AlgorithmId, list[tuple[str, ...]]]:
    """Strict inverse: exactly the expected algorithms and numbers, known pseudonyms only."""
    value = _json(blob)
    _members(value, {"collections", "elements"})
    names, elements = value["collections"], value["elements"]
    if not isinstance(names, list) or any(
        not isinstance(name, str) or name not in allowed for name in names
    ):
        raise _bad("a label names a collection that the annex does not offer")
    if names != sorted(set(names)):
        raise _bad("the labels' collections are not sorted, or one stands twice")
    _members(elements, {algorithm.value for algorithm in counts})
    return {
        algorithm: [_label_row(row, names) for row in _rows(elements[algorithm.value], count)]
        for algorithm, count in counts.items()
    }


def _label_row(row: Any, names: list[str]) -> tuple[str, ...]:
    good = (
        isinstance(row, list)
        and bool(row)
        and all(type(place) is int and 0 <= place < len(names) for place in row)
        and row == sorted(set(row))
    )
    if not good:
        raise _bad("a label is malformed")
    return tuple(names[place] for place in row)


def encode_records(records: Mapping[AlgorithmId, Sequence[Sequence[PeerRecord]]]) -> bytes:
    """This side's match records, cleaned of control characters and cut to the limits."""
    return pad(
        canonical.encode(
            {
                "elements": {
                    algorithm.value: [[_record_dict(record) for record in row] for row in rows]
                    for algorithm, rows in records.items()
                }
            }
        )
    )


def decode_records(
    blob: bytes, counts: Mapping[AlgorithmId, int]
) -> dict[AlgorithmId, list[tuple[PeerRecord, ...]]]:
    """Strict inverse; every word of the peer is checked before it can reach a screen."""
    value = _json(blob)
    _members(value, {"elements"})
    elements = value["elements"]
    _members(elements, {algorithm.value for algorithm in counts})
    return {
        algorithm: [
            tuple(_record_from(record) for record in _records_of(row))
            for row in _rows(elements[algorithm.value], count)
        ]
        for algorithm, count in counts.items()
    }


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


def _records_of(row: Any) -> list[Any]:
    if not isinstance(row, list) or not 1 <= len(row) <= limits.MAX_COLLECTIONS:
        raise _bad("a list of records is malformed")
    return row


def _record_from(value: Any) -> PeerRecord:
    _members(value, {"collection", "kind", "verdicts", "contact"})
    verdicts = value["verdicts"]
    if not isinstance(verdicts, list) or len(verdicts) > MAX_VERDICTS:
        raise _bad("the verdicts of a record are malformed")
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
        raise _bad("a number of submissions is malformed")
    if not isinstance(series, list) or len(series) > MAX_VERDICTS:
        raise _bad("the series of a verdict are malformed")
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
        raise _bad("a flag is neither yes, no nor not stated")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT or clean(value) != value:
        raise _bad("a text is malformed")
    return value


def _optional_text(value: Any) -> str | None:
    return None if value is None else _text(value)


def _word(words: type[_Word], value: Any) -> _Word:
    try:
        return words(value)
    except ValueError:
        raise _bad("an unknown word") from None


def _rows(value: Any, count: int) -> list[Any]:
    if not isinstance(value, list) or len(value) != count:
        raise _bad("the number of entries is not the number of matches")
    return value


def _members(value: Any, names: set[str]) -> None:
    if not isinstance(value, dict) or set(value) != names:
        raise _bad("an object has other members than it should")


def _json(blob: bytes) -> dict[str, Any]:
    try:
        return canonical.decode(unpad(blob), max_bytes=limits.MAX_BLOB_BYTES)
    except errors.InputError:
        raise _bad("the blob is not canonical JSON") from None


def _bad(message: str) -> errors.ProtocolError:
    return errors.ProtocolError(BAD_DISCLOSURE, message)
