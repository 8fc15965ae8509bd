"""Letting a document go that was written here: its state, the log and the outbox, in one step."""

from __future__ import annotations

from psihash import errors
from psihash.agreement.request import document_subject
from psihash.audit.event import Event
from psihash.casework.answers import Message
from psihash.casework.approving import request_kind
from psihash.casework.corrections import Notice, NoticeAnswer
from psihash.casework.documents import CaseDocument
from psihash.casework.pack import Pack
from psihash.casework.states import Step
from psihash.node.casework import case_documents, followup_rows
from psihash.node.node import Node
from psihash.node.people import login, requests
from psihash.node.people.request_kinds import Granted
from psihash.storage.requests import RequestRow

OPEN = "open"
"""A notice that is on its way, or waits for its recipient to act."""
WAITING = "waiting"
"""A notice that waits for an approver here."""
HELD_BACK = "held-back"
"""A notice that the approver did not let go."""

DOCUMENT_GONE = errors.define(
    "document-gone", "a document that waits for an approver was withdrawn, or its session is erased"
)


def prepare(node: Node) -> None:
    """Ask for whatever password :func:`release` needs, before a transaction begins."""
    _ = node.keys
    if node.stores.operators.any():
        login.own_key(node)


def release(node: Node, document: Pack | Message | Notice, session: str) -> None:
    """Let a document go that is kept with ``session``: at once while the agency has no operators,
    else when an approver agrees. Call it inside a transaction."""
    if not node.stores.operators.any():
        leave(node, document)
        return
    kind = request_kind(document)
    if kind is None:
        raise TypeError("nobody decides about a document of this kind")
    requests.file(
        node,
        kind,
        document_subject(document.id, document.TYPE, document.recipient, session),
        peer=document.recipient,
        agreement=node.stores.sessions.get(session).agreement,
        session=session,
    )


def let_go(node: Node, granted: Granted) -> None:
    """What an approver agreed to leaves, and carries that person's decision. Call it inside a
    transaction."""
    document = waiting(node, granted.row)
    if granted.approval is not None:
        document = case_documents.approved(node, document, granted.approval)
        case_documents.keep(node, str(granted.request.subject["session"]), document)
    leave(node, document)


def waiting(node: Node, row: RequestRow) -> CaseDocument:
    """The document that a request asks to let go.

    Raises StateError ``document-gone`` where nothing is left to decide."""
    subject = requests.body(row).subject
    found = case_documents.kept(node, str(subject["session"]), str(subject["document"]))
    if found is None or found.id != subject["document"]:
        raise errors.StateError(DOCUMENT_GONE, "the document is not here any more")
    return found


def hold_back(node: Node, document: CaseDocument) -> None:
    """An approver said no: the document never leaves. Call it inside a transaction."""
    match document:
        case Pack():
            row = followup_rows.get(node, document.id)
            followup_rows.move(node, row, Step.WITHDRAWN, node.stamp())
        case Message():
            node.stores.followups.remove_message(document.id)
        case Notice():
            node.stores.corrections.change(document.id, WAITING, state=HELD_BACK)


def leave(node: Node, document: CaseDocument) -> None:
    """It goes with the next contact. Call it inside a transaction."""
    session: str | None
    match document:
        case Pack():
            _leave_request(node, document)
            session = document.session
        case Message():
            _leave_message(node, document)
            session = followup_rows.get(node, document.request).session
        case Notice():
            _leave_notice(node, document)
            named = [each.session for each in document.sessions]
            session = case_documents.last_to_end(node, named)
        case NoticeAnswer():
            reached = node.stores.corrections.hits_of(document.notice)
            session = case_documents.last_to_end(node, reached)
        case _:
            raise TypeError("a document of another kind does not go this way")
    case_documents.post(node, document, session)


def _leave_request(node: Node, pack: Pack) -> None:
    row = followup_rows.get(node, pack.id)
    followup_rows.move(node, row, Step.RELEASED, node.stamp())
    facts = followup_rows.facts(row) | {
        "step": "requested",
        "wanted": pack.wanted.value,
        "recipient": row.peer,
        "case": pack.case,
        "purpose": pack.purpose,
        "legal_basis": pack.legal_basis,
        "handling": pack.handling.code.value,
        "tlp": pack.handling.tlp.value,
    }
    node.record(Event.FOLLOW_UP, facts)


def _leave_message(node: Node, message: Message) -> None:
    row = followup_rows.get(node, message.request)
    if message.step is not Step.RECEIVED:
        followup_rows.move(node, row, message.step, node.stamp())
        node.record(
            Event.FOLLOW_UP,
            followup_rows.facts(row)
            | {
                "step": message.step.value,
                "recipient": row.peer,
                "lines": len(message.text),
                "handling": message.handling.code.value,
                "tlp": message.handling.tlp.value,
            },
        )
    node.stores.followups.message_sent(message.id, node.stamp())


def _leave_notice(node: Node, notice: Notice) -> None:
    node.stores.corrections.change(notice.id, WAITING, state=OPEN, sent=node.stamp())
    node.record(
        Event.CORRECTION,
        {
            "document": notice.id,
            "peer": notice.recipient,
            "side": "sender",
            "step": "sent",
            "reason": notice.reason.value,
            "hits": sum(len(each.references) for each in notice.sessions),
            "sessions": [{"session": each.session} for each in notice.sessions],
        },
    )
