"""What a publication consists of: what changed since the last one, or everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from psihash.bulk import distinct_numbers, rows
from psihash.central.canaries import all_tokens
from psihash.central.publishing import (
    Change,
    Entries,
    Numbers,
    Place,
    bounded,
    change,
    standing,
)
from psihash.node.central.building import (
    Executor,
    Held,
    Progress,
    collect,
    collect_changed,
    compute,
)
from psihash.node.central.labels import Labels
from psihash.node.node import Node
from psihash.psi.engine import TOKEN_BYTES
from psihash.storage.central import EpochRow, Setup

_NONE: Final = (Entries.none(), Entries.none())


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """What a publication consists of; items by their numbers in the epoch."""

    wanted: Change
    seen: int
    """The last of the holdings' changes in it."""
    items: int
    """Distinct digests that stand with it."""
    canaries: int
    left_out: int
    """Labels above those that one digest may have."""


@dataclass(slots=True)
class Making:
    """One publication of an epoch."""

    node: Node
    setup: Setup
    place: Place
    row: EpochRow
    executor: Executor
    progress: Progress | None

    def made(self, key_seed: bytes, canary_seed: bytes) -> Made:
        """What has to be published; every value is computed by then."""
        node, epoch = self.node, self.row.epoch
        labels = Labels(node, self.setup.contact)
        canary = labels.canary
        seen = node.stores.changes.newest()
        held = self._held(labels, canary_seed)
        at = compute(node, epoch, key_seed, held, self.executor, self.progress)
        numbers = np.array(node.stores.central.label_ids(labels.texts), np.int64)
        pairs, left_out = bounded(held.rows, numbers[held.labels])
        own = held.canaries, int(numbers[canary])
        del held
        before = _NONE
        if self.place.delta:
            before = _local(*node.stores.entries.of(epoch, at[at >= 0]), at)
        wanted = change(*before, pairs, own, len(at))
        return Made(
            Change(_placed(wanted.added, at), _placed(wanted.removed, at)),
            seen,
            self._items(pairs[0], standing(*before, own[1]).items),
            len(own[0]),
            left_out,
        )

    def _held(self, labels: Labels, canary_seed: bytes) -> Held:
        """What has to be looked at."""
        node, setup = self.node, self.setup
        own = all_tokens(node.agency, canary_seed, setup.algorithms)
        if not self.place.delta:
            return collect(node, setup, labels, own, rows(b"", TOKEN_BYTES))
        changes = node.stores.changes.since(self.row.seen or 0)
        if changes is None:
            return collect(node, setup, labels, own, node.stores.values.tokens(self.row.epoch))
        return collect_changed(node, setup, labels, own, changes)

    def _items(self, stands: Numbers, stood: Numbers) -> int:
        """How many digests stand, from those looked at that do now and that did before."""
        before = (self.row.items or 0) if self.place.delta else 0
        return before + len(distinct_numbers(stands)) - len(distinct_numbers(stood))


def _local(every: Entries, gone: Entries, at: Numbers) -> tuple[Entries, Entries]:
    """From the epoch's numbers of items to places in ``at``, which has them."""
    order = np.argsort(at, kind="stable")
    ordered = at[order]

    def placed(entries: Entries) -> Entries:
        places = order[np.searchsorted(ordered, entries.items)]
        return Entries(places, entries.slots, entries.labels)

    return placed(every), placed(gone)


def _placed(entries: Entries, at: Numbers) -> Entries:
    """The reverse."""
    return Entries(at[entries.items], entries.slots, entries.labels)
