"""Operators: the people who act for this agency.

A person's key is made here and sealed under the person's password; the roster record about it is
signed by the admin's own key, and by an approver's where it makes another approver. Nobody sets
another's password: then it could decide in that one's name. Who cannot come to the admin's keyboard
is invited (:mod:`psihash.node.people.invitations`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash import canonical, errors
from psihash.agreement.request import RequestKind
from psihash.agreement.roster import (
    Member,
    OperatorRecord,
    OperatorRole,
    OperatorStatus,
    Roster,
    next_record,
    record_dict,
    record_signature,
    sign_record,
)
from psihash.audit.event import Event
from psihash.identity import keys, passwords, signatures
from psihash.identity.fingerprints import FINGERPRINT_BYTES, format_fingerprint
from psihash.node.node import Node
from psihash.node.people import login, requests, rosters
from psihash.node.people.roles import use_case
from psihash.storage.errors import damaged
from psihash.storage.operators import OPERATOR_EXISTS, Invitation, OperatorRow
from psihash.storage.times import normal

BAD_OPERATOR = errors.define("bad-operator", "an operator's name or roles cannot be used")
FIRST_IS_ADMIN = errors.define("first-is-admin", "the first operator of an agency is an admin")
UNKNOWN_OPERATOR = errors.define("unknown-operator", "no operator has this name")
LAST_OF_ROLE = errors.define(
    "last-of-role", "the last admin or approver cannot be disabled before there is another"
)

PENDING: Final = "pending"
"""Status of an approver whom no approver has confirmed yet."""
INVITED: Final = "invited"
"""Status of somebody who may use a code."""
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
    key: str = ""
    """Fingerprint of the person's key, to compare by voice; empty while there is none."""


@use_case("operator change")
def add(node: Node, name: str, roles: Sequence[OperatorRole], password: bytes) -> OperatorView:
    """Add a person, who chose ``password`` just now. The first one is an admin and signs its own
    record; later ones are signed by the admin who is logged in. Where there is an approver, another
    one has to be approved: until then it is pending."""
    check_words(name, roles)
    roster = rosters.own(node)
    if roster is None and OperatorRole.ADMIN not in roles:
        raise errors.InputError(
            FIRST_IS_ADMIN, "the first operator must be an admin", hint="add --role admin"
        )
    require_free(node, name)
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
    if roster is None:
        return _add_first(node, row, key)
    return enlist(node, row, roster)


@use_case("operator change")
def disable(node: Node, name: str, *, force: bool = False) -> OperatorView:
    """Take a person off: nothing it signs from now on counts, and it is logged out. An invitation
    of that name ends too."""
    if node.stores.operators.uninvite(name) and node.stores.operators.named(name) is None:
        node.record(Event.OPERATOR_CHANGED, {"what": "invitation-withdrawn"})
        return OperatorView("", name, [], OperatorStatus.DISABLED.value, node.stamp(), None)
    row, roster = known(node, name)
    member = None if roster is None else roster.members.get(row.id)
    if roster is None or member is None:
        with node.stores.database.transaction():
            node.stores.operators.remove(row.id)
            facts = {"operator": row.id, "what": "removed"}
            node.record(Event.OPERATOR_CHANGED, facts)
        return replace(_view(node, row), status=OperatorStatus.DISABLED.value)
    require_not_last(roster, member, force=force)
    take_off(node, row, roster)
    return shown(node, row.id)


def require_not_last(roster: Roster, member: Member, *, force: bool = False) -> None:
    """Raise StateError ``last-of-role`` for the last active admin or approver: without an approver
    nobody could make another one. ``force`` lets the last approver go all the same."""
    for role in (OperatorRole.ADMIN, OperatorRole.APPROVER):
        if roster.active(role) == [member] and (role is OperatorRole.ADMIN or not force):
            hint = f"add another with `psihash operator add NAME --role {role.value}` first"
            if role is OperatorRole.APPROVER:
                hint += ", which the present one approves"
            raise errors.StateError(LAST_OF_ROLE, f"this is the last {role.value}", hint=hint)


def take_off(
    node: Node, row: OperatorRow, roster: Roster, invitation: Invitation | None = None
) -> None:
    """Disable a person's key, and with it every log-in; in one step with an invitation to make
    another one. Asks for the admin's password where there is still something to sign."""
    member = roster.members[row.id]
    record, signed = None, dict[str, bytes]()
    if member.status is OperatorStatus.ACTIVE:
        record, signed = _signed(node, roster, replace(member, status=OperatorStatus.DISABLED))
    with node.stores.database.transaction():
        node.stores.operators.set_status(row.id, OperatorStatus.DISABLED.value)
        node.stores.operators.log_out_all(row.id)
        if record is not None:
            keep(node, record, signed)
        if invitation is not None:
            node.stores.operators.invite(invitation)


