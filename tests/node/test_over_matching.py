"""An item in nearly every collection does not flood the result, and is not lost either."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.node.records import exporting
from psihash.session.result import SessionResult
from psihash.terms import AlgorithmId, Rung
from tests.session.lists import digest
from tests.session.nodes import Homes, agree, hold, meet, row

MD5 = (AlgorithmId.MD5,)
LOGO = 999
Two = tuple[Node, Node]


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Homes:
    return Homes.make(tmp_path_factory.mktemp("homes"))


@pytest.fixture
def two(homes: Homes, tmp_path: Path) -> Iterator[Two]:
    """Twelve collections here and three there. A logo is in all; items 0 to 5 are shared."""
    nodes = homes.open(tmp_path)
    for node, count in zip(nodes, (12, 3), strict=True):
        for number in range(count):
            items = [LOGO, number, 1000 * count + number]
            hold(node, f"{node.agency} {number}", [row(n, MD5) for n in items])
    yield nodes
    for node in nodes:
        node.close()


def results(two: Two, rung: Rung = Rung.ITEMS) -> tuple[SessionResult, SessionResult]:
    names = [
        [info.name for info in node.stores.holdings.collections()]  # all are offered
        for node in two
    ]
    agreement = agree(*two, *names, rung=rung)
    return meet(*two, agreement, rung).results()


def found(items: object) -> set[str]:
    return {item.digests[AlgorithmId.MD5] for item in items}  # type: ignore[attr-defined]


def md5(*numbers: int) -> set[str]:
    return {digest(AlgorithmId.MD5, number).hex() for number in numbers}


@pytest.mark.parametrize("rung", [Rung.ITEMS, Rung.RECORDS])
def test_the_logo_is_quarantined_on_both_sides(two: Two, rung: Rung) -> None:
    """Here by our twelve collections, there by the labels of ours."""
    for result in results(two, rung):
        assert found(result.items) == md5(0, 1, 2)
        assert found(result.quarantined) == md5(LOGO)
        assert result.matched_items == 4  # both sides signed that count
        assert len(result.links) == 3  # and not thirty-six
        assert all(link.matched == 1 for link in result.links)
    for node in two:
        (closed,) = [e for e in auditing.show(node) if e["event"] == "session-close"]
        assert closed["local"]["quarantined"] == 1


def test_few_collections_are_no_ground(two: Two) -> None:
    for node in two:
        node.settings = dataclasses.replace(node.settings, over_match_collections=13)
    for result in results(two):
        assert len(result.quarantined) == 0
        assert found(result.items) == md5(0, 1, 2, LOGO)
        assert len(result.links) == 36


def test_each_side_decides_by_its_own_settings(two: Two) -> None:
    two[1].settings = dataclasses.replace(two[1].settings, over_match_share=1.0)
    ours, theirs = results(two)
    assert (len(ours.quarantined), len(theirs.quarantined)) == (1, 0)


def test_exports_leave_it_out_and_say_so(two: Two, tmp_path: Path) -> None:
    result, _ = results(two)
    node, out = two[0], tmp_path / "result.json"
    exported = exporting.write(node, result.session, "json", out)
    assert (exported.records, exported.quarantined) == (3, 1)
    document = json.loads(out.read_text())
    assert document["quarantined_items"] == 1
    assert document["matched_items"] == 4
    assert found(result.quarantined).isdisjoint(out.read_text().split('"'))
    exported = exporting.write(node, result.session, "json", out, include_quarantined=True)
    assert (exported.records, exported.quarantined) == (4, 0)
    assert found(result.quarantined) <= set(out.read_text().split('"'))


def test_nothing_is_quarantined_below_items(two: Two) -> None:
    for result in results(two, Rung.COUNT):
        assert (result.matched_items, len(result.quarantined)) == (4, 0)
