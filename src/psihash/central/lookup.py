"""The member's side of a publication: which of its items have entries in it, and what they say.

Rows are looked up by their 24-bit tags. A row whose tag fits says nothing yet: an entry counts only
where its capsule names a series whose record opens under the key that lies in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from psihash import errors
from psihash.bulk import Bytes2D, rows
from psihash.central import derive
from psihash.central.layout import (
    ENTRY_BYTES,
    MARK_BYTES,
    NUMBER_BYTES,
    RECORD_BYTES,
    TAG_BYTES,
    Part,
    page_count,
    tag_numbers,
)
from psihash.central.manifest import Manifest
from psihash.central.publishing import MAX_LABELS
from psihash.central.records import open_record

SLOTS_EXHAUSTED = errors.define(
    "central-too-many-entries", "an item has more entries in a central set than there can be"
)

CROWDED = errors.define(
    "central-crowded-tags",
    "thousands of entries of a central set have one tag: they are not made as they must be",
)

_MOST_PAGES: Final = 8
"""Pages that entries of one tag may fill: a hundred million entries have six of each tag."""

Numbers = npt.NDArray[np.int64]


class Pages(Protocol):
    """The local copy of one publication."""

    def starts(self) -> npt.NDArray[np.uint32]:
        """The first tag of each page of the additions."""

    def read(self, part: Part, numbers: Sequence[int]) -> list[bytes]:
        """Some pages, in the order asked for."""


@dataclass(frozen=True, slots=True)
class Opening:
    """An entry that one of the asked items opens."""

    item: int
    """Index into the roots that were asked about."""
    slot: int
    mark: bytes
    """By which a later delta would take it back."""
    text: str
    """The record of its series."""


def find(
    manifest: Manifest, pages: Pages, roots: Bytes2D, slots: Numbers
) -> tuple[list[Opening], Numbers]:
    """The entries of some items in one publication, from the slot on that each has come to; and
    the slots to go on from."""
    reach = slots.copy()
    openings: list[Opening] = []
    records = _Records(manifest, pages)
    left = np.arange(len(roots), dtype=np.int64)
    first = slots.copy()
    while len(left):
        entries = reach[left] - first[left]
        if int(entries.max()) > MAX_LABELS or int(reach[left].max()) > derive.MAX_SLOT:
            raise errors.ProtocolError(SLOTS_EXHAUSTED, "an item has too many entries")
        opened = _round(manifest, pages, records, roots, reach, left)
        openings += opened
        left = np.array(sorted({each.item for each in opened}), dtype=np.int64)
        reach[left] += 1
    return openings, reach


def marks_in(manifest: Manifest, pages: Pages, wanted: Sequence[bytes]) -> list[bytes]:
    """Those of some marks that stand among a delta's removals."""
    count = manifest.lists[Part.REMOVALS].count
    if not wanted or not count:
        return []
    held = b"".join(pages.read(Part.REMOVALS, range(page_count(Part.REMOVALS, count))))
    known = {held[at : at + MARK_BYTES] for at in range(0, len(held), MARK_BYTES)}
    return [mark for mark in wanted if mark in known]


def _round(
    manifest: Manifest,
    pages: Pages,
    records: _Records,
    roots: Bytes2D,
    reach: Numbers,
    left: Numbers,
) -> list[Opening]:
    """One slot of each item that is left."""
    slots = reach[left].astype(np.uint16)
    asked = np.ascontiguousarray(roots[left])
    which, entries = candidates(pages, tag_numbers(derive.tags(asked, slots)))
    if not len(which):
        return []
    chosen, at = asked[which], slots[which]
    masks = derive.masks(manifest.centre, manifest.epoch, manifest.delta, chosen, at)
    capsules = entries[:, TAG_BYTES:] ^ masks
    numbers = capsules[:, :NUMBER_BYTES].copy().view(">u4").ravel().astype(np.int64)
    opened: dict[int, Opening] = {}
    texts = records.open(numbers, capsules[:, NUMBER_BYTES:])
    found = [place for place, text in enumerate(texts) if text is not None]
    marks = derive.marks(np.ascontiguousarray(chosen[found]), at[found])
    for place, mark in zip(found, marks, strict=True):
        item, text = int(left[which[place]]), texts[place]
        if text is not None:
            opened[item] = Opening(item, int(at[place]), mark.tobytes(), text)
    return list(opened.values())


def candidates(pages: Pages, tags: npt.NDArray[np.uint32]) -> tuple[Numbers, Bytes2D]:
    """The entries whose tags fit: for each of them the index of the tag asked for, and its row."""
    starts = pages.starts()
    none = np.empty(0, np.int64), rows(b"", ENTRY_BYTES)
    if not len(starts) or not len(tags):
        return none
    # A run of equal tags may go over several pages.
    first = np.maximum(np.searchsorted(starts, tags, "left") - 1, 0)
    last = np.searchsorted(starts, tags, "right") - 1
    widest = int((last - first).max()) + 1
    if widest > _MOST_PAGES:
        raise errors.ProtocolError(CROWDED, "the tags of the central set are not spread out")
    spread = [np.minimum(first + step, last) for step in range(max(widest, 1))]
    wanted = np.unique(np.concatenate(spread))
    wanted = wanted[wanted >= 0]
    body = rows(b"".join(pages.read(Part.ADDITIONS, wanted.tolist())), ENTRY_BYTES)
    held = tag_numbers(body)
    low = np.searchsorted(held, tags, "left")
    counts = np.searchsorted(held, tags, "right") - low
    which = np.repeat(np.arange(len(tags), dtype=np.int64), counts)
    offsets = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    return which, body[np.repeat(low, counts) + offsets]


class _Records:
    """Opens records, each (number, key) once."""

    def __init__(self, manifest: Manifest, pages: Pages) -> None:
        self._manifest, self._pages = manifest, pages
        self._count = manifest.lists[Part.SERIES].count
        self._known: dict[tuple[int, bytes], str | None] = {}

    def open(self, numbers: Numbers, keys: Bytes2D) -> list[str | None]:
        """The texts of some records; None where a number or a key is none."""
        # A capsule that does not belong to the asking item gives a random number: nearly all
        # end here.
        inside = numbers < self._count
        asked = [
            (number, key.tobytes()) if fits else None
            for number, key, fits in zip(numbers.tolist(), keys, inside.tolist(), strict=True)
        ]
        self._fetch({each for each in asked if each is not None and each not in self._known})
        return [None if each is None else self._known[each] for each in asked]

    def _fetch(self, missing: set[tuple[int, bytes]]) -> None:
        step = Part.SERIES.page_rows
        wanted = sorted({number // step for number, _ in missing})
        read = dict(zip(wanted, self._pages.read(Part.SERIES, wanted), strict=True))
        place = self._manifest
        for number, key in missing:
            start = number % step * RECORD_BYTES
            sealed = read[number // step][start : start + RECORD_BYTES]
            self._known[number, key] = open_record(
                place.centre, place.epoch, place.delta, number, key, sealed
            )
