"""Operators: the people who act for this agency.

A person's key is made here and sealed under the person's password; the roster record about it is
signed by the admin's own key, and by an approver's where it makes another approver. Nobody sets
another's password: then it could decide in that one's name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash import errors
from psihash.agreement.page import Section
from psihash.agreement.request import RequestKind
from psihash.agreement.roster import (
    Member,
    OperatorRecord,
    OperatorRole,
    OperatorStatus,
    Roster,
    next_record,
    parse_draft,
    record_dict,
    record_signature,
    sign_record,
)
from psihash.audit.event import Event
from psihash.identity import keys, passwords, signatures
from psihash.node.node import Node
from psihash.node.people import login, requests, rosters
from psihash.node.people.request_kinds import Granted, Handler
from psihash.node.people.roles import use_case
from psihash.storage.errors import damaged
from psihash.storage.operators import OPERATOR_EXISTS, OperatorRow
from psihash.storage.requests import RequestRow
from psihash.storage.rosters import ROSTER_MOVED
from psihash.storage.times import normal

BAD_OPERATOR = errors.define("bad-operator", "an operator's name or roles cannot be used")
FIRST_IS_ADMIN = errors.define("first-is-admin", "the first operator of an agency is an admin")
UNKNOWN_OPERATOR = errors.define("unknown-operator", "no operator has this name")
LAST_OF_ROLE = errors.define(
    "last-of-role", "the last admin or approver cannot be disabled before there is another"
)

PENDING: Final = "pending"
"""Status of an approver whom no approver has confirmed yet."""
_NAME: Final = re.compile(r"[\w][\w .@'-]{0,98}[\w]|[\w]")


@dataclass(frozen=True, slots=True)
class OperatorView:
    """An operator as it is shown. The name stays at this agency."""

    operator: str
    name: str
    roles: list[str]
    status: str
    created: str
    locked_until: str | None
    request: str = ""
    """The request that an approver has to decide first."""


@use_case("operator change")
def add(node: Node, name: str, roles: Sequence[OperatorRole], password: bytes) -> OperatorView:
    """Add a person, who chose ``password`` just now. The first one is an admin and signs its own
    record; later ones are signed by the admin who is logged in. Where there is an approver, another
    one has to be approved: until then it is pending."""
    _check(name, roles)
    roster = rosters.own(node)
    if roster is None and OperatorRole.ADMIN not in roles:
        raise errors.InputError(
            FIRST_IS_ADMIN, "the first operator must be an admin", hint="add --role admin"
        )
    if node.stores.operators.named(name) is not None:
        raise errors.StateError(OPERATOR_EXISTS, "an operator of that name exists already")
    key = Ed25519PrivateKey.generate()
    row = OperatorRow(
        id="op-" + node.rng(8).hex(),
        name=name,
        roles=tuple(role.value for role in roles),
        status=OperatorStatus.ACTIVE.value,
        password_hash=passwords.hash_password(password),
        public_key=signatures.public_bytes(key),
        sealed_key=keys.encrypt_private(key, password),
        created=node.stamp(),
    )
    member = Member(row.id, tuple(roles), row.public_key, OperatorStatus.ACTIVE)
    if roster is None:
        return _add_first(node, row, member, key)
    if OperatorRole.APPROVER in roles and roster.had_approver:
        return _ask_approver(node, row, member, roster)
    record, signed = _signed(node, roster, member)
    with node.stores.database.transaction():
        node.stores.operators.add(row)
        _keep(node, record, signed)
    return _shown(node, row.id)


@use_case("operator change")
def disable(node: Node, name: str, *, force: bool = False) -> OperatorView:
    """Take a person off: nothing it signs from now on counts, and it is logged out."""
    row, roster = _known(node, name)
    member = None if roster is None else roster.members.get(row.id)
    if roster is None or member is None:
        node.stores.operators.remove(row.id)
        return _view(node, row)
    for role in (OperatorRole.ADMIN, OperatorRole.APPROVER):
        if roster.active(role) == [member] and (role is OperatorRole.ADMIN or not force):
            hint = f"add another with `psihash operator add NAME --role {role.value}` first"
            if role is OperatorRole.APPROVER:
                hint += "; with --force nobody can ever approve here again, nor become an approver"
            raise errors.StateError(LAST_OF_ROLE, f"this is the last {role.value}", hint=hint)
    gone = Member(row.id, member.roles, member.key, OperatorStatus.DISABLED)
    record, signed = _signed(node, roster, gone)
    with node.stores.database.transaction():
        node.stores.operators.set_status(row.id, OperatorStatus.DISABLED.value)
        node.stores.operators.log_out_all(row.id)
        _keep(node, record, signed)
    return _shown(node, row.id)


@use_case("operator password")
def change_password(node: Node, old: bytes, new: bytes) -> OperatorView:
    """Change the password of who is logged in. The key stays the same, and so does the roster."""
    row = node.stores.operators.find(node.actor.operator)
    if row is None:
        raise errors.StateError(
            login.NO_OPERATORS, "this agency has no operators: there is no password to change"
        )
    login.authenticate(node, row.name, old)
    key = login.open_key(node, row, old)
    with node.stores.database.transaction():
        node.stores.operators.set_password(
            row.id, passwords.hash_password(new), keys.encrypt_private(key, new)
        )
        node.stores.operators.log_out_all(row.id)
        node.record(Event.OPERATOR_CHANGED, {"operator": row.id, "what": "password"})
    return _shown(node, row.id)


def listing(node: Node) -> list[OperatorView]:
    """Everybody who is or was an operator, by name."""
    return [_view(node, row) for row in node.stores.operators.all()]


def _add_first(
    node: Node, row: OperatorRow, member: Member, key: Ed25519PrivateKey
) -> OperatorView:
    record = next_record(None, node.agency, member, node.stamp())
    with node.stores.database.transaction():
        node.stores.operators.add(row)
        _keep(node, record, {row.id: record_signature(record, key)})
    return _shown(node, row.id)


def _ask_approver(node: Node, row: OperatorRow, member: Member, roster: Roster) -> OperatorView:
    """The admin signs the record now; the approver's signature completes it."""
    record, signed = _signed(node, roster, member)
    (admin, signature), *_ = signed.items()
    subject = {"record": record_dict(record), "admin": admin, "signature": signature.hex()}
    with node.stores.database.transaction():
        node.stores.operators.add(replace(row, status=PENDING))
        asked = requests.file(node, RequestKind.OPERATOR, subject)
    return _shown(node, row.id, asked.id)


