"""Requests that wait for a decision, and what was decided."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from psihash import errors
from psihash.storage.database import Database
from psihash.storage.tables_people import requests
from psihash.storage.times import normal

REQUEST_MOVED = errors.define(
    "request-moved", "the request was decided or withdrawn meanwhile; look at it again"
)


class RequestState(enum.StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"
    REPLACED = "replaced"
    """Asked anew, in other words."""


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request as stored. ``body`` is the canonical document, ``decision`` too; the latter is
    None where none was made, and where an agency without operators decided."""

    id: str
    kind: str
    subject_key: str
    peer: str
    agreement: str
    body: bytes
    sealed_attachment: bytes | None
    state: RequestState
    created: str
    decided: str | None = None
    decision: bytes | None = None
    reason: str = ""
    session: str | None = None
    """The session that it is about, and ends with; None for none."""


class RequestStore:
    """Requests by id, which is the digest of their body."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, row: RequestRow) -> None:
        values = {
            column.name: getattr(row, column.name)
            for column in requests.c
            if column.name not in ("state", "created")
        }
        with self._database.transaction() as connection:
            connection.execute(
                requests.insert().values(
                    **values, state=row.state.value, created=normal(row.created)
                )
            )

    def find(self, request: str) -> RequestRow | None:
        with self._database.reading() as connection:
            row = connection.execute(sa.select(requests).where(requests.c.id == request)).first()
        return None if row is None else _row(row)

    def starting(self, prefix: str, limit: int = 2) -> list[RequestRow]:
        """At most ``limit`` requests whose id (lower hex) begins so."""
        query = sa.select(requests).where(requests.c.id.between(prefix, prefix + "g"))
        with self._database.reading() as connection:
            return [_row(row) for row in connection.execute(query.limit(limit))]

    def all(self, state: RequestState | None = None) -> list[RequestRow]:
        """Requests, oldest first."""
        query = sa.select(requests).order_by(requests.c.created, requests.c.id)
        if state is not None:
            query = query.where(requests.c.state == state.value)
        with self._database.reading() as connection:
            return [_row(row) for row in connection.execute(query)]

    def about(self, subject_key: str, state: RequestState) -> list[RequestRow]:
        """Requests for the same thing, newest first."""
        columns = requests.c
        query = (
            sa.select(requests)
            .where(columns.subject_key == subject_key, columns.state == state.value)
            .order_by(columns.created.desc(), columns.decided.desc(), columns.id)
        )
        with self._database.reading() as connection:
            return [_row(row) for row in connection.execute(query)]

    def decide(
        self, request: str, state: RequestState, now: str, decision: bytes | None, reason: str
    ) -> None:
        """Decide a pending request, once. Raises StateError ``request-moved``."""
        with self._database.transaction() as connection:
            moved = connection.execute(
                requests.update()
                .where(requests.c.id == request, requests.c.state == RequestState.PENDING.value)
                .values(state=state.value, decided=normal(now), decision=decision, reason=reason)
            )
            if moved.rowcount != 1:
                raise errors.StateError(REQUEST_MOVED, "the request waits for no decision any more")

    def replace(self, kind: str, agreement: str, request: str, now: str) -> None:
        """``request`` stands for whatever else of that kind waits about the agreement."""
        columns = requests.c
        with self._database.transaction() as connection:
            connection.execute(
                requests.update()
                .where(
                    columns.kind == kind,
                    columns.agreement == agreement,
                    columns.id != request,
                    columns.state == RequestState.PENDING.value,
                )
                .values(state=RequestState.REPLACED.value, decided=normal(now))
            )

    def belong(self, request: str, session: str) -> None:
        """From here on a request ends with ``session``."""
        with self._database.transaction() as connection:
            connection.execute(
                requests.update().where(requests.c.id == request).values(session=session)
            )


def _row(row: Any) -> RequestRow:
    return RequestRow(
        row.id,
        row.kind,
        row.subject_key,
        row.peer,
        row.agreement,
        row.body,
        row.sealed_attachment,
        RequestState(row.state),
        row.created,
        row.decided,
        row.decision,
        row.reason,
        row.session,
    )
