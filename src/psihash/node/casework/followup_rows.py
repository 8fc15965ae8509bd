"""The rows of requests: finding them, and moving them on by the table of states."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any, Final

from psihash import errors
from psihash.agreement.terms import parse_terms
from psihash.agreement.times import whole_seconds
from psihash.agreement.vocabulary import HandlingCode, Tlp
from psihash.casework import clocks, states
from psihash.casework.answers import Message
from psihash.casework.handling import Handling, merge
from psihash.casework.states import State, Step
from psihash.casework.texts import one_line
from psihash.casework.words import Side, Urgency, Wanted
from psihash.node import prefixes
from psihash.node.casework import case_documents
from psihash.node.node import Node
from psihash.storage.followups import FollowUpRow

UNKNOWN_FOLLOW_UP = errors.define("unknown-follow-up", "no request of that id is known here")
AMBIGUOUS_FOLLOW_UP = errors.define("ambiguous-follow-up", "several requests begin with that id")

_FOLLOW_UP: Final = prefixes.Kind(
    "request", UNKNOWN_FOLLOW_UP, AMBIGUOUS_FOLLOW_UP, "psihash followup list"
)


def find(node: Node, prefix: str) -> FollowUpRow:
    """A request by its id or a unique prefix of it."""
    return _FOLLOW_UP.pick(node.stores.followups.all(), prefix)


def get(node: Node, follow_up: str) -> FollowUpRow:
    """A request by its full id."""
    found = node.stores.followups.find(follow_up)
    if found is None:
        raise errors.NotFoundError(UNKNOWN_FOLLOW_UP, "no such request is known here")
    return found


def check_step(row: FollowUpRow, step: Step) -> State:
    """The state after a step, for this very request. Raises StateError ``follow-up-step``."""
    after = states.after(State(row.state), step)
    if step is Step.NOT_AVAILABLE and not (row.urgency == Urgency.URGENT and row.available):
        raise errors.StateError(
            states.FOLLOW_UP_STEP,
            "only an urgent request, and once, can be answered with 'not directly available'",
        )
    return after


def open_steps(node: Node, row: FollowUpRow) -> list[Step]:
    """What a person of this side may say now; nothing while an earlier word waits for an
    approver."""
    if any(each.sent is None for each in node.stores.followups.messages(row.id)):
        return []
    found: list[Step] = []
    for step, side in states.AUTHORS.items():
        if side is Side(row.side) and step is not Step.RECEIVED:  # that its node says
            with contextlib.suppress(errors.StateError):
                check_step(row, step)
                found.append(step)
    return found


def move(node: Node, row: FollowUpRow, step: Step, at: str) -> None:
    """Bring a request to where a step leads, its clock too; ``at`` is when the step was taken."""
    node.stores.followups.change(row.id, row.state, **_values(row, step, at))


def take_back(node: Node, row: FollowUpRow) -> None:
    """Bring a request back to where the words lead that both sides have: one of ours was not taken.
    Its clock goes on as if that had never been said."""
    answers = row.side == Side.ANSWERER.value
    begun = State.RECEIVED if answers else State.REQUESTED
    now = replace(row, state=begun.value, available=True, due=None, closed=None)
    if answers:
        now = replace(now, **_clock(now, row.received or row.added))
    for said in node.stores.followups.messages(row.id):
        step = Step(said.step)
        if said.sent is None or said.refused is not None or (answers and step is Step.RECEIVED):
            continue
        at = row.received if step is Step.RECEIVED else said.sent
        now = replace(now, **_values(now, step, whole_seconds(at or said.sent)))
    values = {name: getattr(now, name) for name in ("state", "available", "due", "closed")}
    node.stores.followups.change(row.id, row.state, **values)


def _values(row: FollowUpRow, step: Step, at: str) -> dict[str, Any]:
    after = check_step(row, step)
    values: dict[str, Any] = {"state": after.value}
    if step is Step.NOT_AVAILABLE:
        values["available"] = False
    if step is Step.RELEASED:
        values["sent"] = at
    if step is Step.RECEIVED:
        values["received"] = at
    if after is State.RECEIVED:
        # With the information that was missing the period begins anew.
        start = at if step in (Step.RECEIVED, Step.INFORMATION) else (row.received or at)
        values |= _clock(replace(row, **values), start)
    else:
        values["due"] = None
    if after in states.FINAL:
        values["closed"] = at
    return values


def _clock(row: FollowUpRow, start: str) -> dict[str, Any]:
    """When an answer is due to a request whose period began at ``start``."""
    urgency, wanted = Urgency(row.urgency), Wanted(row.wanted)
    began = whole_seconds(start)
    return {"due": clocks.answer_due(began, urgency, wanted, available=row.available)}


def facts(row: FollowUpRow) -> dict[str, object]:
    """What an entry of the log says of a request: names of documents and counts."""
    return {
        "document": row.id,
        "peer": row.peer,
        "session": row.session,
        "agreement": row.agreement,
        "side": row.side,
        "hits": row.hits,
        "urgency": row.urgency,
    }


def handling(
    node: Node, agreement: str, code: HandlingCode | None, tlp: Tlp | None, note: str
) -> Handling:
    """What the agreement says, made stricter by what the writer adds; never freer."""
    terms = parse_terms(node.stores.agreements.get(agreement).terms)
    agreed = Handling(terms.handling_code, terms.tlp, terms.handling_note)
    return merge([agreed, Handling(code or HandlingCode.H0, tlp or Tlp.CLEAR, one_line(note))])


def session_handling(node: Node, session: str) -> Handling:
    """What holds for whatever is known from a session: its agreement, and every answer of the
    peer about its hits, the strictest of all."""
    row = node.stores.sessions.get(session)
    found = [handling(node, row.agreement, None, None, "")]
    for request in node.stores.followups.all(session=session):
        for said in node.stores.followups.messages(request.id):
            message = case_documents.kept(node, session, said.id)
            if said.author != node.agency and isinstance(message, Message):
                found.append(message.handling)
    return merge(found)