def enlist(node: Node, row: OperatorRow, roster: Roster) -> OperatorView:
    """Put a person with a key of its own on the roster: signed by the admin who is logged in, and
    where there is an approver already, another one only when an approver has agreed."""
    roles = tuple(OperatorRole(role) for role in row.roles)
    member = Member(row.id, roles, row.public_key, OperatorStatus.ACTIVE)
    if OperatorRole.APPROVER in roles and roster.had_approver:
        requests.require_decider(roster)
        return _ask_approver(node, row, member, roster)
    record, signed = _signed(node, roster, member)
    with node.stores.database.transaction():
        _put(node, row, OperatorStatus.ACTIVE.value)
        keep(node, record, signed)
    return shown(node, row.id)


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
    return shown(node, row.id)


def listing(node: Node) -> list[OperatorView]:
    """Everybody who is or was an operator or is invited to be, by name."""
    rows = node.stores.operators.all()
    here = {row.id: _view(node, row) for row in rows}
    for each in node.stores.operators.invitations():
        before = here.get(each.operator)
        here[each.operator] = replace(
            before or OperatorView(each.operator, each.name, [], "", each.created, None),
            roles=list(each.roles),
            status=INVITED,
            key="",
        )
    return sorted(here.values(), key=lambda each: each.name)


def _add_first(node: Node, row: OperatorRow, key: Ed25519PrivateKey) -> OperatorView:
    roles = tuple(OperatorRole(role) for role in row.roles)
    member = Member(row.id, roles, row.public_key, OperatorStatus.ACTIVE)
    record = next_record(None, node.agency, member, node.stamp())
    with node.stores.database.transaction():
        node.stores.operators.add(row)
        keep(node, record, {row.id: record_signature(record, key)})
    return shown(node, row.id)


def _ask_approver(node: Node, row: OperatorRow, member: Member, roster: Roster) -> OperatorView:
    """The admin signs the record now; the approver's signature completes it."""
    record, signed = _signed(node, roster, member)
    (admin, signature), *_ = signed.items()
    subject = {"record": record_dict(record), "admin": admin, "signature": signature.hex()}
    with node.stores.database.transaction():
        _put(node, row, PENDING)
        asked = requests.file(node, RequestKind.OPERATOR, subject)
    return shown(node, row.id, asked.id)


def _put(node: Node, row: OperatorRow, status: str) -> None:
    if node.stores.operators.find(row.id) is None:
        node.stores.operators.add(replace(row, status=status))
    else:
        node.stores.operators.set_status(row.id, status)


def _signed(node: Node, roster: Roster, member: Member) -> tuple[OperatorRecord, dict[str, bytes]]:
    """The next record and the signature of the admin who is logged in. Asks for the password, so
    not inside a transaction."""
    operator, key = login.own_key(node)
    record = next_record(roster, node.agency, member, node.stamp())
    return record, {operator: record_signature(record, key)}


def keep(node: Node, record: OperatorRecord, signed: Mapping[str, bytes]) -> None:
    """Make the roster longer by a record with these signatures. Call it in a transaction."""
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


def known(node: Node, name: str) -> tuple[OperatorRow, Roster | None]:
    """Who has that name, and the roster. Raises NotFoundError ``unknown-operator``."""
    row = node.stores.operators.named(name)
    if row is None:
        raise errors.NotFoundError(
            UNKNOWN_OPERATOR, "no operator has this name", hint="run `psihash operator list`"
        )
    return row, rosters.own(node)


def require_free(node: Node, name: str) -> None:
    """Raise StateError ``operator-exists`` where somebody has or had that name."""
    store = node.stores.operators
    if store.named(name) is not None or store.invitation(name) is not None:
        raise errors.StateError(
            OPERATOR_EXISTS,
            "an operator of that name exists already, or is invited",
            hint="`psihash operator list`; who comes back or forgot the password: "
            "`psihash operator reset NAME`",
        )


def check_words(name: str, roles: Sequence[OperatorRole]) -> None:
    """Raise InputError ``bad-operator`` unless a person may have that name and those roles."""
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


def key_words(public_key: bytes) -> str:
    """A key as two people compare it by voice."""
    digest = canonical.digest(b"psihash/operator-key/1", public_key)
    return format_fingerprint(digest[:FINGERPRINT_BYTES])


def shown(node: Node, operator: str, request: str = "") -> OperatorView:
    """An operator by its id."""
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
        key=key_words(row.public_key),
    )


def _lock(node: Node, row: OperatorRow) -> str | None:
    locked = row.locked_until is not None and row.locked_until > normal(node.stamp())
    return row.locked_until if locked else None
