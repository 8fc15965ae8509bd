"""What a member keeps of a peer's central set: what it saw, what it asked, what it opened.

Values of the function lie here beside the digests they belong to; they go with their epoch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import sqlalchemy as sa

from psihash.bulk import Bytes2D, is_in
from psihash.bulk import rows as as_rows
from psihash.storage.database import Database
from psihash.storage.tables_central import (
    central_asked,
    central_followed,
    central_opened,
    central_standing,
)
from psihash.terms import AlgorithmId

CANARY: Final = "canary"
"""In the place of an algorithm: the row is a canary, and its digest a token."""

_AT_ONCE: Final = 500
_FEW: Final = 10_000
"""Digests up to which it is cheaper to look each of them up than to read all that was asked."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A centre whose set this node uses: the newest manifest that it showed."""

    centre: str
    epoch: int
    delta: int
    digest: bytes
    sealed_canaries: bytes | None
    incident: str | None
    """When the centre was found to contradict itself."""


@dataclass(frozen=True, slots=True)
class AskedRow:
    """An item of ours and its value; ``slot`` is of the next entry that it may have, and ``tag``
    the one under which that would stand."""

    algorithm: str
    raw: bytes
    root: bytes
    slot: int
    tag: int

    @property
    def key(self) -> tuple[str, bytes]:
        return self.algorithm, self.raw


@dataclass(frozen=True, slots=True)
class OpenedRow:
    """An entry that was opened."""

    algorithm: str
    raw: bytes
    slot: int
    delta: int
    mark: bytes
    body: str
    removed: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an agreement's entries are up to date."""

    epoch: int
    delta: int
    """The newest publication that was looked through; -1 for none."""
    scanned: str
    """The state of the lists as of the last look for new items."""
    seen: Mapping[int, int] = field(default_factory=dict)
    """By collection the last of the holdings' changes that was looked at."""


