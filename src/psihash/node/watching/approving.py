"""Requests of kind ``watch``: an approver decides whether a standing query may run by itself.

Nobody sits at a run of the schedule. So each run asks again whether the row that it runs is the one
that a person agreed to, by that person's signature: an edited row does not run.
"""

from __future__ import annotations

from typing import Any, Final

from psihash import errors
from psihash.agreement.decision import parse_decision, verify_decision
from psihash.agreement.page import Section, session_page
from psihash.agreement.request import RequestKind
from psihash.audit.event import Event
from psihash.node.agreeing import documents
from psihash.node.central import permits
from psihash.node.node import Node
from psihash.node.people import login, request_page, requests, rosters
from psihash.node.people.request_kinds import Granted, Handler
from psihash.node.watching import schedule
from psihash.storage.requests import RequestRow, RequestState
from psihash.storage.watches import WatchRow, WatchState
from psihash.terms import Learn

WATCH_UNAPPROVED = errors.define(
    "watch-unapproved", "no approver of this agency has agreed to a watch as it stands"
)
WATCH_GONE = errors.define(
    "watch-gone", "the watch that waits for an approver was removed, or has ended"
)

_SLOTS_SHOWN: Final = 3


def prepare(node: Node) -> None:
    """Ask for the password that :func:`ask` needs, before a transaction begins."""
    _ = node.keys
    login.own_key(node)


def ask(node: Node, row: WatchRow) -> RequestRow:
    """File the request; its subject is the whole query but for the names of our collections."""
    return requests.file(
        node,
        RequestKind.WATCH,
        _subject(row),
        peer=row.peer,
        agreement=row.agreement,
        attachment=_attachment(row),
    )


def require(node: Node, row: WatchRow) -> None:
    """Raise RefusedError ``watch-unapproved``, or what is wrong with the decision, unless the
    watch may run."""
    roster = rosters.own(node)
    if roster is None and not node.stores.operators.any():
        return
    asked = None if row.request is None else node.stores.requests.find(row.request)
    if (
        asked is None
        or roster is None
        or asked.decision is None
        or asked.state is not RequestState.APPROVED
        or requests.attachment(node, asked) != _attachment(row)
    ):
        raise _unapproved()
    request, decision = requests.body(asked), parse_decision(asked.decision)
    said = {name: text for name, text in request.subject.items() if name != "attachment"}
    if request.kind is not RequestKind.WATCH or said != _subject(row):
        raise _unapproved()
    # It was used when it was given; from then on the end of the watch bounds it.
    verify_decision(decision, request, roster, decision.decided)


def waiting(node: Node, asked: RequestRow) -> WatchRow:
    """The watch that a request is about. Raises StateError ``watch-gone``."""
    row = node.stores.watches.find(str(requests.body(asked).subject["watch"]))
    if row is None or row.state is not WatchState.WAITING or schedule.is_past(row, node.stamp()):
        raise errors.StateError(WATCH_GONE, "the watch is not waiting for a decision any more")
    return row


def _subject(row: WatchRow) -> dict[str, Any]:
    return {
        "watch": row.id,
        "agreement": row.agreement,
        "peer": row.peer,
        "cron": row.cron,
        "zone": row.zone,
        "until": row.until,
    }


def _attachment(row: WatchRow) -> dict[str, Any]:
    return {"collections": list(row.collections)}


def _page(node: Node, asked: RequestRow) -> list[Section]:
    row = waiting(node, asked)
    agreement = documents.load(node, row.agreement)
    slots = schedule.upcoming(row, node.stamp(), _SLOTS_SHOWN)
    when = ", ".join(slots) or "none before it ends"
    asks = (
        f"That this node matches {', '.join(row.collections)} against the central set of "
        f"{row.peer} by itself, whenever '{row.cron}' says so in {row.zone}, until {row.until}, "
        f"under agreement {row.agreement[:12]}. Next in UTC: {when}."
    )
    leaves = (
        f"{row.peer} learns when we ask and how much, in size classes, and never which items or "
        "whether any of them was found. Only what is new since the run before is asked."
    )
    return [
        ("What is asked", asks),
        ("What leaves", leaves),
        # Whatever the terms would allow in sessions: a run tells the asking side alone.
        *session_page(agreement, node.agency, permits.RUNG, node.agency, Learn.INITIATOR),
        request_page.budget(node, agreement.id, agreement.terms),
        request_page.exposed(node, row.peer),
    ]


def _check(node: Node, asked: RequestRow) -> None:
    waiting(node, asked)


def _start(node: Node, granted: Granted) -> None:
    row = waiting(node, granted.row)
    node.stores.watches.change(
        row.id,
        (WatchState.WAITING,),
        state=WatchState.ACTIVE.value,
        planned_from=node.stamp(),
    )
    _record(node, row, "approved")


def _end(node: Node, asked: RequestRow, _reason: str) -> None:
    row = node.stores.watches.find(str(requests.body(asked).subject["watch"]))
    if row is None or row.state is not WatchState.WAITING:
        return
    now = node.stamp()
    node.stores.watches.change(
        row.id, (WatchState.WAITING,), state=WatchState.REFUSED.value, over=now
    )
    _record(node, row, "refused")


def _record(node: Node, row: WatchRow, step: str) -> None:
    facts = {"watch": row.id, "peer": row.peer, "agreement": row.agreement, "step": step}
    node.record(Event.WATCH, facts)


def _unapproved() -> errors.RefusedError:
    return errors.RefusedError(
        WATCH_UNAPPROVED,
        "no approver has agreed to this watch as it stands",
        hint="remove it and add it again",
    )


WATCH: Final = Handler(page=_page, check=_check, on_approved=_start, on_refused=_end)
