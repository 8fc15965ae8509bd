"""A modified peer that ignores its own checks: the product's own node, which reads one clause of
the signed agreement otherwise than it stands there. Whatever it signs and sends is in order but for
that, so what stops it is the other side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any
from unittest import mock

from psihash.agreement import proposal
from psihash.agreement.state import Agreement
from psihash.agreement.terms import Terms
from psihash.node.agreeing import agreements
from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.node.running.desk import NodeDesk
from psihash.session.initiator import Initiator
from psihash.session.responder import Responder
from psihash.terms import SessionRole
from tests.attacks.peers import altering
from tests.session.nodes import NodeMeeting, agree, meet

Nodes = tuple[Node, Node]
Change = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Misread(Terms):
    """Terms that say something else than the bytes that were signed, and keep their id."""

    signed: bytes = b""

    def to_bytes(self) -> bytes:
        return self.signed


def misread(terms: Terms, **changes: Any) -> Misread:
    values = {each.name: getattr(terms, each.name) for each in fields(Terms)}
    return Misread(**(values | changes), signed=terms.to_bytes())


def believing(**changes: Any) -> type[NodeDesk]:
    """A desk for which the agreement says ``changes``."""

    class Believing(NodeDesk):
        def _load(self, agreement: bytes) -> Agreement:
            with mock.patch("psihash.node.running.desk.check_active"):
                loaded = super()._load(agreement)
            return replace(loaded, terms=misread(loaded.terms, **changes))

    return Believing


def made(nodes: Nodes, names: tuple[str, str] = ("lists", "lists"), **terms: Any) -> Agreement:
    """An agreement with terms that no command sets, too."""
    names_of_draft = ("rung", "learn", "algorithms", "opened_by", "approvals")
    drafted = {name: terms.pop(name) for name in names_of_draft if name in terms}
    real = proposal.build_terms

    def build(*args: Any, **more: Any) -> Terms:
        return real(*args, **(more | terms))

    with mock.patch.object(agreements, "build_terms", build):
        return agree(*nodes, [names[0]], [names[1]], **drafted)


def attack(
    nodes: Nodes,
    agreement: Agreement,
    role: SessionRole,
    beliefs: Change,
    message: Callable[[Any], Any] | None = None,
    **changes: Any,
) -> NodeMeeting:
    """A session in which ``role`` believes something else, or sends other messages."""
    desk = "desk" if role is SessionRole.INITIATOR else "answering_desk"
    more: dict[str, Any] = {desk: believing(**beliefs)} if beliefs else {}
    if message is not None:
        base: Any = Initiator if role is SessionRole.INITIATOR else Responder
        more[role.value] = altering(base, message)
    one, other = nodes
    return meet(one, other, agreement, **(more | changes))


def charged(node: Node) -> tuple[int, int]:
    totals = node.stores.ledger.totals("2000-01-01T00:00:00Z")
    return totals.sessions, totals.elements


def last_code(node: Node) -> str | None:
    """The code of the newest entry of a log that has one."""
    codes = [(entry["local"] or {}).get("code") for entry in auditing.show(node)]
    return next((code for code in reversed(codes) if code), None)


def incident_codes(node: Node) -> list[str]:
    """The codes of every refused document in a log, oldest first."""
    return [
        code for entry in auditing.show(node) for code in (entry["local"] or {}).get("codes", ())
    ]