class CopyStore:
    """By centre, and by agreement and epoch."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- the centre --------------------------------------------------------------------------------

    def followed(self, centre: str) -> Followed | None:
        query = sa.select(central_followed).where(central_followed.c.centre == centre)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else Followed(*row)

    def follow(self, followed: Followed) -> None:
        """Keep what was seen of a centre, in the place of what was before."""
        with self._database.transaction() as connection:
            columns = central_followed.c
            connection.execute(central_followed.delete().where(columns.centre == followed.centre))
            connection.execute(
                central_followed.insert().values(
                    centre=followed.centre,
                    epoch=followed.epoch,
                    delta=followed.delta,
                    digest=followed.digest,
                    sealed_canaries=followed.sealed_canaries,
                    incident=followed.incident,
                )
            )

    # -- the agreement -----------------------------------------------------------------------------

    def agreements(self) -> list[str]:
        """Agreements under which something was asked."""
        query = sa.select(central_standing.c.agreement).order_by(central_standing.c.agreement)
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def standing(self, agreement: str) -> Standing | None:
        query = sa.select(central_standing).where(central_standing.c.agreement == agreement)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        seen = {int(number): last for number, last in json.loads(row.seen or "{}").items()}
        return Standing(row.epoch, row.delta, row.scanned, seen)

    def stand(self, agreement: str, standing: Standing) -> None:
        """Keep how far things are; what belongs to earlier epochs is erased."""
        with self._database.transaction() as connection:
            before = self.standing(agreement)
            columns = central_standing.c
            connection.execute(central_standing.delete().where(columns.agreement == agreement))
            connection.execute(
                central_standing.insert().values(
                    agreement=agreement,
                    epoch=standing.epoch,
                    delta=standing.delta,
                    scanned=standing.scanned,
                    seen=json.dumps(standing.seen),
                )
            )
            if before is not None and before.epoch != standing.epoch:
                self.forget(agreement, before=standing.epoch)

    def forget(self, agreement: str, *, before: int | None = None) -> None:
        """Erase what was asked and opened under an agreement, in epochs before one or in all."""
        with self._database.transaction() as connection:
            for table in (central_asked, central_opened):
                where = [table.c.agreement == agreement]
                if before is not None:
                    where.append(table.c.epoch < before)
                connection.execute(table.delete().where(*where))
            if before is None:
                columns = central_standing.c
                connection.execute(central_standing.delete().where(columns.agreement == agreement))

    def not_asked(
        self, agreement: str, epoch: int, algorithm: AlgorithmId, digests: Bytes2D
    ) -> Bytes2D:
        """Those of some digests (n, width) that were not asked yet in this epoch."""
        columns = central_asked.c
        query = sa.select(columns.raw).where(
            columns.agreement == agreement,
            columns.epoch == epoch,
            columns.algorithm == algorithm.value,
        )
        known: list[bytes] = []
        with self._database.reading() as connection:
            if len(digests) > _FEW:
                known += connection.execute(query).scalars()
            else:
                wanted = [row.tobytes() for row in digests]
                for at in range(0, len(wanted), _AT_ONCE):
                    some = query.where(columns.raw.in_(wanted[at : at + _AT_ONCE]))
                    known += connection.execute(some).scalars()
        held = as_rows(b"".join(known), algorithm.digest_bytes)
        return digests[~is_in(digests, held)]

    def add_asked(self, agreement: str, epoch: int, asked: Iterable[AskedRow]) -> None:
        many = [
            {
                "agreement": agreement,
                "epoch": epoch,
                "algorithm": row.algorithm,
                "raw": row.raw,
                "root": row.root,
                "slot": row.slot,
                "tag": row.tag,
            }
            for row in asked
        ]
        if many:
            with self._database.transaction() as connection:
                connection.execute(central_asked.insert(), many)

    def moved(self, agreement: str, epoch: int, asked: Iterable[AskedRow]) -> None:
        """Keep the new slots and tags of items that were asked before."""
        columns = central_asked.c
        with self._database.transaction() as connection:
            for row in asked:
                connection.execute(
                    central_asked.update()
                    .where(
                        columns.agreement == agreement,
                        columns.epoch == epoch,
                        columns.algorithm == row.algorithm,
                        columns.raw == row.raw,
                    )
                    .values(slot=row.slot, tag=row.tag)
                )

    def with_tags(self, agreement: str, epoch: int, tags: Sequence[int]) -> list[AskedRow]:
        """The items whose next entry would stand under one of some tags."""
        columns = central_asked.c
        query = sa.select(
            columns.algorithm, columns.raw, columns.root, columns.slot, columns.tag
        ).where(columns.agreement == agreement, columns.epoch == epoch)
        found: list[AskedRow] = []
        wanted = np.unique(np.array(tags, np.int64)).tolist()
        with self._database.reading() as connection:
            for at in range(0, len(wanted), _AT_ONCE):
                some = query.where(columns.tag.in_(wanted[at : at + _AT_ONCE]))
                found += [AskedRow(*row) for row in connection.execute(some)]
        return found

    def canaries(self, agreement: str, epoch: int) -> int:
        """How many canaries were asked."""
        columns = central_asked.c
        query = sa.select(sa.func.count()).where(
            columns.agreement == agreement, columns.epoch == epoch, columns.algorithm == CANARY
        )
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    # -- entries -----------------------------------------------------------------------------------

    def add_opened(self, agreement: str, epoch: int, opened: Iterable[OpenedRow]) -> None:
        many = [
            {
                "agreement": agreement,
                "epoch": epoch,
                "algorithm": row.algorithm,
                "raw": row.raw,
                "slot": row.slot,
                "delta": row.delta,
                "mark": row.mark,
                "body": row.body,
                "removed": row.removed,
            }
            for row in opened
        ]
        if many:
            with self._database.transaction() as connection:
                connection.execute(central_opened.insert(), many)

    def opened(self, agreement: str, epoch: int) -> list[OpenedRow]:
        """The entries that stand, canaries apart."""
        columns = central_opened.c
        query = (
            sa.select(
                columns.algorithm,
                columns.raw,
                columns.slot,
                columns.delta,
                columns.mark,
                columns.body,
                columns.removed,
            )
            .where(
                columns.agreement == agreement,
                columns.epoch == epoch,
                columns.algorithm != CANARY,
                columns.removed.is_(None),
            )
            .order_by(columns.algorithm, columns.raw, columns.slot)
        )
        with self._database.reading() as connection:
            return [OpenedRow(*row) for row in connection.execute(query)]

    def take_back(
        self,
        agreement: str,
        epoch: int,
        removed: Mapping[bytes, int],
        standing: Iterable[OpenedRow],
    ) -> None:
        """Entries of ``standing`` that a delta took back, by their marks."""
        columns = central_opened.c
        with self._database.transaction() as connection:
            for row in standing:
                if row.mark in removed:
                    connection.execute(
                        central_opened.update()
                        .where(
                            columns.agreement == agreement,
                            columns.epoch == epoch,
                            columns.algorithm == row.algorithm,
                            columns.raw == row.raw,
                            columns.slot == row.slot,
                        )
                        .values(removed=removed[row.mark])
                    )
