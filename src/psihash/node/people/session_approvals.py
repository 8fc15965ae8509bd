"""Who approves a session here: a rule of the agreement, or a person, who is asked where need be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from psihash import errors
from psihash.agreement.decision import (
    VALID_DAYS,
    VerifiedDecision,
    parse_decision,
    verify_decision,
)
from psihash.agreement.request import RequestKind, SessionSubject, subject_key
from psihash.agreement.roster import Roster
from psihash.agreement.rules import AGREEMENT_NOT_ACTIVE
from psihash.agreement.session_approval import (
    APPROVAL_REPLAYED,
    SINGLE_OPERATOR,
    By,
    Expected,
    SessionApproval,
    VerifiedApproval,
    verify,
)
from psihash.agreement.state import Agreement
from psihash.agreement.times import add_days, whole_seconds
from psihash.identity.cards import Card
from psihash.node.node import Actor, Node
from psihash.node.people import requests, rosters
from psihash.session.climb import Base
from psihash.session.ports import Claim, Proposal
from psihash.storage.requests import RequestRow, RequestState
from psihash.terms import SessionRole

APPROVAL_NEEDED = errors.define(
    "approval-needed", "a person here has to approve the session first; the request is filed"
)
APPROVAL_PENDING = errors.define(
    "approval-pending",
    "the other side's approver has not decided yet; nothing was charged, and the request is there",
)
APPROVAL_REFUSED = errors.define(
    "approval-refused", "an approver said no to this session a short time ago"
)

PERSON_AT_KEYBOARD: Final = Actor("").role
"""Role of whoever runs a command while an agency has no operators."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why this side lets a session run: what the peer is shown, and what the own log says."""

    approval: SessionApproval
    decided_by: dict[str, str]
    """For the local part of the log: the rule; or name, role, time and reason of a person."""
    request: str = ""
    """Id of the request that was decided; empty where none was."""


