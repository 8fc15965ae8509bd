"""Standing queries and their runs. At most one run of a watch is open at a time."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from psihash import errors
from psihash.agreement.times import whole_seconds
from psihash.storage.database import Database
from psihash.storage.tables_watch import watch_runs, watches
from psihash.storage.times import normal

WATCH_MOVED = errors.define("watch-moved", "the watch was changed meanwhile; look at it again")
RUN_MOVED = errors.define("run-moved", "the run of a watch was finished by another process")

_TIMES = ("until", "added", "planned_from", "over", "erased", "last_slot")
_WHOLE = ("until", "added", "planned_from", "over", "erased")
"""Those of whole seconds; a slot may be the moment at which a person asked for a run."""
_RUN_TIMES = ("slot", "first_slot", "opened", "retry_at", "finished")


class WatchState(enum.StrEnum):
    WAITING = "waiting"
    """For an approver here."""
    ACTIVE = "active"
    PAUSED = "paused"
    REFUSED = "refused"
    EXPIRED = "expired"
    REMOVED = "removed"

    @property
    def is_over(self) -> bool:
        return self in (WatchState.REFUSED, WatchState.EXPIRED, WatchState.REMOVED)


class WatchRunState(enum.StrEnum):
    OPEN = "open"
    """Claimed; a process works on it, or the next one will."""
    DONE = "done"
    FAILED = "failed"


class RunKind(enum.StrEnum):
    SLOT = "slot"
    """The schedule's."""
    MANUAL = "manual"
    """A person's."""


@dataclass(frozen=True, slots=True)
class WatchRow:
    """A standing query. Times are RFC 3339 text."""

    id: str
    peer: str
    agreement: str
    collections: tuple[str, ...]
    cron: str
    zone: str
    until: str
    state: WatchState
    request: str | None
    added: str
    planned_from: str | None = None
    over: str | None = None
    erased: str | None = None
    sealed_key: bytes | None = None
    sealed_state: bytes | None = None
    matched_items: int | None = None
    new_items: int | None = None
    last_slot: str | None = None
    last_code: str = ""


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run of a watch. ``code`` is why the last attempt failed."""

    watch: str
    slot: str
    first_slot: str
    kind: RunKind
    state: WatchRunState
    opened: str
    attempts: int
    retry_at: str | None = None
    finished: str | None = None
    matched_items: int | None = None
    new_items: int | None = None
    gone_items: int | None = None
    asked: int | None = None
    epoch: int | None = None
    delta: int | None = None
    code: str = ""


class WatchStore:
    """Watches by id, and their runs by slot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, row: WatchRow) -> None:
        values = {column.name: getattr(row, column.name) for column in watches.c}
        values |= {"collections": json.dumps(row.collections), "state": row.state.value}
        with self._database.transaction() as connection:
            connection.execute(watches.insert().values(**_timed(values, _TIMES)))

    def find(self, watch: str) -> WatchRow | None:
        with self._database.reading() as connection:
            row = connection.execute(sa.select(watches).where(watches.c.id == watch)).first()
        return None if row is None else _watch(row)

    def get_locked(self, watch: str) -> WatchRow:
        """The row, which nobody else changes until this transaction ends."""
        query = sa.select(watches).where(watches.c.id == watch).with_for_update()
        with self._database.transaction() as connection:
            return _watch(connection.execute(query).one())

    def all(self, states: Iterable[WatchState] | None = None) -> list[WatchRow]:
        """Watches, oldest first."""
        query = sa.select(watches).order_by(watches.c.added, watches.c.id)
        if states is not None:
            query = query.where(watches.c.state.in_([state.value for state in states]))
        with self._database.reading() as connection:
            return [_watch(row) for row in connection.execute(query)]

    def change(self, watch: str, states: Iterable[WatchState], **values: Any) -> None:
        """Change a watch that is in one of ``states``. Raises StateError ``watch-moved``."""
        with self._database.transaction() as connection:
            moved = connection.execute(
                watches.update()
                .where(
                    watches.c.id == watch,
                    watches.c.state.in_([state.value for state in states]),
                )
                .values(**_timed(values, _TIMES))
            )
            if moved.rowcount != 1:
                raise errors.StateError(WATCH_MOVED, "the watch was changed meanwhile")

    # -- runs --------------------------------------------------------------------------------------

    def open_run(self, row: RunRow) -> None:
        """A new run. The schema refuses a second one for a slot, and a second open one."""
        values = {column.name: getattr(row, column.name) for column in watch_runs.c}
        values |= {"kind": row.kind.value, "state": row.state.value}
        with self._database.transaction() as connection:
            connection.execute(watch_runs.insert().values(**_timed(values, _RUN_TIMES)))

    def opened(self, watch: str) -> RunRow | None:
        """The run that is under way, or was when its process died."""
        columns = watch_runs.c
        query = sa.select(watch_runs).where(
            columns.watch == watch, columns.state == WatchRunState.OPEN.value
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else _run(row)

    def run(self, watch: str, slot: str) -> RunRow | None:
        columns = watch_runs.c
        query = sa.select(watch_runs).where(columns.watch == watch, columns.slot == normal(slot))
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else _run(row)

    def runs(self, watch: str, limit: int | None = None) -> list[RunRow]:
        """Runs of a watch, newest first."""
        columns = watch_runs.c
        query = sa.select(watch_runs).where(columns.watch == watch).order_by(columns.slot.desc())
        if limit is not None:
            query = query.limit(limit)
        with self._database.reading() as connection:
            return [_run(row) for row in connection.execute(query)]

    def change_run(self, run: RunRow, **values: Any) -> None:
        """Change an open run, as of the attempt that ``run`` shows. Raises StateError
        ``run-moved`` where another process has taken it over or finished it."""
        columns = watch_runs.c
        with self._database.transaction() as connection:
            moved = connection.execute(
                watch_runs.update()
                .where(
                    columns.watch == run.watch,
                    columns.slot == normal(run.slot),
                    columns.state == WatchRunState.OPEN.value,
                    columns.attempts == run.attempts,
                )
                .values(**_timed(values, _RUN_TIMES))
            )
            if moved.rowcount != 1:
                raise errors.StateError(RUN_MOVED, "another process has the run now")

    def remove_runs(self, before: str) -> int:
        """Forget finished runs from before a time; returns how many."""
        columns = watch_runs.c
        with self._database.transaction() as connection:
            gone = connection.execute(
                watch_runs.delete().where(
                    columns.state != WatchRunState.OPEN.value, columns.finished < normal(before)
                )
            )
            return gone.rowcount


def _timed(values: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return values | {name: normal(values[name]) for name in names if values.get(name) is not None}


def _watch(row: Any) -> WatchRow:
    values = row._asdict()
    values["collections"] = tuple(json.loads(row.collections))
    values["state"] = WatchState(row.state)
    values |= {name: _seconds(values[name]) for name in _WHOLE}
    return WatchRow(**values)


def _seconds(text: str | None) -> str | None:
    """The form of documents."""
    return None if text is None else whole_seconds(text)


def _run(row: Any) -> RunRow:
    values = row._asdict()
    values["kind"], values["state"] = RunKind(row.kind), WatchRunState(row.state)
    return RunRow(**values)
