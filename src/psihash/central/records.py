"""What is told about a hit: the record of its series, sealed under the key of the series.

A record is AES-128-GCM-SIV over a text of one length, with a key that serves this one record. The
capsule of an entry holds the number and the key of its series, so whoever holds an item of the
series opens it, and nobody else. The associated data is the epoch, the delta and the number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Final

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from psihash import bulk, canonical, errors
from psihash.bulk import Bytes2D
from psihash.canonical import framed
from psihash.central import derive
from psihash.central.layout import NUMBER_BYTES, RECORD_BYTES, SERIES_KEY_BYTES
from psihash.hashset.model import Category, Dialect, Verdict
from psihash.terms import CollectionKind

BAD_RECORD = errors.define(
    "central-bad-record", "a record of a central set opens and is not made as docs/central.md says"
)
NO_GCM_SIV = errors.define(
    "central-no-gcm-siv", "the installed cryptography library has no AES-GCM-SIV"
)

PSEUDONYM_HEX: Final = 16
MAX_CODE: Final = 32
MAX_LABEL: Final = 64
MAX_CONTACT: Final = 96

_TAG_BYTES: Final = 16
_TEXT_BYTES: Final = RECORD_BYTES - _TAG_BYTES
_LENGTH_BYTES: Final = 2
_NONCE: Final = bytes(12)
"""A key seals one record, so its nonce says nothing."""
_KEYS: Final = b"psihash/central/series-key/1"
_CONTEXT: Final = b"psihash/central/record/1"
_CANARY: Final = "canary"


@dataclass(frozen=True, slots=True)
class SeriesRecord:
    """One series at the centre. ``collection`` and ``series`` are pseudonyms."""

    collection: str
    kind: CollectionKind
    series: str = ""
    """Of a series that lists name within the collection; empty for the collection's own."""
    category: Category | None = None
    victim_identified: bool | None = None
    country: str = ""
    contact: str = ""

    @property
    def verdict(self) -> Verdict:
        return Verdict(
            category=self.category,
            victim_identified=self.victim_identified,
            series=(self.series,) if self.series else (),
            country=self.country or None,
        )

    def to_text(self) -> str:
        """RFC 8785 JSON; equal records have equal text."""
        return canonical.encode(_stated(self)).decode()


CANARY_TEXT: Final = canonical.encode({_CANARY: True}).decode()
"""The record of canaries."""


def parse_text(text: str) -> SeriesRecord | None:
    """Strict inverse of :meth:`SeriesRecord.to_text`; None for that of canaries. Raises
    ProtocolError ``central-bad-record``."""
    try:
        value = canonical.decode(text.encode(), max_bytes=_TEXT_BYTES)
        if value == {_CANARY: True}:
            return None
        record = _read(value)
    except (errors.InputError, ValueError, TypeError, KeyError):
        raise _bad() from None
    if record.to_text() != text:
        raise _bad()
    return record


def series_keys(label_seed: bytes, delta: int, count: int) -> Bytes2D:
    """The keys (count, 16) of a publication's series, by number."""
    numbers = b"".join(number.to_bytes(NUMBER_BYTES, "big") for number in range(count))
    prefix = framed(_KEYS, label_seed, delta.to_bytes(8, "big"))
    if not count:
        return bulk.rows(b"", SERIES_KEY_BYTES)
    return bulk.hash_rows(prefix, bulk.rows(numbers, NUMBER_BYTES))[:, :SERIES_KEY_BYTES].copy()


def seal_all(
    centre: str, epoch: int, delta: int, texts: Sequence[str], keys: Bytes2D
) -> list[bytes]:
    """The sealed records of a publication, 384 bytes each, by number."""
    where = _where(centre, epoch, delta)
    return [
        _cipher(key.tobytes()).encrypt(_NONCE, _padded(text), where + _number(number))
        for number, (text, key) in enumerate(zip(texts, keys, strict=True))
    ]


def open_record(
    centre: str, epoch: int, delta: int, number: int, key: bytes, sealed: bytes
) -> str | None:
    """The text of a record; None where the key is not its own."""
    try:
        text = _cipher(key).decrypt(_NONCE, sealed, _where(centre, epoch, delta) + _number(number))
    except InvalidTag:
        return None
    length = int.from_bytes(text[:_LENGTH_BYTES], "big")
    body, rest = text[_LENGTH_BYTES:][:length], text[_LENGTH_BYTES + length :]
    if len(body) != length or any(rest):
        raise _bad()
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise _bad() from None


def cut(text: str, most: int) -> str:
    """As much of a text as has a place in a record: ``most`` bytes as JSON writes it."""
    while len(canonical.encode({"": text})) - len(canonical.encode({"": ""})) > most:
        text = text[:-1]
    return text


def _cipher(key: bytes) -> AESGCMSIV:
    try:
        return AESGCMSIV(key)
    except UnsupportedAlgorithm:
        raise errors.UnavailableError(
            NO_GCM_SIV, "the cryptography library here has no AES-GCM-SIV"
        ) from None


def _padded(text: str) -> bytes:
    body = text.encode()
    if len(body) > _TEXT_BYTES - _LENGTH_BYTES:
        raise errors.InputError(BAD_RECORD, "a record is too long")
    return (len(body).to_bytes(_LENGTH_BYTES, "big") + body).ljust(_TEXT_BYTES, b"\0")


@lru_cache(maxsize=64)
def _where(centre: str, epoch: int, delta: int) -> bytes:
    return framed(_CONTEXT, derive.epoch_id(centre, epoch), delta.to_bytes(8, "big"))


def _number(number: int) -> bytes:
    return number.to_bytes(NUMBER_BYTES, "big")


def _stated(record: SeriesRecord) -> dict[str, Any]:
    """What a record states; members that state nothing are left out."""
    found = {each.name: getattr(record, each.name) for each in fields(record)}
    category = record.category
    if category is not None:
        found["category"] = [category.dialect.value, category.code, category.label]
    found["kind"] = record.kind.value
    return {name: value for name, value in found.items() if value not in (None, "")}


def _read(value: dict[str, Any]) -> SeriesRecord:
    known = {each.name for each in fields(SeriesRecord)}
    if not set(value) <= known:
        raise ValueError
    category = value.pop("category", None)
    if category is not None:
        dialect, code, label = category
        category = Category(Dialect(dialect), _text(code, MAX_CODE), _text(label, MAX_LABEL))
    identified = value.pop("victim_identified", None)
    if identified is not None and not isinstance(identified, bool):
        raise ValueError
    return SeriesRecord(
        collection=_pseudonym(value["collection"]),
        kind=CollectionKind(value["kind"]),
        series=_pseudonym(value["series"]) if "series" in value else "",
        category=category,
        victim_identified=identified,
        country=_text(value.get("country", ""), 2),
        contact=_text(value.get("contact", ""), MAX_CONTACT),
    )


def _text(value: Any, most: int) -> str:
    if not isinstance(value, str) or len(value) > most or not value.isprintable():
        raise ValueError
    return value


def _pseudonym(value: Any) -> str:
    text = _text(value, PSEUDONYM_HEX)
    if len(bytes.fromhex(text)) * 2 != PSEUDONYM_HEX or text != text.lower():
        raise ValueError
    return text


def _bad() -> errors.ProtocolError:
    return errors.ProtocolError(BAD_RECORD, "a record of the central set is malformed")
