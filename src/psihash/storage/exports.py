"""The register of exports: which results were written to which files, by whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from psihash.storage.database import Database
from psihash.storage.tables_keeping import exports
from psihash.storage.times import normal


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One file. ``id`` is 0 until it is stored."""

    session: str
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
        """Store a row; returns its id."""
        statement = (
            exports.insert()
            .values(
                session=row.session,
                peer=row.peer,
                time=normal(row.time),
                format=row.format,
                path=row.path,
                records=row.records,
                actor=row.actor,
            )
            .returning(exports.c.id)
        )
        with self._database.transaction() as connection:
            return int(connection.execute(statement).scalar_one())

    def all(
        self, *, session: str | None = None, peer: str | None = None, since: str | None = None
    ) -> list[ExportRow]:
        """Rows, newest first."""
        query = sa.select(exports).order_by(exports.c.time.desc(), exports.c.id.desc())
        if session is not None:
            query = query.where(exports.c.session == session)
        if peer is not None:
            query = query.where(exports.c.peer == peer)
        if since is not None:
            query = query.where(exports.c.time >= normal(since))
        with self._database.reading() as connection:
            return [_row(row) for row in connection.execute(query)]


def _row(row: Any) -> ExportRow:
    return ExportRow(
        row.session, row.peer, row.time, row.format, row.path, row.records, row.actor, row.id
    )
