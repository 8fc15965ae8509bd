"""The register of exports: which results were written to which files, by whom. Results of sessions
and of watches have a table each, of the same shape."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from psihash.storage.database import Database
from psihash.storage.tables_keeping import exports
from psihash.storage.tables_watch import watch_exports
from psihash.storage.times import normal


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One file. ``id`` is 0 until it is stored; corrections name exports of sessions by it."""

    session: str
    """Or the watch: their ids have nothing in common."""
    peer: str
    time: str
    format: str
    path: str
    """As the operator typed it."""
    records: int
    actor: str
    id: int = 0


class ExportStore:
    """Exports; they are added and never changed. They outlive the results."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, row: ExportRow) -> int:
        """Store what was made of a session's result; returns its id."""
        return self._put(exports.insert(), row, session=row.session)

    def add_of_watch(self, row: ExportRow) -> int:
        """Store what was made of a watch's hits."""
        return self._put(watch_exports.insert(), row, watch=row.session)

    def _put(self, statement: sa.Insert, row: ExportRow, **whose: str) -> int:
        values = {
            "peer": row.peer,
            "time": normal(row.time),
            "format": row.format,
            "path": row.path,
            "records": row.records,
            "actor": row.actor,
        }
        returning = statement.values(**values, **whose).returning(statement.table.c.id)
        with self._database.transaction() as connection:
            return int(connection.execute(returning).scalar_one())

    def all(
        self, *, session: str | None = None, peer: str | None = None, since: str | None = None
    ) -> list[ExportRow]:
        """Rows of sessions, newest first."""
        return self._all(exports, exports.c.session, session, peer, since)

    def of_watches(
        self, *, watch: str | None = None, peer: str | None = None, since: str | None = None
    ) -> list[ExportRow]:
        """Rows of watches, newest first."""
        return self._all(watch_exports, watch_exports.c.watch, watch, peer, since)

    def _all(
        self,
        table: sa.Table,
        whose: sa.Column[str],
        wanted: str | None,
        peer: str | None,
        since: str | None,
    ) -> list[ExportRow]:
        columns = table.c
        query = sa.select(
            whose,
            columns.peer,
            columns.time,
            columns.format,
            columns.path,
            columns.records,
            columns.actor,
            columns.id,
        ).order_by(columns.time.desc(), columns.id.desc())
        if wanted is not None:
            query = query.where(whose == wanted)
        if peer is not None:
            query = query.where(columns.peer == peer)
        if since is not None:
            query = query.where(columns.time >= normal(since))
        with self._database.reading() as connection:
            return [ExportRow(*row) for row in connection.execute(query)]
