"""Transactions, migrations and errors of the database itself."""

from __future__ import annotations

import errno
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from psihash import errors
from psihash.storage import migrate
from psihash.storage.database import Database
from psihash.storage.errors import storage_error
from psihash.storage.holdings import Holdings
from psihash.storage.leases import LeaseStore
from psihash.storage.outbox import OutboxStore
from psihash.storage.peers import PeerStore
from psihash.storage.schema import metadata
from psihash.storage.sessions import SessionRow, SessionStore
from psihash.terms import Rung, SessionRole

from .lists import LATER, MD5, NOW, SHA1, row, take_in

Reopen = Callable[[], Database]


def test_the_migrations_make_the_schema(unmade_url: str) -> None:
    with Database.open(unmade_url) as database, database.reading() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []


def test_head_is_the_newest_migration() -> None:
    script = ScriptDirectory(str(Path(migrate.__file__).with_name("migrations")))
    assert script.get_heads() == [migrate.HEAD]
    assert {revision.revision for revision in script.walk_revisions()} == migrate.KNOWN


def test_a_newer_schema_is_refused(database: Database, reopen: Reopen) -> None:
    with database.transaction() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(errors.StorageError) as caught:
        reopen()
    assert caught.value.code == "store-newer"


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql://x/y", "sqlite+aiosqlite:///x"],
)
def test_bad_urls(url: str) -> None:
    with pytest.raises(errors.InputError) as caught:
        Database.open(url)
    assert caught.value.code == "bad-store-url"


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(errors.StorageError) as caught:
        Database.open(f"sqlite:///{path}")
    assert caught.value.code == "store-failed"
    with pytest.raises(errors.StorageError):
        Database.open(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}")


def test_the_files_are_private(tmp_path: Path) -> None:
    with Database.open(f"sqlite:///{tmp_path / 'store.db'}") as database:
        PeerStore(database).add("nl", b"card", "print", NOW)
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert len(modes) == 3
    assert set(modes.values()) == {0o600}


def test_two_stores_join_one_transaction(database: Database) -> None:
    peers, outbox = PeerStore(database), OutboxStore(database)

    def both(*, fail: bool) -> None:
        with database.transaction():
            peers.add("nl", b"card", "print", NOW)
            outbox.put("nl", "card", b"x", NOW)
            assert peers.get("nl").card == b"card"  # its own writes are seen inside
            if fail:
                raise ValueError

    with pytest.raises(ValueError):
        both(fail=True)
    assert (peers.all(), outbox.waiting()) == ([], [])
    both(fail=False)
    assert (len(peers.all()), len(outbox.waiting())) == (1, 1)


def test_other_connections_see_commits_only(database: Database, reopen: Reopen) -> None:
    other = PeerStore(reopen())
    with database.transaction():
        PeerStore(database).add("nl", b"card", "print", NOW)
        assert other.find("nl") is None
    assert other.find("nl") is not None


def test_threads_have_transactions_of_their_own(database: Database) -> None:
    seen: list[object] = []
    with database.transaction():
        PeerStore(database).add("nl", b"card", "print", NOW)
        thread = threading.Thread(target=lambda: seen.append(PeerStore(database).find("nl")))
        thread.start()
        thread.join()
    assert seen == [None]


def test_a_write_inside_a_read_is_a_bug(database: Database) -> None:
    with (
        pytest.raises(RuntimeError),
        database.reading(),
        database.transaction(),
    ):
        pass


def test_a_reader_keeps_its_view(database: Database, reopen: Reopen) -> None:
    peers = PeerStore(database)
    with database.reading():
        assert peers.all() == []
        PeerStore(reopen()).add("nl", b"card", "print", NOW)
        assert peers.all() == []
    assert len(peers.all()) == 1


def test_a_locked_store_says_so(store_url: str, database: Database) -> None:
    LeaseStore(database).acquire("job", "a", NOW, LATER)
    with Database.open(store_url, busy_timeout=0.2) as second, database.transaction():
        LeaseStore(database).acquire("job", "a", NOW, LATER)
        with pytest.raises(errors.StorageError) as caught:
            LeaseStore(second).acquire("job", "b", NOW, LATER)
    assert caught.value.code == "store-locked"
    assert LeaseStore(database).acquire("job", "a", NOW, LATER) is not None


