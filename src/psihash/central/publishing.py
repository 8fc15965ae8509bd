"""Making the lists of one publication from entries, and finding the entries of a delta.

Entries are columns: for entry i the index of its item among the epoch's tokens, its slot, and the
number of its label (an index into texts of records).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from psihash import bulk, errors
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

_AT_ONCE: Final = 1 << 17
"""Entries made at a time: some megabytes of roots."""

MAX_LABELS: Final = 64
"""Labels with which one digest stands at most, and so entries that one publication has for it."""

SLOTS_FULL = errors.define(
    "central-slots-full", "an item had so many entries in an epoch that there is no slot left"
)

Rng = Callable[[int], bytes]
Numbers = npt.NDArray[np.int64]
Roots = Callable[[Numbers], Bytes2D]
"""From items to their roots (n, 32)."""


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """Columns of equal length. At most 2**31 items."""

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


def bounded(items: Numbers, labels: Numbers) -> tuple[tuple[Numbers, Numbers], int]:
    """Pairs of items and labels, each pair once, with at most :data:`MAX_LABELS` for an item, those
    with the lowest numbers, which are the ones that were published first; and how many are left
    out. Somebody who gives one item thousands of labels makes no list longer with it."""
    if int(np.bincount(items).max(initial=0)) <= MAX_LABELS:
        return (items, labels), 0
    order = np.lexsort((labels, items))
    kept = order[first_slots(items[order], np.zeros(int(items.max()) + 1, np.int64)) < MAX_LABELS]
    return (items[kept], labels[kept]), len(items) - len(kept)


def taken_slots(entries: Entries, items: int) -> Numbers:
    """How many entries each of the epoch's ``items`` items has had."""
    found: Numbers = np.bincount(entries.items, minlength=items).astype(np.int64, copy=False)
    return found


def standing(every: Entries, gone: Entries, canary: int) -> Entries:
    """Of all entries those that were not taken back; canaries apart, by the number of their
    label."""
    left = every.at(~_is_in(every.items, every.slots, gone.items, gone.slots))
    return left.at(left.labels != canary)


def change(
    every: Entries,
    gone: Entries,
    held: tuple[Numbers, Numbers],
    canaries: tuple[Numbers, int],
    items: int,
) -> Change:
    """What has to be published now.

    It is about items 0 to ``items``: those of which something may have changed. ``every`` are all
    entries that they have had in the epoch and ``gone`` those that were taken back; ``held`` is
    (items, labels) of what should stand, each pair once; ``canaries`` are the canaries' items and
    their label: each gets a new entry in every publication, and none is ever taken back.
    """
    stands = standing(every, gone, canaries[1])
    new = ~_is_in(*held, stands.items, stands.labels)
    old = ~_is_in(stands.items, stands.labels, *held)
    added_items = np.concatenate([held[0][new], canaries[0]])
    added_labels = np.concatenate([held[1][new], np.full(len(canaries[0]), canaries[1])])
    slots = first_slots(added_items, taken_slots(every, items))
    if int(slots.max(initial=0)) > derive.MAX_SLOT:
        raise errors.StateError(
            SLOTS_FULL,
            "an item has no slot left in this epoch",
            hint="begin a new one: psihash central rotate --reason TEXT",
        )
    return Change(Entries(added_items, slots, added_labels), stands.at(old))


def make_lists(
    place: Place,
    roots: Roots,
    wanted: Change,
    texts: Mapping[int, str],
    label_seed: bytes,
    rng: Rng,
) -> dict[Part, Bytes2D]:
    """The three padded lists. ``texts`` has the record of every label that is added, by its
    number."""
    where = (place.centre, place.epoch, place.delta)
    used = np.flatnonzero(np.bincount(wanted.added.labels))
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
    additions = _Additions(where, roots, _series(wanted.added.labels, used, numbers), keys)
    removals = derive.marks(roots(wanted.removed.items), wanted.removed.slots.astype(np.uint16))
    return {
        Part.ADDITIONS: ordered(additions.body(wanted.added, rng)),
        Part.REMOVALS: ordered(padded(removals, MARK_BYTES, rng, empty=place.delta == 0)),
        Part.SERIES: records,
    }


def _series(labels: Numbers, used: Numbers, numbers: Numbers) -> Numbers:
    """For each label the number of its series; ``numbers[i]`` is that of label ``used[i]``."""
    table = np.zeros(int(used.max(initial=-1)) + 1, np.int64)
    table[used] = numbers[: len(used)]
    return np.take(table, labels)


def padded(body: Bytes2D, width: int, rng: Rng, *, empty: bool = False) -> Bytes2D:
    """A list filled up to its size class with random rows; with ``empty``, none stays none."""
    if empty and not len(body):
        return body
    missing = size_class(len(body)) - len(body)
    return np.concatenate([body, bulk.rows(rng(missing * width), width)])


def ordered(body: Bytes2D) -> Bytes2D:
    """The rows in ascending order of their first eight bytes."""
    return np.take(body, bulk.byte_order(body), axis=0)


@dataclass(frozen=True, slots=True, eq=False)
class _Additions:
    """Makes the rows of the additions: ``numbers`` has the series of each."""

    where: tuple[str, int, int]
    roots: Roots
    numbers: Numbers
    keys: Bytes2D

    def body(self, added: Entries, rng: Rng) -> Bytes2D:
        """The rows, filled up to their size class."""
        full = size_class(len(added))
        out = np.empty((full, ENTRY_BYTES), dtype=np.uint8)
        for at in range(0, len(added), _AT_ONCE):
            stop = min(at + _AT_ONCE, len(added))
            self._fill(out[at:stop], added, at, stop)
        out[len(added) :] = bulk.rows(rng((full - len(added)) * ENTRY_BYTES), ENTRY_BYTES)
        return out

    def _fill(self, out: Bytes2D, added: Entries, at: int, stop: int) -> None:
        found, slots = self.roots(added.items[at:stop]), added.slots[at:stop].astype(np.uint16)
        numbers = self.numbers[at:stop]
        out[:, :TAG_BYTES] = derive.tags(found, slots)
        capsule = out[:, TAG_BYTES:]
        capsule[:, :NUMBER_BYTES] = numbers.astype(">u4").view(np.uint8).reshape(-1, NUMBER_BYTES)
        capsule[:, NUMBER_BYTES:] = self.keys[numbers]
        masks = derive.masks(*self.where, found, slots)
        np.bitwise_xor(capsule, masks[:, :CAPSULE_BYTES], out=capsule)


def _is_in(a: Numbers, b: Numbers, others_a: Numbers, others_b: Numbers) -> npt.NDArray[np.bool_]:
    """For each pair whether it stands among the others. The second number has at most 32 bits."""
    if not len(others_a):
        return np.zeros(len(a), np.bool_)
    pairs, others = (a << 32) | b, np.sort((others_a << 32) | others_b)
    places = np.minimum(np.searchsorted(others, pairs), len(others) - 1)
    found: npt.NDArray[np.bool_] = others[places] == pairs
    return found
