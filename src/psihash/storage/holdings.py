# ruff: noqa: S608 - every name put into a statement is a constant of this package
"""The holdings in the database: the port :class:`psihash.hashset.store.HoldingsStore`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from psihash import errors
from psihash.hashset.model import Digest
from psihash.hashset.store import CollectionInfo, HeldColumns, HeldItem, Standings
from psihash.storage import holding_changes, lookup, series
from psihash.storage.database import Database
from psihash.storage.importing import CollectionImport, ExclusionImport
from psihash.storage.joining import erase_gone, orphans_only
from psihash.storage.lookup import UNKNOWN_COLLECTION
from psihash.storage.merge import Merge
from psihash.storage.tables import collections, excluded_items, exclusions, item_extra, items
from psihash.terms import AlgorithmId, CollectionKind

BAD_COLLECTION_NAME = errors.define(
    "bad-collection-name", "a collection's name is empty, too long or not printable"
)

MAX_NAME_LENGTH: Final = 200


class Holdings:
    """What this agency holds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin_import(
        self, collection: str, kind: CollectionKind, *, replace: bool, dry_run: bool, now: str
    ) -> CollectionImport:
        """Begin an import. ``kind`` counts for a new collection and with ``replace``; an import
        that adds leaves the kind as it is. Raises InputError ``bad-collection-name``."""
        return CollectionImport(
            self._database,
            _check_name(collection),
            kind,
            replace=replace,
            dry_run=dry_run,
            now=now,
        )

    def begin_exclusion_import(self, reason: str, *, dry_run: bool, now: str) -> ExclusionImport:
        """Begin an import to the exclusion list. What stands on it leaves the holdings too."""
        return ExclusionImport(self._database, _check_name(reason), dry_run=dry_run, now=now)

    def collections(self) -> list[CollectionInfo]:
        """All collections by name."""
        query = sa.select(collections).order_by(collections.c.name)
        with self._database.reading() as connection:
            return [_info(row) for row in connection.execute(query)]

    def collection(self, name: str) -> CollectionInfo:
        """One collection. Raises NotFoundError ``unknown-collection``."""
        query = sa.select(collections).where(collections.c.name == name)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise errors.NotFoundError(
                UNKNOWN_COLLECTION,
                "no collection of that name is held",
                hint="`psihash collection list` shows them",
            )
        return _info(row)

    def remove_collection(self, name: str) -> int:
        """Delete a collection and the items nobody else holds; returns how many items were
        erased with it."""
        with self._database.transaction() as connection:
            self.collection(name)
            query = sa.select(collections.c.id).where(collections.c.name == name)
            cid = connection.execute(query).scalar_one()
            merge = Merge(connection, parameters={"cid": cid})
            merge.serialize()
            merge.create_tables()
            merge.run(
                f"INSERT INTO {merge.temp}.import_gone (item_id)"
                f" SELECT item_id FROM memberships WHERE collection_id = :cid"
            )
            for table in ("memberships", "item_verdicts", "excluded_items", "sources"):
                merge.run(f"DELETE FROM {table} WHERE collection_id = :cid")
            merge.run("DELETE FROM collections WHERE id = :cid")
            orphans_only(merge)
            erased = erase_gone(merge)
            # What was noted of it goes too.
            holding_changes.everything(merge)
            merge.drop_tables()
            self._database.erased()
        return erased

    def most_digests(self, collection: str) -> dict[AlgorithmId, int]:
        """By algorithm how many distinct digests a collection has at most, without counting them.
        Raises NotFoundError ``unknown-collection``."""
        info = self.collection(collection)
        columns = item_extra.c
        further = sa.select(columns.algorithm, sa.func.count()).group_by(columns.algorithm)
        with self._database.reading() as connection:
            extra = _counts(connection, further)
        return {name: info.coverage.get(name, 0) + extra.get(name, 0) for name in AlgorithmId}

    def lookup(self, digest: Digest) -> HeldItem | None:
        """The item that carries a digest, with everything known about it, or None."""
        return lookup.lookup(self._database, digest)

    def digests(
        self, algorithm: AlgorithmId, collections: Sequence[str]
    ) -> Iterator[npt.NDArray[np.uint8]]:
        """The distinct digests of an algorithm over the union of ``collections``, sorted by
        bytes, in chunks of shape (n, digest_bytes), n at most 65,536. Sees committed data."""
        return lookup.digests(self._database, algorithm, collections)

    def held_items(
        self, algorithm: AlgorithmId, digests: Sequence[bytes], collections: Sequence[str]
    ) -> list[list[HeldItem]]:
        """For each digest, the items of ``collections`` that carry it, in the order asked."""
        return lookup.held_items(self._database, algorithm, digests, collections)

    def held_columns(
        self, algorithm: AlgorithmId, digests: Sequence[bytes], collections: Sequence[str]
    ) -> HeldColumns:
        """The same in columns, for very many digests, in the order of their bytes; the items of one
        digest oldest first."""
        return lookup.held_columns(self._database, algorithm, digests, collections)

    def standings(
        self,
        algorithm: AlgorithmId,
        digests: npt.NDArray[np.uint8],
        collections: Sequence[str],
    ) -> Standings:
        """For each digest where it stands in ``collections``."""
        return series.standings(self._database, algorithm, digests, collections)

    def statistics(self) -> dict[str, Any]:
        """``items`` and ``collections``; ``exclusions``: digests on the exclusion list by reason;
        ``excluded``: items that were left out of collections, by reason."""
        with self._database.reading() as connection:
            listed = sa.select(exclusions.c.reason, sa.func.count()).group_by(exclusions.c.reason)
            left = sa.select(excluded_items.c.reason, sa.func.count())
            return {
                "items": connection.execute(sa.select(sa.func.count()).select_from(items)).scalar(),
                "collections": connection.execute(
                    sa.select(sa.func.count()).select_from(collections)
                ).scalar(),
                "exclusions": _counts(connection, listed),
                "excluded": _counts(connection, left.group_by(excluded_items.c.reason)),
            }


def _counts(connection: Connection, query: sa.Select[Any]) -> dict[str, int]:
    return {str(reason): int(count) for reason, count in connection.execute(query)}


def _info(row: Any) -> CollectionInfo:
    coverage = {a: getattr(row, f"with_{a}") for a in AlgorithmId if getattr(row, f"with_{a}")}
    return CollectionInfo(
        row.name, CollectionKind(row.kind), row.items, coverage, row.created, row.updated
    )


def _check_name(name: str) -> str:
    if not name.strip() or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise errors.InputError(
            BAD_COLLECTION_NAME,
            f"a name has 1 to {MAX_NAME_LENGTH} printable characters",
        )
    return name
