"""What both sides tell each other about matched items: labels, openings, records.

Bytes in, bytes out; the party sends and receives them in parts. Everything is in the order of the
algorithms of the offer and, within one, of the matched tokens, which both sides know by then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from psihash import errors, limits
from psihash.session import blobs, labels, records
from psihash.session.commitment import (
    MAX_OPENING_BYTES,
    Opening,
    PeerTree,
    decode_openings,
    encode_openings,
)
from psihash.session.deal import Deal
from psihash.session.messages import Labels, Openings, Records
from psihash.session.ports import Findings, Permit
from psihash.session.trees import TreeKey
from psihash.terms import AlgorithmId, Learn, Rung

NOT_DUE = errors.define(
    "not-due", "the peer tells or asks for more than the session's rung is to disclose"
)
HOLDINGS_CHANGED = errors.define(
    "holdings-changed",
    "a matched item was removed from the holdings during the session",
    private=True,
)


class Sharing:
    """One side's disclosures after both saw the same result."""

    def __init__(
        self,
        deal: Deal,
        permit: Permit,
        findings: Findings,
        peer_trees: Mapping[TreeKey, PeerTree],
    ) -> None:
        self._deal, self._permit, self._findings = deal, permit, findings
        self._peer_trees = peer_trees
        self.counts = {name: findings.by_algorithm[name].count or 0 for name in deal.algorithms}

    @property
    def matches(self) -> int:
        """Matched elements over all algorithms."""
        return sum(self.counts.values())

    @property
    def labels_due(self) -> bool:
        """At ``items`` and above, where both sides know the items already."""
        return self._deal.rung.height >= Rung.ITEMS.height and self._deal.learn is Learn.BOTH

    @property
    def records_due(self) -> bool:
        return self._deal.rung is Rung.RECORDS

    def collector(self, kind: type[Labels | Openings | Records]) -> blobs.Collector:
        """Takes a list of the peer, if it is due at this rung, up to what the matches justify."""
        if not (self.labels_due if kind is Labels else self.records_due):
            raise errors.ProtocolError(
                NOT_DUE, "the peer tells more than the session's rung is to disclose"
            )
        largest = {
            Labels: labels.largest(len(self._permit.peer_collections)),
            Openings: MAX_OPENING_BYTES,
            Records: limits.MAX_RECORD_LINE,
        }[kind]
        return blobs.Collector(blobs.padded_limit(self.matches * largest))

    def labels(self) -> bytes:
        """Pseudonyms of this side's collections for each matched element."""
        own = self._permit.own
        pseudonym = {collection.name: collection.id for collection in own.collections}
        told = {}
        for name in self._deal.algorithms:
            rows = self._held(name)
            known = {row: tuple(pseudonym[held] for held in row) for row in set(rows)}
            told[name] = [known[row] for row in rows]
        return labels.encode_labels(told, list(pseudonym.values()))

    def take_labels(self, blob: bytes) -> None:
        self._findings.labels = labels.decode_labels(
            blob, self.counts, list(self._permit.peer_collections)
        )

    def openings(self) -> bytes:
        """One opening per matched element, from the first collection that holds it."""
        return blobs.pad(encode_openings(list(self._own_openings())))

    def take_openings(self, blob: bytes) -> None:
        """Check every opening against the roots that were fixed before the first frame."""
        openings = iter(decode_openings(blobs.unpad(blob), self.matches))
        order = sorted({collection for collection, _ in self._peer_trees})
        for name, token in self._matched_tokens():
            place, opening = next(openings)
            if place >= len(order):
                raise blobs.bad("an opening names a collection that is not offered")
            self._peer_trees[order[place], name].check(opening, token)

    def records(self) -> bytes:
        """This side's match records for each matched element."""
        holder = self._permit.own.holder
        told = {name: holder.records(name, self._digests(name)) for name in self._deal.algorithms}
        if not all(row for rows in told.values() for row in rows):
            raise _holdings_changed()
        return records.encode_records(told)

    def take_records(self, blob: bytes) -> None:
        self._findings.records = records.decode_records(blob, self.counts)

    def _own_openings(self) -> Iterator[tuple[int, Opening]]:
        own = self._permit.own
        order = sorted(own.collections, key=lambda collection: collection.id)
        number = {collection.name: place for place, collection in enumerate(order)}
        for name in self._deal.algorithms:
            tokens = self._tokens(name)
            for token, collections in zip(tokens, self._held(name), strict=True):
                place = min(number[collection] for collection in collections)
                yield place, own.commitments[order[place].id, name].opening(token)

    def _held(self, algorithm: AlgorithmId) -> list[tuple[str, ...]]:
        """Names of the own collections that hold each matched element."""
        held = self._permit.own.holder.collections_of(algorithm, self._digests(algorithm))
        if not all(held):
            raise _holdings_changed()
        return held

    def _matched_tokens(self) -> Iterator[tuple[AlgorithmId, bytes]]:
        for name in self._deal.algorithms:
            yield from ((name, token) for token in self._tokens(name))

    def _tokens(self, algorithm: AlgorithmId) -> list[bytes]:
        rows = self._findings.by_algorithm[algorithm].rows
        return matched(self._permit.own.algorithms[algorithm].tokens, rows)

    def _digests(self, algorithm: AlgorithmId) -> list[bytes]:
        rows = self._findings.by_algorithm[algorithm].rows
        return matched(self._permit.own.algorithms[algorithm].digests, rows)


def matched(table: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64] | None) -> list[bytes]:
    """Some rows of a table of shape (n, width), as bytes."""
    if rows is None:
        return []
    width, joined = table.shape[1], table[rows].tobytes()
    return [joined[start : start + width] for start in range(0, len(joined), width)]


def _holdings_changed() -> errors.StateError:
    return errors.StateError(
        HOLDINGS_CHANGED, "a matched item was removed from the holdings during the session"
    )
