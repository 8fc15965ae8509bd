"""The values of an epoch's function for everything that a centre holds, each computed once.

They are computed in partitions; each is kept when it is done, so that what was killed goes on with
the next.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from psihash import bulk
from psihash.bulk import Bytes2D
from psihash.central import canaries, derive
from psihash.central.publishing import Numbers
from psihash.node.central.labels import Labels
from psihash.node.node import Node
from psihash.psi import encoding, groups
from psihash.psi.engine import TOKEN_BYTES
from psihash.psi.group import Group
from psihash.storage.central import Setup
from psihash.storage.central_holdings import held_labels

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
    """What is to stand: distinct tokens (n, 32), and pairs of (row of a token, label), each once;
    the canaries' tokens are among them, without a pair."""

    tokens: Bytes2D
    rows: Numbers
    labels: Numbers
    canaries: Numbers
    """Rows of the canaries' tokens."""


def own_group() -> Group:
    """The implementation of the group here."""
    return groups.best(os.environ.get("PSIHASH_GROUP", ""))


def published_collections(node: Node, setup: Setup) -> list[str]:
    """The collections that a centre publishes: those it named, as far as they are held."""
    held = [info.name for info in node.stores.holdings.collections()]
    return [name for name in held if setup.collections is None or name in setup.collections]


def collect(node: Node, setup: Setup, labels: Labels, canary_seed: bytes) -> Held:
    """Everything that is to be published, from the holdings."""
    names = published_collections(node, setup)
    tokens, found = [canaries.all_tokens(node.agency, canary_seed)], []
    for algorithm in setup.algorithms:
        for part in held_labels(node.stores.database, algorithm, names, labels.of):
            tokens.append(encoding.tokens(algorithm, np.ascontiguousarray(part.digests)))
            found.append(part.labels)
    every = np.concatenate(tokens)
    firsts, numbers = bulk.grouped(every)
    secret = len(tokens[0])
    pairs = np.concatenate([np.empty(0, np.int64), *found]) | (numbers[secret:] << 32)
    # Not numpy's unique, which hashes numbers and takes ten times as long.
    pairs.sort()
    distinct = pairs[np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]]
    return Held(
        np.ascontiguousarray(every[firsts]),
        distinct >> 32,
        distinct & 0xFFFFFFFF,
        np.unique(numbers[:secret]),
    )


def index(node: Node, epoch: int, tokens: Bytes2D) -> Numbers:
    """For each of some distinct tokens its row among the epoch's; -1 where it has none."""
    known = node.stores.central.tokens(epoch)
    if not len(known):
        return np.full(len(tokens), -1, np.int64)
    _, numbers = bulk.grouped(np.concatenate([known, tokens]))
    # Known tokens are distinct and come first, so their numbers are their rows.
    found: Numbers = np.where(numbers[len(known) :] < len(known), numbers[len(known) :], -1)
    return found


def compute(
    node: Node,
    epoch: int,
    seed: bytes,
    tokens: Bytes2D,
    executor: Executor,
    progress: Progress | None = None,
) -> Numbers:
    """See that every one of some distinct tokens has its value; their rows among the epoch's."""
    central = node.stores.central
    found_at = index(node, epoch, tokens)
    lacking = found_at < 0
    missing = tokens[lacking]
    if len(missing):
        first = max(central.partitions(epoch), default=-1) + 1
        parts = {
            first + number: np.ascontiguousarray(missing[at : at + PARTITION])
            for number, at in enumerate(range(0, len(missing), PARTITION))
        }
        done = len(tokens) - len(missing)
        for number, found in executor.roots(node.agency, epoch, seed, iter(parts.items())):
            if found.shape != (len(parts[number]), TOKEN_BYTES):
                raise ValueError("an executor gave a root for each token, or it is broken")
            central.add_partition(epoch, number, parts[number], found)
            done += len(found)
            if progress is not None:
                progress("evaluate", done, len(tokens))
        # Partitions are in the order of their numbers, behind those that were there.
        found_at[lacking] = np.arange(len(missing)) + (len(central.tokens(epoch)) - len(missing))
    return found_at
