"""What a peer sends about hits: requests, words about them, notices of corrections.

Whatever comes was opened and verified before (:mod:`.case_documents`). A document
that is here already changes nothing; one that may not be taken leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from psihash import errors
from psihash.agreement.times import whole_seconds
from psihash.audit.event import Event
from psihash.casework import clocks, states, words
from psihash.casework.answers import Message
from psihash.casework.approving import check_approval
from psihash.casework.contribution import Contribution, ContributionAnswer, ContributionPart
from psihash.casework.corrections import Notice, NoticeAnswer
from psihash.casework.documents import CaseDocument
from psihash.casework.pack import Pack
from psihash.casework.states import State, Step
from psihash.casework.words import Side
from psihash.node import taking
from psihash.node.casework import case_documents, correction_taking, followup_rows, hits
from psihash.node.casework.case_documents import OUTBOX_PREFIX
from psihash.node.casework.hits import UNKNOWN_HIT
from psihash.node.casework.releasing import leave
from psihash.node.central import arriving
from psihash.node.node import Node
from psihash.node.people import rosters
from psihash.node.running import sessions
from psihash.node.watching import contribution_answers
from psihash.session.row_state import RowState
from psihash.storage.followups import FollowUpRow, MessageRow
from psihash.storage.sessions import SessionRow
from psihash.terms import Rung

FOLLOW_UP_SESSION = errors.define(
    "follow-up-session",
    "a request names a session that is not a completed one of these two agencies at rung items or "
    "records, or one whose result is erased",
)
TOO_MANY_FOLLOW_UPS = errors.define(
    "too-many-follow-ups", "more requests of one peer wait for an answer than are kept"
)
TOO_MANY_CASE_DOCUMENTS = errors.define(
    "too-many-case-documents",
    "a peer sent more requests, answers or notices than are kept, or too many that were refused",
)

_NODE_ROLE: Final = "node"
_REFUSALS: Final = (
    errors.RefusedError,
    errors.InputError,
    errors.ProtocolError,
    errors.VerificationError,
)
"""What is the document's fault, and not the state of this node."""


def take_all(node: Node, agency: str, bodies: Iterable[bytes]) -> list[str]:
    """Take sealed documents from a peer; one code per document, empty where it was taken."""
    return taking.take_each(node, agency, bodies, take, "case-document")


def take(node: Node, agency: str, body: bytes) -> None:
    """Take one sealed document. Idempotent. Raises PsihashError; nothing is kept then, but that a
    contribution was refused.

    Whatever takes time is done before the store is locked, and what costs least comes first: the
    peer decides what it sends, and a document that is refused must hold up nobody."""
    document = case_documents.open_from(node, agency, body).document
    if _is_known(node, document):
        return
    if isinstance(document, ContributionPart):
        _take_part(node, document)
        return
    _require_room(node, agency)
    try:
        _require_decision(node, document, _about(node, document))
        reached = _look_into(node, document)
        with node.stores.database.transaction():
            if _is_known(node, document):
                return
            _require_room(node, agency)
            _require_decision(node, document, _about(node, document))
            _keep(node, document, reached)
    except _REFUSALS:
        node.refusals.add(agency, node.stamp())
        raise


def _about(node: Node, document: CaseDocument) -> list[str]:
    """What the document is about, as a decision names it. Raises RefusedError where that is not
    here, or not the author's."""
    match document:
        case Pack():
            session = _session(node, document)
            _require_open(node, document)
            return [session.id]
        case Message():
            return [_request(node, document).session]
        case Notice():
            return [row.id for row in correction_taking.named(node, document)]
        case NoticeAnswer():
            correction_taking.answered(node, document)
            return [document.notice]
        case Contribution():
            arriving.permit(node, document)
            return [document.agreement]
    return []


def _look_into(node: Node, document: CaseDocument) -> dict[str, list[str]]:
    """Hold a document against results, which are opened for it; of a notice, the hits that it
    reaches."""
    if isinstance(document, Pack):
        _check_hits(node, _session(node, document), document)
    return correction_taking.reach(node, document) if isinstance(document, Notice) else {}


