"""Runs the normal program with quick passphrases and, for some tests, a fault built in.

``python -m tests.two_process.launcher`` takes psihash's own words.

The fault stands in the environment variable PSIHASH_TEST_FAULT, several joined by commas:

* ``before:STEP`` / ``after:STEP``: SIGKILL itself around a step of :data:`STEPS`;
* ``commit:N``: SIGKILL itself when it is about to commit for the N-th time, from 0;
* ``database:N`` / ``database-after:N``: SIGKILL the PostgreSQL server in the environment variable
  PSIHASH_TEST_POSTMASTER before that commit, or after it but before the answer is here;
* ``state:STATE``: SIGKILL itself when the session comes into a state of the table;
* ``engine:FRAMES:PAUSE``: match with a test engine of so many full frames, with a pause in
  seconds after each;
* ``full``: the store has no room as long as the file HOME/full exists;
* ``crash:STEP``: an exception whose text holds a digest;
* ``calls:SECONDS``: another deadline for calls;
* ``reconnect:SECONDS``: another setting ``reconnect_seconds``;
* ``housekeeping:SECONDS``: how often the server tidies up;
* ``look:SECONDS``: how often the schedule is looked at, and a run that did not reach the centre is
  tried again as often.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
import sqlalchemy.event
from psihash_client.main import main
from psihash_server import main as server
from sqlalchemy.engine import Connection
from sqlalchemy.engine.default import DefaultDialect

from psihash import limits
from psihash.node.central import centre
from psihash.node.home import settings
from psihash.node.running import settling
from psihash.node.running.desk import NodeDesk
from psihash.node.running.journal import NodeJournal
from psihash.node.watching import running, scheduler
from psihash.psi import registry
from psihash.session.machine import Input, Machine, State
from tests.two_process.agencies import quick_keys
from tests.two_process.bulk_engine import BulkEngine

PLANTED: Final = "5d41402abc4b2a76b9719d911017c592"
"""A digest in an exception's text; it must never be seen anywhere."""

STEPS: Final[dict[str, tuple[Any, str]]] = {
    "accept": (NodeDesk, "accept"),
    "witness": (NodeDesk, "witness"),
    "opened": (NodeJournal, "opened"),
    "disclosing": (NodeJournal, "disclosing"),
    "settling": (NodeJournal, "settling"),
    "completed": (NodeJournal, "completed"),
    "central-open": (centre, "open_run"),
    "central-evaluate": (centre, "evaluate"),
    "settle-complete": (settling, "_complete"),
    "settle-abort": (settling, "_abort"),
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def around(step: str, *, before: Callable[[], None], after: Callable[[], None]) -> None:
    """Do something around a step, whoever takes it."""
    owner, name = STEPS[step]
    original = getattr(owner, name)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        before()
        result = original(*args, **kwargs)
        after()
        return result

    setattr(owner, name, wrapped)


def nothing() -> None:
    pass


def crash() -> None:
    raise RuntimeError(f"something about {PLANTED}")


def die_in(state: State) -> None:
    original = Machine.take

    def take(self: Machine, event: Input) -> State:
        following = original(self, event)
        if following is state:
            die()
        return following

    Machine.take = take  # type: ignore[method-assign]


def die_before_commit(number: int) -> None:
    left = [number]

    @sqlalchemy.event.listens_for(sa.Engine, "commit")
    def _commit(connection: Connection) -> None:
        if connection.get_execution_options().get("psihash_writing", False):
            left[0] -= 1
            if left[0] < 0:
                die()


def lose_the_database(number: int, *, after: bool) -> None:
    import psycopg

    from tests.two_process import postgres

    server, left, dying = int(os.environ["PSIHASH_TEST_POSTMASTER"]), [number], threading.local()
    commit: Any = DefaultDialect.do_commit

    @sqlalchemy.event.listens_for(sa.Engine, "commit")
    def _commit(connection: Connection) -> None:
        if connection.get_execution_options().get("psihash_writing", False):
            left[0] -= 1
            dying.now = left[0] == -1

    def do_commit(self: DefaultDialect, dbapi_connection: Any) -> None:
        if not getattr(dying, "now", False):
            commit(self, dbapi_connection)
            return
        dying.now = False
        if after:
            commit(self, dbapi_connection)
        postgres.kill(server)
        commit(self, dbapi_connection)  # which finds that nobody is there
        raise psycopg.OperationalError("nobody is there")

    DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]


def look_often(seconds: float) -> None:
    scheduler.LOOK_SECONDS = seconds  # type: ignore[misc]
    running.RETRY_MINUTES = (0, 0, 0, 0)  # type: ignore[misc]


def use_engine(frames: int, pause: float) -> None:
    registry.default = lambda group="": registry.Registry([BulkEngine(frames, pause)])


def fill_the_disk(marker: Path) -> None:
    """SQLite itself says that it is full, at the beginning of every write transaction."""

    @sqlalchemy.event.listens_for(sa.Engine, "begin")
    def _begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("psihash_writing", False)
        if writing and marker.exists():
            connection.exec_driver_sql("PRAGMA max_page_count=1")  # never below what there is
            connection.exec_driver_sql("CREATE TABLE filling (body BLOB)")
            connection.exec_driver_sql("INSERT INTO filling VALUES (zeroblob(100000000))")
        else:
            connection.exec_driver_sql(f"PRAGMA max_page_count={2**30}")


def override(name: str, value: float) -> None:
    original = settings.load
    settings.load = lambda home: dataclasses.replace(original(home), **{name: value})  # type: ignore[arg-type]


def apply(fault: str, home: Path) -> None:
    kind, _, rest = fault.partition(":")
    if kind == "before":
        around(rest, before=die, after=nothing)
    elif kind == "after":
        around(rest, before=nothing, after=die)
    elif kind == "crash":
        around(rest, before=crash, after=nothing)
    elif kind == "state":
        die_in(State(rest))
    elif kind == "commit":
        die_before_commit(int(rest))
    elif kind in ("database", "database-after"):
        lose_the_database(int(rest), after=kind == "database-after")
    elif kind == "look":
        look_often(float(rest))
    elif kind == "engine":
        frames, _, pause = rest.partition(":")
        use_engine(int(frames), float(pause or 0))
    elif kind == "full":
        fill_the_disk(home / "full")
    elif kind == "calls":
        limits.CALL_SECONDS = float(rest)  # type: ignore[misc]
    elif kind == "reconnect":
        override("reconnect_seconds", float(rest))
    elif kind == "housekeeping":
        server.HOUSEKEEPING_SECONDS = float(rest)  # type: ignore[misc]
    elif kind:
        raise ValueError(f"unknown fault {kind}")


def run() -> None:
    """The program, with what stands in the environment built in."""
    for each in os.environ["PSIHASH_TEST_FAULT"].split(","):
        apply(each, Path(sys.argv[sys.argv.index("--home") + 1]))
    main()


if __name__ == "__main__":
    quick_keys().__enter__()
    run()
