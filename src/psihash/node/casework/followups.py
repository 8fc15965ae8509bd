"""Requests about confirmed hits, and their answers: what this agency's people do.

What comes from the peer is in :mod:`psihash.node.casework.case_taking`, what is shown in
:mod:`psihash.node.casework.followup_views`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from psihash import errors
from psihash.agreement.times import whole_seconds
from psihash.agreement.vocabulary import DataSubject, HandlingCode, Tlp
from psihash.audit.event import Event
from psihash.casework import states
from psihash.casework.answers import Message
from psihash.casework.handling import Handling, merge
from psihash.casework.pack import Authority, Pack
from psihash.casework.states import State, Step
from psihash.casework.texts import lines_of, one_line
from psihash.casework.words import HitVerdict, Outcome, Side, Urgency, Wanted
from psihash.node.agreeing import agreements
from psihash.node.casework import case_documents, hits, release_page, releasing, said
from psihash.node.casework.followup_rows import (
    check_step,
    facts,
    find,
    get,
    handling,
    move,
)
from psihash.node.node import Node
from psihash.node.people.roles import use_case
from psihash.node.running import sessions
from psihash.node.watching import finding
from psihash.storage.followups import FollowUpRow, MessageRow

HIT_UNCONFIRMED = errors.define(
    "hit-unconfirmed", "a request is about a hit that no person has confirmed"
)
HIT_CORRECTED = errors.define(
    "hit-corrected", "a request is about a hit that the peer has corrected"
)
HIT_OF_WATCH = errors.define(
    "hit-of-watch", "a request is about hits of a session, which both sides know; those of a watch "
    "the centre does not"
)  # fmt: skip
MESSAGE_WAITING = errors.define(
    "message-waiting", "another word about this request waits for an approver here"
)
NO_OUTCOME_YET = errors.define(
    "no-outcome-yet", "an outcome belongs to a request of ours that was answered"
)


FOLLOW_UP = release_page.HANDLER
"""What an approver decides: whether a request, or a word about one, leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What ``followup request`` is told. What is empty comes from the agreement."""

    session: str
    hits: Sequence[str]
    facts: str
    reasons: str
    purpose: str = ""
    offence: str = ""
    legal_basis: str = ""
    information: str = ""
    connection: str = ""
    wanted: Wanted = Wanted.CORE_DATA
    urgency: Urgency = Urgency.NORMAL
    urgency_reason: str = ""
    data_subjects: Sequence[DataSubject] = ()
    contact: str = ""
    deadline: str = ""
    handling: HandlingCode | None = None
    tlp: Tlp | None = None
    note: str = ""
    everything: bool = field(default=False)
    """All confirmed hits of the session."""


@use_case("follow-up write")
def askable(node: Node, prefix: str) -> list[hits.Hit]:
    """The hits of a session that a request can be about: confirmed, and not corrected. The look is
    recorded."""
    row = sessions.find(node, prefix)
    facts = {"session": row.id, "peer": row.peer, "what": "hits"}
    node.record(Event.CONSULTATION, facts)
    return _askable(node, row.id, hits.of_session(node, row.id))


@use_case("follow-up write")
def prefilled(node: Node, prefix: str) -> Draft:
    """A request about a session as its agreement and our card would fill it in."""
    row = sessions.find(node, prefix)
    agreement = agreements.find(node, row.agreement)
    terms = agreement.terms
    return Draft(
        session=row.id,
        hits=(),
        facts="",
        reasons="",
        purpose=terms.purpose,
        offence=terms.offence_category,
        legal_basis=agreement.legal_basis(node.agency),
        data_subjects=terms.data_subjects,
        contact=node.card.contact or "",
    )


@use_case("follow-up write")
def request(node: Node, draft: Draft) -> FollowUpRow:
    """Write a request for what the peer knows about confirmed hits, and let it go, or file it for
    an approver where there are operators.

    Raises StateError ``hit-unconfirmed``, ``hit-corrected``, ``hit-of-watch``; InputError.
    """
    _require_session(node, draft.session)
    row = sessions.find(node, draft.session)
    chosen, confirmed = _confirmed(node, row.id, row.peer, draft)
    result = sessions.result(node, row.id)
    agreement = agreements.find(node, row.agreement)
    terms = agreement.terms
    pack = case_documents.sign(
        node,
        Pack(
            **case_documents.heading(node, row.peer),
            agreement=row.agreement,
            session=row.id,
            hits=tuple(hit.references for hit in chosen),
            wanted=draft.wanted,
            information=one_line(draft.information),
            purpose=one_line(draft.purpose) or terms.purpose,
            case=result.case,
            peer_case=result.peer_case,
            facts=lines_of(draft.facts),
            offence=one_line(draft.offence) or terms.offence_category,
            data_subjects=tuple(dict.fromkeys(draft.data_subjects)) or terms.data_subjects,
            reasons=lines_of(draft.reasons),
            connection=one_line(draft.connection),
            urgency=draft.urgency,
            urgency_reason=one_line(draft.urgency_reason),
            legal_basis=one_line(draft.legal_basis) or agreement.legal_basis(node.agency),
            authority=Authority(
                node.card.name,
                node.card.country,
                one_line(draft.contact) or node.card.contact or "",
            ),
            confirmed_by=node.actor.role,
            confirmed=confirmed,
            handling=handling(node, row.agreement, draft.handling, draft.tlp, draft.note),
            deadline=draft.deadline,
        ),
    )
    releasing.prepare(node)
    with node.stores.database.transaction():
        made = FollowUpRow(
            id=pack.id,
            peer=row.peer,
            session=row.id,
            agreement=row.agreement,
            side=Side.ASKER.value,
            state=State.WAITING.value,
            urgency=pack.urgency.value,
            wanted=pack.wanted.value,
            available=True,
            hits=len(chosen),
            added=node.stamp(),
        )
        node.stores.followups.add(made)
        case_documents.keep(node, row.id, pack)
        releasing.release(node, pack, row.id)
    return get(node, pack.id)


@use_case("follow-up write")
def say(
    node: Node,
    prefix: str,
    step: Step,
    text: str,
    *,
    code: HandlingCode | None = None,
    tlp: Tlp | None = None,
    note: str = "",
) -> FollowUpRow:
    """Answer a request of the peer's, inform about or withdraw one of ours.

    Raises StateError ``follow-up-step``, RefusedError ``follow-up-side``, InputError.
    """
    row = find(node, prefix)
    states.check_author(step, Side(row.side))
    check_step(row, step)
    if any(each.sent is None for each in node.stores.followups.messages(row.id)):
        raise errors.StateError(
            MESSAGE_WAITING,
            "an earlier word about this request waits for an approver here",
            hint="run `psihash inbox`",
        )
    if State(row.state) is State.WAITING:
        # Nobody outside has heard of it.
        with node.stores.database.transaction():
            move(node, row, step, node.stamp())
            node.record(Event.FOLLOW_UP, facts(row) | {"step": step.value})
        return get(node, row.id)
    own = Handling(HandlingCode.H0, Tlp.CLEAR)
    asked = case_documents.kept(node, row.session, row.id)
    message = case_documents.sign(
        node,
        Message(
            **case_documents.heading(node, row.peer),
            request=row.id,
            step=step,
            text=lines_of(text),
            role=node.actor.role,
            handling=merge(
                [
                    handling(node, row.agreement, code, tlp, note),
                    asked.handling if isinstance(asked, Pack) else own,
                ]
            ),
        ),
    )
    releasing.prepare(node)
    with node.stores.database.transaction():
        node.stores.followups.add_message(
            MessageRow(message.id, row.id, row.session, node.agency, step.value, node.stamp(), None)
        )
        case_documents.keep(node, row.session, message)
        releasing.release(node, message, row.session)
    return get(node, row.id)


@use_case("follow-up write")
def set_outcome(node: Node, prefix: str, outcome: Outcome, note: str) -> FollowUpRow:
    """Say what came of a request of ours. It stays here, for statistics; the note is kept with the
    session and ends with it.

    Raises StateError ``no-outcome-yet``."""
    row = find(node, prefix)
    if row.side != Side.ASKER.value or State(row.state) not in (State.GRANTED, State.REFUSED):
        raise errors.StateError(
            NO_OUTCOME_YET, "an outcome belongs to a request of ours that was answered"
        )
    with node.stores.database.transaction():
        node.stores.followups.change(
            row.id, row.state, outcome=outcome.value, outcome_added=node.stamp()
        )
        node.record(
            Event.FOLLOW_UP,
            facts(row)
            | {"step": "outcome", "outcome": outcome.value}
            | said.keep(node, row.session, row.id, note),
        )
    return get(node, row.id)


def _require_session(node: Node, prefix: str) -> None:
    """The centre does not learn what a watch finds; a request tells it, by references that only
    both sides of a session have."""
    if finding.is_watch(prefix):
        row = finding.find(node, prefix)
        raise errors.StateError(
            HIT_OF_WATCH,
            f"{row.peer} does not know what the watch found: a request needs a session with it",
            hint=f"run `psihash match {row.peer} --agreement {row.agreement[:12]} --rung items` "
            "and ask about its hits",
        )


def _confirmed(node: Node, session: str, peer: str, draft: Draft) -> tuple[list[hits.Hit], str]:
    """The hits that a request is about, and when the last of them was confirmed."""
    known = hits.of_session(node, session)
    decisions = node.stores.hits.of(session)
    confirmed = {
        name: each for name, each in decisions.items() if each.verdict == HitVerdict.CONFIRMED
    }
    corrected = node.stores.corrections.of_session(session)
    chosen = _askable(node, session, known) if draft.everything else hits.find(known, draft.hits)
    if not chosen or any(hit.reference not in confirmed for hit in chosen):
        raise errors.StateError(
            HIT_UNCONFIRMED,
            "a person must have confirmed each hit of a request",
            hint=f"run `psihash hit confirm {session[:12]} REF... --reason TEXT`",
        )
    if any(corrected.keys() & set(hit.references) for hit in chosen):
        raise errors.StateError(
            HIT_CORRECTED,
            f"{peer} has corrected a hit of the request",
            hint="run `psihash correction list`",
        )
    return chosen, max(whole_seconds(confirmed[hit.reference].decided) for hit in chosen)


def _askable(node: Node, session: str, known: Sequence[hits.Hit]) -> list[hits.Hit]:
    decisions = node.stores.hits.of(session)
    corrected = node.stores.corrections.of_session(session).keys()
    return [
        hit
        for hit in known
        if (held := decisions.get(hit.reference)) is not None
        and held.verdict == HitVerdict.CONFIRMED
        and not corrected & set(hit.references)
    ]
