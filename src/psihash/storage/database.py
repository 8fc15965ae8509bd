"""One database for everything that persists: SQLite by default, PostgreSQL by URL.

Transactions are re-entrant per thread: a store method called inside ``database.transaction()``
joins it, so that "log entry and state change" commit together or not at all. Never ``await``
inside one: another task on the same thread would join it.

SQLite runs in WAL mode with ``synchronous=FULL``: a commit that has returned survives a power
cut. ``secure_delete`` overwrites erased rows with zeros, and :meth:`Database.erased` empties the
write-ahead log after the commit, because an old page there would outlive its row.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
import sqlalchemy.event
from sqlalchemy.engine import URL, Connection, Engine

from psihash import errors
from psihash.storage import migrate
from psihash.storage.errors import STORE_OLDER, mapped
from psihash.storage.spool import sweep

BAD_STORE_URL = errors.define("bad-store-url", "the store's URL is not one psihash can open")

POSTGRES_MISSING = errors.define(
    "postgres-missing", "the store is a PostgreSQL database but its driver is not installed"
)

BUSY_TIMEOUT_SECONDS: Final = 300.0
"""How long a writer waits for another. An import of 10^7 rows holds the lock for one to
three minutes, and a log entry that waits is better than one that is lost."""


@dataclass
class _Current(threading.local):
    """The transaction that this thread is in. No slots: those would be shared by all threads."""

    connection: Connection | None = None
    writing: bool = False
    erased: bool = False
    cleanups: list[Callable[[Connection], None]] = field(default_factory=list)


class Database:
    """An open store. Use :meth:`open`; safe to share between threads."""

    def __init__(self, engine: Engine, path: Path | None, spool: Path) -> None:
        self._engine = engine
        self.path = path
        """The SQLite file, or None on PostgreSQL."""
        self.spool = spool
        """The directory for rows of an import that runs; on the store's encrypted disk."""
        self._current = _Current()

    @classmethod
    def open(
        cls, url: str, *, spool: Path | None = None, busy_timeout: float = BUSY_TIMEOUT_SECONDS
    ) -> Database:
        """Open, and create where there is nothing yet.

        ``url`` is ``sqlite:///path`` or ``postgresql+psycopg://...``. ``spool`` is where an import
        keeps its rows until it finishes: beside a SQLite file, else the system's temporary folder.
        Raises InputError ``bad-store-url`` and StorageError (``store-newer`` for a schema that
        this code doesn't know, ``store-older`` for one that has to be upgraded first).
        """
        database = cls.connect(url, spool=spool, busy_timeout=busy_timeout)
        try:
            database._prepare()
        except BaseException:
            database.close()
            raise
        return database

    @classmethod
    def connect(
        cls, url: str, *, spool: Path | None = None, busy_timeout: float = BUSY_TIMEOUT_SECONDS
    ) -> Database:
        """The same without a look at the schema: for those who upgrade it."""
        parsed = _parse(url)
        with mapped():
            if parsed.get_backend_name() == "sqlite":
                path = Path(parsed.database or "").resolve()
                return cls(_sqlite(parsed, busy_timeout), path, spool or path.parent)
            engine = _postgresql(parsed, busy_timeout)
            return cls(engine, None, spool or Path(tempfile.gettempdir()))

    @property
    def is_sqlite(self) -> bool:
        return self.path is not None

    def close(self) -> None:
        """Give all connections back. The object is of no use afterwards."""
        self._engine.dispose()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _prepare(self) -> None:
        with self.reading() as connection:
            ready = migrate.is_current(connection)
            older = not ready and migrate.revision(connection) is not None
        if older:
            raise errors.StorageError(
                STORE_OLDER,
                "the store was written by an older psihash",
                hint="make a backup of it, stop `psihash serve`, then run `psihash db upgrade`",
            )
        if not ready:
            with self.transaction() as connection:
                migrate.upgrade(connection)
        sweep(self.spool)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """The write transaction of this thread: begun here, or joined if one is open.

        The outermost one commits, durably, when its block ends, and rolls back on any exception.
        """
        current = self._current
        if current.connection is not None:
            if not current.writing:
                raise RuntimeError("a write inside a read transaction")
            with mapped():
                yield current.connection
            return
        with mapped(), self._begin(writing=True) as connection:
            yield connection
        if current.erased:
            current.erased = False
            self._empty_wal()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view; inside ``transaction()`` that transaction itself."""
        if self._current.connection is not None:
            with mapped():
                yield self._current.connection
            return
        with mapped(), self._begin(writing=False) as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A read transaction on a connection of its own, for results that are streamed while the
        caller does other work. It does not see what an open transaction has written."""
        with mapped(), self._engine.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    def erased(self) -> None:
        """Call inside a transaction that erases secrets: after the commit no copy of the old
        pages stays in SQLite's write-ahead log."""
        self._current.erased = True

    def cleanup(self, action: Callable[[Connection], None]) -> None:
        """Run ``action`` on this transaction's connection once it has ended, either way."""
        self._current.cleanups.append(action)

    def attach(self, path: Path) -> str:
        """Make another SQLite file visible until this transaction has ended; returns its schema
        name. SQLite takes ten at a time."""
        connection = self._current.connection
        if connection is None:
            raise RuntimeError("outside a transaction")
        name = f"attached{len(self._current.cleanups)}"
        connection.exec_driver_sql(f"ATTACH ? AS {name}", (str(path),))
        self.cleanup(lambda ended: _detach(ended, name))
        return name

    @contextmanager
    def _begin(self, *, writing: bool) -> Iterator[Connection]:
        current = self._current
        with self._engine.connect() as connection:
            connection = connection.execution_options(psihash_writing=writing)
            if not self.is_sqlite and not writing:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            try:
                with connection.begin():
                    current.connection, current.writing = connection, writing
                    try:
                        yield connection
                    except BaseException:
                        current.erased = False
                        raise
                    finally:
                        current.connection, current.writing = None, False
            finally:
                _clean_up(connection, current.cleanups)

    def _empty_wal(self) -> None:
        if not self.is_sqlite:
            return
        with mapped(), self._engine.connect() as connection:
            raw = connection.connection.driver_connection
            # A reader elsewhere may hold the log open; the next erasure or close empties it.
            if isinstance(raw, sqlite3.Connection):
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _clean_up(connection: Connection, actions: list[Callable[[Connection], None]]) -> None:
    try:
        while actions:
            actions.pop()(connection)
    except BaseException:
        # A connection in an unknown state must not go back to the pool.
        actions.clear()
        connection.invalidate()
        raise


