"""The rows of requests: finding them, and moving them on by the table of states."""

from __future__ import annotations

from typing import Final

from psihash import errors
from psihash.agreement.terms import parse_terms
from psihash.agreement.vocabulary import HandlingCode, Tlp
from psihash.casework import clocks, states
from psihash.casework.answers import Message
from psihash.casework.handling import Handling, merge
from psihash.casework.states import State, Step
from psihash.casework.texts import one_line
from psihash.casework.words import Urgency, Wanted
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


def move(node: Node, row: FollowUpRow, step: Step, at: str) -> None:
    """Bring a request to where a step leads, its clock too; ``at`` is when the step was taken."""
    after = check_step(row, step)
    values: dict[str, object] = {"state": after.value}
    urgency, wanted, available = Urgency(row.urgency), Wanted(row.wanted), row.available
    if step is Step.NOT_AVAILABLE:
        available = False
        values["available"] = False
    if step is Step.RELEASED:
        values["sent"] = at
    if step is Step.RECEIVED:
        values["received"] = at
    if after is State.RECEIVED:
        # With the information that was missing the period begins anew.
        start = at if step in (Step.RECEIVED, Step.INFORMATION) else (row.received or at)
        values["due"] = clocks.answer_due(seconds(start), urgency, wanted, available=available)
    else:
        values["due"] = None
    if after in states.FINAL:
        values["closed"] = at
    node.stores.followups.change(row.id, row.state, **values)


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


def seconds(time: str) -> str:
    """A stored time in the form of documents."""
    return time[:19] + "Z"
