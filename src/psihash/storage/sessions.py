"""Sessions: how each stands, and what is sealed under its key.

The store cannot open a sealed blob. Erasing a session destroys its sealed key and its blobs; the
row itself stays, because the log speaks of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from psihash import errors
from psihash.storage.database import Database
from psihash.storage.tables import session_blobs, session_keys, sessions
from psihash.storage.times import normal
from psihash.terms import Rung, SessionRole

UNKNOWN_SESSION = errors.define("unknown-session", "no session of that id is stored")
SESSION_EXISTS = errors.define("session-exists", "a session id was used before")
SESSION_MOVED = errors.define(
    "session-moved", "another process changed the session's state meanwhile"
)
SESSION_ERASED = errors.define("session-erased", "the session's key was destroyed")


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as stored. ``state`` and ``outcome`` are words of :mod:`psihash.session`;
    ``summary`` is JSON that may be shown to the operator at any time."""

    id: str
    """Session id, 64 hex digits."""
    peer: str
    agreement: str
    role: SessionRole
    state: str
    rung: Rung
    engine: str
    opened: str
    closed: str | None = None
    outcome: str | None = None
    summary: bytes | None = None
    erased: str | None = None
    previous: str | None = None
    """Receipt of the session that this one builds on, 64 hex digits."""
    receipt: str | None = None
    """Its own, once it completed."""
    own_request: str | None = None
    """Id of the request that a person here decided for it."""
    peer_request: str | None = None
    """The same of the other side."""


