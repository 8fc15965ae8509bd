"""Prepared homes: made once, copied for whoever needs them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from psihash.node.node import Node
from tests.session.nodes import Homes


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Homes:
    return Homes.make(tmp_path_factory.mktemp("homes"))


@pytest.fixture(scope="module")
def nodes(homes: Homes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, Node]]:
    """Two nodes that know each other, for all tests of a file: each makes its own agreement."""
    one, other = homes.open(tmp_path_factory.mktemp("nodes"))
    yield one, other
    one.close()
    other.close()
