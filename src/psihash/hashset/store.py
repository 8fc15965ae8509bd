"""The port through which the use cases reach the holdings. ``psihash.storage`` implements it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from psihash.hashset.model import Digest, ImportReport, Refusal, Row, Verdict
from psihash.terms import AlgorithmId, CollectionKind


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """A collection as it stands now. Times are RFC 3339 UTC text."""

    name: str
    kind: CollectionKind
    items: int
    coverage: dict[AlgorithmId, int]
    created: str
    updated: str


@dataclass(frozen=True, slots=True)
class HeldItem:
    """All that the holdings say about one item, over the collections asked for."""

    item_id: int
    digests: tuple[Digest, ...]
    other: tuple[tuple[str, str], ...]
    media_type: str | None
    size: int | None
    verdicts: tuple[tuple[str, Verdict], ...]
    """(collection name, verdict), every distinct one that any row gave."""
    collections: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HeldColumns:
    """What is held of very many digests, in columns: there is no object for each item, and what
    items have in common is one object.

    ``places`` and ``rows`` go together, one pair for each digest and each item that carries it:
    a place in the question and a row of the other columns, which are one for each item.
    """

    places: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    item_ids: list[int] = field(default_factory=list)
    """An item may stand in two rows, if two digests of one algorithm asked for it."""
    digests: dict[AlgorithmId, list[bytes | None]] = field(default_factory=dict)
    """In the order of the algorithms; no column for one that the collections have nothing of."""
    further: dict[int, tuple[Digest, ...]] = field(default_factory=dict)
    """By row: more digests of an algorithm, where lists disagree."""
    media_types: list[str | None] = field(default_factory=list)
    sizes: list[int | None] = field(default_factory=list)
    verdicts: list[tuple[tuple[str, Verdict], ...]] = field(default_factory=list)
    collections: list[tuple[str, ...]] = field(default_factory=list)


Standing = tuple[str, tuple[str, ...]]
"""A collection that holds an item, and the series that its verdicts there name, sorted."""


@dataclass(frozen=True, slots=True)
class Standings:
    """Where very many digests stand, in columns."""

    of: npt.NDArray[np.int64]
    """Shape (n,): for each digest an index into ``kinds``."""
    kinds: tuple[frozenset[Standing], ...]
    """Every distinct set of places, over all items that carry the digest; one may be empty."""


class ImportRun(Protocol):
    """One file going into one collection: all of it becomes visible at ``finish`` or none."""

    def add(self, rows: Iterable[Row | Refusal]) -> None:
        """Take a batch of rows (some thousands at a time)."""

    def finish(
        self, source_name: str, source_sha256: str, source_bytes: int, fmt: str
    ) -> ImportReport:
        """Group, merge and commit; return the report."""

    def abandon(self) -> None:
        """Forget everything that was added. Safe to call twice, and after ``finish``."""


class HoldingsStore(Protocol):
    """Reading and changing what this agency holds."""

    def begin_import(
        self, collection: str, kind: CollectionKind, *, replace: bool, dry_run: bool, now: str
    ) -> ImportRun: ...

    def begin_exclusion_import(self, reason: str, *, dry_run: bool, now: str) -> ImportRun:
        """Like an import, but the digests go to the exclusion list under ``reason``."""

    def collections(self) -> list[CollectionInfo]: ...

    def collection(self, name: str) -> CollectionInfo:
        """Raises NotFoundError."""

    def remove_collection(self, name: str) -> int:
        """Delete a collection and the items nobody else holds; return how many items left."""

    def lookup(self, digest: Digest) -> HeldItem | None: ...

    def digests(
        self, algorithm: AlgorithmId, collections: Sequence[str]
    ) -> Iterator[npt.NDArray[np.uint8]]:
        """The distinct digests of an algorithm over the union of ``collections``, sorted by
        bytes, in chunks of shape (n, digest_bytes)."""

    def held_items(
        self, algorithm: AlgorithmId, digests: Sequence[bytes], collections: Sequence[str]
    ) -> list[list[HeldItem]]:
        """For each digest, the items of ``collections`` that carry it (several items may share
        one digest), in the order asked. For a few digests."""

    def held_columns(
        self, algorithm: AlgorithmId, digests: Sequence[bytes], collections: Sequence[str]
    ) -> HeldColumns:
        """The same for very many digests, without the hashes that cannot be matched; ``places``
        are in the order of the digests' bytes."""

    def standings(
        self,
        algorithm: AlgorithmId,
        digests: npt.NDArray[np.uint8],
        collections: Sequence[str],
    ) -> Standings:
        """For each digest, of shape (n, digest_bytes), where it stands in ``collections``. For
        whole lists: it makes no object for a digest."""

    def statistics(self) -> dict[str, Any]:
        """Counts for ``psihash status``: items, collections, exclusions by reason."""
