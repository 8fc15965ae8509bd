"""One run of a watch: claimed, carried out, and recorded in one step with what it found.

A slot is claimed by a row of its own under the watch's lease. Whoever holds the lease carries the
run out; its result, the state that the next run begins with, the hits, the message for the webhook
and the end of the slot commit together, in a transaction that asks whether the lease still stands.
So a run that was cut leaves an open row and nothing else, and the next process carries it out
again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from psihash import errors
from psihash.agreement.times import format_time, parse_time, whole_seconds
from psihash.audit.event import Event
from psihash.casework import clocks
from psihash.node import leasing
from psihash.node.central import member
from psihash.node.central.outcome import RunOutcome, RunState
from psihash.node.clock import milliseconds
from psihash.node.holding import held
from psihash.node.node import Node
from psihash.node.people.roles import use_case
from psihash.node.running.worker import INTERNAL
from psihash.node.watching import approving, finding, found_hits, schedule, watches, webhook
from psihash.storage.errors import DISK_FULL, STORE_FAILED, STORE_LOCKED
from psihash.storage.leases import Lease
from psihash.storage.times import normal
from psihash.storage.watches import (
    RunKind,
    RunRow,
    WatchRow,
    WatchRunState,
    WatchState,
)

RETRY_MINUTES: Final = (1, 2, 5, 15)
"""How long a run waits after each attempt that did not reach the centre; the last one for all
further ones."""


_THEIR_STORE: Final = frozenset({STORE_FAILED, STORE_LOCKED, DISK_FULL})


class Runner(Protocol):
    """Asks the centre. ``member.run`` in earnest."""

    def __call__(
        self,
        node: Node,
        peer: str,
        agreement: str,
        collections: Sequence[str],
        *,
        since: RunState | None,
        progress: member.Progress | None = None,
    ) -> RunOutcome: ...


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that this process has."""

    watch: WatchRow
    run: RunRow
    lease: Lease


def wanted(node: Node, row: WatchRow) -> bool:
    """Whether there is something to claim, looked at without claiming it."""
    now = node.stamp()
    opened = node.stores.watches.opened(row.id)
    if opened is not None:
        return opened.retry_at is None or opened.retry_at <= normal(now)
    return row.state is WatchState.ACTIVE and schedule.due(row, now) is not None


def claim(node: Node, watch: str, *, manual: bool = False) -> Claim | None:
    """Take the run that a watch is due for, or one that its process left; None where there is
    none. With ``manual`` there always is one. Raises StateError ``already-running``."""
    lease = leasing.acquire(node, f"watch:{watch}")
    try:
        with node.stores.database.transaction():
            found = _claim(node, watch, lease, manual=manual)
    except BaseException:
        leasing.give_back(node, lease)
        raise
    if found is None:
        leasing.give_back(node, lease)
    return found


def _claim(node: Node, watch: str, lease: Lease, *, manual: bool) -> Claim | None:
    row, now = node.stores.watches.get_locked(watch), node.stamp()
    node.stores.leases.check(lease, now)
    left = node.stores.watches.opened(watch)
    if left is not None and schedule.is_past(row, now):
        _close(node, row, left, WatchRunState.FAILED, code=finding.WATCH_OVER)
        return None
    if left is not None:
        if not manual and left.retry_at is not None and left.retry_at > normal(now):
            return None
        again = replace(left, attempts=left.attempts + 1, retry_at=None)
        node.stores.watches.change_run(left, attempts=again.attempts, retry_at=None)
        _record(node, row, again, "tried-again")
        return Claim(row, again, lease)
    run = _by_hand(node, row) if manual else _by_schedule(row, now)
    if run is None:
        return None
    node.stores.watches.open_run(run)
    run = node.stores.watches.opened(watch) or run  # its times in the form of the store
    if run.kind is RunKind.SLOT:
        node.stores.watches.change(watch, (row.state,), planned_from=run.slot)
    _record(node, row, run, "begun")
    return Claim(row, run, lease)


def _by_schedule(row: WatchRow, now: str) -> RunRow | None:
    due = schedule.due(row, now) if row.state is WatchState.ACTIVE else None
    if due is None:
        return None
    return RunRow(row.id, due.slot, due.first, RunKind.SLOT, WatchRunState.OPEN, now, attempts=1)


def _by_hand(node: Node, row: WatchRow) -> RunRow:
    """Its slot is the moment, which no other run of the watch has."""
    moment = node.now()
    while node.stores.watches.run(row.id, milliseconds(moment)) is not None:
        moment += dt.timedelta(milliseconds=1)
    slot = milliseconds(moment)
    return RunRow(row.id, slot, slot, RunKind.MANUAL, WatchRunState.OPEN, slot, attempts=1)


@use_case("watch run")
def run_now(
    node: Node, prefix: str, *, progress: member.Progress | None = None, runner: Runner = member.run
) -> RunRow:
    """Run a watch at once; the schedule goes on as before. Raises what ended the run."""
    row = watches.live(node, prefix)
    taken = claim(node, row.id, manual=True)
    if taken is None:
        raise errors.StateError(finding.WATCH_OVER, "the watch has ended meanwhile")
    return carry_out(node, taken, runner, progress=progress)


