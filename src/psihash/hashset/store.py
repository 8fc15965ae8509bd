"""The port through which the use cases reach the holdings. ``psihash.storage`` implements it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
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

    def collections_of(
        self, algorithm: AlgorithmId, digests: Sequence[bytes], collections: Sequence[str]
    ) -> list[tuple[str, ...]]:
        """For each digest, which of ``collections`` hold it, in the order asked."""

    def held_items(
        self, algorithm: AlgorithmId, digests: Sequence[bytes], collections: Sequence[str]
    ) -> list[list[HeldItem]]:
        """For each digest, the items of ``collections`` that carry it (several items may share
        one digest), in the order asked."""

    def statistics(self) -> dict[str, Any]:
        """Counts for ``psihash status``: items, collections, exclusions by reason."""
