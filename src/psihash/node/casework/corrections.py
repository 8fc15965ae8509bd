"""Corrections: telling peers that an item was wrongly listed or is erased, and acting on what they
tell.

A notice is made of past results: it goes to every peer that learned that the item is here, and to
nobody else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from psihash import errors
from psihash.audit.event import Event
from psihash.casework import clocks
from psihash.casework.corrections import Concerned, Notice, NoticeAnswer, parts
from psihash.casework.hits import reference
from psihash.casework.texts import lines_of
from psihash.casework.words import NOTICE_LIFE_DAYS, Action, NoticeSide, Reason
from psihash.hashset.digests import parse_digest
from psihash.hashset.model import Digest
from psihash.node import prefixes
from psihash.node.casework import (
    case_documents,
    hits,
    release_page,
    releasing,
    said,
    untaken,
)
from psihash.node.casework.correction_taking import (
    CORRECTION_STEP,
    UNKNOWN_CORRECTION,
    digests_of,
)
from psihash.node.node import Node
from psihash.node.people.roles import use_case
from psihash.node.running import sessions
from psihash.session.result import MatchedItem, SessionResult
from psihash.storage.corrections import CorrectionRow
from psihash.storage.exports import ExportRow
from psihash.storage.sessions import SessionRow
from psihash.terms import AlgorithmId, Learn, Rung

NOTHING_TO_CORRECT = errors.define(
    "nothing-to-correct", "no result that is still here tells a peer of these items"
)
AMBIGUOUS_CORRECTION = errors.define("ambiguous-correction", "several corrections begin so")
NOTHING_NAMED = errors.define(
    "nothing-named", "a correction names digests or one collection, not both and not nothing"
)

_CORRECTION: Final = prefixes.Kind(
    "correction", UNKNOWN_CORRECTION, AMBIGUOUS_CORRECTION, "psihash correction list"
)


CORRECTION = release_page.HANDLER
"""What an approver decides: whether a notice leaves."""


@dataclass(frozen=True, slots=True)
class CorrectionView:
    """A correction as it is shown."""

    correction: str
    peer: str
    side: str
    reason: str
    state: str
    added: str
    received: str | None
    due: str | None
    overdue: bool
    action: str | None
    resolved: str | None
    refused: str | None
    """The code with which the peer's node did not take our notice, or our answer to its own."""
    advice: str
    """What to do about that; empty where there is nothing."""
    hits: dict[str, list[str]]
    """References by session, where the session's result is still here."""
    exports: list[str]
    """The files that relied on them, as the operator named them; ours is to find them."""


@dataclass(frozen=True, slots=True)
class Notified:
    """What ``correction notify`` did."""

    notices: list[CorrectionView]
    not_told: dict[str, int]
    """Sessions by peer in which only the peer learned what matched, so that nobody here knows
    whether the item did."""


@use_case("correction write")
def notify(
    node: Node,
    digests: Sequence[str],
    collection: str,
    reason: Reason,
    text: str,
    *,
    blind: bool = False,
) -> Notified:
    """Write a notice to every peer whose results tell it of an item.

    The items are named by digest, in any usual spelling, or are all that results say stood in
    ``collection`` and do not any more. ``blind`` also names digests to peers that alone learned
    the result: should an item not have matched, they could test guesses of it.

    Raises InputError, StateError ``nothing-to-correct``; whatever was written has left then.
    """
    if bool(digests) is bool(collection):
        raise errors.InputError(NOTHING_NAMED, "name digests, or one collection")
    wanted = [parse_digest(each) for each in digests]
    releasing.prepare(node)
    by_peer: dict[str, list[Concerned]] = {}
    untold: dict[str, int] = {}
    for row in hits.completed(node):
        found = _references(node, row, wanted, collection)
        if found is None and blind:
            found = _blind(node, row, wanted)
        if found is None:
            untold[row.peer] = untold.get(row.peer, 0) + 1
        elif found:
            by_peer.setdefault(row.peer, []).append(Concerned(row.id, tuple(found)))
    if not by_peer:
        raise errors.StateError(
            NOTHING_TO_CORRECT,
            "no result that is still here tells a peer of it"
            + (": only the peer learned what matched in some" if untold else ""),
            hint="--blind tells those peers too; see docs/follow-up.md" if untold else "",
        )
    lines = lines_of(text)
    views = [
        view(node, _write(node, peer, part, reason, lines))
        for peer, concerned in by_peer.items()
        for part in parts(concerned)
    ]
    return Notified(views, untold)


