"""Requests as they are shown: what is due when, and whom each waits for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psihash.agreement.times import add_days
from psihash.audit.event import Event
from psihash.casework import clocks, states, words
from psihash.casework.answers import Message
from psihash.casework.pack import Pack
from psihash.casework.states import State, Step
from psihash.casework.words import NoticeSide, Side
from psihash.node.casework import (
    case_documents,
    correction_taking,
    followup_rows,
    hits,
    releasing,
    untaken,
)
from psihash.node.casework import said as outcomes
from psihash.node.node import Node
from psihash.node.people.roles import use_case
from psihash.storage.followups import FollowUpRow, MessageRow

US, THEM, OUR_APPROVER, NOBODY = "us", "them", "our approver", "nobody"


@dataclass(frozen=True, slots=True)
class FollowUpView:
    """One line of ``psihash followup list``."""

    follow_up: str
    peer: str
    session: str
    side: str
    state: str
    urgency: str
    wanted: str
    hits: int
    added: str
    sent: str | None
    received: str | None
    due: str | None
    overdue: bool
    waits_for: str
    """``us``, ``them``, ``our approver`` or ``nobody``."""
    standing: str
    """All of it in one sentence."""
    closed: str | None
    outcome: str | None
    refused: str | None
    """The code with which the peer's node did not take our last word; None where it did."""
    advice: str
    """What to do about that; empty where there is nothing."""


@use_case("follow-up show")
def listing(node: Node) -> list[FollowUpView]:
    """All requests: first what is due, the most pressing in front; at the end what is closed."""
    said = node.stores.followups.messages_of_all()
    views = [_view(node, row, said.get(row.id, [])) for row in node.stores.followups.all()]
    return sorted(views, key=lambda each: (each.closed is not None, each.due or "9", each.added))


def view(node: Node, row: FollowUpRow) -> FollowUpView:
    return _view(node, row, node.stores.followups.messages(row.id))


def _view(node: Node, row: FollowUpRow, said: list[MessageRow]) -> FollowUpView:
    waits = _waits_for(row, said)
    overdue = clocks.is_overdue(row.due, node.stamp())
    return FollowUpView(
        follow_up=row.id,
        peer=row.peer,
        session=row.session,
        side=row.side,
        state=row.state,
        urgency=row.urgency,
        wanted=row.wanted,
        hits=row.hits,
        added=row.added,
        sent=row.sent,
        received=row.received,
        due=row.due,
        overdue=overdue,
        waits_for=waits,
        standing=_standing(row, said, waits, overdue=overdue, today=node.stamp()[:10]),
        closed=row.closed,
        outcome=row.outcome,
        refused=refused_with(row, said),
        advice=untaken.advice(refused_with(row, said), row.peer),
    )


@use_case("follow-up show")
def show(node: Node, prefix: str) -> dict[str, Any]:
    """A request with all that was said, and our items that it is about. Recorded (LED Art. 25)."""
    row = followup_rows.find(node, prefix)
    node.record(
        Event.CONSULTATION,
        {"session": row.session, "peer": row.peer, "document": row.id, "what": "follow-up"},
    )
    pack = case_documents.kept(node, row.session, row.id)
    said = []
    for each in node.stores.followups.messages(row.id):
        message = case_documents.kept(node, row.session, each.id)
        said.append(_said(each, message if isinstance(message, Message) else None))
    note = outcomes.read(node, row.session, row.id)
    document: dict[str, Any] = {"messages": said, "items": [], "note": note}
    if isinstance(pack, Pack):
        document["request"] = pack.members() | {"author": pack.author, "issued": pack.issued}
        wanted = {reference for hit in pack.hits for reference in hit}
        document["items"] = [
            {
                "reference": hit.reference,
                "digests": {name.value: text for name, text in hit.item.digests.items()},
                "collections": list(hit.item.collections),
            }
            for hit in hits.of_session(node, row.session)
            if wanted.intersection(hit.references)
        ]
    return document


