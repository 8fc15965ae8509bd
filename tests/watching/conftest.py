"""Two nodes with an agreement, and a watch of one of them; made once, copied for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.terms import AlgorithmId
from tests.session.nodes import Homes, agree, hold, row
from tests.storage.conftest import _without_tables, postgres_url
from tests.watching.centre import Clock

__all__ = ["postgres_url"]


@pytest.fixture(scope="session")
def watched_homes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Homes, str]:
    """Homes whose stores have an agreement; its id."""
    homes = Homes.make(tmp_path_factory.mktemp("watched"))
    folder = tmp_path_factory.mktemp("agreed")
    one, other = homes.open(folder)
    for node in (one, other):
        hold(node, "cases", [row(number, [AlgorithmId.MD5]) for number in range(20)])
    made = agree(one, other, ["cases"], ["cases"], valid_days=365)
    one.close()
    other.close()
    return Homes(folder, homes.rings), made.id


@pytest.fixture
def agreement(watched_homes: tuple[Homes, str]) -> str:
    return watched_homes[1]


@pytest.fixture
def clock(nodes: tuple[Node, Node]) -> Clock:
    """The clock of both nodes: an hour after their agreement was made, on a whole hour."""
    clock = Clock("2000-01-01T00:00:00")
    clock._now = nodes[0].now().replace(minute=0, second=0, microsecond=0)
    clock.ahead(hours=2)
    for node in nodes:
        node.clock = clock
    return clock


@pytest.fixture
def nodes(watched_homes: tuple[Homes, str], tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    one, other = watched_homes[0].open(tmp_path)
    yield one, other
    for node in (one, other):
        assert auditing.verify(node)["ok"]
        node.close()


@pytest.fixture
def node(nodes: tuple[Node, Node], clock: Clock) -> Node:
    """The member."""
    del clock
    return nodes[0]


@pytest.fixture
def empty_postgres(request: pytest.FixtureRequest) -> str:
    """A PostgreSQL without tables."""
    url: str = request.getfixturevalue("postgres_url")
    return _without_tables(url).replace("postgresql://", "postgresql+psycopg://")
