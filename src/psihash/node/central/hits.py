"""From entries that were opened to hits: items of ours with what the centre says of them."""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from psihash.canonical import framed
from psihash.central.records import SeriesRecord, parse_text
from psihash.hashset.store import HeldItem
from psihash.node.central.outcome import REFERENCE_BYTES, CentralHit
from psihash.node.node import Node
from psihash.psi.encoding import token
from psihash.session.result import MatchedItem, PeerRecord
from psihash.terms import AlgorithmId

_PURPOSE: Final = "central hits"


@dataclass(slots=True)
class _Found:
    """One item and the entries of its digests."""

    item: HeldItem
    matched_by: set[AlgorithmId] = field(default_factory=set)
    records: list[SeriesRecord] = field(default_factory=list)


def standing(
    node: Node, agreement: str, epoch: int, names: Sequence[str], known: frozenset[str]
) -> tuple[CentralHit, ...]:
    """The hits in some collections: first those identified there and open here. ``known`` are the
    references of those that stood before."""
    key = node.storage_key(_PURPOSE)
    hits = [
        _hit(key, agreement, epoch, found, known)
        for found in _collected(node, agreement, epoch, names).values()
    ]
    hits.sort(key=lambda hit: (not hit.item.identified_there_open_here, hit.reference))
    return tuple(hits)


def _collected(node: Node, agreement: str, epoch: int, names: Sequence[str]) -> dict[int, _Found]:
    texts: dict[AlgorithmId, dict[bytes, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in node.stores.copies.opened(agreement, epoch):
        texts[AlgorithmId(row.algorithm)][row.raw].append(row.body)
    parsed: dict[str, SeriesRecord | None] = {}
    found: dict[int, _Found] = {}
    for algorithm, by_digest in texts.items():
        raws = list(by_digest)
        held = node.stores.holdings.held_items(algorithm, raws, list(names))
        for raw, items in zip(raws, held, strict=True):
            for item in items:
                each = found.setdefault(item.item_id, _Found(item))
                each.matched_by.add(algorithm)
                for text in by_digest[raw]:
                    if text not in parsed:
                        parsed[text] = parse_text(text)
                    record = parsed[text]
                    if record is not None and record not in each.records:
                        each.records.append(record)
    return found


def _hit(
    key: bytes, agreement: str, epoch: int, found: _Found, known: frozenset[str]
) -> CentralHit:
    digests: dict[AlgorithmId, str] = {}
    further = []
    for digest in found.item.digests:
        text = digest.raw.hex()
        if digest.algorithm in digests:
            further.append((digest.algorithm, text))
        else:
            digests[digest.algorithm] = text
    records = tuple(_peer_record(each) for each in sorted(found.records, key=_order))
    item = MatchedItem(
        digests=digests,
        matched_by=tuple(name for name in AlgorithmId if name in found.matched_by),
        collections=found.item.collections,
        verdicts=found.item.verdicts,
        peer_collections=tuple(dict.fromkeys(each.collection for each in records)),
        records=records,
        media_type=found.item.media_type,
        size=found.item.size,
        further_digests=tuple(further),
    )
    reference = _reference(key, agreement, digests)
    return CentralHit(reference, found.item.item_id, item, epoch, is_new=reference not in known)


def _reference(key: bytes, agreement: str, digests: dict[AlgorithmId, str]) -> str:
    """The same item has the same, by the digest that identifies it."""
    name, text = next(iter(digests.items()))
    message = framed(bytes.fromhex(agreement), name.encode(), token(name, bytes.fromhex(text)))
    return hmac.digest(key, message, "sha256")[:REFERENCE_BYTES].hex()


def _peer_record(record: SeriesRecord) -> PeerRecord:
    return PeerRecord(record.collection, record.kind, (record.verdict,), record.contact or None)


def _order(record: SeriesRecord) -> tuple[str, str, str]:
    return record.collection, record.series, record.to_text()