def summary(node: Node) -> dict[str, Any]:
    """What ``psihash status`` says. Needs no key."""
    now = node.stamp()
    rows = node.stores.followups.all()
    waiting = [row for row in rows if State(row.state) not in states.FINAL]
    said = node.stores.followups.messages_of_all()
    ours = [row for row in waiting if _waits_for(row, said.get(row.id, [])) == US]
    due = sorted(row.due for row in waiting if row.due)
    notices = [
        row
        for row in node.stores.corrections.all(side=NoticeSide.RECEIVER.value)
        if row.state in (releasing.OPEN, releasing.WAITING)
    ]
    return {
        "open": len(waiting),
        "not_taken": _not_taken(node, rows, said),
        "waiting_for_us": len(ours),
        "overdue": sum(clocks.is_overdue(row.due, now) for row in waiting),
        "next_due": due[0] if due else None,
        "corrections_to_resolve": sum(row.state == releasing.OPEN for row in notices),
        "corrections_overdue": sum(clocks.is_overdue(row.due, now) for row in notices),
    }


def _not_taken(node: Node, rows: list[FollowUpRow], said: dict[str, list[MessageRow]]) -> int:
    """Documents of ours that the peer's node did not take, and that nobody has said again. What is
    closed by that is counted for a month."""
    since = add_days(node.stamp(), -words.LIFE_DAYS)
    count = 0
    for row in rows:
        code = refused_with(row, said.get(row.id, []))
        count += code is not None and (row.closed is None or row.closed > since)
    for notice in node.stores.corrections.all():
        over = notice.state == correction_taking.NOT_TAKEN and notice.added <= since
        count += notice.refused is not None and not over
    return count


def refused_with(row: FollowUpRow, said: list[MessageRow]) -> str | None:
    """The code with which the peer's node did not take the request, or our last word about it."""
    ours = [each for each in said if each.author != row.peer and each.step != Step.RECEIVED]
    return row.refused or (ours[-1].refused if ours else None)


def _waits_for(row: FollowUpRow, said: list[MessageRow]) -> str:
    state = State(row.state)
    if state in states.FINAL:
        return NOBODY
    if state is State.WAITING or any(each.sent is None for each in said):
        return OUR_APPROVER
    if refused_with(row, said) is not None:
        return US
    asker = row.side == Side.ASKER.value
    if state is State.MORE_INFORMATION:
        return US if asker else THEM
    return THEM if asker else US


def _standing(
    row: FollowUpRow, said: list[MessageRow], waits: str, *, overdue: bool, today: str
) -> str:
    def at(time: str | None) -> str:
        if time is None:
            return "?"
        return time[11:16] if time[:10] == today else f"{time[:10]} {time[11:16]}"

    parts = [f"written {at(row.added)}"] if row.sent is None and row.side == "asker" else []
    if row.side == Side.ASKER.value and row.sent is not None:
        parts.append(f"sent {at(row.sent)}")
    if row.received is not None:
        taken = "taken by their node" if row.side == Side.ASKER.value else "received"
        parts.append(f"{taken} {at(row.received)}")
    elif row.state == State.REQUESTED:
        parts.append("not yet taken by their node")
    code = refused_with(row, said)
    if code is not None:
        what = "it" if row.refused else "our last word"
        parts.append(f"their node did NOT TAKE {what} ({code})")
    parts.append(_next(row, waits, at(row.closed)))
    if row.due is not None:
        parts.append(f"{'OVERDUE since' if overdue else 'due'} {at(row.due)}")
    return "; ".join([", ".join(parts[:-1]), parts[-1]]) if row.due else ", ".join(parts)


def _next(row: FollowUpRow, waits: str, closed: str) -> str:
    state = State(row.state)
    if state in states.FINAL:
        return f"{state.value.replace('-', ' ')} {closed}"
    if state is State.MORE_INFORMATION:
        return "waits for our information" if waits == US else "waits for their information"
    if waits == OUR_APPROVER:
        return "waits for our approver"
    if waits == US:
        asks = row.side == Side.ASKER.value
        return "waits for us to say it again" if asks else "waits for our answer"
    return "waits for their approver" if state is State.RECEIVED else "waits for the next contact"


def _said(row: MessageRow, message: Message | None) -> dict[str, Any]:
    return {
        "message": row.id,
        "author": row.author,
        "step": row.step,
        "added": row.added,
        "sent": row.sent,
        "refused": row.refused,
        "role": None if message is None else message.role,
        "text": None if message is None else list(message.text),
        "handling": None if message is None else message.handling.to_dict(),
    }