def _keep(node: Node, document: CaseDocument, reached: dict[str, list[str]]) -> None:
    match document:
        case Pack():
            _take_request(node, document)
        case Message():
            _take_message(node, document)
        case Notice():
            correction_taking.take_notice(node, document, reached)
        case NoticeAnswer():
            correction_taking.take_answer(node, document)
        case Contribution():
            arriving.take(node, document)
        case ContributionAnswer():
            contribution_answers.take_answer(node, document)
        case _:
            raise AssertionError("every kind of case document is kept somewhere")


def _take_part(node: Node, document: ContributionPart) -> None:
    """Parts are not among the documents of a day: their contribution is, and names each."""
    _require_decision(node, document, [])
    last = arriving.last_part(node, document)
    with node.stores.database.transaction():
        fault = arriving.take_part(node, document, last)
    if fault is not None:
        raise fault


def refused(node: Node, outbox_kind: str, code: str) -> None:
    """The peer would not take a document of ours, or cannot: say so where it is shown, and bring
    what it is about back to where both sides have it."""
    if not outbox_kind.startswith(OUTBOX_PREFIX):
        return
    document = outbox_kind.removeprefix(OUTBOX_PREFIX)
    with node.stores.database.transaction():
        request = node.stores.followups.find(document)
        if request is not None and request.state == State.REQUESTED:
            followup_rows.move(node, request, Step.NOT_TAKEN, node.stamp())
            node.stores.followups.change(request.id, State.NOT_TAKEN.value, refused=code)
            node.record(
                Event.FOLLOW_UP, followup_rows.facts(request) | {"step": "not-taken", "code": code}
            )
        message = node.stores.followups.message(document)
        if message is not None and message.author == node.agency and message.refused is None:
            node.stores.followups.message_refused(message.id, code)
            followup_rows.take_back(node, followup_rows.get(node, message.follow_up))
            facts = {"document": message.follow_up, "session": message.session}
            node.record(
                Event.FOLLOW_UP,
                facts | {"step": "not-taken", "message": message.step, "code": code},
            )
        correction_taking.refused(node, document, code)
        contribution_answers.refused(node, document, code)


def _is_known(node: Node, document: CaseDocument) -> bool:
    stores = node.stores
    return (
        stores.followups.find(document.id) is not None
        or stores.followups.message(document.id) is not None
        or stores.corrections.find(document.id) is not None
        or (isinstance(document, Contribution) and arriving.is_known(node, document))
    )


def _require_room(node: Node, agency: str) -> None:
    since = clocks.add(node.stamp(), hours=-24)
    taken = node.stores.followups.taken_from(agency, since)
    taken += node.stores.corrections.taken_from(agency, since)
    if taken >= words.DOCUMENTS_PER_DAY or node.refusals.too_many(agency, since):
        raise errors.RefusedError(TOO_MANY_CASE_DOCUMENTS, "this peer has sent enough for one day")


def _require_decision(node: Node, document: CaseDocument, about: Sequence[str]) -> None:
    """From the first record of its operators on, an agency's key alone says nothing about hits:
    two of its people have to stand behind each document."""
    roster = rosters.of_peer(node, document.author)
    check_approval(document, about, roster, node.stamp())


def _require_open(node: Node, pack: Pack) -> None:
    waiting = sum(
        row.side == Side.ANSWERER.value and State(row.state) not in states.FINAL
        for row in node.stores.followups.all(peer=pack.author)
    )
    if waiting >= words.OPEN_REQUESTS:
        raise errors.RefusedError(TOO_MANY_FOLLOW_UPS, "too many requests wait for an answer")


