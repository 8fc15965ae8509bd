"""One side's word that one session may run: a rule allows it, or a person does.

Each side signs its own and shows it before the first frame; both digests stand in the transcript.
``session-approval/1`` (docs/agreements.md, "Approval of a session") is made for one session and
names it, so it cannot be played in another one.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash import canonical, errors, limits
from psihash.agreement.approvals import RungRule
from psihash.agreement.decision import Decision, decision_dict, parse_decision, verify_decision
from psihash.agreement.fields import Fields, bad, decode
from psihash.agreement.request import (
    Request,
    RequestKind,
    SessionSubject,
    parse_request,
    parse_session_subject,
    request_dict,
)
from psihash.agreement.roster import Roster
from psihash.identity import signatures
from psihash.terms import Rung

CLAUSE_APPROVAL = errors.define(
    "clause-approval",
    "the agreement asks for more than the other side shows: a person's decision, or more matches "
    "in the session that this one builds on",
)
APPROVAL_MISPLACED = errors.define(
    "approval-misplaced",
    "an approval, or the decision in it, is of another session, agency, agreement, rung, earlier "
    "session, engine, case or annex",
)
APPROVAL_REPLAYED = errors.define(
    "approval-replayed", "a person's decision was used for a session before; it allows one"
)
APPROVAL_UNDECIDED = errors.define(
    "approval-undecided",
    "an agency that has operators shows no decision of one of them",
)
ROSTER_DIFFERS = errors.define(
    "roster-differs",
    "the two sides hold different lists of the other's operators; exchange documents first",
)

TYPE: Final = "session-approval/1"
SINGLE_OPERATOR: Final = "single-operator"
"""In place of a rule: a person decided, of an agency that has no operators with keys yet."""

_RULE_MAX: Final = 64
_Document = TypeVar("_Document", Request, Decision)


class By(enum.StrEnum):
    """Who decided."""

    RULE = "rule"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class SessionApproval:
    """``request`` and ``decision`` stand together, where a person with a key decided."""

    agency: str
    agreement: str
    """Its id, 64 hex digits."""
    rung: Rung
    previous: str
    """Receipt of the session that this one builds on, 64 hex digits, or empty."""
    by: By
    rule: str
    """The rule of the terms in words, or ``single-operator``."""
    issued: str
    request: Request | None = None
    decision: Decision | None = None
    roster: int | None = None
    """Number of the last record of the agency's roster; None where it has none."""
    session: str = ""
    """Session id, 64 hex digits; empty until the session has one."""
    signature: bytes = b""

    @property
    def request_id(self) -> str:
        """Id of the request that was decided; empty where none was."""
        return "" if self.request is None else self.request.id

    def to_bytes(self) -> bytes:
        return canonical.encode(self._members() | {"signature": self.signature.hex()})

    def signed_bytes(self) -> bytes:
        return canonical.encode(self._members())

    def _members(self) -> dict[str, Any]:
        return {
            "type": TYPE,
            "agency": self.agency,
            "agreement": self.agreement,
            "session": self.session,
            "rung": self.rung.value,
            "previous": self.previous,
            "by": self.by.value,
            "rule": self.rule,
            "request": None if self.request is None else request_dict(self.request),
            "decision": None if self.decision is None else decision_dict(self.decision),
            "roster": self.roster,
            "issued": self.issued,
        }


def sign(draft: SessionApproval, session: bytes, key: Ed25519PrivateKey) -> bytes:
    """The document for one session, signed by the agency's key."""
    named = replace(draft, session=session.hex())
    context = signatures.Context.SESSION_APPROVAL
    return replace(named, signature=signatures.sign(key, context, named.signed_bytes())).to_bytes()


def digest(document: bytes) -> bytes:
    """What stands in the transcript: SHA-256 of the whole document as it was sent."""
    return hashlib.sha256(document).digest()


def parse(data: bytes) -> SessionApproval:
    """Raises InputError (``bad-document``). The signature is not checked here."""
    fields = Fields(decode(data, max_bytes=limits.MAX_APPROVAL), "an approval")
    fields.constant("type", TYPE)
    previous = fields.string("previous")
    if previous and not _is_digest(previous):
        raise bad("an approval: previous is neither empty nor 64 hex digits")
    approval = SessionApproval(
        agency=fields.agency("agency"),
        agreement=fields.hexadecimal("agreement", 32).hex(),
        session=fields.hexadecimal("session", 32).hex(),
        rung=fields.choice("rung", Rung),
        previous=previous,
        by=fields.choice("by", By),
        rule=fields.text("rule", limit=_RULE_MAX),
        request=_inner(fields, "request", parse_request),
        decision=_inner(fields, "decision", parse_decision),
        roster=_number(fields),
        issued=fields.time("issued"),
        signature=fields.hexadecimal("signature", signatures.SIGNATURE_BYTES),
    )
    fields.done()
    if (approval.request is None) != (approval.decision is None):
        raise bad("an approval: a decision and its request stand together")
    if approval.by is By.RULE and approval.decision is not None:
        raise bad("an approval: where a rule decides there is no decision")
    return approval


