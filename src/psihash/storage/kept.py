"""What is due to be erased, and the numbers that stay of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from psihash.storage.database import Database
from psihash.storage.schema import metadata
from psihash.storage.tables import agreement_collections, commitments, sessions
from psihash.storage.tables_keeping import kept_figures
from psihash.storage.tables_people import requests
from psihash.storage.times import normal

OUTLIVING: Final = frozenset({"charges", "exports", "kept_figures", "log_index"})
"""Tables whose rows name a session and stay when it is erased: they hold numbers, or what the log
says, and no item. The rows of every other table that has a column ``session`` go, so that no new
table is forgotten."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number about a session that statistics count. ``seconds`` is how long it took."""

    session: str
    kind: str
    outcome: str
    number: int
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class KeptSession:
    """A session whose data have not been erased."""

    id: str
    peer: str
    agreement: str
    state: str
    opened: str
    closed: str | None


class KeepingStore:
    """Erasing by session and by agreement."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def kept(self, agreement: str | None = None) -> list[KeptSession]:
        """Sessions that are not erased, oldest first."""
        columns = sessions.c
        query = (
            sa.select(
                columns.id,
                columns.peer,
                columns.agreement,
                columns.state,
                columns.opened,
                columns.closed,
            )
            .where(columns.erased.is_(None))
            .order_by(columns.opened, columns.id)
        )
        if agreement is not None:
            query = query.where(columns.agreement == agreement)
        with self._database.reading() as connection:
            return [KeptSession(*row) for row in connection.execute(query)]

    def erase_session(self, session: str, now: str, figures: Iterable[Figure]) -> None:
        """Destroy a session's key, its blobs and all rows about it; keep its row and ``figures``.

        Safe to repeat."""
        with self._database.transaction() as connection:
            for table in _about_sessions():
                connection.execute(table.delete().where(table.c.session == session))
            moved = connection.execute(
                sessions.update()
                .where(sessions.c.id == session, sessions.c.erased.is_(None))
                .values(erased=normal(now))
            )
            if moved.rowcount == 1:
                self._replace(session, list(figures))
            self._database.erased()

    def figures(self, wanted: Sequence[str]) -> list[Figure]:
        """What is kept of some sessions."""
        columns, found = kept_figures.c, list[Figure]()
        with self._database.reading() as connection:
            for at in range(0, len(wanted), _AT_ONCE):
                some = columns.session.in_(wanted[at : at + _AT_ONCE])
                query = sa.select(kept_figures).where(some).order_by(columns.id)
                found += (
                    Figure(row.session, row.kind, row.outcome, row.number, row.seconds)
                    for row in connection.execute(query)
                )
        return found

    def remember(self, session: str, figures: Sequence[Figure]) -> None:
        """Keep the figures of a session; those of the same kinds are replaced."""
        with self._database.transaction():
            self._replace(session, figures)

    def _replace(self, session: str, figures: Sequence[Figure]) -> None:
        kinds = {each.kind for each in figures}
        columns = kept_figures.c
        with self._database.transaction() as connection:
            connection.execute(
                kept_figures.delete().where(columns.session == session, columns.kind.in_(kinds))
            )
            if figures:
                connection.execute(
                    kept_figures.insert(),
                    [
                        {
                            "session": session,
                            "kind": each.kind,
                            "outcome": each.outcome,
                            "number": each.number,
                            "seconds": each.seconds,
                        }
                        for each in figures
                    ],
                )

    def committed(self) -> list[str]:
        """Agreements under which something could be erased: leaves, salts, names behind
        pseudonyms."""
        query = sa.union(
            sa.select(commitments.c.agreement), sa.select(agreement_collections.c.agreement)
        )
        with self._database.reading() as connection:
            return sorted(connection.execute(query).scalars())

    def forget_names(self, agreement: str) -> int:
        """Erase which collections of ours stood behind the pseudonyms, also in what an approver
        was shown, and what was asked about sessions that never came; returns how many names."""
        with self._database.transaction() as connection:
            gone = connection.execute(
                agreement_collections.delete().where(agreement_collections.c.agreement == agreement)
            )
            _forget_questions(connection, requests.c.agreement == agreement)
            connection.execute(
                requests.update()
                .where(requests.c.agreement == agreement)
                .values(sealed_attachment=None)
            )
            self._database.erased()
            return gone.rowcount

    def forget_evidence(self, before: str) -> int:
        """Erase what is kept of broken-off sessions that ended before that time, and what approvers
        were shown before it; returns how many sessions there were."""
        columns = sessions.c
        with self._database.transaction() as connection:
            _forget_questions(connection, requests.c.decided < normal(before))
            connection.execute(
                requests.update()
                .where(requests.c.decided < normal(before))
                .values(sealed_attachment=None)
            )
            gone = connection.execute(
                sessions.update()
                .where(columns.summary.is_not(None), columns.closed < normal(before))
                .values(summary=None)
            )
            if gone.rowcount:
                self._database.erased()
            return gone.rowcount


_AT_ONCE: Final = 500
_SESSION: Final = "session"
"""The kind of request that asks for one."""


def _forget_questions(connection: Connection, which: sa.ColumnElement[bool]) -> None:
    """Delete requests about sessions that never came; those of others end with their session."""
    columns = requests.c
    connection.execute(
        requests.delete().where(which, columns.kind == _SESSION, columns.session.is_(None))
    )


def _about_sessions() -> list[sa.Table]:
    """Tables with a column ``session``, those first that refer to others."""
    return [
        table
        for table in reversed(metadata.sorted_tables)
        if "session" in table.c and table.name not in OUTLIVING
    ]
