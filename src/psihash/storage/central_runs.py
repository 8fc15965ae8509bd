"""Runs against a central set, on both sides, and which batches of them were answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from psihash import errors
from psihash.storage.database import Database
from psihash.storage.tables_central import central_batches, central_runs, central_setup
from psihash.storage.times import normal
from psihash.terms import AlgorithmId

BATCH_DIFFERS = errors.define(
    "central-batch-differs", "a batch of a run was asked again with other elements"
)

ASKS: Final = "asks"
ANSWERS: Final = "answers"


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run that was charged."""

    run: str
    peer: str
    agreement: str
    side: str
    epoch: int
    elements: int
    """Elements that may be asked in it."""
    classes: Mapping[AlgorithmId, int]
    """What was charged."""
    opened: str


@dataclass(frozen=True, slots=True)
class MemberUse:
    """What a member asked the centre for. ``recent``: elements since the time that was named."""

    member: str
    runs: int
    elements: int
    recent: int
    last: str


class RunStore:
    """Runs by id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, row: RunRow) -> None:
        with self._database.transaction() as connection:
            classes = {name.value: size for name, size in sorted(row.classes.items())}
            connection.execute(
                central_runs.insert().values(
                    run=row.run,
                    peer=row.peer,
                    agreement=row.agreement,
                    side=row.side,
                    epoch=row.epoch,
                    elements=row.elements,
                    classes=json.dumps(classes),
                    opened=normal(row.opened),
                )
            )

    def find(self, run: str) -> RunRow | None:
        query = sa.select(central_runs).where(central_runs.c.run == run)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        classes = {AlgorithmId(name): size for name, size in json.loads(row.classes).items()}
        return RunRow(
            row.run, row.peer, row.agreement, row.side, row.epoch, row.elements, classes, row.opened
        )

    def lock(self) -> None:
        """Of several runs that are to be admitted, one is looked at at a time, until the
        transaction around this ends."""
        with self._database.transaction() as connection:
            connection.execute(sa.select(central_setup.c.one).with_for_update())

    def elements_since(self, since: str, peer: str | None = None) -> int:
        """Elements of the runs that were answered since then, of one member or of all."""
        columns = central_runs.c
        query = sa.select(sa.func.coalesce(sa.func.sum(columns.elements), 0)).where(
            columns.side == ANSWERS, columns.opened >= normal(since)
        )
        if peer is not None:
            query = query.where(columns.peer == peer)
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def use_since(self, since: str) -> list[MemberUse]:
        """What every member asked, by name."""
        columns = central_runs.c
        recent = sa.case((columns.opened >= normal(since), columns.elements), else_=0)
        query = (
            sa.select(
                columns.peer,
                sa.func.count(),
                sa.func.sum(columns.elements),
                sa.func.sum(recent),
                sa.func.max(columns.opened),
            )
            .where(columns.side == ANSWERS)
            .group_by(columns.peer)
            .order_by(columns.peer)
        )
        with self._database.reading() as connection:
            return [
                MemberUse(peer, int(runs), int(elements), int(late), last)
                for peer, runs, elements, late, last in connection.execute(query)
            ]

    def counts(
        self, since: str | None = None, peer: str | None = None
    ) -> dict[tuple[str, str, str], int]:
        """How many runs were charged, by (peer, agreement, side)."""
        columns = central_runs.c
        by = (columns.peer, columns.agreement, columns.side)
        query = sa.select(*by, sa.func.count()).group_by(*by)
        if since is not None:
            query = query.where(columns.opened >= normal(since))
        if peer is not None:
            query = query.where(columns.peer == peer)
        with self._database.reading() as connection:
            return {(who, terms, side): int(n) for who, terms, side, n in connection.execute(query)}

    def answer(self, run: str, number: int, digest: bytes, elements: int, most: int) -> bool:
        """Note that a batch is answered; False where all batches would be more than ``most``
        elements. Raises ProtocolError ``central-batch-differs`` for another batch of a number
        that was answered; the same one again is allowed."""
        columns = central_batches.c
        with self._database.transaction() as connection:
            known = connection.execute(
                sa.select(columns.digest).where(columns.run == run, columns.number == number)
            ).scalar()
            if known is not None:
                if known != digest:
                    raise errors.ProtocolError(BATCH_DIFFERS, "a batch differs from before")
                return True
            total = connection.execute(
                sa.select(sa.func.coalesce(sa.func.sum(columns.elements), 0)).where(
                    columns.run == run
                )
            ).scalar_one()
            if int(total) + elements > most:
                return False
            connection.execute(
                central_batches.insert().values(
                    run=run, number=number, digest=digest, elements=elements
                )
            )
        return True
