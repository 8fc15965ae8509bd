"""The inbox: what waits for a person, and what the person decided.

:func:`file` is how a use case asks; :func:`approve` and :func:`refuse` are the approver's;
:func:`approved` is how a use case finds out. With operators a decision is signed by the approver's
own key and verified against the roster each time it is used, so an edited row is no approval.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from psihash import canonical, errors
from psihash.agreement.decision import (
    NOT_APPROVER,
    OWN_REQUEST,
    VALID_DAYS,
    Decision,
    Verdict,
    VerifiedDecision,
    decide,
    parse_decision,
    verify_decision,
)
from psihash.agreement.page import Section
from psihash.agreement.request import (
    BY_PEER,
    BY_SINGLE_OPERATOR,
    Request,
    RequestKind,
    new_request,
    parse_request,
    subject_key,
)
from psihash.agreement.roster import OperatorRole, Roster
from psihash.agreement.times import add_days, whole_seconds
from psihash.audit.event import Event
from psihash.identity import sealing
from psihash.node import prefixes
from psihash.node.node import Node
from psihash.node.people import login, request_kinds, rosters
from psihash.node.people.request_kinds import Granted
from psihash.node.people.roles import use_case
from psihash.storage.errors import damaged
from psihash.storage.requests import RequestRow, RequestState
from psihash.storage.times import normal

UNKNOWN_REQUEST = errors.define("unknown-request", "no request begins with that id")
AMBIGUOUS_REQUEST = errors.define("ambiguous-request", "several requests begin with that id")
NOT_PENDING = errors.define("not-pending", "the request was decided, or has expired")
NO_APPROVER = errors.define("no-approver", "the agency has no approver who could decide")
NO_REASON = errors.define("no-reason", "a decision needs a reason")

PEER: Final = "the peer"
"""Who asks, as it is shown, where the other agency does."""
PENDING_DAYS: Final = 30
"""How long a request waits for a decision."""
_REQUEST: Final = prefixes.Kind("request", UNKNOWN_REQUEST, AMBIGUOUS_REQUEST, "psihash inbox")
_ATTACHMENT: Final = "psihash/request/1"
_SALT_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request as it is shown."""

    request: str
    kind: str
    peer: str
    agreement: str
    subject: dict[str, Any]
    asked_by: str
    state: str
    created: str
    decided: str | None
    decided_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Approved:
    """A yes that holds now. ``decision`` is None where an agency without operators gave it."""

    row: RequestRow
    request: Request
    decision: VerifiedDecision | None


def file(
    node: Node,
    kind: RequestKind,
    subject: Mapping[str, Any],
    *,
    peer: str = "",
    agreement: str = "",
    session: str | None = None,
    attachment: Mapping[str, Any] | None = None,
    by_peer: bool = False,
) -> RequestRow:
    """Ask for a decision; the same pending request where it was asked for already.

    ``attachment`` is what the approval needs and the other side must not see: it is sealed, and
    the subject gets only its salted digest. An operator's request is signed with the operator's
    own key, which asks for the password; ``by_peer`` is for what the other agency asks. The request
    ends with ``session``, where it is about one.
    """
    sealed, bound = _attach(node, attachment)
    subject = dict(subject) | bound
    key = subject_key(kind, subject)
    waiting = node.stores.requests.about(key, RequestState.PENDING)
    if waiting:
        return waiting[0]
    proposer, own_key = BY_PEER if by_peer else BY_SINGLE_OPERATOR, None
    if not by_peer and node.stores.operators.any():
        proposer, own_key = login.own_key(node)
    now = node.stamp()
    request = new_request(
        node.agency, kind, subject, proposer=proposer, created=now, rng=node.rng, key=own_key
    )
    row = RequestRow(
        id=request.id,
        kind=kind.value,
        subject_key=key,
        peer=peer,
        agreement=agreement,
        body=request.to_bytes(),
        sealed_attachment=sealed,
        state=RequestState.PENDING,
        created=now,
        session=session,
    )
    with node.stores.database.transaction():
        node.stores.requests.add(row)
        node.record(Event.REQUEST, _facts(row, request))
    return row


def attachment(node: Node, row: RequestRow) -> dict[str, Any]:
    """What came with a request and stays here; checked against its digest in the subject."""
    if row.sealed_attachment is None:
        raise damaged("request")
    data = sealing.open_sealed(
        node.storage_key(_ATTACHMENT), row.sealed_attachment, _ATTACHMENT.encode()
    )
    if body(row).subject.get("attachment") != hashlib.sha256(data).hexdigest():
        raise damaged("request")
    content: dict[str, Any] = canonical.decode(data[_SALT_BYTES:], max_bytes=len(data))
    return content


