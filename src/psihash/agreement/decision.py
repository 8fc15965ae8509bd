"""A person's decision about a request, and the check that both agencies make of it.

::

    decision/1 = {agency, decided, expires, operator, reason, request, role, signature, type,
                  verdict}

``signature`` is the operator's own, over the document without it. :func:`verify_decision` holds
decision and request against the agency's roster, so it needs no trust in the agency's node: a
copy of the node's key, or of its whole database, makes no decision.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash import canonical, errors
from psihash.agreement import defaults
from psihash.agreement.fields import Fields, bad, check_text, decode
from psihash.agreement.request import (
    BY_PEER,
    OPERATOR_ID,
    Request,
    RequestKind,
    parse_request,
    request_dict,
)
from psihash.agreement.roster import Member, OperatorRole, OperatorStatus, Roster
from psihash.agreement.times import add_days, format_time, parse_time
from psihash.identity import signatures
from psihash.terms import SessionRole

DECISION_EXPIRED = errors.define(
    "decision-expired", "a person's decision is no longer valid, or is of the future"
)
DECISION_MISPLACED = errors.define(
    "decision-misplaced", "a decision belongs to another request or another agency"
)
DECISION_OTHERWISE = errors.define(
    "decision-otherwise", "a person decided otherwise than is claimed"
)
OPERATOR_UNKNOWN = errors.define(
    "operator-unknown", "the agency's roster does not have this operator"
)
OPERATOR_DISABLED = errors.define("operator-disabled", "the operator was disabled")
NOT_APPROVER = errors.define("not-approver", "the operator is no approver")
OWN_REQUEST = errors.define(
    "own-request", "who asked for something cannot decide it: another person must"
)
APPROVAL_MISSING = errors.define(
    "approval-missing",
    "an agency that has operators signed terms, or wrote about hits, without the decision of an "
    "approver",
)
PROPOSER_UNPROVEN = errors.define(
    "proposer-unproven", "nobody who may ask for this has signed the request"
)

TYPE: Final = "decision/1"
VALID_DAYS: Final = 7
"""How long an approval waits to be used: the other side's approver may be away for a week."""
MAX_VALID_DAYS: Final = 31
CLOCK_SECONDS: Final = 300
"""How far the clocks of two agencies may differ."""

_REQUEST_HEX: Final = 32

_ASKS: Final = {RequestKind.OPERATOR: OperatorRole.ADMIN}
"""Who may ask for what; an analyst for everything else."""


class Verdict(enum.StrEnum):
    APPROVED = "approved"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Decision:
    """Well-formed, nothing verified."""

    agency: str
    request: str
    """Id of the request."""
    verdict: Verdict
    operator: str
    role: OperatorRole
    reason: str
    """Of a refusal. Empty for an approval: that goes to the peer, and its reason stays here."""
    decided: str
    expires: str
    signature: bytes = b""

    def signed_bytes(self) -> bytes:
        return canonical.encode(self._unsigned())

    def to_bytes(self) -> bytes:
        return canonical.encode(decision_dict(self))

    def _unsigned(self) -> dict[str, Any]:
        return {
            "type": TYPE,
            "agency": self.agency,
            "request": self.request,
            "verdict": self.verdict.value,
            "operator": self.operator,
            "role": self.role.value,
            "reason": self.reason,
            "decided": self.decided,
            "expires": self.expires,
        }


@dataclass(frozen=True, slots=True)
class Approval:
    """A decision with the request that it is about, as they stand in another document. Nothing
    verified."""

    request: Request
    decision: Decision

    def to_dict(self) -> dict[str, Any]:
        return {"request": request_dict(self.request), "decision": decision_dict(self.decision)}


_MADE_HERE: Final = object()


@dataclass(frozen=True, slots=True)
class VerifiedDecision:
    """A decision that a person of the agency's roster made. Only verify_decision makes one."""

    decision: Decision
    request: Request
    decider: Member
    _proof: object

    def __post_init__(self) -> None:
        if self._proof is not _MADE_HERE:
            raise TypeError("only verify_decision makes a VerifiedDecision")


def decision_dict(decision: Decision) -> dict[str, Any]:
    """The JSON form, to stand inside another document."""
    return decision._unsigned() | {"signature": decision.signature.hex()}


def decide(
    request: Request,
    verdict: Verdict,
    operator: str,
    key: Ed25519PrivateKey,
    *,
    reason: str,
    now: str,
    valid_days: int = VALID_DAYS,
) -> Decision:
    """An approver's signed decision. Raises InputError (``bad-document``)."""
    check_text(reason, "the decision: reason", empty=verdict is Verdict.APPROVED)
    decision = Decision(
        agency=request.agency,
        request=request.id,
        verdict=verdict,
        operator=operator,
        role=OperatorRole.APPROVER,
        reason=reason,
        decided=now,
        expires=add_days(now, valid_days),
    )
    signed = signatures.sign(key, signatures.Context.APPROVAL, decision.signed_bytes())
    return parse_decision(replace(decision, signature=signed).to_bytes())


