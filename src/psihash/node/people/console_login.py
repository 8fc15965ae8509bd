"""Log-ins of people who work in the console: many at once, each with a random token.

The browser has the token; the store has its hash, beside those of the command line, so disabling
a person or a new password ends these too. A log-in ends after eight hours, and after half an hour
without a request. When it was last used is known to the running process alone: after a restart
everybody logs in again.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import threading
from dataclasses import dataclass
from typing import Final

from psihash import errors
from psihash.audit.event import Event
from psihash.identity import passwords
from psihash.node.clock import seconds
from psihash.node.node import Actor, Node
from psihash.node.people import login, operators
from psihash.node.people.login import LoginView
from psihash.node.people.roles import LOGIN_REQUIRED

TOO_MANY_LOGINS = errors.define(
    "too-many-logins", "there were too many attempts to log in within a minute"
)

TOKEN_BYTES: Final = 32
IDLE_MINUTES: Final = 30
ATTEMPTS_A_MINUTE: Final = 30
"""From one address, whatever the names; each costs a quarter of a second of processor time."""
ATTEMPTS_A_NAME: Final = 10
"""From one address with one name."""
_MOST_HELD: Final = 1_000


@dataclass(frozen=True, slots=True)
class Held:
    """A log-in of the console."""

    view: LoginView
    actor: Actor


class ConsoleLogins:
    """The log-ins of one console. May be used from several threads."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._lock = threading.Lock()
        self._seen: dict[bytes, dt.datetime] = {}
        self._attempts: list[tuple[dt.datetime, str, str]] = []

    def log_in(self, name: str, password: str, source: str = "") -> bytes:
        """Check both and return the token for the browser. ``source`` is whom attempts count for:
        a stranger elsewhere keeps nobody out.

        Raises RefusedError ``too-many-logins``, and VerificationError ``wrong-password`` whatever
        is wrong: whether there is such a name, or its account is locked, is not for strangers.
        """
        self._count_attempt(name, source)
        node, given = self._node, _bytes(password)
        try:
            row = login.authenticate(node, name, given)
        except errors.StateError as error:
            if error.code != login.ACCOUNT_LOCKED:
                raise
            # As long as for any other; this raises.
            passwords.check_password(given, None)
            raise
        token, now = node.rng(TOKEN_BYTES), node.now()
        expires = seconds(now + dt.timedelta(hours=login.LOGIN_HOURS))
        with node.stores.database.transaction():
            node.stores.operators.log_in(_hash(token), row.id, seconds(now), expires)
            actor = Actor(row.name, "+".join(row.roles), "password", row.id)
            facts = {"operator": row.id, "expires": expires, "where": "console"}
            node.acting(actor).record(Event.LOGIN, facts)
        with self._lock:
            self._forget_idle(now)
            self._seen[_hash(token)] = now
        return token

    def find(self, token: bytes) -> Held | None:
        """Who has this token, if the log-in still holds. Counts as a use of it."""
        key, now = _hash(token), self._node.now()
        with self._lock:
            self._forget_idle(now)
            if key not in self._seen:
                return None
            self._seen[key] = now
        view = login.holder(self._node, key)
        if view is None:
            self.log_out(token)
            return None
        return Held(view, Actor(view.name, "+".join(view.roles), "password", view.operator))

    def log_out(self, token: bytes) -> None:
        """End a log-in; nothing happens where there is none."""
        with self._lock:
            known = self._seen.pop(_hash(token), None)
        if known is not None:
            self._node.stores.operators.log_out(_hash(token))

    def log_out_all(self, operator: str) -> None:
        """End every log-in of a person, those at the command line too."""
        self._node.stores.operators.log_out_all(operator)

    def _count_attempt(self, name: str, source: str) -> None:
        now = self._node.now()
        with self._lock:
            start = now - dt.timedelta(minutes=1)
            self._attempts = [each for each in self._attempts if each[0] > start]
            names = [tried for _, whence, tried in self._attempts if whence == source]
            if len(names) >= ATTEMPTS_A_MINUTE or names.count(name) >= ATTEMPTS_A_NAME:
                raise errors.RefusedError(
                    TOO_MANY_LOGINS,
                    "too many attempts to log in",
                    hint="wait a minute, then try again",
                )
            self._attempts.append((now, source, name))

    def _forget_idle(self, now: dt.datetime) -> None:
        limit = now - dt.timedelta(minutes=IDLE_MINUTES)
        self._seen = {key: seen for key, seen in self._seen.items() if seen > limit}
        while len(self._seen) > _MOST_HELD:
            self._seen.pop(next(iter(self._seen)))


def unlock(node: Node, password: str) -> None:
    """Open the key of who is at work, for this one request: a decision asks for the password
    again. Raises VerificationError ``wrong-password``, StateError ``account-locked``."""
    row = node.stores.operators.find(node.actor.operator)
    if row is None:
        raise errors.StateError(LOGIN_REQUIRED, "nobody is logged in here")
    login.unlock(node, row, _bytes(password))


def change_password(node: Node, old: str, new: str) -> None:
    """Change the password of who is at work; every log-in of that person ends with it.

    Raises InputError ``bad-password`` about the new one, and what :func:`unlock` raises about the
    old one."""
    wanted = passwords.parse_password(new)
    operators.change_password(node, _bytes(old), wanted)


def _bytes(password: str) -> bytes:
    """What cannot be a password is a wrong one."""
    with contextlib.suppress(errors.InputError):
        return passwords.parse_password(password)
    return b"\0"


def _hash(token: bytes) -> bytes:
    return hashlib.sha256(b"psihash/console/1" + token).digest()
