"""This side's set, frozen for one session. The node builds it before the session opens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from psihash.psi import encoding
from psihash.psi.series import Cells
from psihash.session.commitment import Commitment
from psihash.session.messages import Root, SetClass
from psihash.session.result import PeerRecord
from psihash.terms import AlgorithmId, CollectionKind, size_class


@dataclass(frozen=True, slots=True)
class OfferedCollection:
    """A collection that the annex offers: its pseudonym for the peer, its name for us."""

    id: str
    name: str
    kind: CollectionKind


@dataclass(frozen=True, slots=True)
class OwnAlgorithm:
    """Distinct digests of one algorithm over all offered collections, and their tokens.

    ``digests`` has shape (n, digest bytes), ``tokens`` (n, 32); row i of one belongs to row i of
    the other.
    """

    digests: npt.NDArray[np.uint8]
    tokens: npt.NDArray[np.uint8]
    cells: Cells | None = None
    """Which series each row is in; for sessions at ``series`` only."""

    @property
    def padded_size(self) -> int:
        """Size class of the list that goes into a run: tokens, canaries, and the room that each
        series number has."""
        if self.cells is not None:
            return self.cells.padded_size
        return size_class(len(self.tokens) + encoding.CANARIES)


class Holder(Protocol):
    """What a session asks of the holdings about items that turned out to be matched."""

    def collections_of(
        self, algorithm: AlgorithmId, digests: Sequence[bytes]
    ) -> list[tuple[str, ...]]:
        """For each digest the names of the offered collections that hold it, never empty."""

    def records(
        self, algorithm: AlgorithmId, digests: Sequence[bytes]
    ) -> list[tuple[PeerRecord, ...]]:
        """For each digest this side's match records, as they would be shown to the peer."""


def _nothing() -> None:
    """For a set whose commitments are kept already."""


@dataclass(frozen=True, slots=True)
class OwnSet:
    """Everything one side brings into a session."""

    collections: tuple[OfferedCollection, ...]
    algorithms: Mapping[AlgorithmId, OwnAlgorithm]
    commitments: Mapping[tuple[str, AlgorithmId], Commitment]
    """By (collection pseudonym, algorithm)."""
    holder: Holder
    keep: Callable[[], None] = _nothing
    """Make what is new in the commitments durable: their roots are about to be shown."""

    def classes(self, algorithms: Sequence[AlgorithmId]) -> tuple[SetClass, ...]:
        """Size class per algorithm."""
        return tuple(SetClass(name, self.algorithms[name].padded_size) for name in algorithms)

    def roots(
        self, algorithms: Sequence[AlgorithmId], seen: Mapping[tuple[str, AlgorithmId], int]
    ) -> tuple[Root, ...]:
        """The roots to show, each with the proof that it extends the size the peer saw last."""
        roots = []
        for collection in self.collections:
            for name in algorithms:
                tree = self.commitments[collection.id, name]
                before = seen.get((collection.id, name), 0)
                proof = tree.consistency(before) if before else ()
                roots.append(Root(collection.id, name, tree.size, tree.root, before, proof))
        return tuple(roots)
