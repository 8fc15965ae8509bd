"""Labels: which of the owner's offered collections hold each matched element, by pseudonym.

For each algorithm of the offer and each matched element, in the order of the tokens, which both
sides know::

    label = number of collections (2 bytes) | their places (2 bytes each), ascending

big-endian; a place counts the pseudonyms of the owner's annex in ascending order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psihash.session.blobs import bad, pad, unpad
from psihash.terms import AlgorithmId


def encode_labels(
    labels: Mapping[AlgorithmId, Sequence[Sequence[str]]], collections: Sequence[str]
) -> bytes:
    """``labels`` holds pseudonyms out of ``collections``, all that the own annex offers."""
    place = {name: number for number, name in enumerate(sorted(collections))}
    out = bytearray()
    for rows in labels.values():
        for row in rows:
            out += len(row).to_bytes(2, "big")
            out += b"".join(number.to_bytes(2, "big") for number in sorted(place[n] for n in row))
    return pad(bytes(out))


def decode_labels(
    blob: bytes, counts: Mapping[AlgorithmId, int], collections: Sequence[str]
) -> dict[AlgorithmId, list[tuple[str, ...]]]:
    """Strict inverse: exactly the expected numbers; ``collections`` are the peer's annex's."""
    reader = _Reader(unpad(blob), sorted(collections))
    labels = {
        algorithm: [reader.label() for _ in range(count)] for algorithm, count in counts.items()
    }
    reader.done()
    return labels


def largest(collections: int) -> int:
    """Bytes of a label that names every collection."""
    return 2 + 2 * collections


class _Reader:
    def __init__(self, data: bytes, names: Sequence[str]) -> None:
        self._data, self._names, self._at = data, names, 0

    def label(self) -> tuple[str, ...]:
        count = self._number()
        places = [self._number() for _ in range(count)] if count <= len(self._names) else []
        if not places or places != sorted(set(places)) or places[-1] >= len(self._names):
            raise bad("a label is malformed")
        return tuple(self._names[place] for place in places)

    def done(self) -> None:
        if self._at != len(self._data):
            raise bad("the labels are too long")

    def _number(self) -> int:
        pair = self._data[self._at : self._at + 2]
        if len(pair) != 2:
            raise bad("the labels are cut")
        self._at += 2
        return int.from_bytes(pair, "big")