@dataclass(frozen=True, slots=True)
class Expected:
    """What the other side's approval has to be about, and what this side knows about it."""

    agency: str
    """Whose approval it is."""
    session: bytes
    subject: SessionSubject
    """All that runs, as ``agency`` sees it: its peer is the side that checks."""
    rule: RungRule
    possible: bool | None
    """Whether the other side can have seen as many matches as the rule asks for, by this side's own
    result; None where this side learned none."""
    roster: Roster | None
    """The operators of ``agency``, as far as this side knows; None for none."""
    now: str


_MADE_HERE: Final = object()


@dataclass(frozen=True, slots=True)
class VerifiedApproval:
    """An approval that holds. Only :func:`verify` makes one."""

    approval: SessionApproval
    digest: bytes
    _proof: object

    def __post_init__(self) -> None:
        if self._proof is not _MADE_HERE:
            raise TypeError("only verify makes a VerifiedApproval")


def verify(document: bytes, key: bytes, expected: Expected) -> VerifiedApproval:
    """Check the other side's approval. ``key`` is the agency's signing key from its card.

    1. It is well-formed and signed by the agency (``bad-document``, ``bad-signature``).
    2. It is of this agency, agreement, session, rung and earlier session (``approval-misplaced``).
    3. By a rule: the rule of the terms, and one that decides by itself. Where it asks for a number
       of matches and this side learned that session's result, there are so many in all
       (``clause-approval``).
    4. By a person: a decision about exactly what runs (``approval-misplaced``), of an operator on
       the agency's roster (codes of the decision). An agency that has no operators says so
       (``single-operator``); from the first record of its roster on that is
       ``approval-undecided``.
    """
    approval = parse(document)
    context = signatures.Context.SESSION_APPROVAL
    signatures.verify(key, context, approval.signed_bytes(), approval.signature)
    _check_place(approval, expected)
    if approval.by is By.RULE:
        _check_rule(approval, expected)
    else:
        _check_person(approval, expected)
    return VerifiedApproval(approval, digest(document), _MADE_HERE)


def _check_place(approval: SessionApproval, expected: Expected) -> None:
    said = (approval.agency, approval.agreement, approval.session, approval.rung, approval.previous)
    subject = expected.subject
    meant = (
        expected.agency,
        subject.agreement,
        expected.session.hex(),
        subject.rung,
        subject.previous,
    )
    if said != meant:
        raise errors.RefusedError(APPROVAL_MISPLACED, "the approval is of something else")


def _check_rule(approval: SessionApproval, expected: Expected) -> None:
    rule = expected.rule
    may_decide = rule.met_by(None, None) or (rule.is_threshold and bool(expected.subject.previous))
    if approval.rule != rule.words or not may_decide or expected.possible is False:
        raise errors.RefusedError(
            CLAUSE_APPROVAL, "the agreement's rule for this rung does not allow the session"
        )


def _check_person(approval: SessionApproval, expected: Expected) -> None:
    if approval.decision is None or approval.request is None:
        if expected.roster is not None:
            raise errors.RefusedError(
                APPROVAL_UNDECIDED, "the agency has operators, and none of them decided"
            )
        if approval.rule != SINGLE_OPERATOR or approval.roster is not None:
            raise errors.RefusedError(CLAUSE_APPROVAL, "the approval does not say who decided")
        return
    if approval.rule != expected.rule.words or not _is_about(approval.request, expected):
        raise errors.RefusedError(
            APPROVAL_MISPLACED, "a person decided about something else than this session"
        )
    roster = expected.roster
    if roster is None or approval.roster != roster.number:
        raise errors.RefusedError(ROSTER_DIFFERS, "the rosters differ; exchange documents first")
    verify_decision(approval.decision, approval.request, roster, expected.now)


def _is_about(request: Request, expected: Expected) -> bool:
    """Word for word: a decision about another engine, case or annex is one about something else."""
    if request.kind is not RequestKind.SESSION:
        return False
    return parse_session_subject(dict(request.subject)) == expected.subject


def _inner(
    fields: Fields, name: str, parse_document: Callable[[bytes], _Document]
) -> _Document | None:
    value = fields.take(name)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise bad(f"an approval: {name} is neither an object nor null")
    return parse_document(canonical.encode(value))


def _number(fields: Fields) -> int | None:
    value = fields.take("roster")
    if value is not None and (type(value) is not int or not 0 <= value < 2**31):
        raise bad("an approval: roster is neither a number nor null")
    return value


def _is_digest(text: str) -> bool:
    return len(text) == 64 and not set(text) - set("0123456789abcdef")
