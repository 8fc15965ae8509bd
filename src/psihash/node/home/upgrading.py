"""``psihash db``: which schema the store has, and bringing an older one up to date.

A store of an older schema is opened by this alone: the person who runs it has made a backup, and
knows from when on the version before cannot go back to it. Nobody can be logged in before; who may
write the store may upgrade it, and the log says who did.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from psihash.audit.event import Event
from psihash.node.clock import Clock
from psihash.node.home import opening, settings
from psihash.storage import migrate
from psihash.storage.database import Database


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """The store of a home. ``schema`` is None where nothing was made yet."""

    store: str
    """``sqlite`` or ``postgresql``."""
    schema: str | None
    newest: str
    """The schema that this version works with."""

    @property
    def is_current(self) -> bool:
        return self.schema == self.newest


@dataclass(frozen=True, slots=True)
class Upgraded:
    """An upgrade; both are equal where there was nothing to do."""

    before: str
    after: str


def status(home: Path) -> StoreStatus:
    """Raises StorageError ``store-newer``, and what opening a home raises."""
    with Database.connect(settings.store_url(home, settings.load(home))) as database:
        return _status(database)


def upgrade(home: Path, *, clock: Clock | None = None) -> Upgraded:
    """Migrate the store to this version's schema, in one transaction with the log entry about it.
    Raises StorageError."""
    database = Database.connect(settings.store_url(home, settings.load(home)))
    node = opening.assembled(home, database, clock=clock)
    try:
        with database.transaction() as connection:
            before = migrate.revision(connection)
            migrate.upgrade(connection)
            found = _status(database)
            if before is not None and before != found.newest:
                facts = {"what": "store", "from": before, "to": found.newest}
                node.record(Event.CONFIG_CHANGE, facts)
        return Upgraded(before or found.newest, found.newest)
    finally:
        node.close()


def _status(database: Database) -> StoreStatus:
    with database.reading() as connection:
        migrate.is_current(connection)
        schema = migrate.revision(connection)
    return StoreStatus("sqlite" if database.is_sqlite else "postgresql", schema, migrate.HEAD)
