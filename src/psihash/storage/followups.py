"""Requests about hits, ours and theirs, and what was said about each.

Rows hold no text: that is sealed with the session. They go when the session is erased.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from psihash import errors
from psihash.storage.database import Database
from psihash.storage.tables_followup import follow_up_messages, follow_ups
from psihash.storage.times import normal

FOLLOW_UP_MOVED = errors.define(
    "follow-up-moved", "another process changed the state of a request meanwhile"
)


@dataclass(frozen=True, slots=True)
class FollowUpRow:
    """A request. ``side``, ``state``, ``urgency``, ``wanted`` and ``outcome`` are words of
    :mod:`psihash.casework`; the times are RFC 3339 text."""

    id: str
    peer: str
    session: str
    agreement: str
    side: str
    state: str
    urgency: str
    wanted: str
    available: bool
    """Whether the information is directly available, as the answerer says."""
    hits: int
    added: str
    """When it was written here, or came here."""
    sent: str | None = None
    received: str | None = None
    """When the answerer's node had it; the clock starts then."""
    due: str | None = None
    """When an answer is due; None while the request waits for its asker, and at its end."""
    closed: str | None = None
    outcome: str | None = None
    outcome_added: str | None = None
    refused: str | None = None
    """The code with which the peer's node did not take it."""


@dataclass(frozen=True, slots=True)
class MessageRow:
    """Something said about a request. ``sent`` is None while it waits for an approver here."""

    id: str
    follow_up: str
    session: str
    author: str
    step: str
    added: str
    sent: str | None = None
    refused: str | None = None
    """The code with which the peer's node did not take it."""


_TIMES = ("added", "sent", "received", "due", "closed", "outcome_added")


class FollowUpStore:
    """Requests and messages by their ids."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, row: FollowUpRow) -> None:
        values = {name: getattr(row, name) for name in FollowUpRow.__dataclass_fields__}
        with self._database.transaction() as connection:
            connection.execute(follow_ups.insert().values(**_normal(values)))

    def find(self, follow_up: str) -> FollowUpRow | None:
        found = self._select(follow_ups.c.id == follow_up)
        return found[0] if found else None

    def all(self, *, peer: str | None = None, session: str | None = None) -> list[FollowUpRow]:
        """Requests in the order in which they came to be here."""
        columns = follow_ups.c
        return self._select(
            sa.true() if peer is None else columns.peer == peer,
            sa.true() if session is None else columns.session == session,
        )

    def change(self, follow_up: str, expected: str, **values: Any) -> None:
        """Set columns of a request that is in the state ``expected``.

        Raises StateError ``follow-up-moved``."""
        condition = (follow_ups.c.id == follow_up) & (follow_ups.c.state == expected)
        with self._database.transaction() as connection:
            changed = connection.execute(
                follow_ups.update().where(condition).values(**_normal(values))
            )
            if changed.rowcount != 1:
                raise errors.StateError(FOLLOW_UP_MOVED, "the request has moved on meanwhile")

    def add_message(self, row: MessageRow) -> None:
        values = {name: getattr(row, name) for name in MessageRow.__dataclass_fields__}
        with self._database.transaction() as connection:
            connection.execute(follow_up_messages.insert().values(**_normal(values)))

    def message(self, message: str) -> MessageRow | None:
        found = self._messages(follow_up_messages.c.id == message)
        return found[0] if found else None

    def messages(self, follow_up: str) -> list[MessageRow]:
        """What was said about a request, in order."""
        return self._messages(follow_up_messages.c.follow_up == follow_up)

    def messages_of_all(self) -> dict[str, list[MessageRow]]:
        """What was said about every request of which something was, in order."""
        found: dict[str, list[MessageRow]] = {}
        for each in self._messages(sa.true()):
            found.setdefault(each.follow_up, []).append(each)
        return found

    def message_sent(self, message: str, now: str) -> None:
        """Note that a message has left; the first time stands."""
        columns = follow_up_messages.c
        with self._database.transaction() as connection:
            connection.execute(
                follow_up_messages.update()
                .where(columns.id == message, columns.sent.is_(None))
                .values(sent=normal(now))
            )

    def message_refused(self, message: str, code: str) -> None:
        """Note that the peer's node did not take a message."""
        with self._database.transaction() as connection:
            connection.execute(
                follow_up_messages.update()
                .where(follow_up_messages.c.id == message)
                .values(refused=code)
            )

    def remove_message(self, message: str) -> None:
        """Drop a message that an approver here did not let go."""
        with self._database.transaction() as connection:
            connection.execute(
                follow_up_messages.delete().where(follow_up_messages.c.id == message)
            )

    def taken_from(self, peer: str, since: str) -> int:
        """Requests and messages of a peer that came at ``since`` or later."""
        requests, messages = follow_ups.c, follow_up_messages.c
        asked = sa.select(sa.func.count()).where(
            requests.peer == peer, requests.side == "answerer", requests.added >= normal(since)
        )
        said = sa.select(sa.func.count()).where(
            messages.author == peer, messages.added >= normal(since)
        )
        with self._database.reading() as connection:
            return int(connection.execute(asked).scalar_one()) + int(
                connection.execute(said).scalar_one()
            )

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[FollowUpRow]:
        query = (
            sa.select(follow_ups).where(*conditions).order_by(follow_ups.c.added, follow_ups.c.id)
        )
        with self._database.reading() as connection:
            return [FollowUpRow(*row) for row in connection.execute(query)]

    def _messages(self, condition: sa.ColumnElement[bool]) -> list[MessageRow]:
        columns = follow_up_messages.c
        query = sa.select(follow_up_messages).where(condition).order_by(columns.number)
        with self._database.reading() as connection:
            return [MessageRow(*row[1:]) for row in connection.execute(query)]


def _normal(values: dict[str, Any]) -> dict[str, Any]:
    """The same with its times in the stored form."""
    return {
        name: normal(value) if name in _TIMES and value is not None else value
        for name, value in values.items()
    }