@use_case("correction write")
def resolve(node: Node, prefix: str, action: Action, text: str) -> CorrectionView:
    """Say what was done about a peer's notice. It ends the clock, and the peer hears of it, at once
    while the agency has no operators, else when an approver agrees.

    Raises StateError ``correction-step``."""
    row = find(node, prefix)
    if row.side != NoticeSide.RECEIVER.value or row.state != releasing.OPEN:
        raise errors.StateError(
            CORRECTION_STEP,
            "only a correction that a peer sent, and that is open, can be resolved",
            hint="run `psihash correction list`",
        )
    answer = case_documents.sign(
        node,
        NoticeAnswer(
            **case_documents.heading(node, row.peer, NOTICE_LIFE_DAYS),
            notice=row.id,
            action=action,
            text=lines_of(text),
            role=node.actor.role,
        ),
    )
    session = case_documents.last_to_end(node, node.stores.corrections.hits_of(row.id))
    releasing.prepare(node)
    with node.stores.database.transaction():
        releasing.keep_answer(node, answer)
        releasing.release(node, answer, session, about=row.id)
    return view(node, get(node, row.id))


@use_case("correction show")
def listing(node: Node) -> list[CorrectionView]:
    """All corrections: first those that wait for us, the most pressing in front."""
    views = [view(node, row) for row in node.stores.corrections.all()]
    return sorted(
        views,
        key=lambda each: (
            each.state not in (releasing.OPEN, releasing.WAITING),
            each.side != NoticeSide.RECEIVER.value,
            each.due or "9",
        ),
    )


@use_case("correction show")
def show(node: Node, prefix: str) -> tuple[CorrectionView, list[str] | None, str]:
    """A correction, what the notice says in words, and what was said when it was resolved here. The
    look is recorded (LED Art. 25)."""
    shown = view(node, find(node, prefix))
    node.record(
        Event.CONSULTATION,
        {
            "document": shown.correction,
            "peer": shown.peer,
            "what": "correction",
            "sessions": [{"session": session} for session in shown.hits],
        },
    )
    return shown, text_of(node, shown), resolution_of(node, shown)


def text_of(node: Node, correction: CorrectionView) -> list[str] | None:
    """What the notice says in words; None where its sessions are erased."""
    for session in correction.hits:
        if node.stores.sessions.get(session).erased is None:
            kept = case_documents.kept(node, session, correction.correction)
            if isinstance(kept, Notice):
                return list(kept.text)
    return None


def resolution_of(node: Node, correction: CorrectionView) -> str:
    """What was said when the notice was resolved here; empty where that is erased, or none was."""
    session = case_documents.last_to_end(node, correction.hits)
    return "" if session is None else said.read(node, session, correction.correction)


def view(node: Node, row: CorrectionRow) -> CorrectionView:
    wanted = set(node.stores.corrections.exports_of(row.id))
    files: list[ExportRow] = [each for each in node.stores.exports.all() if each.id in wanted]
    return CorrectionView(
        correction=row.id,
        peer=row.peer,
        side=row.side,
        reason=row.reason,
        state=row.state,
        added=row.added,
        received=row.received,
        due=row.due,
        overdue=row.state in (releasing.OPEN, releasing.WAITING)
        and clocks.is_overdue(row.due, node.stamp()),
        action=row.action,
        resolved=row.resolved,
        refused=row.refused,
        advice=untaken.advice(row.refused, row.peer),
        hits=node.stores.corrections.hits_of(row.id),
        exports=[each.path for each in files],
    )


def find(node: Node, prefix: str) -> CorrectionRow:
    """A correction by its id or a unique prefix of it."""
    return _CORRECTION.pick(node.stores.corrections.all(), prefix)


def get(node: Node, correction: str) -> CorrectionRow:
    """A correction by its full id."""
    found = node.stores.corrections.find(correction)
    if found is None:
        raise errors.NotFoundError(UNKNOWN_CORRECTION, "no such correction is known here")
    return found


