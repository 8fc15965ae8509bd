"""Sessions as they are shown: the list, one of them with its result, and cancelling one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from psihash import errors
from psihash.audit.event import Event
from psihash.node import prefixes
from psihash.node.node import Node
from psihash.node.people.roles import use_case
from psihash.node.records import sealed
from psihash.session.messages import Receipt
from psihash.session.receipt import receipt_id
from psihash.session.result import SessionResult
from psihash.session.row_state import RowState
from psihash.storage.sessions import SessionRow
from psihash.terms import SessionRole

NOT_CANCELLABLE = errors.define(
    "not-cancellable", "the session is over, or cannot be cancelled now"
)
NO_RESULT = errors.define("no-result", "the session has no result to show")
AMBIGUOUS_SESSION = errors.define("ambiguous-session", "several sessions begin with that id")
UNKNOWN_SESSION_ID = errors.define("unknown-session-id", "no session begins with that id")

_SESSION: Final = prefixes.Kind(
    "session", UNKNOWN_SESSION_ID, AMBIGUOUS_SESSION, "psihash session list"
)


@dataclass(frozen=True, slots=True)
class SessionView:
    """One line of ``psihash session list``."""

    session: str
    peer: str
    agreement: str
    role: str
    state: str
    rung: str
    engine: str
    opened: str
    closed: str | None
    outcome: str | None
    counts: dict[str, int] | None
    """Matched digests by algorithm, where both sides learned them."""


def listing(node: Node, peer: str | None = None) -> list[SessionView]:
    """All sessions, newest first. Needs no key."""
    return [_view(row) for row in node.stores.sessions.all(peer=peer)]


@use_case("session show")
def show(node: Node, prefix: str) -> tuple[SessionView, SessionResult | None]:
    """A session and, if it completed, its result. The look is recorded (LED Art. 25)."""
    row = find(node, prefix)
    if row.state != RowState.COMPLETED or row.erased is not None:
        return _view(row), None
    node.record(Event.CONSULTATION, {"session": row.id, "peer": row.peer, "what": "result"})
    found = result(node, row.id)
    counts = {
        name.value: part.matched
        for name, part in found.algorithms.items()
        if part.matched is not None
    }
    return replace(_view(row), counts=counts or None), found


def result(node: Node, session: str) -> SessionResult:
    """The sealed result of a completed session, with the id of its receipts."""
    data = sealed.get(node, session, sealed.RESULT)
    row = node.stores.sessions.get(session)
    if data is None or row.state != RowState.COMPLETED:
        raise errors.StateError(NO_RESULT, "the session has no result")
    own, peer = receipts(node, session)
    first, second = (own, peer) if row.role is SessionRole.INITIATOR else (peer, own)
    return replace(SessionResult.from_json(data), receipt=receipt_id(first, second).hex())


def receipts(node: Node, session: str) -> tuple[Receipt, Receipt]:
    """Own and peer's receipt of a completed session."""
    own = sealed.receipt(node, session, sealed.OWN_RECEIPT)
    peer = sealed.receipt(node, session, sealed.PEER_RECEIPT)
    if own is None or peer is None:
        raise errors.StateError(NO_RESULT, "the session has no receipts")
    return own, peer


@use_case("session cancel")
def cancel(node: Node, prefix: str) -> SessionView:
    """Ask the process that runs a session to end it; it looks once a second."""
    row = find(node, prefix)
    if row.state not in (RowState.ACCEPTED, RowState.RUNNING):
        raise errors.StateError(
            NOT_CANCELLABLE, f"the session is {row.state}", hint="run `psihash session list`"
        )
    with node.stores.database.transaction():
        node.stores.sessions.set_state(row.id, RowState.CANCELLING, expected=row.state)
    return _view(node.stores.sessions.get(row.id))


def find(node: Node, prefix: str) -> SessionRow:
    """A session by its id or a unique prefix of it."""
    return _SESSION.pick(node.stores.sessions.starting(prefixes.plain(prefix)), prefix)


def with_receipt(node: Node, receipt: str) -> str:
    """The session that ended with a receipt of that id (hex); empty where there is none."""
    row = node.stores.sessions.by_receipt(receipt) if receipt else None
    return "" if row is None else row.id


def _view(row: SessionRow) -> SessionView:
    return SessionView(
        session=row.id,
        peer=row.peer,
        agreement=row.agreement,
        role=row.role.value,
        state="in-doubt" if row.state == RowState.SETTLING else row.state,
        rung=row.rung.value,
        engine=row.engine,
        opened=row.opened,
        closed=row.closed,
        outcome=row.outcome,
        counts=None,
    )
