"""Making the lists of one publication from entries, and finding the entries of a delta.

Entries are columns: for entry i the index of its item among the epoch's tokens, its slot, and the
number of its label (an index into texts of records).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from psihash import bulk
from psihash.bulk import Bytes2D
from psihash.central import derive
from psihash.central.layout import (
    CAPSULE_BYTES,
    ENTRY_BYTES,
    MARK_BYTES,
    NUMBER_BYTES,
    RECORD_BYTES,
    TAG_BYTES,
    Part,
)
from psihash.central.records import seal_all, series_keys
from psihash.terms import size_class

Rng = Callable[[int], bytes]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """Columns of equal length."""

    items: Numbers
    slots: Numbers
    labels: Numbers

    def __len__(self) -> int:
        return len(self.items)

    @classmethod
    def none(cls) -> Entries:
        empty = np.empty(0, np.int64)
        return cls(empty, empty, empty)

    @classmethod
    def joined(cls, parts: Sequence[Entries]) -> Entries:
        """Some parts, one behind the other."""
        every = [cls.none(), *parts]
        return cls(
            np.concatenate([part.items for part in every]),
            np.concatenate([part.slots for part in every]),
            np.concatenate([part.labels for part in every]),
        )

    def at(self, chosen: npt.NDArray[np.bool_] | Numbers) -> Entries:
        return Entries(self.items[chosen], self.slots[chosen], self.labels[chosen])


@dataclass(frozen=True, slots=True)
class Place:
    """Which publication."""

    centre: str
    epoch: int
    delta: int


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What a publication adds to what stands, and what it takes back."""

    added: Entries
    removed: Entries


def first_slots(items: Numbers, taken: Numbers) -> Numbers:
    """A slot for each of some new entries: the next free ones of its item. ``taken[i]`` is how
    many entries item i has had in this epoch."""
    order = np.argsort(items, kind="stable")
    ordered = items[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])
    counts = np.diff(np.append(starts, len(ordered)))
    within = np.arange(len(ordered)) - np.repeat(starts, counts)
    slots = np.empty(len(items), np.int64)
    slots[order] = within + taken[ordered]
    return slots


def taken_slots(entries: Entries, items: int) -> Numbers:
    """How many entries each of the epoch's ``items`` items has had."""
    found: Numbers = np.bincount(entries.items, minlength=items).astype(np.int64, copy=False)
    return found


def change(
    every: Entries,
    gone: Entries,
    held: tuple[Numbers, Numbers],
    canaries: tuple[Numbers, int],
    items: int,
) -> Change:
    """What has to be published now.

    ``every`` are all entries of the epoch so far and ``gone`` those that were taken back; ``held``
    is (items, labels) of what should stand, each pair once; ``canaries`` are the canaries' items
    and their label: each gets a new entry in every publication, and none is ever taken back.
    """
    standing = every.at(~_is_in(every.items, every.slots, gone.items, gone.slots))
    standing = standing.at(standing.labels != canaries[1])
    new = ~_is_in(*held, standing.items, standing.labels)
    old = ~_is_in(standing.items, standing.labels, *held)
    added_items = np.concatenate([held[0][new], canaries[0]])
    added_labels = np.concatenate([held[1][new], np.full(len(canaries[0]), canaries[1])])
    slots = first_slots(added_items, taken_slots(every, items))
    return Change(Entries(added_items, slots, added_labels), standing.at(old))


def make_lists(
    place: Place,
    entry_roots: tuple[Bytes2D, Bytes2D],
    wanted: Change,
    texts: Mapping[int, str],
    label_seed: bytes,
    rng: Rng,
) -> dict[Part, Bytes2D]:
    """The three padded lists. ``entry_roots`` are the roots of the added and of the removed
    entries; ``texts`` has the record of every label by its
    number."""
    where = (place.centre, place.epoch, place.delta)
    used, series = np.unique(wanted.added.labels, return_inverse=True)
    # In random order: the numbers of labels tell in which order lists came in.
    count = size_class(len(used))
    numbers = np.argsort(np.frombuffer(rng(8 * count), np.uint64), kind="stable")
    keys = series_keys(label_seed, place.delta, count)
    records = bulk.rows(bytearray(rng(count * RECORD_BYTES)), RECORD_BYTES)
    chosen = [""] * count
    for label, number in zip(used.tolist(), numbers.tolist(), strict=False):
        chosen[number] = texts[label]
    sealed = seal_all(*where, chosen, keys)
    for number in numbers[: len(used)].tolist():
        records[number] = np.frombuffer(sealed[number], np.uint8)
    additions = _additions(where, entry_roots[0], wanted.added.slots, numbers[series], keys)
    removals = derive.marks(entry_roots[1], wanted.removed.slots.astype(np.uint16))
    return {
        Part.ADDITIONS: ordered(padded(additions, ENTRY_BYTES, rng)),
        Part.REMOVALS: ordered(padded(removals, MARK_BYTES, rng, empty=place.delta == 0)),
        Part.SERIES: records,
    }


def padded(body: Bytes2D, width: int, rng: Rng, *, empty: bool = False) -> Bytes2D:
    """A list filled up to its size class with random rows; with ``empty``, none stays none."""
    if empty and not len(body):
        return body
    missing = size_class(len(body)) - len(body)
    return np.concatenate([body, bulk.rows(rng(missing * width), width)])


def ordered(body: Bytes2D) -> Bytes2D:
    """The rows in ascending order of their first eight bytes."""
    heads = np.ascontiguousarray(body[:, :8]).view(">u8").ravel()
    return np.ascontiguousarray(body[np.argsort(heads.astype(np.uint64), kind="stable")])


def _additions(
    where: tuple[str, int, int], found: Bytes2D, at: Numbers, numbers: Numbers, keys: Bytes2D
) -> Bytes2D:
    slots = at.astype(np.uint16)
    out = np.empty((len(found), ENTRY_BYTES), dtype=np.uint8)
    out[:, :TAG_BYTES] = derive.tags(found, slots)
    capsule = out[:, TAG_BYTES:]
    capsule[:, :NUMBER_BYTES] = numbers.astype(">u4").view(np.uint8).reshape(-1, NUMBER_BYTES)
    capsule[:, NUMBER_BYTES:] = keys[numbers]
    masks = derive.masks(*where, found, slots)
    np.bitwise_xor(capsule, masks[:, :CAPSULE_BYTES], out=capsule)
    return out


def _is_in(a: Numbers, b: Numbers, others_a: Numbers, others_b: Numbers) -> npt.NDArray[np.bool_]:
    """For each pair whether it stands among the others. The second number has at most 32 bits."""
    if not len(others_a):
        return np.zeros(len(a), np.bool_)
    pairs, others = (a << 32) | b, np.sort((others_a << 32) | others_b)
    places = np.minimum(np.searchsorted(others, pairs), len(others) - 1)
    found: npt.NDArray[np.bool_] = others[places] == pairs
    return found