class SessionStore:
    """Sessions by id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, row: SessionRow) -> None:
        """Store a new session. Raises StateError ``session-exists``: an id is used once."""
        with self._database.transaction() as connection:
            if self.find(row.id) is not None:
                raise errors.StateError(SESSION_EXISTS, "that session id was used before")
            connection.execute(
                sessions.insert().values(
                    id=row.id,
                    peer=row.peer,
                    agreement=row.agreement,
                    role=row.role.value,
                    state=row.state,
                    rung=row.rung.value,
                    engine=row.engine,
                    opened=normal(row.opened),
                    summary=row.summary,
                    previous=row.previous,
                    own_request=row.own_request,
                    peer_request=row.peer_request,
                )
            )

    def find(self, session: str) -> SessionRow | None:
        """The session of that id, or None."""
        with self._database.reading() as connection:
            row = connection.execute(sa.select(sessions).where(sessions.c.id == session)).first()
        return None if row is None else _session(row)

    def starting(self, prefix: str, limit: int = 2) -> list[SessionRow]:
        """At most ``limit`` sessions whose id (lower hex) begins so."""
        query = sa.select(sessions).where(sessions.c.id.between(prefix, prefix + "g"))
        with self._database.reading() as connection:
            return [_session(row) for row in connection.execute(query.limit(limit))]

    def by_receipt(self, receipt: str) -> SessionRow | None:
        """The completed session with that receipt, or None."""
        return self._first(sessions.c.receipt == receipt)

    def by_request(self, request: str) -> SessionRow | None:
        """The session that a decision about that request was used for, or None."""
        return self._first(
            sa.or_(sessions.c.own_request == request, sessions.c.peer_request == request)
        )

    def _first(self, condition: sa.ColumnElement[bool]) -> SessionRow | None:
        with self._database.reading() as connection:
            row = connection.execute(sa.select(sessions).where(condition).limit(1)).first()
        return None if row is None else _session(row)

    def get(self, session: str) -> SessionRow:
        """The session of that id. Raises NotFoundError ``unknown-session``."""
        found = self.find(session)
        if found is None:
            raise errors.NotFoundError(UNKNOWN_SESSION, "no session of that id is known")
        return found

    def all(
        self,
        *,
        peer: str | None = None,
        agreement: str | None = None,
        state: str | None = None,
        open_only: bool = False,
        limit: int | None = None,
    ) -> list[SessionRow]:
        """Sessions, newest first."""
        query = sa.select(sessions).order_by(sessions.c.opened.desc(), sessions.c.id)
        if peer is not None:
            query = query.where(sessions.c.peer == peer)
        if agreement is not None:
            query = query.where(sessions.c.agreement == agreement)
        if state is not None:
            query = query.where(sessions.c.state == state)
        if open_only:
            query = query.where(sessions.c.closed.is_(None))
        with self._database.reading() as connection:
            return [_session(row) for row in connection.execute(query.limit(limit))]

    def counted(self, peer: str, state: str) -> Counter[Rung]:
        """How many sessions with a peer are in a state, by rung."""
        query = (
            sa.select(sessions.c.rung, sa.func.count())
            .where(sessions.c.peer == peer, sessions.c.state == state)
            .group_by(sessions.c.rung)
        )
        with self._database.reading() as connection:
            return Counter({Rung(row[0]): int(row[1]) for row in connection.execute(query)})

    def set_state(self, session: str, state: str, *, expected: str) -> None:
        """Move from state ``expected`` to ``state``. Raises StateError ``session-moved``."""
        self._change(session, {"state": state}, sessions.c.state == expected)

    def set_receipt(self, session: str, receipt: str) -> None:
        """Note the id of the receipts of a session that completes."""
        self._change(session, {"receipt": receipt}, sa.true())

    def close(
        self, session: str, state: str, outcome: str, now: str, summary: bytes | None = None
    ) -> None:
        """End a session, once. Raises StateError ``session-moved`` where it has ended already."""
        values: dict[str, Any] = {"state": state, "outcome": outcome, "closed": normal(now)}
        if summary is not None:
            values["summary"] = summary
        self._change(session, values, sessions.c.closed.is_(None))

    def _change(
        self, session: str, values: dict[str, Any], condition: sa.ColumnElement[bool]
    ) -> None:
        with self._database.transaction() as connection:
            changed = connection.execute(
                sessions.update().where(sessions.c.id == session, condition).values(values)
            )
            if changed.rowcount != 1:
                self.get(session)
                raise errors.StateError(SESSION_MOVED, "the session has moved on meanwhile")

    def put_key(self, session: str, sealed_key: bytes) -> None:
        """Store the session's sealed key. Raises StateError ``session-moved`` where it has one,
        ``session-erased`` where it was erased."""
        with self._database.transaction() as connection:
            self._check_not_erased(session)
            known = sa.select(session_keys.c.session).where(session_keys.c.session == session)
            if connection.execute(known).first() is not None:
                raise errors.StateError(SESSION_MOVED, "the session has a key already")
            connection.execute(session_keys.insert().values(session=session, sealed_key=sealed_key))

    def key(self, session: str) -> bytes:
        """The sealed key. Raises StateError ``session-erased`` where there is none."""
        query = sa.select(session_keys.c.sealed_key).where(session_keys.c.session == session)
        with self._database.reading() as connection:
            self.get(session)
            sealed: bytes | None = connection.execute(query).scalar()
        if sealed is None:
            raise errors.StateError(SESSION_ERASED, "the session's key was destroyed")
        return sealed

    def put_blob(self, session: str, name: str, sealed: bytes) -> None:
        """Store or replace a sealed blob. Raises StateError ``session-erased``."""
        with self._database.transaction() as connection:
            self._check_not_erased(session)
            connection.execute(
                sa.text(
                    "INSERT INTO session_blobs (session, name, sealed)"
                    " VALUES (:session, :name, :sealed)"
                    " ON CONFLICT (session, name) DO UPDATE SET sealed = excluded.sealed"
                ),
                {"session": session, "name": name, "sealed": sealed},
            )

    def blob(self, session: str, name: str) -> bytes | None:
        """A sealed blob, or None."""
        query = sa.select(session_blobs.c.sealed).where(
            session_blobs.c.session == session, session_blobs.c.name == name
        )
        with self._database.reading() as connection:
            return connection.execute(query).scalar()

    def blob_names(self, session: str) -> list[str]:
        """The names of a session's blobs, sorted."""
        query = sa.select(session_blobs.c.name).where(session_blobs.c.session == session)
        with self._database.reading() as connection:
            return sorted(connection.execute(query).scalars())

    def erase(self, session: str, now: str) -> None:
        """Destroy the session's key and blobs for good. Safe to repeat."""
        with self._database.transaction() as connection:
            self.get(session)
            connection.execute(session_keys.delete().where(session_keys.c.session == session))
            connection.execute(session_blobs.delete().where(session_blobs.c.session == session))
            connection.execute(
                sessions.update()
                .where(sessions.c.id == session, sessions.c.erased.is_(None))
                .values(erased=normal(now))
            )
            self._database.erased()

    def _check_not_erased(self, session: str) -> None:
        if self.get(session).erased is not None:
            raise errors.StateError(SESSION_ERASED, "the session's key was destroyed")


def _session(row: Any) -> SessionRow:
    return SessionRow(
        row.id,
        row.peer,
        row.agreement,
        SessionRole(row.role),
        row.state,
        Rung(row.rung),
        row.engine,
        row.opened,
        row.closed,
        row.outcome,
        row.summary,
        row.erased,
        row.previous,
        row.receipt,
        row.own_request,
        row.peer_request,
    )