@use_case("watch run")
def run_due(node: Node, watch: str, runner: Runner = member.run) -> RunRow | None:
    """What the schedule wants of a watch, if it wants anything and nobody else does it. An error
    that ends the run is in its row, and is not raised."""
    try:
        taken = claim(node, watch)
    except errors.StateError as error:
        if error.code == leasing.ALREADY_RUNNING:
            return None
        raise
    if taken is None:
        return None
    try:
        return carry_out(node, taken, runner)
    except errors.StorageError:
        raise
    except errors.PsihashError:
        return node.stores.watches.run(watch, taken.run.slot)


def not_begun(node: Node, watch: str, error: errors.PsihashError) -> None:
    """Say, once, that a slot waits for a person. It stays due: it is run when somebody has done
    what ``error`` asks for."""
    with node.stores.database.transaction():
        row = node.stores.watches.get_locked(watch)
        due = _by_schedule(row, node.stamp())
        if due is None or row.last_code == error.code:
            return
        node.stores.watches.change(row.id, (row.state,), last_code=error.code)
        _record(node, row, due, "not-begun", code=error.code)
        webhook.queue(node, row, due, "run-failed", code=error.code)


def carry_out(
    node: Node, taken: Claim, runner: Runner, *, progress: member.Progress | None = None
) -> RunRow:
    """Ask the centre and record the end. Raises what ended the attempt, after recording it."""
    with held(node, taken.lease):
        try:
            outcome = _ask(node, taken.watch, runner, progress)
        except errors.StorageError:
            raise  # there is nowhere to say so; the row stays open
        except errors.PsihashError as error:
            _end_badly(node, taken, error)
            raise
        except Exception as fault:
            _end_badly(node, taken, errors.PsihashError(INTERNAL, type(fault).__name__))
            raise
        return _finish(node, taken, outcome)


def _ask(node: Node, row: WatchRow, runner: Runner, progress: member.Progress | None) -> RunOutcome:
    approving.require(node, row)
    since = found_hits.state(node, row)
    return runner(node, row.peer, row.agreement, row.collections, since=since, progress=progress)


def _finish(node: Node, taken: Claim, outcome: RunOutcome) -> RunRow:
    prepared = found_hits.prepare(node, taken.watch, outcome, taken.run.slot)
    with node.stores.database.transaction():
        row = _still_ours(node, taken)
        gone = found_hits.store(node, row, prepared)
        node.stores.watches.change(
            row.id,
            (row.state,),
            sealed_key=prepared.sealed_key,
            sealed_state=prepared.sealed_state,
            matched_items=outcome.matched_items,
            new_items=outcome.new_items,
            last_slot=taken.run.slot,
            last_code="",
        )
        if outcome.new_items:
            webhook.queue(node, row, taken.run, "new-hits", outcome=outcome)
        return _close(
            node,
            row,
            taken.run,
            WatchRunState.DONE,
            matched_items=outcome.matched_items,
            new_items=outcome.new_items,
            gone_items=gone,
            asked=outcome.asked,
            epoch=outcome.epoch,
            delta=outcome.delta,
        )


def _end_badly(node: Node, taken: Claim, error: errors.PsihashError) -> None:
    """A centre that cannot be reached is tried again; anything else ends the run, loudly."""
    with node.stores.database.transaction():
        row = _still_ours(node, taken)
        if (
            _passes(error)
            and taken.run.kind is RunKind.SLOT
            and not schedule.is_past(row, node.stamp())
        ):
            waits = RETRY_MINUTES[min(taken.run.attempts, len(RETRY_MINUTES)) - 1]
            retry = clocks.add(node.stamp(), minutes=waits)
            node.stores.watches.change_run(taken.run, retry_at=retry, code=error.code)
            _record(node, row, taken.run, "not-reached", code=error.code, retry_at=retry)
            return
        _close(node, row, taken.run, WatchRunState.FAILED, code=error.code)
        node.stores.watches.change(row.id, (row.state,), last_code=error.code)
        webhook.queue(node, row, taken.run, "run-failed", code=error.code)


def _passes(error: errors.PsihashError) -> bool:
    """Whether it is worth to try again: the centre is away or busy, or its store is."""
    if isinstance(error, errors.PeerError) and error.code in _THEIR_STORE:
        return True
    return isinstance(error, errors.UnavailableError) or error.code == leasing.ALREADY_RUNNING


def _still_ours(node: Node, taken: Claim) -> WatchRow:
    row = node.stores.watches.get_locked(taken.watch.id)
    node.stores.leases.check(taken.lease, node.stamp())
    return row


def _close(node: Node, row: WatchRow, run: RunRow, state: WatchRunState, **values: Any) -> RunRow:
    finished = node.stamp()
    left = {"code": ""} | values  # why an earlier attempt failed is in the log
    node.stores.watches.change_run(run, state=state.value, finished=finished, **left)
    _record(node, row, run, state.value, **values)
    return replace(run, state=state, finished=finished, retry_at=None, **left)


def _record(node: Node, row: WatchRow, run: RunRow, step: str, **more: Any) -> None:
    node.record(
        Event.WATCH_RUN,
        watches.facts(row)
        | {
            "slot": format_time(parse_time(whole_seconds(run.slot))),
            "kind": run.kind.value,
            "attempt": run.attempts,
            "step": step,
            "request": row.request or "",
        }
        | more,
    )
