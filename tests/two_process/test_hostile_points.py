"""A peer that sends wrong points or proofs over TLS: refused by name, logged, nobody else minds.

Its node is sound but for what its engine puts on the wire. The engine's own tests try every form
at every place; here one of each kind goes through the whole program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from psihash import errors
from psihash.node.node import Node
from psihash.node.running import matching
from psihash.psi import groups
from psihash.psi.engines.ecdh import EcdhEngine
from psihash.psi.engines.ecdh_frames import Content, Frames, Kind
from psihash.psi.group import Rows
from psihash.psi.registry import Registry
from psihash.terms import Rung
from tests.two_process import programs
from tests.two_process.agencies import BE, COMMON, NL, Agencies
from tests.two_process.conftest import check_outputs

pytestmark = pytest.mark.two_process

Change = Callable[[Content], Content]


def with_row(row: bytes) -> Change:
    """One element in the middle is these bytes."""

    def change(content: Content) -> Content:
        points = content.points.copy()
        points[len(points) // 2] = np.frombuffer(row, dtype=np.uint8)
        return replace(content, points=points)

    return change


def with_points(change: Callable[[Rows], Rows]) -> Change:
    return lambda content: replace(content, points=np.ascontiguousarray(change(content.points)))


IDENTITY = with_row(bytes(32))
NO_POINT = with_row(b"\xff" * 32)
REPEATED = with_points(lambda points: np.concatenate([points[:-1], points[:1]]))
TOO_MANY = with_points(lambda points: np.concatenate([points, points[:1]]))
TOO_FEW = with_points(lambda points: points[:-1])
SWAPPED = with_points(lambda points: points[::-1])
OTHER_PROOF: Change = lambda content: replace(content, proof=bytes(63) + b"\x01")  # noqa: E731

CASES: dict[str, tuple[Kind, Change, Rung, str]] = {
    "the identity in the list": (Kind.LIST, IDENTITY, Rung.ITEMS, "psi-bad-point"),
    "no element in the list": (Kind.LIST, NO_POINT, Rung.ITEMS, "psi-bad-point"),
    "an element twice in the list": (Kind.LIST, REPEATED, Rung.COUNT, "ecdh-repeated-point"),
    "too many elements": (Kind.LIST, TOO_MANY, Rung.ITEMS, "psi-wrong-count"),
    "too few elements": (Kind.LIST, TOO_FEW, Rung.COUNT, "psi-wrong-count"),
    "the identity in an answer": (Kind.ANSWER, IDENTITY, Rung.ITEMS, "psi-bad-point"),
    "too few answers": (Kind.ANSWER, TOO_FEW, Rung.ITEMS, "psi-wrong-count"),
    "answers in another order": (Kind.ANSWER, SWAPPED, Rung.ITEMS, "group-bad-proof"),
    "a made-up proof": (Kind.ANSWER, OTHER_PROOF, Rung.ITEMS, "group-bad-proof"),
    "other answers than announced": (Kind.ANSWER, SWAPPED, Rung.COUNT, "ecdh-answers-changed"),
}


@dataclass
class Liar:
    """What the engine of this process puts on the wire."""

    kind: Kind | None = None
    change: Change | None = None


@pytest.fixture
def liar(monkeypatch: pytest.MonkeyPatch) -> Liar:
    told, pack = Liar(), Frames.pack

    def lying(self: Frames, kind: Kind, total: int, offset: int, content: Content) -> bytes:
        if kind is told.kind and told.change is not None:
            content = told.change(content)
        return pack(self, kind, total, offset, content)

    monkeypatch.setattr(Frames, "pack", lying)
    return told


@pytest.fixture(scope="module")
def shared(prepared: Agencies, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agencies]:
    """One server for all tests here: it goes on whatever it was sent before."""
    agencies = prepared.copy(tmp_path_factory.mktemp("points") / "homes")
    with programs.serving(agencies):
        yield agencies
    agencies.check_logs()
    agencies.check_results()
    check_outputs(agencies.root)


@pytest.fixture(scope="module")
def nl(shared: Agencies) -> Iterator[Node]:
    with shared.node(NL) as node:
        node.engines = Registry([EcdhEngine(groups.best())])
        yield node


def match(node: Node, agencies: Agencies, rung: Rung) -> Any:
    return matching.match(node, BE, agencies.agreement, rung=rung, engine="ecdh")


@pytest.mark.parametrize("name", CASES)
def test_it_is_named_on_both_sides_and_the_next_session_runs(
    shared: Agencies, nl: Node, liar: Liar, name: str
) -> None:
    liar.kind, liar.change, rung, code = CASES[name]
    before = {agency: shared.codes(agency).count(code) for agency in (NL, BE)}
    with pytest.raises(errors.PeerError) as caught:
        match(nl, shared, rung)
    assert code in caught.value.message
    for agency in (NL, BE):
        assert shared.codes(agency).count(code) == before[agency] + 1, agency
    liar.change = None
    result = match(nl, shared, Rung.ITEMS)
    assert result.matched_items == len(COMMON)
