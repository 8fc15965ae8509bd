"""Labels: which of the owner's offered collections hold each matched element, by pseudonym.

For each algorithm of the offer and each matched element, in the order of the tokens, which both
sides know::

    label = number of collections (2 bytes) | their places (2 bytes each), ascending

big-endian; a place counts the pseudonyms of the owner's annex in ascending order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from psihash.session.blobs import bad, pad, unpad
from psihash.terms import AlgorithmId


def encode_labels(
    labels: Mapping[AlgorithmId, Sequence[tuple[str, ...]]], collections: Sequence[str]
) -> bytes:
    """``labels`` holds pseudonyms out of ``collections``, all that the own annex offers."""
    place = {name: number for number, name in enumerate(sorted(collections))}
    # A few combinations of collections, many times each.
    known = {
        row: b"".join(
            number.to_bytes(2, "big") for number in (len(row), *sorted(place[name] for name in row))
        )
        for row in set(chain.from_iterable(labels.values()))
    }
    return pad(b"".join(known[row] for rows in labels.values() for row in rows))


def decode_labels(
    blob: bytes, counts: Mapping[AlgorithmId, int], collections: Sequence[str]
) -> dict[AlgorithmId, list[tuple[str, ...]]]:
    """Strict inverse: exactly the expected numbers; ``collections`` are the peer's annex's. Equal
    labels are one object."""
    reader = _Reader(unpad(blob), sorted(collections))
    labels = {algorithm: reader.labels(count) for algorithm, count in counts.items()}
    reader.done()
    return labels


def largest(collections: int) -> int:
    """Bytes of a label that names every collection."""
    return 2 + 2 * collections


class _Reader:
    def __init__(self, data: bytes, names: Sequence[str]) -> None:
        self._data, self._names, self._at = data, names, 0
        self._known: dict[bytes, tuple[str, ...]] = {}

    def labels(self, count: int) -> list[tuple[str, ...]]:
        """The next ``count`` labels."""
        data, known, at, labels = self._data, self._known, self._at, []
        for _ in range(count):
            end = at + 2 + 2 * int.from_bytes(data[at : at + 2], "big")
            text = data[at:end]
            label = known.get(text)
            if label is None:
                # As many as there are ways to be right: what is wrong ends it.
                label = known[text] = self._label(text)
            labels.append(label)
            at = end
        self._at = at
        return labels

    def _label(self, text: bytes) -> tuple[str, ...]:
        if len(text) < 2 or len(text) != 2 + 2 * int.from_bytes(text[:2], "big"):
            raise bad("the labels are cut")
        places = [int.from_bytes(text[k : k + 2], "big") for k in range(2, len(text), 2)]
        if not places or places != sorted(set(places)) or places[-1] >= len(self._names):
            raise bad("a label is malformed")
        return tuple(self._names[place] for place in places)

    def done(self) -> None:
        if self._at != len(self._data):
            raise bad("the labels are too long")