def body(row: RequestRow) -> Request:
    """The request itself. Raises StorageError where the row was given another one."""
    request = parse_request(row.body)
    if request.id != row.id or subject_key(request.kind, request.subject) != row.subject_key:
        raise damaged("request")
    return request


def find(node: Node, prefix: str) -> RequestRow:
    """A request by its id or a unique prefix of it."""
    return _REQUEST.pick(node.stores.requests.starting(prefixes.plain(prefix)), prefix)


def inbox(node: Node, *, everything: bool = False) -> list[RequestView]:
    """What waits for a decision, oldest first; with ``everything`` what was decided too."""
    _expire(node)
    state = None if everything else RequestState.PENDING
    return [view(node, row) for row in node.stores.requests.all(state)]


def _expire(node: Node) -> None:
    """Close what nobody decided in time, with what follows from that."""
    before = normal(add_days(node.stamp(), -PENDING_DAYS))
    for row in node.stores.requests.all(RequestState.PENDING):
        if row.created >= before:
            return  # they are in the order of their times
        with node.stores.database.transaction():
            node.stores.requests.decide(row.id, RequestState.EXPIRED, node.stamp(), None, "")
            request_kinds.handler(body(row).kind).on_expired(node, row)


def view(node: Node, row: RequestRow) -> RequestView:
    request = body(row)
    decision = None if row.decision is None else parse_decision(row.decision)
    subject = {name: value for name, value in request.subject.items() if name != "attachment"}
    return RequestView(
        request=row.id,
        kind=row.kind,
        peer=row.peer,
        agreement=row.agreement,
        subject=subject,
        asked_by=_name(node, request.proposer),
        state=row.state.value,
        created=row.created,
        decided=row.decided,
        decided_by="" if decision is None else _name(node, decision.operator),
        reason=row.reason,
    )


def page(node: Node, prefix: str) -> tuple[RequestView, list[Section]]:
    """The one page for the approver."""
    row = find(node, prefix)
    request = body(row)
    shown = view(node, row)
    head = ("Who asks", f"{shown.asked_by}, at {request.created}. The request is {shown.state}.")
    head = (head[0], f"{head[1]}{_proof(node, row)}")
    return shown, [head, *request_kinds.handler(request.kind).page(node, row)]


def _proof(node: Node, row: RequestRow) -> str:
    """Whether the decision holds by the keys that people had then; what came later, such as a new
    key for whoever forgot the password, does not touch it."""
    if row.decision is None:
        return ""
    decision = parse_decision(row.decision)
    roster = rosters.then(node, decision.decided)
    try:
        if roster is None:
            return " The decision was made before there were operators who could."
        verify_decision(decision, body(row), roster, decision.decided, verdict=decision.verdict)
    except errors.PsihashError as error:
        return f" THE DECISION DOES NOT HOLD ({error.code})."
    who = _name(node, decision.operator)
    return f" {who} decided at {decision.decided}; the signature holds by the keys of that time."


@use_case("request decide")
def approve(node: Node, prefix: str, reason: str) -> RequestView:
    """Say yes to a request, and do what follows from it, in one step. The reason stays here.

    Raises InputError ``no-reason`` without one: whoever reads the log has to learn why."""
    row, request = _pending(node, prefix)
    _need_reason(reason)
    handler = request_kinds.handler(request.kind)
    handler.check(node, row)
    decision = _decision(node, request, Verdict.APPROVED, reason)
    roster = rosters.own(node)
    verified = None
    if decision is not None and roster is not None:
        verified = verify_decision(decision, request, roster, node.stamp())
    with node.stores.database.transaction():
        _store(node, row, request, RequestState.APPROVED, decision, reason)
        handler.on_approved(node, Granted(row, request, verified))
    handler.afterwards(node, row)
    return view(node, node.stores.requests.find(row.id) or row)


@use_case("request decide")
def refuse(node: Node, prefix: str, reason: str) -> RequestView:
    """Say no to a request. Where it is about a peer's terms, the peer reads the reason."""
    row, request = _pending(node, prefix)
    _need_reason(reason)
    handler = request_kinds.handler(request.kind)
    decision = _decision(node, request, Verdict.REFUSED, reason)
    with node.stores.database.transaction():
        _store(node, row, request, RequestState.REFUSED, decision, reason)
        handler.on_refused(node, row, reason)
    return view(node, node.stores.requests.find(row.id) or row)


