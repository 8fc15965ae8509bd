"""Operators for tests of nodes who log in as people do, with passwords that open quickly."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from psihash.agreement.roster import OperatorRole
from psihash.identity import keys, passwords
from psihash.node.node import Node
from psihash.node.people import login, operators

USUAL = (("ada", "admin"), ("ann", "analyst"), ("apo", "approver"))


def quick(patch: pytest.MonkeyPatch) -> None:
    """One round and the lowest cost: each real password takes a second."""
    patch.setattr(keys, "KDF_ROUNDS", 1)
    patch.setattr(passwords, "COST", 4)


def password(name: str) -> bytes:
    return f"{name}'s long password".encode()


def employ(node: Node, people: Iterable[tuple[str, str]] = USUAL) -> None:
    """Add people in their order; the first is the admin who adds the others. Nobody is logged in
    afterwards. The terminal answers with the right passwords."""
    node.ask = lambda question: password(question.split()[-1].rstrip(":")).decode()
    first = True
    for name, roles in people:
        words = [OperatorRole(role) for role in roles.split("+")]
        operators.add(node, name, words, password(name))
        if first:
            act(node, name)
            first = False
    login.logout(node)
    node.actor = login.current(node)


def act(node: Node, name: str) -> None:
    """From here on this person works at the node."""
    login.login(node, name, password(name))


def id_of(node: Node, name: str) -> str:
    row = node.stores.operators.named(name)
    assert row is not None
    return row.id
