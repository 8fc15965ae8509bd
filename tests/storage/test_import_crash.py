"""A killed import leaves nothing visible, and its leftovers are swept."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from psihash import errors
from psihash.storage.database import Database
from psihash.storage.holdings import Holdings
from psihash.storage.spool import Spool, sweep

from . import integrity
from .lists import MD5, row, take_in

_IMPORTER = Path(__file__).with_name("importer.py")


def _import(url: str, spool: Path, statement: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(_IMPORTER), url, str(spool), str(statement)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_killed_at_any_statement(
    store_url: str, reopen: Callable[[], Database], tmp_path: Path
) -> None:
    take_in(Holdings(reopen()), "before", [row(1, MD5)])
    points = [-1, 0, 14, 18, 22, 26] if "sqlite" in store_url else [-1, 26]
    for statement in points:
        ended = _import(store_url, tmp_path, statement)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        left = list(tmp_path.glob("psihash-import-*"))
        assert len(left) == 1, "the kill should have left the spool behind"
        database = reopen()
        assert not list(tmp_path.glob("psihash-import-*")), "opening sweeps"
        holdings = Holdings(database)
        assert [c.name for c in holdings.collections()] == ["before"]
        assert holdings.statistics()["items"] == 1
        integrity.check(database)
    done = _import(store_url, tmp_path, 10_000)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > max(points), "the points must lie inside the merge"
    assert Holdings(reopen()).collection("killed").items == 30_000


def test_a_live_import_is_not_swept(database: Database, reopen: Callable[[], Database]) -> None:
    spool = Spool(database.spool)
    reopen()
    assert spool.path.exists()
    spool.close()
    assert not spool.path.exists()


def test_sweeping_touches_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "psihash.db").write_text("kept")
    target = tmp_path / "target"
    target.write_text("kept")
    (tmp_path / "psihash-import-link").symlink_to(target)
    (tmp_path / "psihash-import-dead").write_text("x")
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "psihash-import-link",
        "psihash.db",
        "target",
    ]


def test_the_spool_is_private(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    assert spool.path.stat().st_mode & 0o777 == 0o600
    spool.close()


def test_a_spool_that_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(errors.StorageError) as caught:
        Spool(tmp_path / "missing")
    assert caught.value.code == "store-failed"
