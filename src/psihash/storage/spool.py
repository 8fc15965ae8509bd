# ruff: noqa: S608 - every name put into a statement is a constant of this package
"""The rows of an import that is under way, in a SQLite file of their own.

The file lies in the spool directory until the import finishes or is abandoned, whichever store is
used. Nothing in the store changes meanwhile, and no lock is held. A lock on the file tells a live
import from the leftovers of a killed one, which :func:`sweep` deletes when a store is opened.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from psihash.storage.errors import mapped, storage_error
from psihash.terms import AlgorithmId

TABLES: Final[dict[str, dict[str, str]]] = {
    "import_rows": {
        "ident": "INT4",
        "key": "BYTEA",
        **dict.fromkeys((a.value for a in AlgorithmId if a is not AlgorithmId.MD5), "BYTEA"),
        "size": "INT8",
        **dict.fromkeys(("media_type", "verdict", "dialect", "category"), "TEXT"),
    },
    "import_others": {"ident": "INT4", "key": "BYTEA", "kind": "TEXT", "value": "TEXT"},
    "import_trivial": {"ident": "INT4", "key": "BYTEA", "reason": "TEXT"},
}
"""Columns with their PostgreSQL types. ``ident`` numbers the algorithm that identifies the row's
item, ``key`` is that digest; the other columns hold the other digests. There is no MD5 column: an
MD5 is always the key."""

_PREFIX: Final = "psihash-import-"


class Spool:
    """One import's rows. Close it in any case: that deletes the file."""

    def __init__(self, directory: Path) -> None:
        try:
            self.path, self._lock = _create(directory)
        except OSError as error:
            raise storage_error(error) from None
        self._connection: sqlite3.Connection | None = None
        try:
            with mapped():
                self._connection = self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> sqlite3.Connection:
        # An import may begin on one thread and go on, never at the same time, on another.
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        # No journal and no syncing: after a crash the file is deleted, not recovered.
        for statement in (
            "PRAGMA journal_mode=OFF",
            "PRAGMA synchronous=OFF",
            "PRAGMA cache_size=-16384",
            "BEGIN",
            *(f"CREATE TABLE {name} ({', '.join(TABLES[name])})" for name in TABLES),
            "CREATE UNIQUE INDEX import_trivial_once ON import_trivial (ident, key)",
        ):
            connection.execute(statement).close()
        return connection

    def add(
        self, table: str, ident: int, columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Write rows of one ``ident`` with the given other columns; the rest are null."""
        names = ", ".join(columns)
        places = ", ".join("?" * len(columns))
        unless = "OR IGNORE" if table == "import_trivial" else ""
        statement = f"INSERT {unless} INTO {table} (ident, {names}) VALUES ({ident}, {places})"
        with mapped():
            self._live().executemany(statement, rows)

    def finish(self) -> Path:
        """Close the file for writing, so that a store can attach it."""
        with mapped():
            connection = self._live()
            connection.execute("COMMIT").close()
            connection.close()
        self._connection = None
        return self.path

    def tables(self) -> Iterator[tuple[str, Iterable[tuple[Any, ...]]]]:
        """After :meth:`finish`: every table's name with its rows, for a store that cannot attach
        the file."""
        connection = sqlite3.connect(self.path)
        try:
            for name in TABLES:
                yield name, connection.execute(f"SELECT * FROM {name}")
        finally:
            connection.close()

    def close(self) -> None:
        """Delete the file. Safe to repeat."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock is not None:
            self.path.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def _live(self) -> sqlite3.Connection:
        if self._connection is None:
            raise RuntimeError("the import has ended")
        return self._connection


def _create(directory: Path) -> tuple[Path, int | None]:
    while True:
        path = directory / f"{_PREFIX}{secrets.token_hex(8)}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # A sweep may have come between creation and lock; then the name is gone.
        if path.exists():
            return path, descriptor
        os.close(descriptor)


def sweep(directory: Path) -> None:
    """Delete what killed imports left behind; a live import's file is locked and stays."""
    for path in directory.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(descriptor)
