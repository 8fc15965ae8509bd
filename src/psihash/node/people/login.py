"""Logging in and out, and opening an operator's own key for a decision.

A log-in is a random token in HOME/login.json, of which the store has the SHA-256; it says who acts
and opens nothing. The operator's key lies sealed under the password alone, so each decision asks
for the password again.
"""

from __future__ import annotations

import datetime as dt
import getpass
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash import errors
from psihash.agreement.decision import OPERATOR_DISABLED
from psihash.agreement.roster import OperatorStatus
from psihash.agreement.times import whole_seconds
from psihash.audit.event import Event
from psihash.identity import keys, passwords, signatures
from psihash.node.clock import seconds
from psihash.node.home import files, passphrase
from psihash.node.node import Actor, Node
from psihash.node.people import rosters
from psihash.node.people.roles import LOGIN_REQUIRED, NOBODY_ROLE
from psihash.storage.operators import OperatorRow
from psihash.storage.times import normal

ACCOUNT_LOCKED = errors.define(
    "account-locked", "the password was wrong too often; the account is locked for a while"
)
NO_PASSWORD = errors.define(
    "no-password", "an operator's password is needed and cannot be asked for"
)
NO_OPERATORS = errors.define("no-operators", "this agency has no operators yet")
OPERATOR_PENDING = errors.define(
    "operator-pending", "an admin or approver has to confirm this operator before it can log in"
)
OPERATOR_KEY_DIFFERS = errors.define(
    "operator-key-differs", "an operator's key is not the one that the agency's roster has"
)

PASSWORD_VARIABLE: Final = "PSIHASH_OPERATOR_PASSWORD_FILE"  # noqa: S105 - a name
LOGIN_FILE: Final = "login.json"
LOGIN_HOURS: Final = 8
"""A working day."""
FREE_FAILURES: Final = 5
"""Wrong passwords in a row before the account is locked."""
FIRST_LOCK_SECONDS: Final = 30
MAX_LOCK_SECONDS: Final = 3600
JOINED: Final = "joined"
"""Status of somebody who used an invitation and whom no admin has confirmed yet."""
_MAX_LOGIN_FILE: Final = 4096


@dataclass(frozen=True, slots=True)
class LoginView:
    """Who is logged in at this home."""

    operator: str
    name: str
    roles: list[str]
    expires: str


def current(node: Node) -> Actor:
    """The actor of this process: the operating system's user in single-operator mode, else the
    operator who is logged in, else somebody who may do nothing."""
    if not node.stores.operators.any():
        return node.actor
    view = _read(node)
    if view is None:
        return Actor(_os_user(), NOBODY_ROLE, "none")
    return Actor(view.name, "+".join(view.roles), "password", view.operator)


def login(node: Node, name: str, password: bytes) -> LoginView:
    """Check the password and keep a token in the home. Raises VerificationError
    ``wrong-password`` and StateError ``account-locked``."""
    if not node.stores.operators.any():
        raise errors.StateError(
            NO_OPERATORS,
            "this agency has no operators: whoever uses this account acts",
            hint="run `psihash operator add NAME --role admin`",
        )
    row = authenticate(node, name, password)
    token = node.rng(32)
    now = node.now()
    expires = seconds(now + dt.timedelta(hours=LOGIN_HOURS))
    logout(node)
    node.stores.operators.log_in(_hash(token), row.id, seconds(now), expires)
    content = {"operator": row.id, "expires": expires, "token": token.hex()}
    files.write(node.home, LOGIN_FILE, json.dumps(content).encode() + b"\n")
    node.actor = current(node)
    node.record(Event.LOGIN, {"operator": row.id, "expires": expires})
    view = _read(node)
    if view is None:
        raise errors.VerificationError(passwords.WRONG_PASSWORD, "the account is not active")
    return view


def logout(node: Node) -> None:
    """Forget the log-in of this home; nothing happens where there is none."""
    token = _token(node.home)
    if token is not None:
        node.stores.operators.log_out(_hash(token))
    (node.home / LOGIN_FILE).unlink(missing_ok=True)


def status(node: Node) -> LoginView | None:
    """Who is logged in here, if anybody."""
    return _read(node)


def authenticate(node: Node, name: str, password: bytes) -> OperatorRow:
    """The operator with this name and password. An attempt counts before it is made, so that many
    at once are no way around the lock."""
    row = _count_attempt(node, name)
    try:
        passwords.check_password(password, None if row is None else row.password_hash)
    except errors.VerificationError as error:
        if row is not None:  # as often as the lock of the account allows
            facts = {"what": "login", "code": error.code, "operator": row.id}
            node.record(Event.AUTH_FAILURE, facts)
            raise
        # A name that nobody has may be a password that was typed in the wrong place.
        node.quiet.record(Event.AUTH_FAILURE, what="login", code=error.code)
        raise
    if row is None:
        raise AssertionError("nobody's password is never right")
    node.stores.operators.set_failures(row.id, 0, None)
    if row.status == OperatorStatus.DISABLED:
        raise errors.RefusedError(OPERATOR_DISABLED, "the operator was disabled")
    if row.status == JOINED:
        raise errors.StateError(
            OPERATOR_PENDING,
            "an admin has to confirm this operator first",
            hint="an admin runs `psihash operator confirm NAME`",
        )
    if row.status != OperatorStatus.ACTIVE:
        raise errors.StateError(
            OPERATOR_PENDING,
            "an approver has to confirm this operator first",
            hint="an approver runs `psihash inbox`",
        )
    return row


