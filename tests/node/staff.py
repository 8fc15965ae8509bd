"""Operators of a test's node, who are logged in by a word."""

from __future__ import annotations

from unittest import mock

from psihash.agreement.roster import OperatorRole
from psihash.identity import keys
from psihash.node.node import Actor, Node
from psihash.node.people import login, operators

PASSWORD = b"correct horse battery"


def employ(node: Node, **people: str) -> None:
    """Add people, a name with one role each; the first must be an admin, who stays logged in."""
    with mock.patch.object(keys, "KDF_ROUNDS", 2):
        for number, (name, role) in enumerate(people.items()):
            operators.add(node, name, [OperatorRole(role)], PASSWORD)
            unlock(node, name)
            if not number:
                act(node, name)


def unlock(node: Node, name: str) -> None:
    """Open a person's key, as the password does."""
    row = node.stores.operators.named(name)
    assert row is not None
    node.unlocked[row.id] = login.open_key(node, row, PASSWORD)


def act(node: Node, name: str) -> None:
    """From here on this person acts."""
    row = node.stores.operators.named(name)
    assert row is not None
    node.actor = Actor(row.name, "+".join(row.roles), "password", row.id)
