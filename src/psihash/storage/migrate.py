"""Bringing a store's schema to the version this code knows.

Alembic is imported only when there is something to do: it would cost every command a quarter of
a second.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from psihash import errors
from psihash.storage.errors import STORE_NEWER

HEAD: Final = "0014"
"""The newest revision in ``migrations/versions``; a test keeps them equal."""

KNOWN: Final = frozenset(f"{number:04}" for number in range(1, 15))
"""Every revision this code can migrate from."""

_MIGRATIONS: Final = Path(__file__).with_name("migrations")
_LOCK: Final = 0x70736968  # "psih"


def revision(connection: Connection) -> str | None:
    """The schema's revision, or None for an empty database."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def is_current(connection: Connection) -> bool:
    """Whether there is nothing to do. Raises StorageError ``store-newer``."""
    found = revision(connection)
    if found is not None and found not in KNOWN:
        raise errors.StorageError(
            STORE_NEWER,
            "the store was written by a newer psihash",
            hint="install the version that wrote it, or a newer one",
        )
    return found == HEAD


def upgrade(connection: Connection) -> None:
    """Create or migrate inside the caller's transaction; two processes may race here."""
    from alembic import command
    from alembic.config import Config

    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if is_current(connection):
        return
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
