"""What a centre keeps to publish its set: epochs, values of the function, entries, labels."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import sqlalchemy as sa

from psihash import errors
from psihash.bulk import Bytes2D, rows
from psihash.central.derive import ROOT_BYTES
from psihash.central.publishing import Change, Entries
from psihash.psi.engine import TOKEN_BYTES
from psihash.storage.database import Database
from psihash.storage.errors import damaged
from psihash.storage.tables_central import (
    central_entries,
    central_epochs,
    central_labels,
    central_places,
    central_roots,
    central_setup,
)
from psihash.storage.times import normal
from psihash.terms import AlgorithmId

CENTRAL_EXISTS = errors.define("central-exists", "this node is set up as a centre already")
NO_CENTRAL = errors.define("no-central", "this node is not set up as a centre")

BUILDING: Final = "building"
CURRENT: Final = "current"
OVER: Final = "over"

_ADDED: Final = "added"
_REMOVED: Final = "removed"
_ENTRIES_AT_ONCE: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Setup:
    """How a centre publishes. ``collections`` is None for all."""

    sealed_seed: bytes
    collections: tuple[str, ...] | None
    algorithms: tuple[AlgorithmId, ...]
    contact: str
    epoch_days: int
    valid_days: int
    created: str
    erasure: str | None = None
    """When something published was erased last, where that waits for a rotation."""


@dataclass(frozen=True, slots=True)
class EpochRow:
    """An epoch. ``sealed_secrets`` is None once it is over."""

    epoch: int
    state: str
    sealed_secrets: bytes | None
    public_key: bytes
    created: str
    reason: str
    ended: str | None


class CentralStore:
    """The centre's own state."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- set up ----------------------------------------------------------------------------------

    def set_up(self, setup: Setup) -> None:
        """Raises StateError ``central-exists``."""
        chosen = None if setup.collections is None else json.dumps(list(setup.collections))
        with self._database.transaction() as connection:
            if self.setup() is not None:
                raise errors.StateError(CENTRAL_EXISTS, "this node is a centre already")
            connection.execute(
                central_setup.insert().values(
                    one=1,
                    sealed_seed=setup.sealed_seed,
                    collections=chosen,
                    algorithms=json.dumps([name.value for name in setup.algorithms]),
                    contact=setup.contact,
                    epoch_days=setup.epoch_days,
                    valid_days=setup.valid_days,
                    created=normal(setup.created),
                )
            )

    def setup(self) -> Setup | None:
        with self._database.reading() as connection:
            row = connection.execute(sa.select(central_setup)).first()
        if row is None:
            return None
        chosen = None if row.collections is None else tuple(json.loads(row.collections))
        return Setup(
            row.sealed_seed,
            chosen,
            tuple(AlgorithmId(name) for name in json.loads(row.algorithms)),
            row.contact,
            row.epoch_days,
            row.valid_days,
            row.created,
            row.erasure,
        )

    def require(self) -> Setup:
        """Raises StateError ``no-central``."""
        found = self.setup()
        if found is None:
            raise errors.StateError(
                NO_CENTRAL, "this node is not a centre", hint="run `psihash central init`"
            )
        return found

    def publish_too(self, collection: str) -> None:
        """A further collection is published, where some were named."""
        with self._database.transaction() as connection:
            query = sa.select(central_setup.c.collections).with_for_update()
            chosen = connection.execute(query).scalar_one()
            if chosen is not None and collection not in json.loads(chosen):
                named = json.dumps([*json.loads(chosen), collection])
                connection.execute(central_setup.update().values(collections=named))

    def note_erasure(self, now: str) -> None:
        """Something that is published was erased: the next publication is a new epoch."""
        with self._database.transaction() as connection:
            connection.execute(central_setup.update().values(erasure=normal(now)))

    def place_of(self, agency: str, now: str, most: int) -> int:
        """The place of a member, a new one where it has none."""
        query = sa.select(central_places.c.place).where(central_places.c.agency == agency)
        with self._database.transaction() as connection:
            place = connection.execute(query).scalar()
            if place is None:
                count = connection.execute(sa.select(sa.func.count(central_places.c.agency)))
                place = int(count.scalar_one()) % most
                connection.execute(
                    central_places.insert().values(agency=agency, place=place, added=normal(now))
                )
        return int(place)

    def members(self) -> int:
        with self._database.reading() as connection:
            query = sa.select(sa.func.count(central_places.c.agency))
            return int(connection.execute(query).scalar_one())

    # -- epochs ----------------------------------------------------------------------------------

    def epochs(self) -> list[EpochRow]:
        """All epochs, oldest first."""
        query = sa.select(central_epochs).order_by(central_epochs.c.epoch)
        with self._database.reading() as connection:
            return [EpochRow(*row) for row in connection.execute(query)]

    def in_state(self, state: str) -> EpochRow | None:
        """The epoch that is ``building`` or ``current``: there is at most one of each."""
        return next((row for row in self.epochs() if row.state == state), None)

    def begin_epoch(self, sealed: bytes, public: bytes, reason: str, now: str, epoch: int) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                central_epochs.insert().values(
                    epoch=epoch,
                    state=BUILDING,
                    sealed_secrets=sealed,
                    public_key=public,
                    created=normal(now),
                    reason=reason,
                )
            )

    def make_current(self, epoch: int, now: str, erasure: str | None) -> None:
        """The epoch that was being built takes the place of the current one, whose secrets are
        erased. An erasure that was noted before the building began, ``erasure``, is done."""
        columns = central_epochs.c
        with self._database.transaction() as connection:
            connection.execute(
                central_epochs.update()
                .where(columns.state == CURRENT)
                .values(state=OVER, sealed_secrets=None, ended=normal(now))
            )
            connection.execute(
                central_epochs.update().where(columns.epoch == epoch).values(state=CURRENT)
            )
            connection.execute(
                central_setup.update()
                .where(central_setup.c.erasure == erasure)
                .values(erasure=None)
            )
            self._database.erased()

    def drop_epoch(self, epoch: int) -> None:
        """Erase what was computed for an epoch; with it the epoch itself where it never stood."""
        with self._database.transaction() as connection:
            for table in (central_roots, central_entries):
                connection.execute(table.delete().where(table.c.epoch == epoch))
            connection.execute(
                central_epochs.delete().where(
                    central_epochs.c.epoch == epoch, central_epochs.c.state == BUILDING
                )
            )
            self._database.erased()

    # -- values of the function --------------------------------------------------------------------

    def partitions(self, epoch: int) -> list[int]:
        """Numbers of the partitions that are computed, ascending."""
        query = (
            sa.select(central_roots.c.number)
            .where(central_roots.c.epoch == epoch)
            .order_by(central_roots.c.number)
        )
        with self._database.reading() as connection:
            return [int(number) for (number,) in connection.execute(query)]

    def add_partition(self, epoch: int, number: int, tokens: Bytes2D, found: Bytes2D) -> None:
        """Keep the roots (n, 32) of tokens (n, 32)."""
        with self._database.transaction() as connection:
            connection.execute(
                central_roots.insert().values(
                    epoch=epoch, number=number, tokens=tokens.tobytes(), roots=found.tobytes()
                )
            )

    def tokens(self, epoch: int) -> Bytes2D:
        """The tokens of an epoch: (n, 32), an item's index is its row."""
        return self._column(epoch, "tokens", TOKEN_BYTES)

    def roots(self, epoch: int) -> Bytes2D:
        """Their roots, in the same order."""
        return self._column(epoch, "roots", ROOT_BYTES)

    def _column(self, epoch: int, name: str, width: int) -> Bytes2D:
        query = (
            sa.select(central_roots.c[name])
            .where(central_roots.c.epoch == epoch)
            .order_by(central_roots.c.number)
        )
        with self._database.reading() as connection:
            return rows(b"".join(body for (body,) in connection.execute(query)), width)

    # -- entries -----------------------------------------------------------------------------------

    def label_ids(self, bodies: Sequence[str]) -> list[int]:
        """The numbers of labels, new ones where they have none. Distinct bodies."""
        known = self.labels()
        numbers = {body: number for number, body in known.items()}
        with self._database.transaction() as connection:
            missing = [{"body": body} for body in bodies if body not in numbers]
            if missing:
                connection.execute(central_labels.insert(), missing)
                numbers = {body: number for number, body in self.labels().items()}
        return [numbers[body] for body in bodies]

    def labels(self) -> dict[int, str]:
        """Every label by its number."""
        with self._database.reading() as connection:
            return {row.id: row.body for row in connection.execute(sa.select(central_labels))}

    def add_entries(self, epoch: int, delta: int, change: Change) -> None:
        """Keep what a publication added and took back."""
        with self._database.transaction() as connection:
            for kind, entries in ((_ADDED, change.added), (_REMOVED, change.removed)):
                for number, at in enumerate(range(0, len(entries), _ENTRIES_AT_ONCE)):
                    part = entries.at(np.arange(at, min(at + _ENTRIES_AT_ONCE, len(entries))))
                    connection.execute(
                        central_entries.insert().values(
                            epoch=epoch, delta=delta, kind=kind, number=number, body=_packed(part)
                        )
                    )

    def entries(self, epoch: int) -> tuple[Entries, Entries]:
        """(all entries that were ever added in an epoch, those that were taken back)."""
        columns = central_entries.c
        query = (
            sa.select(columns.kind, columns.body)
            .where(columns.epoch == epoch)
            .order_by(columns.delta, columns.number)
        )
        found: dict[str, list[Entries]] = {_ADDED: [], _REMOVED: []}
        with self._database.reading() as connection:
            for kind, body in connection.execute(query):
                found[kind].append(_unpacked(body))
        return Entries.joined(found[_ADDED]), Entries.joined(found[_REMOVED])


def _packed(entries: Entries) -> bytes:
    columns: Iterable[Any] = (
        entries.items.astype("<u4"),
        entries.slots.astype("<u2"),
        entries.labels.astype("<u4"),
    )
    return b"".join(column.tobytes() for column in columns)


def _unpacked(body: bytes) -> Entries:
    count, rest = divmod(len(body), 10)
    if rest:
        raise damaged("entry of a central set")
    items = np.frombuffer(body, "<u4", count)
    slots = np.frombuffer(body, "<u2", count, 4 * count)
    labels = np.frombuffer(body, "<u4", count, 6 * count)
    return Entries(items.astype(np.int64), slots.astype(np.int64), labels.astype(np.int64))
