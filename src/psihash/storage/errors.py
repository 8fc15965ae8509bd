"""Database errors in words of ours.

A driver's text never travels on: PostgreSQL quotes the offending row in it, and a row here may be
a digest. Only the error's symbolic name (``SQLITE_FULL``, SQLSTATE ``53100``) is kept.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy.exc

from psihash import errors

DISK_FULL = errors.define("disk-full", "the disk or the database is full; nothing was changed")
STORE_LOCKED = errors.define(
    "store-locked", "another process kept the store locked for too long; nothing was changed"
)
STORE_FAILED = errors.define("store-failed", "the store could not be read or written")
STORE_NEWER = errors.define("store-newer", "the store was written by a newer psihash")
STORE_OLDER = errors.define(
    "store-older", "the store was written by an older psihash and has to be upgraded first"
)
STORE_DAMAGED = errors.define("store-damaged", "the store holds something psihash never writes")

_PG_FULL: Final = frozenset({"53100", "53400"})
_PG_LOCKED: Final = frozenset({"55P03", "40P01", "40001", "55006"})


@contextmanager
def mapped() -> Iterator[None]:
    """Turn every driver error inside into a :class:`StorageError`, without its cause."""
    try:
        yield
    except sqlalchemy.exc.DBAPIError as error:
        raise storage_error(error.orig or error) from None
    except sqlalchemy.exc.TimeoutError:
        raise errors.StorageError(STORE_LOCKED, "no connection to the store became free") from None
    except (sqlalchemy.exc.SQLAlchemyError, sqlite3.Error) as error:
        raise storage_error(error) from None
    except Exception as error:
        # COPY bypasses SQLAlchemy, and psycopg is an extra that may not be installed.
        if type(error).__module__.partition(".")[0] != "psycopg":
            raise
        raise storage_error(error) from None


def storage_error(error: BaseException) -> errors.StorageError:
    """The StorageError for one driver or operating-system error."""
    state = str(getattr(error, "sqlstate", "") or "")
    name = str(getattr(error, "sqlite_errorname", "") or "") or state or type(error).__name__
    if (
        name.startswith("SQLITE_FULL")
        or state in _PG_FULL
        or (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT))
    ):
        return errors.StorageError(
            DISK_FULL,
            "the disk or the database is full; nothing was changed",
            hint="free some space and run the command again",
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) or state in _PG_LOCKED:
        return errors.StorageError(
            STORE_LOCKED,
            "another process kept the store locked for too long; nothing was changed",
            hint="wait until a running import has finished and try again",
        )
    return errors.StorageError(STORE_FAILED, f"the store could not be read or written ({name})")


def damaged(what: str) -> errors.StorageError:
    """The store holds something that no code of ours writes."""
    return errors.StorageError(
        STORE_DAMAGED,
        f"the stored {what} is damaged",
        hint="restore the store from a backup",
    )
