"""``psihash watch``: standing queries against a central set, made, shown, paused, removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from psihash import errors
from psihash.audit.event import Event
from psihash.central.cron import parse_cron
from psihash.identity.trust import PeerStatus
from psihash.node.agreeing import agreements
from psihash.node.central import asking, permits
from psihash.node.node import Node
from psihash.node.peering import peers
from psihash.node.people.roles import use_case
from psihash.node.running import preflight
from psihash.node.watching import approving, schedule
from psihash.node.watching.finding import ID_LETTER, WATCH_OVER, find
from psihash.storage.watches import RunRow, WatchRow, WatchRunState, WatchState

TOO_MANY_WATCHES = errors.define("too-many-watches", "more watches run than a node keeps")

MAX_WATCHES: Final = 1_000
_ID_BYTES: Final = 12
LIVE: Final = (WatchState.ACTIVE, WatchState.PAUSED)
_STANDING: Final = (*LIVE, WatchState.WAITING)


@dataclass(frozen=True, slots=True)
class Draft:
    """What ``watch add`` is told."""

    peer: str
    agreement: str
    """Its id or the beginning of it."""
    collections: Sequence[str]
    cron: str
    zone: str
    until: str | None = None
    """Its last day; 90 days where nothing is said."""


@dataclass(frozen=True, slots=True)
class WatchView:
    """A watch as it is shown. ``next_slot`` is None where the schedule does not run it."""

    watch: str
    peer: str
    agreement: str
    collections: tuple[str, ...]
    cron: str
    zone: str
    until: str
    state: str
    request: str | None
    next_slot: str | None
    last_slot: str | None
    last_code: str
    matched_items: int | None
    new_items: int | None
    running: bool


@use_case("watch change")
def add(node: Node, draft: Draft) -> WatchRow:
    """Make a standing query. It runs from the next slot on; with operators, from the next slot
    after an approver has agreed.

    What can never run is not added. Raises InputError (``bad-cron``, ``bad-zone``, ``bad-until``),
    RefusedError with the clause that says no, NotFoundError.
    """
    known = peers.require(node, draft.peer)
    if known.status is not PeerStatus.ACTIVE:
        raise errors.RefusedError(
            f"peer-{known.status.value}", f"{draft.peer} is {known.status.value} here"
        )
    agreement = preflight.find(node, draft.peer, draft.agreement)
    agreements.need_collections(node, draft.collections)
    permits.check(node, draft.peer, agreement.id, node.agency)
    asking.require_offered(node, agreement, draft.collections)
    place = schedule.zone(draft.zone)
    now = node.stamp()
    row = WatchRow(
        id=ID_LETTER + node.rng(_ID_BYTES).hex()[1:],
        peer=draft.peer,
        agreement=agreement.id,
        collections=tuple(dict.fromkeys(draft.collections)),
        cron=parse_cron(draft.cron).text,
        zone=draft.zone,
        until=schedule.end_of(node, draft.until, place, agreement.terms.valid_until),
        state=WatchState.ACTIVE,
        request=None,
        added=now,
        planned_from=now,
    )
    if len(node.stores.watches.all(_STANDING)) >= MAX_WATCHES:
        raise errors.StateError(TOO_MANY_WATCHES, f"{MAX_WATCHES} watches are enough")
    with_approver = node.stores.operators.any()
    if with_approver:
        approving.prepare(node)
    with node.stores.database.transaction():
        if with_approver:
            asked = approving.ask(node, row)
            row = replace(row, state=WatchState.WAITING, request=asked.id, planned_from=None)
        node.stores.watches.add(row)
        node.record(Event.WATCH, facts(row) | {"step": "added"} | described(row))
    return row


@use_case("watch list")
def listing(node: Node, *, everything: bool = False) -> list[WatchView]:
    """Watches that stand, oldest first; with ``everything`` those that are over too."""
    rows = node.stores.watches.all(None if everything else _STANDING)
    return [view(node, row) for row in rows]


@use_case("watch list")
def runs(node: Node, prefix: str, limit: int = 20) -> tuple[WatchView, list[RunRow]]:
    """A watch and its last runs, newest first."""
    row = find(node, prefix)
    return view(node, row), node.stores.watches.runs(row.id, limit)


@use_case("watch change")
def pause(node: Node, prefix: str) -> WatchRow:
    """Stop the schedule. A run that is under way ends as it would."""
    return _change(node, prefix, (WatchState.ACTIVE,), WatchState.PAUSED, "paused")


@use_case("watch change")
def resume(node: Node, prefix: str) -> WatchRow:
    """Go on from the next slot; the slots of the pause are not made up for."""
    return _change(
        node, prefix, (WatchState.PAUSED,), WatchState.ACTIVE, "resumed", planned_from=node.stamp()
    )


@use_case("watch change")
def remove(node: Node, prefix: str) -> WatchRow:
    """End a standing query for good: a run that is under way leaves nothing. Its hits stay until
    their retention ends."""
    with node.stores.database.transaction():
        row = _change(node, prefix, _STANDING, WatchState.REMOVED, "removed", over=node.stamp())
        run = node.stores.watches.opened(row.id)
        if run is not None:
            state = WatchRunState.FAILED.value
            node.stores.watches.change_run(run, state=state, finished=node.stamp(), code=WATCH_OVER)
    return row


def expire(node: Node) -> int:
    """End the watches whose time is over; returns how many."""
    now = node.stamp()
    late = [row for row in node.stores.watches.all(_STANDING) if schedule.is_past(row, now)]
    for row in late:
        with node.stores.database.transaction():
            held = node.stores.watches.get_locked(row.id)
            if held.state.is_over or node.stores.watches.opened(row.id) is not None:
                continue  # its last run is under way, or will be closed
            node.stores.watches.change(row.id, _STANDING, state=WatchState.EXPIRED.value, over=now)
            node.record(Event.WATCH, facts(row) | {"step": "expired"})
    return len(late)


def live(node: Node, prefix: str) -> WatchRow:
    """A watch that may run. Raises StateError ``watch-over``."""
    row = find(node, prefix)
    if row.state is WatchState.WAITING:
        raise errors.StateError(
            WATCH_OVER,
            "the watch waits for an approver and does not run yet",
            hint=f"an approver reads `psihash approve {(row.request or '')[:12]} --show`",
        )
    if row.state not in LIVE or schedule.is_past(row, node.stamp()):
        raise errors.StateError(
            WATCH_OVER,
            f"the watch is {row.state.value} and does not run",
            hint="run `psihash watch list --all`",
        )
    return row


def view(node: Node, row: WatchRow) -> WatchView:
    following = schedule.upcoming(row, node.stamp()) if row.state is WatchState.ACTIVE else []
    return WatchView(
        watch=row.id,
        peer=row.peer,
        agreement=row.agreement,
        collections=row.collections,
        cron=row.cron,
        zone=row.zone,
        until=row.until,
        state=row.state.value,
        request=row.request,
        next_slot=following[0] if following else None,
        last_slot=row.last_slot,
        last_code=row.last_code,
        matched_items=row.matched_items,
        new_items=row.new_items,
        running=node.stores.watches.opened(row.id) is not None,
    )


def facts(row: WatchRow) -> dict[str, Any]:
    """What every log entry about a watch says."""
    return {"watch": row.id, "peer": row.peer, "agreement": row.agreement}


def described(row: WatchRow) -> dict[str, Any]:
    """What the log says of it once."""
    return {
        "cron": row.cron,
        "zone": row.zone,
        "until": row.until,
        "collections": len(row.collections),
        "request": row.request or "",
    }


def _change(
    node: Node,
    prefix: str,
    states: Sequence[WatchState],
    state: WatchState,
    step: str,
    **values: Any,
) -> WatchRow:
    row = find(node, prefix)
    if row.state not in states:
        raise errors.StateError(
            WATCH_OVER, f"the watch is {row.state.value}", hint="run `psihash watch list --all`"
        )
    with node.stores.database.transaction():
        node.stores.watches.change(row.id, states, state=state.value, **values)
        node.record(Event.WATCH, facts(row) | {"step": step})
    return replace(row, state=state, **values)
