# ruff: noqa: S608 - table and column names are checked against what the file says it has
"""Reader of the NSRL RDSv3, which NIST publishes as SQLite databases.

The file may be hostile. It is opened read-only and immutable; an authorizer allows nothing but
plain reading, so that a view can neither call a function nor recurse; a progress handler ends a
query that works on and on without giving a row; column values have a length limit.

Source of the schema: NSRL "RDSv3 database schema", tables ``FILE`` and ``METADATA``; releases
differ in column names and case, so the file itself is asked.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from psihash import errors
from psihash.hashset.digests import digest_or_reason
from psihash.hashset.formats.base import NOT_A_LIST
from psihash.hashset.model import Digest, Reason, Refusal, Row
from psihash.terms import AlgorithmId

_TABLES: Final = ("metadata", "file", "distinct_hash")
"""Where digests stand, the table with one row per file content first."""

_SIZES: Final = ("file_size", "filesize", "bytes", "size")

_MAX_VALUE_BYTES: Final = 1024 * 1024
_MAX_STEPS: Final = 50_000_000
"""Virtual machine steps without a row, about a second of work; a row of the real list takes 20."""
_STEPS_AT_A_TIME: Final = 100_000

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_ALLOWED: Final = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_PRAGMA})


def read(path: Path) -> Iterator[Row | Refusal]:
    """The rows of an RDSv3 file. Raises InputError ``not-a-list`` for anything else and for a
    damaged file; rows that came before the damage have been yielded by then."""
    try:
        connection = _open(path)
    except (sqlite3.Error, OSError, ValueError):
        raise _no_list() from None
    try:
        yield from _rows(connection)
    except (sqlite3.Error, UnicodeError):  # SQLite quotes damaged bytes in its messages
        raise _no_list() from None
    finally:
        connection.close()


def _open(path: Path) -> sqlite3.Connection:
    # Immutable: no lock, no journal is looked for, and nothing is written beside the file.
    uri = path.resolve(strict=True).as_uri() + "?mode=ro&immutable=1"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    for pragma in ("trusted_schema=OFF", "query_only=ON", "cell_size_check=ON", "mmap_size=0"):
        connection.execute(f"PRAGMA {pragma}").close()
    connection.text_factory = _text
    connection.set_authorizer(_authorize)
    return connection


def _text(raw: bytes) -> str:
    return raw.decode("latin-1")


def _authorize(action: int, *_details: Any) -> int:
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


class _Patience:
    """Ends a query that gives no row for too long; :meth:`row` is told of each."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._left = _MAX_STEPS
        connection.set_progress_handler(self._work, _STEPS_AT_A_TIME)

    def row(self) -> None:
        self._left = _MAX_STEPS

    def _work(self) -> int:
        self._left -= _STEPS_AT_A_TIME
        return int(self._left <= 0)


def _rows(connection: sqlite3.Connection) -> Iterator[Row | Refusal]:
    patience = _Patience(connection)
    table, algorithms, size = _find(connection)
    columns = [name for name, _ in algorithms] + ([size] if size else [])
    quoted = ", ".join(f'"{name}"' for name in columns)
    cursor = connection.execute(f'SELECT {quoted} FROM "{table}"')
    kinds = [algorithm for _, algorithm in algorithms]
    for line, values in enumerate(cursor, start=1):
        patience.row()
        yield _row(line, kinds, values, has_size=size is not None)


def _find(connection: sqlite3.Connection) -> tuple[str, list[tuple[str, AlgorithmId]], str | None]:
    """The table to read, its digest columns in the order of algorithms, and its size column."""
    listed = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
    known = {
        name.lower(): name
        for (name,) in listed
        if isinstance(name, str) and _NAME.fullmatch(name) and name.lower() in _TABLES
    }
    for wanted in _TABLES:
        if wanted not in known:
            continue
        rows = connection.execute(f'PRAGMA table_info("{known[wanted]}")').fetchall()
        names = [row[1] for row in rows if isinstance(row[1], str) and _NAME.fullmatch(row[1])]
        by_lower = {name.lower().replace("_", ""): name for name in reversed(names)}
        algorithms = [(by_lower[a.value], a) for a in AlgorithmId if a.value in by_lower]
        if algorithms:
            sizes = [by_lower[s] for s in (n.replace("_", "") for n in _SIZES) if s in by_lower]
            return known[wanted], algorithms, sizes[0] if sizes else None
    raise _no_list()


def _row(
    line: int, kinds: list[AlgorithmId], values: tuple[Any, ...], *, has_size: bool
) -> Row | Refusal:
    digests: list[Digest] = []
    for kind, value in zip(kinds, values, strict=False):
        if value is None or value == "":
            continue
        if not isinstance(value, str):
            return Refusal(Reason.BAD_CHARACTERS, line)
        found = digest_or_reason(value, kind)
        if not isinstance(found, Digest):
            return Refusal(found, line)
        digests.append(found)
    if not digests:
        return Refusal(Reason.NO_DIGEST, line)
    size = values[-1] if has_size else None
    if isinstance(size, str):
        size = int(size) if size.isascii() and size.isdigit() and len(size) < 19 else None
    return Row(tuple(digests), size=size if isinstance(size, int) and size >= 0 else None)


def _no_list() -> errors.InputError:
    return errors.InputError(
        NOT_A_LIST,
        "the file is not an NSRL RDSv3 database, or it is damaged",
        hint="unpack the published archive and give its .db file",
    )