def _take_request(node: Node, pack: Pack) -> None:
    session = _session(node, pack)
    now = node.stamp()
    row = FollowUpRow(
        id=pack.id,
        peer=pack.author,
        session=session.id,
        agreement=session.agreement,
        side=Side.ANSWERER.value,
        state=State.RECEIVED.value,
        urgency=pack.urgency.value,
        wanted=pack.wanted.value,
        available=True,
        hits=len(pack.hits),
        added=now,
        received=now,
        due=clocks.answer_due(now, pack.urgency, pack.wanted, available=True),
    )
    node.stores.followups.add(row)
    case_documents.keep(node, session.id, pack)
    node.record(
        Event.FOLLOW_UP,
        followup_rows.facts(row) | {"step": "received", "due": row.due, "case": pack.case},
    )
    _confirm_receipt(node, row, pack)


def _confirm_receipt(node: Node, row: FollowUpRow, pack: Pack) -> None:
    """Tell the asker's node that the clock runs."""
    message = case_documents.sign(
        node,
        Message(
            **case_documents.heading(node, row.peer),
            request=row.id,
            step=Step.RECEIVED,
            text=(),
            role=_NODE_ROLE,
            handling=pack.handling,
        ),
    )
    node.stores.followups.add_message(
        MessageRow(
            message.id, row.id, row.session, node.agency, message.step.value, node.stamp(), None
        )
    )
    case_documents.keep(node, row.session, message)
    leave(node, message)


def _session(node: Node, pack: Pack) -> SessionRow:
    row = node.stores.sessions.find(pack.session)
    if (
        row is None
        or row.peer != pack.author
        or row.agreement != pack.agreement
        or row.state != RowState.COMPLETED
        or row.erased is not None
        or row.rung.height < Rung.ITEMS.height
    ):
        raise errors.RefusedError(
            FOLLOW_UP_SESSION, "the request is not about a result of these two agencies"
        )
    return row


def _check_hits(node: Node, session: SessionRow, pack: Pack) -> None:
    """Where both sides know the matched items, a request may name no other.

    Where only one does, this side checks nothing, because both sides hold the key and can make
    references of whatever they like: the answer to a peer that alone learned would tell it what
    else is in this side's set, and to one that did not learn, the result itself. The latter has
    nothing to ask about, so it is refused whatever it names.
    """
    result = sessions.result(node, session.id)
    if not result.role.other.learns(result.learn):
        raise errors.RefusedError(
            FOLLOW_UP_SESSION, "a side that did not learn the result has nothing to ask about"
        )
    if not result.role.learns(result.learn):
        return
    known = {each for hit in hits.of_session(node, session.id) for each in hit.references}
    # Each single one: a reference that matched must not carry guesses at others past this check.
    if not all(known.issuperset(hit) for hit in pack.hits):
        raise errors.RefusedError(UNKNOWN_HIT, "the request names a hit that there is not")


def _request(node: Node, message: Message) -> FollowUpRow:
    row = node.stores.followups.find(message.request)
    if row is None or row.peer != message.author:
        raise errors.RefusedError(
            followup_rows.UNKNOWN_FOLLOW_UP, "there is no such request with this peer"
        )
    return row


def _take_message(node: Node, message: Message) -> None:
    row = _request(node, message)
    states.check_author(message.step, _other(Side(row.side)))
    if len(node.stores.followups.messages(row.id)) >= words.MESSAGES_PER_REQUEST:
        raise errors.RefusedError(TOO_MANY_CASE_DOCUMENTS, "enough was said about this request")
    now = node.stamp()
    said = _moment(row, message, now)
    node.stores.followups.add_message(
        MessageRow(message.id, row.id, row.session, message.author, message.step.value, now, said)
    )
    case_documents.keep(node, row.session, message)
    followup_rows.move(node, row, message.step, said)
    node.record(
        Event.FOLLOW_UP,
        followup_rows.facts(row) | {"step": message.step.value, "by": message.author},
    )


def _moment(row: FollowUpRow, message: Message, now: str) -> str:
    """When the other side took the step: as it says, but not before the request and not later
    than now. So both sides run the same clock, and neither can turn it."""
    return min(max(message.issued, whole_seconds(row.sent or row.added)), now)


def _other(side: Side) -> Side:
    return Side.ANSWERER if side is Side.ASKER else Side.ASKER