class SessionApprovals:
    """The approvals of one session on this node."""

    def __init__(
        self,
        node: Node,
        peer: Card,
        role: SessionRole,
        agreement: Agreement,
        proposal: Proposal,
        base: Base | None,
    ) -> None:
        self._node, self._peer, self._role = node, peer, role
        self._agreement, self._proposal, self._base = agreement, proposal, base
        self._rung = proposal.rung
        self._previous = proposal.previous_receipt.hex()
        self._rule = agreement.terms.approvals[proposal.rung]

    # -- the other side --------------------------------------------------------------------------

    def check_peer(self, claim: Claim) -> VerifiedApproval:
        """Check what the other side shows. Raises RefusedError or VerificationError."""
        matched = None if self._base is None else self._base.matched
        expected = Expected(
            agency=self._peer.agency,
            session=claim.session,
            subject=self._subject(
                self._peer.agency,
                case=claim.case,
                peer_case=self._agreement.case(self._node.agency),
            ),
            rule=self._rule,
            possible=None if matched is None else self._rule.possible_with(matched),
            roster=rosters.of_peer(self._node, self._peer.agency),
            now=self._node.stamp(),
        )
        verified = verify(claim.approval, self._peer.keys.signing, expected)
        require_unused(self._node, verified.approval.request_id)
        return verified

    # -- this side -------------------------------------------------------------------------------

    def ours(self) -> Grounds:
        """Why this side may run the session.

        Without a decision that is due a request goes into the inbox, once, and StateError
        ``approval-needed`` (initiator) or RefusedError ``approval-pending`` (responder) follows.
        """
        if self._is_met():
            words = self._rule.words
            return Grounds(self._approval(By.RULE, words), {"by": By.RULE.value, "rule": words})
        roster = rosters.own(self._node)
        if roster is None and self._is_asked_for_by_a_person():
            who = _person_facts(self._node.actor.name, SINGLE_OPERATOR, self._node.stamp(), "")
            return Grounds(self._approval(By.PERSON, SINGLE_OPERATOR), who)
        found = self._decided(roster)
        if found is None:
            raise self._ask()
        row, verified = found
        if verified is None or roster is None:
            # Who it was stands in the entry of the decision.
            who = _person_facts("", SINGLE_OPERATOR, row.decided or "", row.reason)
            approval = self._approval(By.PERSON, SINGLE_OPERATOR)
        else:
            who = self._who(verified, row.reason)
            approval = self._approval(
                By.PERSON, self._rule.words, decision=verified, roster=roster.number
            )
        return Grounds(approval, who | {"request": row.id}, row.id)

    def _is_met(self) -> bool:
        base = self._base
        if base is None:
            return self._rule.met_by(None, None)
        return self._rule.met_by(base.largest_own, base.matched)

    def _is_asked_for_by_a_person(self) -> bool:
        """Whoever opens a session at the keyboard of an agency without operators decides it."""
        asks = self._role is SessionRole.INITIATOR
        return asks and self._node.actor.role == PERSON_AT_KEYBOARD

    def _subject(self, agency: str, *, case: str, peer_case: str) -> SessionSubject:
        """All that runs, as one of the two agencies sees it."""
        agreement, proposal, ours = self._agreement, self._proposal, agency == self._node.agency
        own, peer = agreement.annex(agency), agreement.annex(agreement.peer_of(agency))
        if own is None or peer is None:
            raise errors.RefusedError(AGREEMENT_NOT_ACTIVE, "an annex of the agreement is missing")
        return SessionSubject(
            agreement=agreement.id,
            peer=agreement.peer_of(agency),
            rung=proposal.rung,
            previous=self._previous,
            role=self._role if ours else self._role.other,
            engine=proposal.engine,
            algorithms=proposal.algorithms,
            case=case,
            peer_case=peer_case,
            annex=own.digest.hex(),
            peer_annex=peer.digest.hex(),
        )

    def _ours(self) -> dict[str, Any]:
        """What our own approver decides about."""
        asked = self._role is SessionRole.RESPONDER
        own, peer = (self._agreement.case(each) for each in (self._node.agency, self._peer.agency))
        said = self._proposal.peer_case if asked else peer
        return self._subject(self._node.agency, case=own, peer_case=said).to_dict()

    def _about(self, state: RequestState) -> list[RequestRow]:
        key = subject_key(RequestKind.SESSION, self._ours())
        return self._node.stores.requests.about(key, state)

    def _decided(self, roster: Roster | None) -> tuple[RequestRow, VerifiedDecision | None] | None:
        """A person's yes that holds and was not used yet. Nothing in our own table is believed:
        with operators the decision has to hold by itself."""
        oldest = add_days(self._node.stamp(), -VALID_DAYS)
        for row in self._about(RequestState.APPROVED):
            if self._node.stores.sessions.by_request(row.id) is not None or _moment(row) <= oldest:
                continue
            if roster is None:
                return row, None
            if row.decision is None:
                continue
            try:
                decision = parse_decision(row.decision)
                return row, verify_decision(
                    decision, requests.body(row), roster, self._node.stamp()
                )
            except errors.PsihashError:
                continue
        return None

    def _ask(self) -> errors.PsihashError:
        """File the request, unless it waits already; the error that says what comes next."""
        oldest = add_days(self._node.stamp(), -VALID_DAYS)
        if any(_moment(row) > oldest for row in self._about(RequestState.REFUSED)):
            return errors.RefusedError(APPROVAL_REFUSED, "an approver said no to this session")
        row = requests.file(
            self._node,
            RequestKind.SESSION,
            self._ours(),
            peer=self._peer.agency,
            agreement=self._agreement.id,
            session=self._earlier(),
            by_peer=self._role is SessionRole.RESPONDER,
        )
        if self._role is SessionRole.RESPONDER:
            return errors.RefusedError(APPROVAL_PENDING, "our approver has not decided yet")
        return errors.StateError(
            APPROVAL_NEEDED,
            f"rung {self._rung.value} needs a person's approval here",
            hint=f"`psihash inbox` shows it; an approver runs `psihash approve {row.id[:12]}`",
        )

    def _earlier(self) -> str | None:
        """The session that is built on: what is asked about it ends with it, until there is a
        session of its own."""
        row = self._node.stores.sessions.by_receipt(self._previous) if self._previous else None
        return None if row is None else row.id

    def _who(self, verified: VerifiedDecision, reason: str) -> dict[str, str]:
        decision = verified.decision
        operator = self._node.stores.operators.find(decision.operator)
        name = "" if operator is None else operator.name
        return _person_facts(name, decision.role.value, decision.decided, reason)

    def _approval(
        self,
        by: By,
        rule: str,
        *,
        decision: VerifiedDecision | None = None,
        roster: int | None = None,
    ) -> SessionApproval:
        return SessionApproval(
            agency=self._node.agency,
            agreement=self._agreement.id,
            rung=self._rung,
            previous=self._previous,
            by=by,
            rule=rule,
            issued=self._node.stamp(),
            request=None if decision is None else decision.request,
            decision=None if decision is None else decision.decision,
            roster=roster,
        )


def require_unused(node: Node, request: str) -> None:
    """A person approves one session. Raises RefusedError ``approval-replayed``."""
    if request and node.stores.sessions.by_request(request) is not None:
        raise errors.RefusedError(
            APPROVAL_REPLAYED, "the decision was used for a session before; it allows one"
        )


def _person_facts(name: str, role: str, decided: str, reason: str) -> dict[str, str]:
    return {
        "by": By.PERSON.value,
        "name": name,
        "role": role,
        "decided": decided,
        "reason": reason,
    }


def _moment(row: RequestRow) -> str:
    return whole_seconds(row.decided or "")
