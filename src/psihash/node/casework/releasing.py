"""Letting a document go that was written here: its state, the log and the outbox, in one step."""

from __future__ import annotations

from typing import Final, TypeAlias

from psihash import errors
from psihash.agreement.request import document_subject
from psihash.audit.event import Event
from psihash.casework import clocks, reading
from psihash.casework.answers import Message
from psihash.casework.approving import request_kind
from psihash.casework.corrections import Notice, NoticeAnswer
from psihash.casework.documents import CaseDocument
from psihash.casework.pack import Pack
from psihash.casework.states import State, Step
from psihash.casework.words import Action, NoticeSide
from psihash.identity import sealing
from psihash.node.casework import case_documents, followup_rows, said
from psihash.node.node import Node
from psihash.node.people import login, requests
from psihash.node.people.request_kinds import Granted
from psihash.storage.requests import RequestRow

Released: TypeAlias = Pack | Message | Notice | NoticeAnswer
"""What a person decides about."""

OPEN = "open"
"""A notice that is on its way, or waits for its recipient to act."""
WAITING = "waiting"
"""A notice that waits for an approver here; or one of a peer, our answer to which does."""
RESOLVED = "resolved"
"""A notice whose recipient said what it did."""
HELD_BACK = "held-back"
"""A notice that the approver did not let go."""

DOCUMENT_GONE = errors.define(
    "document-gone", "a document that waits for an approver was withdrawn, or its session is erased"
)


_ANSWER: Final = "psihash/correction-answer/1"


def prepare(node: Node) -> None:
    """Ask for whatever password :func:`release` needs, before a transaction begins."""
    _ = node.keys
    if node.stores.operators.any():
        login.own_key(node)


def release(node: Node, document: Released, session: str | None, about: str | None = None) -> None:
    """Let a document go that ends with ``session``: at once while the agency has no operators, else
    when an approver agrees. ``about``: what it is about, where that is not the session. Call it
    inside a transaction."""
    if not node.stores.operators.any():
        leave(node, document)
        return
    kind = request_kind(document)
    if kind is None:
        raise TypeError("nobody decides about a document of this kind")
    requests.file(
        node,
        kind,
        document_subject(document.id, document.TYPE, document.recipient, about or session or ""),
        peer=document.recipient,
        agreement="" if session is None else node.stores.sessions.get(session).agreement,
        session=session,
    )


def let_go(node: Node, granted: Granted) -> None:
    """What an approver agreed to leaves, and carries that person's decision. Call it inside a
    transaction."""
    document = waiting(node, granted.row)
    if granted.approval is not None:
        document = case_documents.approved(node, document, granted.approval)
        if not isinstance(document, NoticeAnswer):
            case_documents.keep(node, str(granted.request.subject["session"]), document)
    leave(node, document)


def waiting(node: Node, row: RequestRow) -> CaseDocument:
    """The document that a request asks to let go.

    Raises StateError ``document-gone`` where nothing is left to decide."""
    subject = requests.body(row).subject
    if subject["type"] == NoticeAnswer.TYPE:
        found = _answer(node, str(subject["document"]))
    else:
        found = case_documents.kept(node, str(subject["session"]), str(subject["document"]))
    if found is None or found.id != subject["document"]:
        raise errors.StateError(DOCUMENT_GONE, "the document is not here any more")
    return found


def keep_answer(node: Node, answer: NoticeAnswer) -> None:
    """Keep our answer to a notice until an approver agrees. The sessions that the notice is about
    may be erased, so it lies beside the notice, under the node's own key."""
    key, context = node.storage_key(_ANSWER), answer.id.encode()
    node.stores.corrections.change(
        answer.notice,
        OPEN,
        state=WAITING,
        refused=None,
        answer=answer.id,
        sealed_answer=sealing.seal(key, answer.to_bytes(), context),
    )


def _answer(node: Node, document: str) -> CaseDocument | None:
    row = node.stores.corrections.answered_by(document)
    if row is None or row.sealed_answer is None:
        return None
    key = node.storage_key(_ANSWER)
    return reading.parse(sealing.open_sealed(key, row.sealed_answer, document.encode()))


def hold_back(node: Node, document: str) -> None:
    """An approver said no, or nobody said anything in time: the document of that id never leaves.
    Needs no key. Call it inside a transaction."""
    stores = node.stores
    request = stores.followups.find(document)
    if request is not None and request.state == State.WAITING:
        followup_rows.move(node, request, Step.WITHDRAWN, node.stamp())
    message = stores.followups.message(document)
    if message is not None and message.sent is None:
        stores.followups.remove_message(document)
    notice = stores.corrections.find(document)
    if notice is not None and notice.state == WAITING:
        stores.corrections.change(document, WAITING, state=HELD_BACK)
    answered = stores.corrections.answered_by(document)
    if answered is not None and answered.state == WAITING:
        stores.corrections.change(answered.id, WAITING, state=OPEN, answer=None, sealed_answer=None)


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
            _leave_answer(node, document)
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


def _leave_answer(node: Node, answer: NoticeAnswer) -> None:
    reached = node.stores.corrections.hits_of(answer.notice)
    session = case_documents.last_to_end(node, reached)
    if session is not None:
        case_documents.keep(node, session, answer)
    if answer.action is Action.RECEIVED:
        return
    row, now = node.stores.corrections.find(answer.notice), node.stamp()
    node.stores.corrections.change(
        answer.notice,
        WAITING,
        state=RESOLVED,
        action=answer.action.value,
        resolved=now,
        sealed_answer=None,
    )
    facts = {
        "document": answer.notice,
        "peer": answer.recipient,
        "side": NoticeSide.RECEIVER.value,
        "step": answer.action.value,
        "overdue": row is not None and clocks.is_overdue(row.due, now),
    }
    text = "\n".join(answer.text)
    node.record(Event.CORRECTION, facts | said.keep(node, session, answer.notice, text))


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
