"""Who may do what: every use case that decides or changes something, with its roles.

Until the first operator exists, the user of the operating system may do everything. From then on
a use case wants somebody who is logged in and holds one of its roles. What a process does that
nobody sits at (``psihash serve``, a schedule) is done by rules alone and is named here too.

These checks keep honest people to their part. What somebody with the node's key and another
program cannot do rests on the operators' own signatures (``agreement/decision.py``).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec, TypeVar

from psihash import errors
from psihash.agreement.roster import OperatorRole
from psihash.node.node import Actor, Node

LOGIN_REQUIRED = errors.define("login-required", "this needs somebody who is logged in")
ROLE_REQUIRED = errors.define("role-required", "the operator does not hold a role that may do this")
PERSON_REQUIRED = errors.define("person-required", "no rule allows this: a person has to do it")

_ANALYST, _APPROVER, _AUDITOR, _ADMIN = OperatorRole
_ANYBODY: Final = frozenset(OperatorRole)

USE_CASES: Final[dict[str, frozenset[OperatorRole]]] = {
    "peer add": frozenset({_ADMIN}),
    "peer change": frozenset({_ADMIN}),
    "import": frozenset({_ANALYST}),
    "collection remove": frozenset({_ANALYST}),
    "lookup": frozenset({_ANALYST, _APPROVER}),
    "preflight": frozenset({_ANALYST, _APPROVER}),
    "match": frozenset({_ANALYST}),
    "session show": frozenset({_ANALYST, _APPROVER}),
    "session cancel": frozenset({_ANALYST, _APPROVER}),
    "export": frozenset({_ANALYST}),
    "retention": frozenset({_ADMIN}),
    "statistics": _ANYBODY,
    "agreement propose": frozenset({_ANALYST}),
    "agreement take-up": frozenset({_ANALYST}),
    "agreement decide": frozenset({_APPROVER}),
    "agreement revoke": frozenset({_ANALYST, _APPROVER}),
    "agreement import": frozenset({_ANALYST, _APPROVER, _ADMIN}),
    "inbox show": frozenset({_ANALYST, _APPROVER}),
    "request decide": frozenset({_APPROVER}),
    "operator change": frozenset({_ADMIN}),
    "operator password": _ANYBODY,
    "renew": frozenset({_ADMIN}),
    "hit list": frozenset({_ANALYST, _APPROVER}),
    "hit decide": frozenset({_ANALYST}),
    "follow-up show": frozenset({_ANALYST, _APPROVER}),
    "follow-up write": frozenset({_ANALYST}),
    "correction show": frozenset({_ANALYST, _APPROVER}),
    "correction write": frozenset({_ANALYST}),
    "audit show": _ANYBODY,
    "audit export": frozenset({_AUDITOR, _ADMIN}),
    "oversight": frozenset({_AUDITOR, _ADMIN}),
    "audit session": frozenset({_AUDITOR, _ANALYST, _APPROVER}),
    "incident decide": frozenset({_APPROVER, _ADMIN}),
    "central init": frozenset({_ADMIN}),
    "central publish": frozenset({_ANALYST, _ADMIN}),
    "central show": _ANYBODY,
    "watch list": _ANYBODY,
    "watch change": frozenset({_ANALYST}),
    "watch run": frozenset({_ANALYST}),
    "contribute": frozenset({_ANALYST}),
}
"""Roles of each use case; who holds one of them may do it."""

BY_RULE: Final = frozenset({"central publish", "match", "watch run"})
"""What an unattended process may do; the agreement's rules still decide about each session."""

RULE_ACTOR: Final = Actor("node", role="rule", authentication="none")
"""Who acts in an unattended process."""

NOBODY_ROLE: Final = "nobody"

_P = ParamSpec("_P")
_R = TypeVar("_R")

GUARDED: Final[set[str]] = set()
"""The use cases that some function of the node is guarded by; filled at import."""


def use_case(
    name: str,
) -> Callable[[Callable[Concatenate[Node, _P], _R]], Callable[Concatenate[Node, _P], _R]]:
    """Decorator: let a function run for those whom :data:`USE_CASES` names only."""
    GUARDED.add(name)

    def guard(
        function: Callable[Concatenate[Node, _P], _R],
    ) -> Callable[Concatenate[Node, _P], _R]:
        @functools.wraps(function)
        def guarded(node: Node, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
            require(node, name)
            return function(node, *args, **kwargs)

        return guarded

    return guard


def require(node: Node, name: str) -> None:
    """Raise StateError ``login-required`` or RefusedError ``role-required`` unless the actor may
    do what ``name`` says."""
    wanted = USE_CASES[name]
    if not node.stores.operators.any():
        return
    if node.actor.role == RULE_ACTOR.role:
        if name in BY_RULE:
            return
        raise errors.RefusedError(PERSON_REQUIRED, "a person has to do this")
    if not node.actor.operator:
        raise errors.StateError(
            LOGIN_REQUIRED,
            "this agency has operators, and nobody is logged in here",
            hint="run `psihash login NAME`",
        )
    if not {role.value for role in wanted} & set(node.actor.role.split("+")):
        raise errors.RefusedError(
            ROLE_REQUIRED,
            f"this needs the role {' or '.join(sorted(role.value for role in wanted))}",
            hint="run `psihash operator list`",
        )