def marked(node: Node, session: str) -> list[str]:
    """The references of a session's hits that the peer has corrected."""
    return [
        name
        for name, rows in node.stores.corrections.of_session(session).items()
        if any(row.side == NoticeSide.RECEIVER.value for row in rows)
    ]


def withheld(node: Node, session: str) -> set[frozenset[tuple[str, str]]]:
    """The digests of each item that a peer corrected in a session's result, unless it was decided
    to keep it for reasons of our own."""
    notices = node.stores.corrections.of_session(session)
    marked = {
        name
        for name, rows in notices.items()
        if any(row.side == NoticeSide.RECEIVER.value and row.action != Action.KEPT for row in rows)
    }
    if not marked:
        return set()
    return {
        frozenset(digests_of(hit.item))
        for hit in hits.of_session(node, session)
        if marked.intersection(hit.references)
    }


def without_withheld(node: Node, result: SessionResult) -> tuple[SessionResult, int]:
    """A result without the items that the peer has corrected, and how many those were."""
    gone = withheld(node, result.session)
    if not gone:
        return result, 0
    kept = [
        place for place, item in enumerate(result.items) if frozenset(digests_of(item)) not in gone
    ]
    return replace(result, items=result.items.at(kept)), len(result.items) - len(kept)


def may_have_matched(node: Node, collection: str) -> bool:
    """Whether an agreement offered this collection in a session whose result told a peer items:
    then what is erased from it may have to be corrected. Needs no key."""
    agreements = {
        row.id
        for row in node.stores.agreements.all()
        if any(each.collection == collection for each in node.stores.agreements.offered(row.id))
    }
    return any(row.agreement in agreements for row in hits.completed(node))


def _references(
    node: Node, row: SessionRow, wanted: Sequence[Digest], collection: str
) -> list[str] | None:
    """The references of the items that a peer knows of from a session; None where nobody here
    knows, because the peer alone learned."""
    result = sessions.result(node, row.id)
    if result.learn is not Learn.BOTH:
        # Where we alone learned, the peer does not know of anything that is here.
        return [] if any(p.matched is not None for p in result.algorithms.values()) else None
    texts = {(each.algorithm.value, each.raw.hex()) for each in wanted}
    return [
        each
        for hit in hits.of_session(node, row.id)
        if _concerns(node, hit.item, texts, collection)
        for each in hit.references
    ]


def _concerns(node: Node, item: MatchedItem, texts: set[tuple[str, str]], collection: str) -> bool:
    if not collection:
        return not texts.isdisjoint(digests_of(item))
    if collection not in item.collections:
        return False
    return collection not in _held_in(node, item)


def _held_in(node: Node, item: MatchedItem) -> Iterator[str]:
    """The collections that hold the item now."""
    for name, text in digests_of(item):
        held = node.stores.holdings.lookup(Digest(AlgorithmId(name), bytes.fromhex(text)))
        if held is not None:
            yield from held.collections


def _blind(node: Node, row: SessionRow, wanted: Sequence[Digest]) -> list[str]:
    """References that say nothing about whether the items matched."""
    if row.rung.height < Rung.ITEMS.height:
        return []
    key = hits.result_key(node, row.id)
    return [reference(key, each.algorithm, each.raw) for each in wanted]


def _write(
    node: Node, peer: str, part: tuple[Concerned, ...], reason: Reason, text: tuple[str, ...]
) -> CorrectionRow:
    notice = case_documents.sign(
        node,
        Notice(
            **case_documents.heading(node, peer, NOTICE_LIFE_DAYS),
            reason=reason,
            text=text,
            sessions=part,
        ),
    )
    with node.stores.database.transaction():
        node.stores.corrections.add(
            CorrectionRow(
                id=notice.id,
                peer=peer,
                side=NoticeSide.SENDER.value,
                reason=reason.value,
                state=releasing.WAITING,
                added=node.stamp(),
            )
        )
        for each in part:
            node.stores.corrections.reach(notice.id, each.session, each.references)
            case_documents.keep(node, each.session, notice)
        session = case_documents.last_to_end(node, [each.session for each in part])
        releasing.release(node, notice, session or part[0].session)
    return get(node, notice.id)