def _detach(connection: Connection, name: str) -> None:
    raw = connection.connection.driver_connection
    if isinstance(raw, sqlite3.Connection):
        raw.execute(f"DETACH {name}").close()


def _parse(url: str) -> URL:
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise errors.InputError(BAD_STORE_URL, "the store's URL cannot be read") from None
    if parsed.drivername == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    raise errors.InputError(
        BAD_STORE_URL,
        "the store must be a SQLite file or a PostgreSQL database",
        hint="use sqlite:///path/to/file or postgresql+psycopg://user@host/name",
    )


def _sqlite(url: URL, busy_timeout: float) -> Engine:
    path = Path(url.database or "").resolve()
    with contextlib.suppress(OSError):
        # SQLite would create it readable for others; its side files take over the mode. What else
        # may be wrong with the path, SQLite will say.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    engine = sa.create_engine(
        url, hide_parameters=True, connect_args={"timeout": busy_timeout, "isolation_level": None}
    )
    # Sorting spills to temporary files; they must lie on the store's disk, whose encryption the
    # operator chose, not in a shared /tmp.
    os.environ.setdefault("SQLITE_TMPDIR", str(path.parent))

    @sqlalchemy.event.listens_for(engine, "connect")
    def _connect(raw: Any, _record: Any) -> None:
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            "trusted_schema=OFF",
            "temp.secure_delete=OFF",  # SQLite deletes the file itself; zeroing it first is slow
            "cache_size=-65536",
            "journal_size_limit=67108864",
        ):
            raw.execute(f"PRAGMA {pragma}").close()

    @sqlalchemy.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("psihash_writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _postgresql(url: URL, busy_timeout: float) -> Engine:
    try:
        import psycopg  # noqa: F401 - an extra; SQLite users don't have it
    except ImportError:
        raise errors.UnavailableError(
            POSTGRES_MISSING,
            "PostgreSQL needs the extra 'postgres'",
            hint="pip install 'psihash[postgres]'",
        ) from None
    return sa.create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        connect_args={
            "options": f"-c lock_timeout={int(busy_timeout * 1000)} -c synchronous_commit=on"
        },
    )
