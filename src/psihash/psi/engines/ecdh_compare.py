"""Finding equal tags in two lists, and what is said about them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from psihash.canonical import digest
from psihash.psi.group import Tags
from psihash.psi.rows import words

Positions = npt.NDArray[np.int64]
PairCounts = dict[tuple[int, int], int]
"""Matches for each pair of series numbers."""


def pairs_in_common(own: Tags, theirs: Tags) -> tuple[Positions, Positions]:
    """Positions (i in ``own``, j in ``theirs``) of equal tags, by ascending i.

    Both lists hold distinct tags: they were checked for repeats.
    """
    mine, other = words(own), words(theirs)
    order = np.argsort(other[:, 0], kind="stable")
    ordered = other[order, 0]
    start = np.searchsorted(ordered, mine[:, 0], side="left")
    candidates = np.arange(len(own), dtype=np.int64)
    found_own: list[Positions] = [np.empty(0, dtype=np.int64)]
    found_theirs: list[Positions] = [np.empty(0, dtype=np.int64)]
    # Equal first halves stand next to each other; step through them until nobody is left.
    while len(candidates):
        candidates = candidates[start[candidates] < len(order)]
        place = order[start[candidates]]
        near = other[place, 0] == mine[candidates, 0]
        candidates, place = candidates[near], place[near]
        equal = other[place, 1] == mine[candidates, 1]
        found_own.append(candidates[equal])
        found_theirs.append(place[equal].astype(np.int64))
        candidates = candidates[~equal]
        start[candidates] += 1
    rows, others = np.concatenate(found_own), np.concatenate(found_theirs)
    by_row = np.argsort(rows, kind="stable")
    return rows[by_row], others[by_row]


def pairs_digest(receiver: Positions, sender: Positions) -> bytes:
    """One name for the pairs of list positions that match; equal on both sides."""
    order = np.lexsort((sender, receiver))
    pairs = np.stack([receiver[order], sender[order]], axis=1).astype(">i8")
    return digest(b"psihash/ecdh/pairs/1", pairs.tobytes())


def counts_of_pairs(own: npt.NDArray[np.uint32], theirs: npt.NDArray[np.uint32]) -> PairCounts:
    """How many matches each pair of series numbers has."""
    pairs, counts = np.unique(np.stack([own, theirs], axis=1), axis=0, return_counts=True)
    return {(int(a), int(b)): int(n) for (a, b), n in zip(pairs, counts, strict=True)}


def counts_digest(counts: PairCounts) -> bytes:
    """One name for the pair counts; the receiver's number stands first in each key."""
    parts = (
        b"".join(value.to_bytes(8, "big") for value in (*pair, counts[pair]))
        for pair in sorted(counts)
    )
    return digest(b"psihash/ecdh/pair-counts/1", *parts)
