"""What a centre says of its items: the record of each series, and its pseudonyms.

A pseudonym is a keyed hash, the same in every epoch, so that members and the centre can speak about
a collection without its name.
"""

from __future__ import annotations

import hmac
from typing import Final

from psihash.canonical import framed
from psihash.central.records import (
    CANARY_TEXT,
    MAX_CODE,
    MAX_CONTACT,
    MAX_LABEL,
    PSEUDONYM_HEX,
    SeriesRecord,
    cut,
)
from psihash.hashset.model import Category, Verdict
from psihash.node.node import Node

_PURPOSE: Final = "central pseudonyms"
_COLLECTION: Final = b"collection"
_SERIES: Final = b"series"


class Labels:
    """Gives each distinct record a number, in the order in which they come up."""

    def __init__(self, node: Node, contact: str) -> None:
        self._key = node.storage_key(_PURPOSE)
        self._kinds = {info.name: info.kind for info in node.stores.holdings.collections()}
        self._contact = cut(_shown(contact), MAX_CONTACT)
        self._numbers: dict[str, int] = {}

    @property
    def texts(self) -> list[str]:
        """The records by number."""
        return list(self._numbers)

    @property
    def canary(self) -> int:
        """The number of the record of canaries."""
        return self._number(CANARY_TEXT)

    def of(self, collection: str, verdict: Verdict) -> list[int]:
        """The records of what a collection says of an item: one for each series it names there."""
        record = SeriesRecord(
            collection=self._pseudonym(_COLLECTION, collection),
            kind=self._kinds[collection],
            category=_category(verdict.category),
            victim_identified=verdict.victim_identified,
            country=cut(_shown(verdict.country or ""), 2),
            contact=self._contact,
        )
        if not verdict.series:
            return [self._number(record.to_text())]
        texts = []
        for name in verdict.series:
            series = self._pseudonym(_SERIES, collection, name)
            texts.append(_with_series(record, series).to_text())
        return [self._number(text) for text in dict.fromkeys(texts)]

    def _number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers))

    def _pseudonym(self, *parts: bytes | str) -> str:
        return _pseudonym(self._key, *parts)


def collection_of(node: Node, pseudonym: str) -> str | None:
    """The collection here that members know under a pseudonym; None where there is none."""
    key = node.storage_key(_PURPOSE)
    for info in node.stores.holdings.collections():
        if _pseudonym(key, _COLLECTION, info.name) == pseudonym:
            return info.name
    return None


def _pseudonym(key: bytes, *parts: bytes | str) -> str:
    joined = framed(*(part.encode() if isinstance(part, str) else part for part in parts))
    return hmac.digest(key, joined, "sha256")[: PSEUDONYM_HEX // 2].hex()


def _with_series(record: SeriesRecord, series: str) -> SeriesRecord:
    return SeriesRecord(
        collection=record.collection,
        kind=record.kind,
        series=series,
        category=record.category,
        victim_identified=record.victim_identified,
        country=record.country,
        contact=record.contact,
    )


def _category(category: Category | None) -> Category | None:
    if category is None:
        return None
    code, label = cut(_shown(category.code), MAX_CODE), cut(_shown(category.label), MAX_LABEL)
    return Category(category.dialect, code, label)


def _shown(text: str) -> str:
    """The text without what a record may not hold."""
    return "".join(each for each in text if each.isprintable())
