# ruff: noqa: S608 - every name put into a statement is a constant of this package
"""Imports into a collection and onto the exclusion list: the port ``hashset.store.ImportRun``.

Until ``finish`` nothing in the store changes and no lock is held. ``finish`` may be called inside
``database.transaction()``: then the import commits together with what else happens there.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from psihash.hashset.model import ImportReport, Refusal, Row
from psihash.storage import figures, holding_changes, steps
from psihash.storage.database import Database
from psihash.storage.intake import Intake
from psihash.storage.joining import erase_gone, join_weak, orphans_only
from psihash.storage.merge import ALGORITHMS, Merge
from psihash.storage.tables import collections, sources
from psihash.storage.verdicts import clean
from psihash.terms import CollectionKind


class CollectionImport:
    """One file going into one collection."""

    def __init__(
        self,
        database: Database,
        collection: str,
        kind: CollectionKind,
        *,
        replace: bool,
        dry_run: bool,
        now: str,
    ) -> None:
        self._intake = Intake(database, trivial=False, dry_run=dry_run)
        self._collection = collection
        self._kind = kind
        self._replace = replace
        self._now = now

    def add(self, rows: Iterable[Row | Refusal]) -> None:
        """Take a batch of rows (some thousands at a time)."""
        self._intake.add(rows)

    def abandon(self) -> None:
        """Forget everything that was added. Safe to call twice, and after ``finish``."""
        self._intake.abandon()

    def finish(
        self, source_name: str, source_sha256: str, source_bytes: int, fmt: str
    ) -> ImportReport:
        """Group, merge and commit; return the report."""
        source = (source_name, source_sha256, source_bytes, fmt)
        return self._intake.finish(self._merge, self._repeated, source)

    def _repeated(self, connection: Connection) -> bool:
        query = (
            sa.select(sources.c.id)
            .join(collections, collections.c.id == sources.c.collection_id)
            .where(
                collections.c.name == self._collection,
                sources.c.sha256 == self._intake.report.source_sha256,
            )
        )
        return connection.execute(query.limit(1)).first() is not None

    def _merge(self, merge: Merge) -> None:
        report = self._intake.report
        cid = _ensure_collection(merge.connection, self._collection, self._kind, self._now)
        sid = _add_source(merge.connection, cid, report, self._now)
        merge.parameters = {"cid": cid, "sid": sid}
        if self._replace:
            self._forget_sources(merge)
        steps.group(merge)
        steps.resolve(merge)
        report.exclusions = steps.leave_out(merge)
        steps.insert_new(merge)
        steps.enrich(merge)
        steps.place(merge)
        join_weak(merge)
        for table in ("memberships", "item_verdicts"):
            said = f"SELECT item_id FROM {table} WHERE collection_id = :cid AND source_id = :sid"
            holding_changes.note(merge, said)
        if self._replace:
            report.items_removed = _remove_unseen(merge)
        holding_changes.settle(merge)
        figures.fill(report, merge)
        figures.recount(merge, report, everything=merge.enriched)
        merge.changes += figures.news(merge) + report.items_removed
        self._touch(merge, cid)

    def _forget_sources(self, merge: Merge) -> None:
        merge.run("DELETE FROM sources WHERE collection_id = :cid AND id <> :sid")
        merge.run("DELETE FROM excluded_items WHERE collection_id = :cid")

    def _touch(self, merge: Merge, cid: int) -> None:
        own = collections.c.id == cid
        values = {"updated": self._now}
        if self._replace:
            values["kind"] = self._kind.value
            other = sa.select(collections.c.id).where(own, collections.c.kind != self._kind.value)
            # News also where the content is the same.
            if merge.connection.execute(other).first() is not None:
                merge.changes += 1
                holding_changes.everything(merge)
        merge.connection.execute(collections.update().where(own).values(values))


class ExclusionImport:
    """One file whose digests go to the exclusion list under a reason."""

    def __init__(self, database: Database, reason: str, *, dry_run: bool, now: str) -> None:
        self._intake = Intake(database, trivial=True, dry_run=dry_run)
        self._database = database
        self._reason = reason
        self._now = now

    def add(self, rows: Iterable[Row | Refusal]) -> None:
        """Take a batch of rows."""
        self._intake.add(rows)

    def abandon(self) -> None:
        """Forget everything that was added."""
        self._intake.abandon()

    def finish(
        self, source_name: str, source_sha256: str, source_bytes: int, fmt: str
    ) -> ImportReport:
        """Extend the exclusion list and take what stands on it out of the holdings."""
        source = (source_name, source_sha256, source_bytes, fmt)
        return self._intake.finish(self._merge, self._repeated, source)

    def _repeated(self, connection: Connection) -> bool:
        query = sa.select(sources.c.id).where(
            sources.c.collection_id.is_(None),
            sources.c.sha256 == self._intake.report.source_sha256,
        )
        return connection.execute(query.limit(1)).first() is not None

    def _merge(self, merge: Merge) -> None:
        report = self._intake.report
        merge.parameters = {"reason": self._reason}
        _add_source(merge.connection, None, report, self._now)
        steps.group(merge)
        report.items = merge.scalar(f"SELECT count(*) FROM {merge.temp}.import_groups")
        report.items_new = self._unlisted(merge)
        for number in sorted(merge.used):
            name = ALGORITHMS[number].value
            raws = _raws(merge, number)
            report.coverage[ALGORITHMS[number]] = merge.scalar(
                f"SELECT count(*) FROM (SELECT DISTINCT raw FROM ({raws}) d) AS found"
            )
            merge.changes += merge.run(
                f"INSERT INTO exclusions (algorithm, raw, reason)"
                f" SELECT DISTINCT '{name}', d.raw, :reason FROM ({raws}) d"
                f" WHERE 1 = 1 ORDER BY d.raw ON CONFLICT DO NOTHING"
            )
            merge.run(
                f"INSERT INTO {merge.temp}.import_gone (item_id)"
                f" SELECT DISTINCT b.item_id FROM ({raws}) d JOIN by_{name} b ON b.raw = d.raw"
                f" WHERE 1 = 1 ON CONFLICT DO NOTHING"
            )
        report.items_removed = self._take_out(merge, report)
        merge.changes += report.items_removed

    def _unlisted(self, merge: Merge) -> int:
        return merge.scalar(
            f"SELECT count(*) FROM {merge.groups} g WHERE NOT EXISTS (SELECT 1 FROM exclusions e"
            f" WHERE e.algorithm = {steps.algorithm_name('g.ident')} AND e.raw = g.key)"
        )

    def _take_out(self, merge: Merge, report: ImportReport) -> int:
        """Record, then erase, the items that the list names; returns how many."""
        if not merge.some(f"{merge.temp}.import_gone"):
            return 0
        cases = "".join(f" WHEN i.{a} IS NOT NULL THEN '{a}'" for a in ALGORITHMS)
        digest = ", ".join(f"i.{algorithm}" for algorithm in ALGORITHMS)
        merge.run(
            f"INSERT INTO excluded_items (collection_id, algorithm, raw, reason)"
            f" SELECT m.collection_id, CASE{cases} END, coalesce({digest}), :reason"
            f" FROM {merge.temp}.import_gone x JOIN items i ON i.id = x.item_id"
            f" JOIN memberships m ON m.item_id = i.id WHERE 1 = 1 ON CONFLICT DO NOTHING"
        )
        holding_changes.note(merge, f"SELECT item_id FROM {merge.temp}.import_gone")
        holding_changes.settle(merge)
        count = erase_gone(merge)
        figures.recount(merge, report, everything=True)
        self._database.erased()
        return count


def _raws(merge: Merge, number: int) -> str:
    """All digests of one algorithm that the rows have, repeated ones too, in SQL."""
    parts = [f"SELECT key AS raw FROM {merge.spool}.import_rows WHERE ident = {number}"]
    if number:
        name = ALGORITHMS[number].value
        parts.append(f"SELECT {name} FROM {merge.spool}.import_rows WHERE {name} IS NOT NULL")
    return " UNION ALL ".join(parts)


def _ensure_collection(connection: Connection, name: str, kind: CollectionKind, now: str) -> int:
    found = connection.execute(sa.select(collections.c.id).where(collections.c.name == name))
    known = found.scalar()
    if known is not None:
        return int(known)
    counts = dict.fromkeys(("items", *(f"with_{algorithm}" for algorithm in ALGORITHMS)), 0)
    made = connection.execute(
        collections.insert()
        .values(name=name, kind=kind.value, created=now, updated=now, **counts)
        .returning(collections.c.id)
    )
    return int(made.scalar_one())


def _add_source(connection: Connection, cid: int | None, report: ImportReport, now: str) -> int:
    made = connection.execute(
        sources.insert()
        .values(
            collection_id=cid,
            name=clean(report.source_name),
            sha256=report.source_sha256,
            bytes=report.source_bytes,
            format=report.format,
            rows=report.rows,
            imported=now,
        )
        .returning(sources.c.id)
    )
    return int(made.scalar_one())


def _remove_unseen(merge: Merge) -> int:
    """Take out of the collection what its new content does not have; returns how many items."""
    unseen = "collection_id = :cid AND seen_id <> :sid"
    merge.run(
        f"INSERT INTO {merge.temp}.import_gone (item_id)"
        f" SELECT item_id FROM memberships WHERE {unseen}"
    )
    for table in ("memberships", "item_verdicts"):
        holding_changes.note(merge, f"SELECT item_id FROM {table} WHERE {unseen}")
    holding_changes.settle(merge)
    removed = merge.run(f"DELETE FROM memberships WHERE {unseen}")
    merge.changes += merge.run(f"DELETE FROM item_verdicts WHERE {unseen}")
    orphans_only(merge)
    erase_gone(merge)
    return removed