def approved(node: Node, kind: RequestKind, subject: Mapping[str, Any]) -> Approved | None:
    """The newest yes to exactly this that holds now, or None. Every check is made again: with
    operators only a decision that verifies against the roster counts."""
    key = subject_key(kind, subject)
    roster = rosters.own(node)
    for row in node.stores.requests.about(key, RequestState.APPROVED):
        try:
            found = _holding(node, row, roster)
        except errors.PsihashError:
            continue
        if found is not None:
            return found
    return None


def _holding(node: Node, row: RequestRow, roster: Roster | None) -> Approved | None:
    request = body(row)
    now = node.stamp()
    if node.stores.operators.any() or roster is not None:
        if row.decision is None or roster is None:
            return None
        return Approved(
            row, request, verify_decision(parse_decision(row.decision), request, roster, now)
        )
    if row.decided is None or add_days(whole_seconds(row.decided), VALID_DAYS) <= now:
        return None
    return Approved(row, request, None)


def _pending(node: Node, prefix: str) -> tuple[RequestRow, Request]:
    inbox(node)
    row = find(node, prefix)
    if row.state is not RequestState.PENDING:
        raise errors.StateError(
            NOT_PENDING, f"the request is {row.state.value}", hint="run `psihash inbox`"
        )
    return row, body(row)


def _need_reason(reason: str) -> None:
    if not reason.strip():
        raise errors.InputError(
            NO_REASON, "a decision needs a reason", hint="say why: --reason TEXT"
        )


def _decision(node: Node, request: Request, verdict: Verdict, reason: str) -> Decision | None:
    """The signed decision of the operator who is logged in; None in single-operator mode."""
    if not node.stores.operators.any():
        return None
    roster, operator = rosters.own(node), node.actor.operator
    require_decider(roster)
    if request.proposer == operator and verdict is Verdict.APPROVED:
        raise errors.RefusedError(OWN_REQUEST, "you asked for this: another person must decide")
    member = None if roster is None else roster.members.get(operator)
    if member is None or not member.can(OperatorRole.APPROVER):
        raise errors.RefusedError(NOT_APPROVER, "the operator is no approver")
    _, key = login.own_key(node)
    # An approval is shown to the peer. Why it was given is for our own people and auditors.
    told = "" if verdict is Verdict.APPROVED else reason
    return decide(request, verdict, operator, key, reason=told, now=node.stamp())


def require_decider(roster: Roster | None) -> None:
    """Raise StateError ``no-approver`` where nobody here could say yes to anything."""
    if roster is not None and roster.active(OperatorRole.APPROVER):
        return
    if roster is not None and roster.had_approver:
        raise errors.StateError(
            NO_APPROVER,
            "the last approver of this agency was disabled: nobody can approve here any more",
            hint="begin again in a new home, and give its card to the partners: docs/people.md",
        )
    raise errors.StateError(
        NO_APPROVER,
        "this agency has no approver yet",
        hint="an admin runs `psihash operator add NAME --role approver`",
    )


def _store(
    node: Node,
    row: RequestRow,
    request: Request,
    state: RequestState,
    decision: Decision | None,
    reason: str,
) -> None:
    signed = None if decision is None else decision.to_bytes()
    node.stores.requests.decide(row.id, state, node.stamp(), signed, reason)
    facts = _facts(row, request) | {"verdict": state.value, "reason": reason}
    if decision is not None:
        facts |= {"decided_as": decision.role.value, "expires": decision.expires}
    node.record(Event.DECISION, facts)


def _facts(row: RequestRow, request: Request) -> dict[str, Any]:
    """What the log says of a request. The subject may hold what the log must not."""
    named = {"rung", "previous", "role", "operator", "engine", "algorithms", "case"}
    known = named & request.subject.keys()
    facts: dict[str, Any] = {
        "request": row.id,
        "kind": row.kind,
        "peer": row.peer,
        "agreement": row.agreement,
        "proposer": request.proposer,
    }
    return facts | {name: request.subject[name] for name in sorted(known)}


def _attach(node: Node, content: Mapping[str, Any] | None) -> tuple[bytes | None, dict[str, str]]:
    if content is None:
        return None, {}
    data = node.rng(_SALT_BYTES) + canonical.encode(content)
    sealed = sealing.seal(node.storage_key(_ATTACHMENT), data, _ATTACHMENT.encode())
    return sealed, {"attachment": hashlib.sha256(data).hexdigest()}


def _name(node: Node, proposer: str) -> str:
    """For people here: an operator by name."""
    if proposer == BY_PEER:
        return PEER
    if proposer == BY_SINGLE_OPERATOR:
        return "the single operator"
    row = node.stores.operators.find(proposer)
    return proposer if row is None else row.name
