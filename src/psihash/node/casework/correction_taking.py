"""Notices of corrections that a peer sends, and what it says about ours.

A notice reaches every result with that peer in which one of its items stands, also those of other
sessions than it names, and every file that such a result was written to. It reaches no other
peer's results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psihash import errors
from psihash.audit.event import Event
from psihash.casework import clocks
from psihash.casework.corrections import Notice, NoticeAnswer
from psihash.casework.words import Action, NoticeSide
from psihash.node.casework import case_documents, hits
from psihash.node.casework.releasing import OPEN, RESOLVED, leave
from psihash.node.node import Node
from psihash.node.records import exports
from psihash.session.result import MatchedItem
from psihash.session.row_state import RowState
from psihash.storage.corrections import CorrectionRow
from psihash.storage.sessions import SessionRow

CORRECTION_SESSION = errors.define(
    "correction-session", "a notice names a session that was not with the agency that gives it"
)
UNKNOWN_CORRECTION = errors.define("unknown-correction", "no correction of that id is known here")
CORRECTION_STEP = errors.define(
    "correction-step", "the correction's present state does not allow this step"
)

NOT_TAKEN = "not-taken"

_NODE_ROLE = "node"


def named(node: Node, notice: Notice) -> list[SessionRow]:
    """The sessions that a notice names. Raises RefusedError ``correction-session``."""
    return [_named(node, notice, each.session) for each in notice.sessions]


def take_notice(node: Node, notice: Notice, found: Mapping[str, Sequence[str]]) -> None:
    """Flag what relied on the items, start the clock, and say that it came. ``found`` is what
    :func:`reach` said."""
    sessions = named(node, notice)
    now = node.stamp()
    node.stores.corrections.add(
        CorrectionRow(
            id=notice.id,
            peer=notice.author,
            side=NoticeSide.RECEIVER.value,
            reason=notice.reason.value,
            state=OPEN,
            added=now,
            received=now,
            due=clocks.correction_due(now),
        )
    )
    # What was erased in the meantime has no hits any more.
    reached = {
        session: references
        for session, references in found.items()
        if node.stores.sessions.get(session).erased is None
    }
    for session, references in reached.items():
        node.stores.corrections.reach(notice.id, session, references)
    concerned = dict.fromkeys([row.id for row in sessions] + list(reached))
    files = [file.id for session in concerned for file in exports.exports_of(node, session)]
    node.stores.corrections.reach_exports(notice.id, files)
    for session in concerned:
        if node.stores.sessions.get(session).erased is None:
            case_documents.keep(node, session, notice)
    node.record(
        Event.CORRECTION,
        {
            "document": notice.id,
            "peer": notice.author,
            "side": NoticeSide.RECEIVER.value,
            "step": "received",
            "reason": notice.reason.value,
            "due": clocks.correction_due(now),
            "hits": sum(map(len, reached.values())),
            "sessions": [{"session": session} for session in concerned],
            "exports": len(files),
        },
    )
    answer = case_documents.sign(
        node,
        NoticeAnswer(
            **case_documents.heading(node, notice.author),
            notice=notice.id,
            action=Action.RECEIVED,
            text=(),
            role=_NODE_ROLE,
        ),
    )
    leave(node, answer)


def answered(node: Node, answer: NoticeAnswer) -> CorrectionRow:
    """The notice of ours that an answer is about. Raises RefusedError ``unknown-correction``."""
    row = node.stores.corrections.find(answer.notice)
    if row is None or row.peer != answer.author or row.side != NoticeSide.SENDER.value:
        raise errors.RefusedError(UNKNOWN_CORRECTION, "we gave this peer no such notice")
    return row


def take_answer(node: Node, answer: NoticeAnswer) -> None:
    """What the recipient of our notice says. A repetition changes nothing."""
    row = answered(node, answer)
    now = node.stamp()
    came = min(answer.issued, now)
    if answer.action is Action.RECEIVED:
        if row.received is not None:
            return
        node.stores.corrections.change(
            row.id, row.state, received=came, due=clocks.correction_due(came)
        )
    elif row.state == RESOLVED:
        if row.action == answer.action.value:
            return
        raise errors.StateError(CORRECTION_STEP, "the correction was resolved before")
    else:
        node.stores.corrections.change(
            row.id, row.state, state=RESOLVED, action=answer.action.value, resolved=came
        )
    node.record(
        Event.CORRECTION,
        {
            "document": row.id,
            "peer": row.peer,
            "side": row.side,
            "step": answer.action.value,
            "by": answer.author,
        },
    )


def refused(node: Node, document: str, code: str) -> None:
    """The peer would not take a notice of ours, or our answer to one of its own: that one is open
    again then."""
    answered = node.stores.corrections.answered_by(document)
    if answered is not None and answered.state == RESOLVED:
        node.stores.corrections.change(
            answered.id, RESOLVED, state=OPEN, action=None, resolved=None, answer=None, refused=code
        )
        facts = {"document": answered.id, "peer": answered.peer, "side": answered.side}
        node.record(Event.CORRECTION, facts | {"step": NOT_TAKEN, "code": code})
        return
    row = node.stores.corrections.find(document)
    if row is None or row.side != NoticeSide.SENDER.value or row.state != OPEN:
        return
    node.stores.corrections.change(row.id, row.state, state=NOT_TAKEN, refused=code)
    node.record(
        Event.CORRECTION,
        {
            "document": row.id,
            "peer": row.peer,
            "side": row.side,
            "step": NOT_TAKEN,
            "code": code,
        },
    )


def _named(node: Node, notice: Notice, session: str) -> SessionRow:
    row = node.stores.sessions.find(session)
    if row is None or row.peer != notice.author or row.state != RowState.COMPLETED:
        raise errors.RefusedError(
            CORRECTION_SESSION, "the notice names a session that was not with this peer"
        )
    return row


def reach(node: Node, notice: Notice) -> dict[str, list[str]]:
    """The hits that stand for the same items in all results with this peer; by session. It opens
    every one of these results: call it before a transaction."""
    wanted = {each.session: frozenset(each.references) for each in notice.sessions}
    results = {row.id: hits.of_session(node, row.id) for row in hits.completed(node, notice.author)}
    digests: set[tuple[str, str]] = set()
    for session, references in wanted.items():
        for hit in results.get(session, []):
            if references.intersection(hit.references):
                digests |= digests_of(hit.item)
    reached: dict[str, list[str]] = {}
    for session, known in results.items():
        for hit in known:
            if digests.isdisjoint(digests_of(hit.item)):
                continue
            reached.setdefault(session, []).append(hit.reference)
    return reached


def digests_of(item: MatchedItem) -> set[tuple[str, str]]:
    """(algorithm, lower hex) of everything that names an item."""
    pairs = [*item.digests.items(), *item.further_digests]
    return {(name.value, text) for name, text in pairs}
