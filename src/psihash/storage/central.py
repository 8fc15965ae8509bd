"""What a centre keeps to publish its set: how it is set up, epochs, labels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from psihash import errors
from psihash.storage.database import Database
from psihash.storage.tables_central import (
    central_epochs,
    central_labels,
    central_places,
    central_setup,
)
from psihash.storage.times import normal
from psihash.terms import AlgorithmId

CENTRAL_EXISTS = errors.define("central-exists", "this node is set up as a centre already")
NO_CENTRAL = errors.define("no-central", "this node is not set up as a centre")

BUILDING: Final = "building"
CURRENT: Final = "current"
OVER: Final = "over"

_LABELS_AT_ONCE: Final = 500


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
    seen: int | None
    """The last of the holdings' changes that is published."""
    items: int | None
    """Distinct digests that stand."""


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

    def published(self, epoch: int, seen: int, items: int) -> None:
        """What a publication of an epoch has taken in, and how many digests stand with it."""
        with self._database.transaction() as connection:
            connection.execute(
                central_epochs.update()
                .where(central_epochs.c.epoch == epoch)
                .values(seen=seen, items=items)
            )

    def drop_unborn(self, before: int) -> None:
        """Erase epochs before one that never stood."""
        with self._database.transaction() as connection:
            columns = central_epochs.c
            connection.execute(
                central_epochs.delete().where(columns.epoch < before, columns.state == BUILDING)
            )

    # -- labels ------------------------------------------------------------------------------------

    def label_ids(self, bodies: Sequence[str]) -> list[int]:
        """The numbers of labels, new ones where they have none. Distinct bodies."""
        numbers: dict[str, int] = {}
        with self._database.transaction() as connection:
            for at in range(0, len(bodies), _LABELS_AT_ONCE):
                some = bodies[at : at + _LABELS_AT_ONCE]
                known = _numbers(connection, some)
                missing = [{"body": body} for body in some if body not in known]
                if missing:
                    connection.execute(central_labels.insert(), missing)
                    known = _numbers(connection, some)
                numbers |= known
        return [numbers[body] for body in bodies]

    def labels(self, numbers: Sequence[int]) -> dict[int, str]:
        """Some labels by their numbers."""
        columns = central_labels.c
        found: dict[int, str] = {}
        with self._database.reading() as connection:
            for at in range(0, len(numbers), _LABELS_AT_ONCE):
                some = columns.id.in_(numbers[at : at + _LABELS_AT_ONCE])
                query = sa.select(columns.id, columns.body).where(some)
                found |= {row.id: row.body for row in connection.execute(query)}
        return found


def _numbers(connection: Connection, bodies: Sequence[str]) -> dict[str, int]:
    columns = central_labels.c
    query = sa.select(columns.id, columns.body).where(columns.body.in_(bodies))
    return {row.body: row.id for row in connection.execute(query)}
