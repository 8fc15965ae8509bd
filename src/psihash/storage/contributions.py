"""What a member gives to a centre: on the member's side and on the centre's."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from psihash import errors
from psihash.storage.database import Database
from psihash.storage.tables_watch import (
    contributed_collections,
    contribution_parts,
    contributions,
    taken_contributions,
)
from psihash.storage.times import normal

CONTRIBUTION_MOVED = errors.define(
    "contribution-moved", "the contribution was changed or decided meanwhile"
)

_TIMES = ("added", "sent", "answered", "received", "decided")


class ContributionState(enum.StrEnum):
    WAITING = "waiting"
    """For an approver: of the member, or of the centre."""
    ARRIVING = "arriving"
    """Some of its documents are still to come."""
    APPROVED = "approved"
    """By the centre, which is about to take it in."""
    FAILED = "failed"
    """Approved by the centre, and it could not be taken in. The next publication tries again."""
    SENT = "sent"
    TAKEN = "taken"
    REFUSED = "refused"
    """By the centre."""
    HELD_BACK = "held-back"
    """By the member's own approver."""


@dataclass(frozen=True, slots=True)
class ContributionRow:
    """A contribution of ours, by a ``watch``, or by the session whose id stands there.
    ``sealed_plan`` is erased with ``sealed_key`` when it was sent."""

    id: str
    watch: str
    peer: str
    agreement: str
    state: ContributionState
    request: str | None
    added: str
    new_collections: int
    additions: int
    items: int
    parts: int
    sent: str | None = None
    answered: str | None = None
    sealed_key: bytes | None = None
    sealed_plan: bytes | None = None


@dataclass(frozen=True, slots=True)
class TakenRow:
    """A member's contribution at the centre."""

    member: str
    id: str
    agreement: str
    state: ContributionState
    request: str | None
    received: str
    new_collections: int
    additions: int
    items: int
    parts: int
    decided: str | None = None
    sealed_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class TakenCollection:
    """Where one part of a contribution went. ``kind`` is ``new`` or ``addition``; ``added``: how
    many of its items the centre did not have."""

    member: str
    id: str
    number: int
    collection: str
    kind: str
    items: int
    added: int


class ContributionStore:
    """Contributions by id; at the centre by member and id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- the member's ------------------------------------------------------------------------------

    def add(self, row: ContributionRow) -> None:
        values = {column.name: getattr(row, column.name) for column in contributions.c}
        with self._database.transaction() as connection:
            connection.execute(contributions.insert().values(**_plain(values)))

    def find(self, contribution: str) -> ContributionRow | None:
        query = sa.select(contributions).where(contributions.c.id == contribution)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else _given(row)

    def all(self, watch: str | None = None) -> list[ContributionRow]:
        """Contributions of ours, oldest first."""
        query = sa.select(contributions).order_by(contributions.c.added, contributions.c.id)
        if watch is not None:
            query = query.where(contributions.c.watch == watch)
        with self._database.reading() as connection:
            return [_given(row) for row in connection.execute(query)]

    def change(self, row: ContributionRow, **values: Any) -> None:
        """Raises StateError ``contribution-moved`` unless it is still in ``row.state``."""
        with self._database.transaction() as connection:
            moved = connection.execute(
                contributions.update()
                .where(contributions.c.id == row.id, contributions.c.state == row.state.value)
                .values(**_plain(values))
            )
            _one(moved.rowcount)
            if "sealed_key" in values:
                self._database.erased()

    # -- the centre's ------------------------------------------------------------------------------

    def add_taken(self, row: TakenRow) -> None:
        values = {column.name: getattr(row, column.name) for column in taken_contributions.c}
        with self._database.transaction() as connection:
            connection.execute(taken_contributions.insert().values(**_plain(values)))

    def find_taken(self, member: str, contribution: str) -> TakenRow | None:
        columns = taken_contributions.c
        query = sa.select(taken_contributions).where(
            columns.member == member, columns.id == contribution
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else _taken(row)

    def all_taken(
        self, member: str | None = None, state: ContributionState | None = None
    ) -> list[TakenRow]:
        """Contributions of members, oldest first."""
        columns = taken_contributions.c
        query = sa.select(taken_contributions).order_by(
            columns.received, columns.member, columns.id
        )
        if member is not None:
            query = query.where(columns.member == member)
        if state is not None:
            query = query.where(columns.state == state.value)
        with self._database.reading() as connection:
            return [_taken(row) for row in connection.execute(query)]

    def change_taken(self, row: TakenRow, **values: Any) -> None:
        """Raises StateError ``contribution-moved`` unless it is still in ``row.state``."""
        columns = taken_contributions.c
        with self._database.transaction() as connection:
            moved = connection.execute(
                taken_contributions.update()
                .where(
                    columns.member == row.member,
                    columns.id == row.id,
                    columns.state == row.state.value,
                )
                .values(**_plain(values))
            )
            _one(moved.rowcount)
            if "sealed_key" in values:
                self._database.erased()

    def put_part(
        self, member: str, contribution: str, number: int, document: str, sealed: bytes
    ) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                contribution_parts.insert().values(
                    member=member, id=contribution, number=number, document=document, sealed=sealed
                )
            )

    def parts(self, member: str, contribution: str) -> dict[int, tuple[str, bytes]]:
        """(document, sealed content) by number."""
        columns = contribution_parts.c
        query = (
            sa.select(columns.number, columns.document, columns.sealed)
            .where(columns.member == member, columns.id == contribution)
            .order_by(columns.number)
        )
        with self._database.reading() as connection:
            return {row[0]: (row[1], row[2]) for row in connection.execute(query)}

    def part_numbers(self, member: str, contribution: str) -> set[int]:
        """Which documents are here, unread."""
        columns = contribution_parts.c
        query = sa.select(columns.number).where(
            columns.member == member, columns.id == contribution
        )
        with self._database.reading() as connection:
            return set(connection.execute(query).scalars())

    def erase_parts(self, member: str, contribution: str) -> None:
        columns = contribution_parts.c
        with self._database.transaction() as connection:
            connection.execute(
                contribution_parts.delete().where(
                    columns.member == member, columns.id == contribution
                )
            )
            self._database.erased()

    def put_collections(self, rows: Iterable[TakenCollection]) -> None:
        with self._database.transaction() as connection:
            for row in rows:
                connection.execute(
                    contributed_collections.insert().values(
                        member=row.member,
                        id=row.id,
                        number=row.number,
                        collection=row.collection,
                        kind=row.kind,
                        items=row.items,
                        added=row.added,
                    )
                )

    def collections(
        self, member: str | None = None, contribution: str | None = None
    ) -> list[TakenCollection]:
        """Where contributions that were taken in went."""
        columns = contributed_collections.c
        query = sa.select(contributed_collections).order_by(
            columns.member, columns.id, columns.number
        )
        if member is not None:
            query = query.where(columns.member == member)
        if contribution is not None:
            query = query.where(columns.id == contribution)
        with self._database.reading() as connection:
            return [TakenCollection(*row) for row in connection.execute(query)]


def _one(count: int) -> None:
    if count != 1:
        raise errors.StateError(
            CONTRIBUTION_MOVED, "the contribution was changed or decided meanwhile"
        )


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    timed = {name: normal(values[name]) for name in _TIMES if values.get(name) is not None}
    if "state" in values:
        timed["state"] = values["state"].value
    return values | timed


def _given(row: Any) -> ContributionRow:
    return ContributionRow(**row._asdict() | {"state": ContributionState(row.state)})


def _taken(row: Any) -> TakenRow:
    return TakenRow(**row._asdict() | {"state": ContributionState(row.state)})