def _signed(node: Node, roster: Roster, member: Member) -> tuple[OperatorRecord, dict[str, bytes]]:
    """The next record and the signature of the admin who is logged in. Asks for the password, so
    not inside a transaction."""
    operator, key = login.own_key(node)
    record = next_record(roster, node.agency, member, node.stamp())
    return record, {operator: record_signature(record, key)}


def _keep(node: Node, record: OperatorRecord, signed: Mapping[str, bytes]) -> None:
    whole = sign_record(record, node.keys.signing, signed)
    rosters.append(node, whole)
    facts = {
        "operator": whole.member.operator,
        "number": whole.number,
        "roles": [role.value for role in whole.member.roles],
        "status": whole.member.status.value,
        "by": list(whole.by),
    }
    node.record(Event.OPERATOR_CHANGED, facts)


# --- requests of kind ``operator`` --------------------------------------------------------------


def _wanted(row: RequestRow) -> tuple[OperatorRecord, str, bytes]:
    """Record, the admin who wants it, and the admin's signature."""
    subject = requests.body(row).subject
    try:
        record = parse_draft(subject["record"])
        return record, str(subject["admin"]), bytes.fromhex(subject["signature"])
    except (KeyError, TypeError, ValueError):
        raise damaged("request") from None


def _check_wanted(node: Node, row: RequestRow) -> None:
    record, _, _ = _wanted(row)
    roster = rosters.own(node)
    if roster is None or record.previous != roster.head:
        raise errors.StateError(
            ROSTER_MOVED,
            "the list of operators changed since this was asked for",
            hint="refuse it, and let the admin add the person again",
        )


def _confirm(node: Node, granted: Granted) -> None:
    record, admin, signature = _wanted(granted.row)
    operator, key = login.own_key(node)
    _keep(node, record, {admin: signature, operator: record_signature(record, key)})
    node.stores.operators.set_status(record.member.operator, OperatorStatus.ACTIVE.value)


def _drop(node: Node, row: RequestRow, _reason: str) -> None:
    record, _, _ = _wanted(row)
    known = node.stores.operators.find(record.member.operator)
    if known is not None and known.status == PENDING:
        node.stores.operators.remove(known.id)


def _page(node: Node, row: RequestRow) -> list[Section]:
    record, _, _ = _wanted(row)
    known = node.stores.operators.find(record.member.operator)
    name = record.member.operator if known is None else known.name
    roles = ", ".join(role.value for role in record.member.roles)
    return [
        ("What is asked", f"To let {name} ({record.member.operator}) act as {roles}."),
        (
            "What it means",
            "From then on this person's own signature approves agreements, sessions, requests and "
            "further approvers for this agency, and partners accept it. Ask the person, not the "
            "admin, whether the password was typed by the person alone.",
        ),
    ]


OPERATOR: Final = Handler(page=_page, check=_check_wanted, on_approved=_confirm, on_refused=_drop)


# --- shared -------------------------------------------------------------------------------------


def _known(node: Node, name: str) -> tuple[OperatorRow, Roster | None]:
    row = node.stores.operators.named(name)
    if row is None:
        raise errors.NotFoundError(
            UNKNOWN_OPERATOR, "no operator has this name", hint="run `psihash operator list`"
        )
    return row, rosters.own(node)


def _check(name: str, roles: Sequence[OperatorRole]) -> None:
    if not _NAME.fullmatch(name):
        raise errors.InputError(
            BAD_OPERATOR, "a name has 1 to 100 letters, digits, spaces and . @ - _ '"
        )
    if not roles or len(set(roles)) != len(roles):
        raise errors.InputError(BAD_OPERATOR, "name at least one role, each once")
    if {OperatorRole.ADMIN, OperatorRole.APPROVER} <= set(roles):
        raise errors.InputError(
            BAD_OPERATOR,
            "an admin cannot be an approver",
            hint="who makes accounts must not decide with one",
        )


def _shown(node: Node, operator: str, request: str = "") -> OperatorView:
    row = node.stores.operators.find(operator)
    if row is None:
        raise damaged("operator")
    return replace(_view(node, row), request=request)


def _view(node: Node, row: OperatorRow) -> OperatorView:
    return OperatorView(
        operator=row.id,
        name=row.name,
        roles=list(row.roles),
        status=row.status,
        created=row.created,
        locked_until=_lock(node, row),
    )


def _lock(node: Node, row: OperatorRow) -> str | None:
    locked = row.locked_until is not None and row.locked_until > normal(node.stamp())
    return row.locked_until if locked else None
