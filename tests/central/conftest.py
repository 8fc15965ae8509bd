"""Nodes for the tests of the central set: the centre on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from psihash.identity.fingerprints import format_fingerprint
from psihash.node.home import opening
from psihash.node.node import Node
from psihash.node.peering import peers
from tests.session.conftest import homes
from tests.session.nodes import NAMES, Homes
from tests.storage.conftest import _without_rows, postgres_url

__all__ = ["homes", "postgres_url"]


@pytest.fixture
def two(homes: Homes, tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    """(centre, member), each on SQLite."""
    both = homes.open(tmp_path)
    yield both
    for node in both:
        node.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def pair(
    request: pytest.FixtureRequest, homes: Homes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Node, Node]]:
    """(centre, member), the centre on each kind of store."""
    both = homes.open(tmp_path)
    if request.param == "postgresql":
        url = _without_rows(request.getfixturevalue("postgres_url"))
        both[0].close()
        both = on_postgres(homes, tmp_path, url, both[1], monkeypatch), both[1]
    yield both
    for node in both:
        node.close()


@pytest.fixture
def member_on_postgres(
    homes: Homes, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Node, Node]]:
    """(centre, member), the member on PostgreSQL."""
    centre, own = homes.open(tmp_path)
    own.close()
    url = _without_rows(postgres_url)
    both = centre, on_postgres(homes, tmp_path, url, centre, monkeypatch, number=1)
    yield both
    for node in both:
        node.close()


def on_postgres(
    homes: Homes,
    folder: Path,
    url: str,
    other: Node,
    monkeypatch: pytest.MonkeyPatch,
    *,
    number: int = 0,
) -> Node:
    """One of the agencies over an empty store on PostgreSQL."""
    with monkeypatch.context() as patched:
        patched.setenv("PSIHASH_STORE", url)
        node = opening.open_node(folder / NAMES[number])
    node.__dict__["keys"] = homes.rings[number]
    card = json.dumps(peers.own_card(other)).encode()
    peers.add(node, card, format_fingerprint(other.card.fingerprint))
    return node
