"""Invitations: how a person becomes an operator, or gets a new key, at a keyboard of its own.

An admin makes a code (:func:`invite`, :func:`reset`) and gives it to the person by a way of its
own. The person uses it once (:func:`join`): it chooses the password, and the key is made there. An
admin then signs the record about that key (:func:`confirm`), as for everybody else, and an approver
agrees to an approver. So the code alone makes nobody an operator, and who made it knows no
password.

The code has 80 random bits and is kept as a bcrypt hash. It ends with its use, after three days, or
with the next one of that name; wrong ones are logged and lock it as wrong passwords do an account.
"""

from __future__ import annotations

import base64
import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash import errors
from psihash.agreement.roster import OperatorRole, Roster
from psihash.audit.event import Event
from psihash.identity import keys, passwords, signatures
from psihash.node.clock import seconds
from psihash.node.node import Node
from psihash.node.people import login, operators, requests, rosters
from psihash.node.people.operators import OperatorView
from psihash.node.people.roles import use_case
from psihash.storage.operators import Invitation, OperatorRow
from psihash.storage.times import normal

WRONG_INVITATION = errors.define(
    "wrong-invitation", "the name or the code is wrong, or the invitation was used or has ended"
)
NOT_JOINED = errors.define(
    "not-joined", "an operator is to be confirmed who has used no invitation"
)

VALID_HOURS: Final = 72
_CODE_BYTES: Final = 10
_MAX_CODE: Final = 100
_SEPARATORS: Final = re.compile(r"[\s\u2010-\u2015\u2212-]+")


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation as its maker sees it, once."""

    operator: str
    name: str
    roles: list[str]
    code: str
    expires: str


@use_case("operator change")
def invite(node: Node, name: str, roles: Sequence[OperatorRole]) -> Invited:
    """Make a code with which a new person joins under that name and with these roles. Made again
    before it was used, the new one stands alone."""
    operators.check_words(name, roles)
    roster = _roster(rosters.own(node))
    store = node.stores.operators
    if store.named(name) is not None:
        operators.require_free(node, name)
    if OperatorRole.APPROVER in roles and roster.had_approver:
        requests.require_decider(roster)
    operator = "op-" + node.rng(8).hex()
    made, code = _make(node, name, operator, tuple(role.value for role in roles))
    with node.stores.database.transaction():
        store.invite(made)
        _record(node, made)
    return _invited(made, code)


@use_case("operator change")
def reset(node: Node, name: str) -> Invited:
    """For somebody who forgot the password or comes back: disable the key at once and make a code
    for a new one, with the same id and roles. Nobody but the person learns the new password.

    Raises StateError ``last-of-role``, as disabling does.
    """
    row, held = operators.known(node, name)
    roster = _roster(held)
    member = roster.members.get(row.id)
    if member is None:
        raise errors.StateError(
            login.OPERATOR_PENDING,
            "this person is no operator yet",
            hint="`psihash operator disable NAME` takes it off, then invite it anew",
        )
    operators.require_not_last(roster, member)
    made, code = _make(node, row.name, row.id, row.roles)
    operators.take_off(node, row, roster, made)
    _record(node, made)
    return _invited(made, code)


def _require_code(node: Node, name: str, code: str) -> Invitation:
    """Check a code. An attempt counts before it is made, as with passwords."""
    held = _count_attempt(node, name)
    given = _SEPARATORS.sub("", code[:_MAX_CODE]).upper().encode("utf-8", "replace")
    try:
        passwords.check_password(given, None if held is None else held.code_hash)
    except errors.VerificationError:
        who = {} if held is None else {"operator": held.operator}
        node.record(Event.AUTH_FAILURE, {"what": "join", "code": WRONG_INVITATION} | who)
        raise _wrong() from None
    if held is None:
        raise AssertionError("nobody's code is never right")
    return held


def join(node: Node, name: str, code: str, password: bytes) -> OperatorView:
    """Use a code: ``password`` is the person's own, and the key is made and sealed under it here.
    An admin has to confirm it before it counts for anything.

    Raises VerificationError ``wrong-invitation``, StateError ``account-locked``.
    """
    held = _require_code(node, name, code)
    key = Ed25519PrivateKey.generate()
    row = OperatorRow(
        id=held.operator,
        name=held.name,
        roles=held.roles,
        status=login.JOINED,
        password_hash=passwords.hash_password(password),
        public_key=signatures.public_bytes(key),
        sealed_key=keys.encrypt_private(key, password),
        created=node.stamp(),
    )
    store = node.stores.operators
    with node.stores.database.transaction():
        if not store.uninvite(name):
            raise _wrong()  # another process was faster
        if store.find(row.id) is None:
            store.add(row)
        else:
            store.set_credentials(
                row.id, row.status, row.password_hash, row.public_key, row.sealed_key
            )
        node.record(Event.OPERATOR_CHANGED, {"operator": row.id, "what": "joined"})
    return operators.shown(node, row.id)


@use_case("operator change")
def confirm(node: Node, name: str) -> OperatorView:
    """Put who used an invitation on the roster, as :func:`psihash.node.people.operators.add` does:
    the admin signs, and an approver agrees to an approver."""
    row, roster = operators.known(node, name)
    if row.status != login.JOINED:
        raise errors.StateError(
            NOT_JOINED, "this person has used no invitation", hint="run `psihash operator list`"
        )
    return operators.enlist(node, row, _roster(roster))


def _roster(roster: Roster | None) -> Roster:
    if roster is None:
        raise errors.StateError(
            login.NO_OPERATORS,
            "this agency has no operators yet, so nobody can invite",
            hint="run `psihash operator add NAME --role admin`",
        )
    return roster


def _make(node: Node, name: str, operator: str, roles: tuple[str, ...]) -> tuple[Invitation, str]:
    text = base64.b32encode(node.rng(_CODE_BYTES)).decode()
    now = node.now()
    made = Invitation(
        name=name,
        operator=operator,
        roles=roles,
        code_hash=passwords.hash_password(text.encode()),
        created=seconds(now),
        expires=seconds(now + dt.timedelta(hours=VALID_HOURS)),
    )
    return made, "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _invited(made: Invitation, code: str) -> Invited:
    return Invited(made.operator, made.name, list(made.roles), code, made.expires)


def _record(node: Node, made: Invitation) -> None:
    facts = {
        "operator": made.operator,
        "what": "invited",
        "roles": list(made.roles),
        "expires": made.expires,
    }
    node.record(Event.OPERATOR_CHANGED, facts)


def _count_attempt(node: Node, name: str) -> Invitation | None:
    store = node.stores.operators
    with node.stores.database.transaction():
        held = store.lock_invitation(name)
        if held is None or held.expires <= normal(node.stamp()):
            return None
        login.require_unlocked(node, held.locked_until)
        failures = held.failures + 1
        store.set_invitation_failures(name, failures, login.lock_until(node.now(), failures))
    return held


def _wrong() -> errors.VerificationError:
    return errors.VerificationError(
        WRONG_INVITATION,
        "the name or the code is wrong, or the invitation was used or has ended",
        hint="ask an admin for a new one: `psihash operator invite` or `reset`",
    )
