"""Notices of corrections, ours and theirs: which hits they reached, and which exports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from psihash import errors
from psihash.storage.database import Database
from psihash.storage.tables_followup import correction_exports, correction_hits, corrections
from psihash.storage.times import normal

CORRECTION_MOVED = errors.define(
    "correction-moved", "another process changed the state of a correction meanwhile"
)


@dataclass(frozen=True, slots=True)
class CorrectionRow:
    """A notice. ``side``, ``reason`` and ``action`` are words of :mod:`psihash.casework`."""

    id: str
    peer: str
    side: str
    reason: str
    state: str
    """``waiting`` (for an approver here), ``open``, ``resolved``, ``held-back``, ``not-taken``."""
    added: str
    sent: str | None = None
    received: str | None = None
    due: str | None = None
    action: str | None = None
    resolved: str | None = None
    refused: str | None = None
    """The code with which the peer's node did not take our notice, or our answer to its own."""
    answer: str | None = None
    """Id of our answer to the peer's notice."""
    sealed_answer: bytes | None = None
    """The answer while it waits for an approver here."""


_TIMES = ("added", "sent", "received", "due", "resolved")
_AT_ONCE = 500


class CorrectionStore:
    """Notices by id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, row: CorrectionRow) -> None:
        values = {name: getattr(row, name) for name in CorrectionRow.__dataclass_fields__}
        with self._database.transaction() as connection:
            connection.execute(corrections.insert().values(**_normal(values)))

    def find(self, correction: str) -> CorrectionRow | None:
        found = self._select(corrections.c.id == correction)
        return found[0] if found else None

    def answered_by(self, answer: str) -> CorrectionRow | None:
        """The peer's notice that a document of ours answers."""
        found = self._select(corrections.c.answer == answer)
        return found[0] if found else None

    def all(self, *, side: str | None = None) -> list[CorrectionRow]:
        """Notices in the order in which they came to be here."""
        return self._select(sa.true() if side is None else corrections.c.side == side)

    def change(self, correction: str, expected: str, **values: Any) -> None:
        """Set columns of a notice that is in the state ``expected``.

        Raises StateError ``correction-moved``."""
        condition = (corrections.c.id == correction) & (corrections.c.state == expected)
        with self._database.transaction() as connection:
            changed = connection.execute(
                corrections.update().where(condition).values(**_normal(values))
            )
            if changed.rowcount != 1:
                raise errors.StateError(CORRECTION_MOVED, "the correction has moved on meanwhile")

    def drop_answers(self, session: str) -> None:
        """Drop our answers that wait for an approver, to notices about hits of a session."""
        named = sa.select(correction_hits.c.correction).where(correction_hits.c.session == session)
        columns = corrections.c
        with self._database.transaction() as connection:
            connection.execute(
                corrections.update()
                .where(columns.id.in_(named), columns.sealed_answer.is_not(None))
                .values(state="open", answer=None, sealed_answer=None)
            )

    def taken_from(self, peer: str, since: str) -> int:
        """Notices of a peer that came at ``since`` or later."""
        columns = corrections.c
        query = sa.select(sa.func.count()).where(
            columns.peer == peer, columns.side == "receiver", columns.added >= normal(since)
        )
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def reach(self, correction: str, session: str, references: Iterable[str]) -> None:
        """Note which hits of a session a notice is about."""
        rows = [
            {"correction": correction, "session": session, "reference": each}
            for each in dict.fromkeys(references)
        ]
        if not rows:
            return
        columns = correction_hits.c
        with self._database.transaction() as connection:
            connection.execute(
                correction_hits.delete().where(
                    columns.correction == correction,
                    columns.session == session,
                    columns.reference.in_([row["reference"] for row in rows]),
                )
            )
            for at in range(0, len(rows), _AT_ONCE):
                connection.execute(correction_hits.insert(), rows[at:][:_AT_ONCE])

    def reach_exports(self, correction: str, exports: Iterable[int]) -> None:
        """Note which exports relied on them."""
        rows = [{"correction": correction, "export": each} for each in dict.fromkeys(exports)]
        if rows:
            with self._database.transaction() as connection:
                connection.execute(correction_exports.insert(), rows)

    def hits_of(self, correction: str) -> dict[str, list[str]]:
        """The references that a notice reached, by session."""
        query = (
            sa.select(correction_hits)
            .where(correction_hits.c.correction == correction)
            .order_by(correction_hits.c.session, correction_hits.c.reference)
        )
        found: dict[str, list[str]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(query):
                found.setdefault(row.session, []).append(row.reference)
        return found

    def exports_of(self, correction: str) -> list[int]:
        """The numbers of the exports that a notice reached."""
        query = sa.select(correction_exports.c.export).where(
            correction_exports.c.correction == correction
        )
        with self._database.reading() as connection:
            return sorted(connection.execute(query).scalars())

    def of_session(self, session: str) -> dict[str, list[CorrectionRow]]:
        """The notices that reached a session's hits, by reference."""
        query = (
            sa.select(correction_hits.c.reference, corrections)
            .join(corrections, corrections.c.id == correction_hits.c.correction)
            .where(correction_hits.c.session == session)
            .order_by(corrections.c.added, corrections.c.id)
        )
        found: dict[str, list[CorrectionRow]] = {}
        with self._database.reading() as connection:
            for reference, *row in connection.execute(query):
                found.setdefault(reference, []).append(CorrectionRow(*row))
        return found

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[CorrectionRow]:
        query = (
            sa.select(corrections)
            .where(*conditions)
            .order_by(corrections.c.added, corrections.c.id)
        )
        with self._database.reading() as connection:
            return [CorrectionRow(*row) for row in connection.execute(query)]


def _normal(values: dict[str, Any]) -> dict[str, Any]:
    """The same with its times in the stored form."""
    return {
        name: normal(value) if name in _TIMES and value is not None else value
        for name, value in values.items()
    }
