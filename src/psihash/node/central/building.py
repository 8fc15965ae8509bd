"""The values of an epoch's function for everything that a centre holds, each computed once.

They are computed in partitions; each is kept when it is done, so that what was killed goes on with
the next.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from psihash import bulk
from psihash.bulk import Bytes2D
from psihash.central import derive
from psihash.central.publishing import Numbers
from psihash.node.central.labels import Labels
from psihash.node.node import Node
from psihash.psi import encoding, groups
from psihash.psi.group import Group
from psihash.storage.central import Setup
from psihash.storage.central_holdings import held_labels, labels_of
from psihash.storage.central_values import Partition
from psihash.terms import AlgorithmId

PARTITION: Final = 65_536
"""Items computed at a time: half a second on one core, 4 MB in the store."""

Progress = Callable[[str, int, int], None]
"""(step, done, all)."""


class Executor(Protocol):
    """Computes partitions, here or elsewhere."""

    def roots(
        self, centre: str, epoch: int, seed: bytes, partitions: Iterable[tuple[int, Bytes2D]]
    ) -> Iterator[tuple[int, Bytes2D]]:
        """(number, tokens (n, 32)) to (number, roots (n, 32)), in any order. ``seed`` is the
        secret of the epoch's key (:func:`psihash.central.derive.epoch_key`)."""


class InProcess:
    """In this process, on the threads of the native part."""

    def roots(
        self, centre: str, epoch: int, seed: bytes, partitions: Iterable[tuple[int, Bytes2D]]
    ) -> Iterator[tuple[int, Bytes2D]]:
        group = own_group()
        key = derive.epoch_key(group, centre, epoch, seed)
        for number, tokens in partitions:
            yield number, derive.own_roots(group, key, centre, epoch, tokens)


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """What is looked at: distinct tokens (n, 32), ascending, and pairs of (row of a token, label),
    each once, of what is to stand. A token without a pair stands no more; the canaries' tokens are
    among them, without a pair."""

    tokens: Bytes2D
    rows: Numbers
    labels: Numbers
    canaries: Numbers
    """Rows of the canaries' tokens."""

    @classmethod
    def of(cls, own: Bytes2D, others: list[Bytes2D], labels: list[Numbers]) -> Held:
        """From the canaries, and from lists of tokens with their labels; of the last lists there
        may be no labels. The lists are emptied: they take hundreds of megabytes."""
        labelled = np.concatenate([np.empty(0, np.int64), *labels])
        every = np.concatenate([own, *others])
        others.clear()
        labels.clear()
        order = bulk.byte_order(every)
        every = np.take(every, order, axis=0)
        as_one = bulk.as_one(every)
        begins = np.append(True, as_one[1:] != as_one[:-1])[: len(every)]
        numbers = np.empty(len(order), np.int64)
        numbers[order] = np.cumsum(begins) - 1
        pairs = bulk.distinct_numbers(
            labelled | (numbers[len(own) : len(own) + len(labelled)] << 32)
        )
        return cls(
            every if begins.all() else np.compress(begins, every, axis=0),
            pairs >> 32,
            pairs & 0xFFFFFFFF,
            bulk.distinct_numbers(numbers[: len(own)]),
        )


def own_group() -> Group:
    """The implementation of the group here."""
    return groups.best(os.environ.get("PSIHASH_GROUP", ""))


def published_collections(node: Node, setup: Setup) -> list[str]:
    """The collections that a centre publishes: those it named, as far as they are held."""
    held = [info.name for info in node.stores.holdings.collections()]
    return [name for name in held if setup.collections is None or name in setup.collections]


def collect(node: Node, setup: Setup, labels: Labels, own: Bytes2D, former: Bytes2D) -> Held:
    """Everything that is to be published, from the holdings; ``own`` are the canaries, ``former``
    tokens that are looked at whether they are held or not."""
    names = published_collections(node, setup)
    tokens: list[Bytes2D] = []
    found: list[Numbers] = []
    for algorithm in setup.algorithms:
        for part in held_labels(node.stores.database, algorithm, names, labels.of):
            tokens.append(encoding.tokens(algorithm, np.ascontiguousarray(part.digests)))
            found.append(part.labels)
    tokens.append(former)
    return Held.of(own, tokens, found)


def collect_changed(
    node: Node,
    setup: Setup,
    labels: Labels,
    own: Bytes2D,
    changes: Mapping[AlgorithmId, Bytes2D],
) -> Held:
    """The same for the digests of which something may have changed."""
    names = published_collections(node, setup)
    tokens: list[Bytes2D] = []
    found: list[Numbers] = []
    asked: list[Bytes2D] = []
    for algorithm in setup.algorithms:
        digests = bulk.sorted_distinct(np.array(changes[algorithm]))
        asked.append(encoding.tokens(algorithm, digests))
        for part in labels_of(node.stores.database, algorithm, names, labels.of, digests):
            tokens.append(encoding.tokens(algorithm, np.ascontiguousarray(part.digests)))
            found.append(part.labels)
    tokens += asked
    return Held.of(own, tokens, found)


def compute(
    node: Node,
    epoch: int,
    seed: bytes,
    held: Held,
    executor: Executor,
    progress: Progress | None = None,
) -> Numbers:
    """See that every token that is to stand has its value. For each token the number of its item in
    the epoch; -1 for one that neither stands nor ever did."""
    items = node.stores.values.find(epoch, held.tokens)
    stands = np.zeros(len(items), np.bool_)
    stands[held.rows] = True
    work = _Computing(node, epoch, seed, executor, progress, int(np.count_nonzero(stands)))
    # Canaries have pages of their own: every publication reads those.
    own = held.canaries[items[held.canaries] < 0]
    work.run(held.tokens, items, own)
    work.run(held.tokens, items, np.flatnonzero(stands & (items < 0)))
    return items


@dataclass(slots=True)
class _Computing:
    """Runs of one epoch."""

    node: Node
    epoch: int
    seed: bytes
    executor: Executor
    progress: Progress | None
    all: int

    def run(self, tokens: Bytes2D, items: Numbers, chosen: Numbers) -> None:
        """Compute some of the tokens, by their rows, and note in ``items`` which they became."""
        values = self.node.stores.values
        waiting: dict[int, tuple[Partition, int, Bytes2D]] = {}
        done = self.all - len(chosen)

        def parts() -> Iterator[tuple[int, Bytes2D]]:
            place = values.new_run(self.epoch)
            for at in range(0, len(chosen), PARTITION):
                part = np.take(tokens, chosen[at : at + PARTITION], axis=0)
                waiting[place.number] = place, at, part
                number, place = place.number, place.after(len(part))
                yield number, part

        if not len(chosen):
            return
        agency = self.node.agency
        for number, found in self.executor.roots(agency, self.epoch, self.seed, parts()):
            place, at, part = waiting.pop(number)
            if found.shape != part.shape:
                raise ValueError("an executor gave a root for each token, or it is broken")
            values.add(self.epoch, place, part, found)
            items[chosen[at : at + len(part)]] = place.item + np.arange(len(part))
            done += len(part)
            if self.progress is not None:
                self.progress("evaluate", done, self.all)