def own_key(node: Node) -> tuple[str, Ed25519PrivateKey]:
    """Id and key of the operator who is logged in, after asking for the password again."""
    operator = node.actor.operator
    row = node.stores.operators.find(operator) if operator else None
    if row is None:
        raise errors.StateError(
            LOGIN_REQUIRED, "nobody is logged in here", hint="run `psihash login NAME`"
        )
    if operator not in node.unlocked:
        unlock(node, row, given_password(node, f"Password of {row.name}: "))
    return operator, node.unlocked[operator]


def unlock(node: Node, row: OperatorRow, password: bytes) -> None:
    """Check the password and open the operator's key for this process."""
    authenticate(node, row.name, password)
    node.unlocked[row.id] = open_key(node, row, password)


def open_key(node: Node, row: OperatorRow, password: bytes) -> Ed25519PrivateKey:
    """The operator's key; it must be the one on the roster."""
    key = keys.load_ed25519(row.sealed_key, password)
    roster = rosters.own(node)
    member = None if roster is None else roster.members.get(row.id)
    expected = row.public_key if member is None else member.key
    if signatures.public_bytes(key) != expected:
        raise errors.VerificationError(
            OPERATOR_KEY_DIFFERS, "the operator's key is not the one on the roster"
        )
    return key


def given_password(node: Node, question: str) -> bytes:
    """The password of the operator at work: from a file, or from the terminal."""
    named = node.password_file or os.environ.get(PASSWORD_VARIABLE)
    if named:
        return read_password(Path(named))
    if node.ask is None:
        raise errors.InputError(
            NO_PASSWORD,
            "the operator's password is needed and there is no terminal to ask on",
            hint=f"name a file with --password-file or {PASSWORD_VARIABLE}",
        )
    return passwords.parse_password(node.ask(question))


def read_password(path: Path) -> bytes:
    """The password on the first line of a file."""
    try:
        text = passphrase.from_file(path, "password", NO_PASSWORD).decode()
    except UnicodeDecodeError:
        raise errors.InputError(passwords.BAD_PASSWORD, "the password file is not text") from None
    return passwords.parse_password(text)


def _count_attempt(node: Node, name: str) -> OperatorRow | None:
    store = node.stores.operators
    with node.stores.database.transaction():
        found = store.named(name)
        if found is None:
            return None
        store.lock(found.id)
        row = store.named(name)
        if row is None:
            return None
        require_unlocked(node, row.locked_until)
        failures = row.failures + 1
        store.set_failures(row.id, failures, lock_until(node.now(), failures))
    return row


def require_unlocked(node: Node, until: str | None) -> None:
    """Raise StateError ``account-locked`` before the time (as stored) until which it is."""
    if until is not None and normal(node.stamp()) < until:
        raise errors.StateError(
            ACCOUNT_LOCKED,
            f"the account is locked until {whole_seconds(until)}",
            hint="wait, then try again",
        )


def lock_until(now: dt.datetime, failures: int) -> str | None:
    """Until when it is locked after so many wrong passwords or codes in a row, if at all."""
    if failures < FREE_FAILURES:
        return None
    doubled = FIRST_LOCK_SECONDS * 2 ** min(failures - FREE_FAILURES, 16)
    return seconds(now + dt.timedelta(seconds=min(doubled, MAX_LOCK_SECONDS)))


def _read(node: Node) -> LoginView | None:
    token = _token(node.home)
    return None if token is None else holder(node, _hash(token))


def holder(node: Node, token_hash: bytes) -> LoginView | None:
    """Who logged in with the token of that hash, and still may act."""
    held = node.stores.operators.login(token_hash)
    if held is None or held.expires <= normal(node.stamp()):
        return None
    row = node.stores.operators.find(held.operator)
    roster = rosters.own(node)
    # What somebody may do is what the signed chain says; a row can be edited.
    member = None if roster is None else roster.members.get(held.operator)
    if row is None or member is None or member.status is not OperatorStatus.ACTIVE:
        return None
    return LoginView(row.id, row.name, [role.value for role in member.roles], held.expires)


def _token(home: Path) -> bytes | None:
    try:
        with (home / LOGIN_FILE).open("rb") as stream:
            value: Any = json.loads(stream.read(_MAX_LOGIN_FILE))
        return bytes.fromhex(value["token"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _hash(token: bytes) -> bytes:
    return hashlib.sha256(b"psihash/login/1" + token).digest()


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
