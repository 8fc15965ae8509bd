"""The numbered list of a run at rung ``series``.

Every element carries one number. A *cell* is a set of series: items that stand in exactly these
series share it, so an item in several series is in a cell of its own kind. Cells of fewer than
five elements are merged. Each cell gets a number, random in every run, and is filled with dummies
to a size class of its own; the canaries have a number, and so have the dummies that fill the whole
list, in parts of the sizes that cells have. So what a peer sees are random numbers with class
sizes, some of which belong to nothing (attacks C3).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from psihash import errors
from psihash.psi.encoding import (
    BAD_LIST,
    CANARIES,
    CANARY,
    CANARY_MISSED,
    DUMMY,
    DUMMY_MATCHED,
    Bytes2D,
    dummies,
    permutation,
)
from psihash.psi.engine import Items, Outcome, Rng
from psihash.terms import size_class

MIN_CELL: Final = 5
"""Cells under this are merged: a number must not stand for single items."""

_NUMBER_BYTES: Final = 4

Series = frozenset[str]


@dataclass(frozen=True, slots=True)
class Cells:
    """Which cell each element of a list is in. ``of`` has shape (n,), an index into ``series``."""

    of: npt.NDArray[np.int64]
    series: tuple[Series, ...]
    """The series of each cell; of a merged cell, all that went into it."""

    @property
    def classes(self) -> list[int]:
        """The padded size of each cell."""
        counts = np.bincount(self.of, minlength=len(self.series))
        return [size_class(int(count)) for count in counts]

    @property
    def padded_size(self) -> int:
        """Size class of the whole list, canaries included."""
        return size_class(sum(self.classes) + CANARIES)


@dataclass(frozen=True, slots=True)
class Numbering:
    """What each number of one run stands for: a cell, :data:`CANARY` or :data:`DUMMY`. Secret."""

    cell_of: dict[int, int]


def make_cells(series: Iterable[Iterable[str]]) -> Cells:
    """Cells of a short list, given the series of each element."""
    kinds: dict[Series, int] = {}
    of = [kinds.setdefault(frozenset(each), len(kinds)) for each in series]
    return merge_cells(np.array(of, dtype=np.int64), list(kinds))


def merge_cells(of: npt.NDArray[np.int64], kinds: Sequence[Iterable[str]]) -> Cells:
    """Cells of a list: small ones merged. ``of``, shape (n,), says for each element which of the
    ``kinds``, all different sets of series, it stands in."""
    sets = [frozenset(kind) for kind in kinds]
    counts = np.bincount(of, minlength=len(sets)).tolist()
    held = (number for number, count in enumerate(counts) if count)
    ordered = sorted(held, key=lambda number: (-counts[number], sorted(sets[number])))
    large = [number for number in ordered if counts[number] >= MIN_CELL]
    small = [number for number in ordered if counts[number] < MIN_CELL]
    if small and large and sum(counts[number] for number in small) < MIN_CELL:
        small.append(large.pop())
    names = [sets[number] for number in large]
    if small:
        names.append(Series().union(*(sets[number] for number in small)))
    place = np.full(len(sets), len(large), dtype=np.int64)
    place[large] = np.arange(len(large))
    return Cells(place[of], tuple(names))


def numbered_list(
    tokens: Bytes2D, cells: Cells, size: int, canaries: Bytes2D, rng: Rng
) -> tuple[Items, npt.NDArray[np.int64], Numbering]:
    """The list of one run, in random order: tokens, canaries, and dummies up to ``size``.

    Returns the list with a number for each row, its mapping (as of ``encoding.padded_list``) and
    what the numbers stand for.
    """
    counts = np.bincount(cells.of, minlength=len(cells.series))
    spare = size - sum(cells.classes) - len(canaries)
    if len(tokens) != len(cells.of) or spare < 0:
        raise errors.InputError(BAD_LIST, "the cells do not fit the tokens, or the padded size")
    fillers = _fillers(spare, cells.classes, rng)
    # What each number stands for, and how many dummies it has.
    kinds = [*range(len(cells.series)), CANARY, *(DUMMY for _ in fillers)]
    padding = [*(np.array(cells.classes, dtype=np.int64) - counts), 0, *fillers]
    numbers = _distinct_numbers(len(kinds), rng)
    filled = np.repeat(numbers, np.array(padding, dtype=np.int64))
    canary_numbers = np.full(len(canaries), numbers[len(cells.series)], dtype=np.uint32)
    tags = np.concatenate([numbers[cells.of], canary_numbers, filled])
    rows = np.concatenate([tokens, canaries, dummies(len(filled), rng)])
    origin = np.concatenate(
        [
            np.arange(len(tokens), dtype=np.int64),
            np.full(len(canaries), CANARY, dtype=np.int64),
            np.full(len(filled), DUMMY, dtype=np.int64),
        ]
    )
    order = permutation(size, rng)
    numbering = Numbering({int(n): kind for n, kind in zip(numbers, kinds, strict=True)})
    return Items(rows[order], tags[order]), origin[order], numbering


def real_pairs(outcome: Outcome, numbering: Numbering) -> dict[tuple[int, int], int]:
    """Matches for each (own cell, peer's number), canaries left out.

    Raises ProtocolError unless all canaries matched, under one number of the peer that matched
    nothing else, and no number that stands for dummies alone did.
    """
    if outcome.pair_counts is None:
        raise errors.InputError(BAD_LIST, "this run does not tell pair counts")
    found: dict[tuple[int, int], int] = {}
    canary: dict[int, int] = {}
    for (own, peer), count in outcome.pair_counts.items():
        cell = numbering.cell_of[own]
        if cell == DUMMY:
            raise errors.ProtocolError(DUMMY_MATCHED, "a dummy was reported as held by the peer")
        if cell == CANARY:
            canary[peer] = count
        else:
            found[cell, peer] = count
    if list(canary.values()) != [CANARIES] or any(peer in canary for _, peer in found):
        raise errors.ProtocolError(CANARY_MISSED, "the run did not find all of its canaries")
    return found


def _fillers(spare: int, classes: Sequence[int], rng: Rng) -> list[int]:
    """Cut ``spare`` places into numbers that look like cells; what is left over is the last."""
    parts: list[int] = []
    fitting = sorted(each for each in classes if each <= spare)
    while fitting:
        pick = int.from_bytes(rng(8), "big") % len(fitting)
        parts.append(fitting[pick])
        spare -= fitting[pick]
        fitting = [each for each in fitting if each <= spare]
    return [*parts, spare] if spare else parts


def _distinct_numbers(count: int, rng: Rng) -> npt.NDArray[np.uint32]:
    """Random numbers, all different; thrown away whole where two are equal."""
    while True:
        numbers = np.frombuffer(rng(_NUMBER_BYTES * count), dtype=np.uint32)
        if len(np.unique(numbers)) == count:
            return numbers