def parse_decision(data: bytes) -> Decision:
    """A decision from its canonical bytes. Raises InputError (``bad-document``)."""
    fields = Fields(decode(data), "the decision")
    fields.constant("type", TYPE)
    verdict = fields.choice("verdict", Verdict)
    decision = Decision(
        agency=fields.agency("agency"),
        request=fields.hexadecimal("request", _REQUEST_HEX).hex(),
        verdict=verdict,
        operator=fields.matching("operator", OPERATOR_ID),
        role=fields.choice("role", OperatorRole),
        reason=fields.text("reason", empty=verdict is Verdict.APPROVED, limit=defaults.MAX_TEXT),
        decided=fields.time("decided"),
        expires=fields.time("expires"),
        signature=fields.hexadecimal("signature", signatures.SIGNATURE_BYTES),
    )
    fields.done()
    if not decision.decided < decision.expires <= add_days(decision.decided, MAX_VALID_DAYS):
        raise bad("the decision: it is valid for no time at all or for too long")
    return decision


def parse_approval(value: Any) -> Approval:
    """From the member of another document. Raises InputError (``bad-document``)."""
    fields = Fields(value, "the approval")
    approval = Approval(
        request=parse_request(_nested(fields.take("request"))),
        decision=parse_decision(_nested(fields.take("decision"))),
    )
    fields.done()
    return approval


def _nested(value: Any) -> bytes:
    return canonical.encode(value) if isinstance(value, dict) else b""


def verify_decision(
    decision: Decision,
    request: Request,
    roster: Roster,
    now: str,
    *,
    verdict: Verdict = Verdict.APPROVED,
) -> VerifiedDecision:
    """Check that a person who may decide this request decided it so, and that another person who
    may ask for it asked (or the peer, for a session that the peer opens).

    ``now`` is the checker's time. Raises VerificationError or RefusedError with the cause.
    """
    if not decision.agency == request.agency == roster.agency or decision.request != request.id:
        raise errors.RefusedError(DECISION_MISPLACED, "the decision is not about this request")
    if decision.verdict is not verdict:
        raise errors.RefusedError(DECISION_OTHERWISE, f"the verdict is {decision.verdict.value}")
    latest = format_time(parse_time(now) + timedelta(seconds=CLOCK_SECONDS))
    if not decision.decided <= latest or decision.expires <= now:
        raise errors.RefusedError(DECISION_EXPIRED, "the decision is not valid at this time")
    decider = _active(roster, decision.operator)
    if decision.role is not OperatorRole.APPROVER or not decider.can(OperatorRole.APPROVER):
        raise errors.RefusedError(NOT_APPROVER, "the operator is no approver")
    if decider.operator == request.proposer:
        raise errors.RefusedError(OWN_REQUEST, "who asked for this cannot decide it")
    _check_proposer(request, roster)
    signatures.verify(
        decider.key, signatures.Context.APPROVAL, decision.signed_bytes(), decision.signature
    )
    return VerifiedDecision(decision, request, decider, _MADE_HERE)


def _check_proposer(request: Request, roster: Roster) -> None:
    if request.proposer == BY_PEER and peer_may_ask(request):
        return
    if not request.by_operator:
        raise errors.RefusedError(PROPOSER_UNPROVEN, "no operator asked for this")
    proposer = _active(roster, request.proposer)
    if not proposer.can(_ASKS.get(request.kind, OperatorRole.ANALYST)):
        raise errors.RefusedError(PROPOSER_UNPROVEN, "the operator may not ask for this")
    signatures.verify(
        proposer.key, signatures.Context.REQUEST, request.signed_bytes(), request.signature
    )


def peer_may_ask(request: Request) -> bool:
    """A session that the other side opens is asked for there. It runs under an agreement that two
    people here stand behind; terms of a peer need somebody of our own who takes them up. What a
    member gives to a centre two people of the member decided on."""
    if request.kind is not RequestKind.SESSION:
        return request.kind is RequestKind.TAKE_IN
    return bool(request.subject["role"] == SessionRole.RESPONDER.value)


def _active(roster: Roster, operator: str) -> Member:
    member = roster.members.get(operator)
    if member is None:
        raise errors.RefusedError(OPERATOR_UNKNOWN, "the operator is not on the agency's roster")
    if member.status is not OperatorStatus.ACTIVE:
        raise errors.RefusedError(OPERATOR_DISABLED, "the operator was disabled")
    return member