def _limit_size(database: Database, extra_pages: int) -> None:
    """Let the SQLite file grow by some pages only, on every pooled connection."""
    with database.transaction() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + extra_pages}")


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    with Database.open(f"sqlite:///{tmp_path / 'store.db'}") as database:
        holdings = Holdings(database)
        take_in(holdings, "a", [row(1, MD5)])
        before = holdings.collections(), holdings.statistics()
        failures = 0
        for extra in (1, 2, 3, 5, 10, 20, 40, 80, 10_000):
            _limit_size(database, extra)
            try:
                take_in(holdings, "a", [row(n, MD5, SHA1) for n in range(2_000)], sha256="new")
            except errors.StorageError as error:
                assert error.code == "disk-full"  # noqa: PT017 - whether it fails depends on extra
                failures += 1
                assert (holdings.collections(), holdings.statistics()) == before
                assert list(tmp_path.glob("psihash-import-*")) == []
        assert failures >= 3
        assert holdings.collection("a").items == 2_000


def test_a_full_spool_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Database.open(f"sqlite:///{tmp_path / 'store.db'}") as database:
        holdings = Holdings(database)
        real = sqlite3.connect

        def small(*args: object, **kwargs: object) -> sqlite3.Connection:
            connection: sqlite3.Connection = real(*args, **kwargs)  # type: ignore[call-overload]
            connection.execute("PRAGMA max_page_count=20")
            return connection

        monkeypatch.setattr("psihash.storage.spool.sqlite3.connect", small)
        with pytest.raises(errors.StorageError) as caught:
            take_in(holdings, "a", [row(n, MD5) for n in range(20_000)])
        assert caught.value.code == "disk-full"
        assert holdings.collections() == []
        assert list(tmp_path.glob("psihash-import-*")) == []


def test_driver_words_never_travel() -> None:
    class PgError(Exception):
        sqlstate = "23505"

    error = storage_error(PgError("Key (raw)=(\\xdeadbeef) already exists"))
    assert (error.code, "dead" in error.message) == ("store-failed", False)
    assert storage_error(OSError(errno.ENOSPC, "x")).code == "disk-full"
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorname = "SQLITE_FULL"
    assert storage_error(full).code == "disk-full"


def test_errors_carry_no_values(database: Database) -> None:
    with (
        pytest.raises(errors.StorageError) as caught,
        database.transaction() as connection,
    ):
        connection.execute(
            sa.text("INSERT INTO exclusions (algorithm, raw, reason) VALUES (:a, :raw, NULL)"),
            {"a": "md5", "raw": b"\xde\xad\xbe\xef"},
        )
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "dead" not in str(caught.value).lower()


def test_erased_bytes_leave_the_files(tmp_path: Path) -> None:
    with Database.open(f"sqlite:///{tmp_path / 'store.db'}") as database:
        sessions = SessionStore(database)
        secret = b"sealed secret " * 2_000
        sessions.add(
            SessionRow("1", "nl", "a", SessionRole.INITIATOR, "open", Rung.COUNT, "e/1", NOW)
        )
        sessions.put_key("1", b"the sealed session key")
        sessions.put_blob("1", "result", secret)
        files = list(tmp_path.iterdir())
        assert any(b"sealed secret" in path.read_bytes() for path in files)
        sessions.erase("1", LATER)
        for path in tmp_path.iterdir():
            data = path.read_bytes()
            assert b"sealed secret" not in data
            assert b"the sealed session key" not in data


_OPENER = """
import sys
from pathlib import Path
from psihash.storage.database import Database
print("ready", flush=True)
sys.stdin.readline()
Database.open(sys.argv[1], spool=Path(sys.argv[2])).close()
"""


def test_many_processes_may_create_one_store(unmade_url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _OPENER, unmade_url, str(tmp_path)]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)
    ]
    for child in children:
        assert child.stdout is not None
        child.stdout.readline()
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"go\n")
        child.stdin.flush()
    for child in children:
        child.communicate()
    assert [child.returncode for child in children] == [0] * 3
