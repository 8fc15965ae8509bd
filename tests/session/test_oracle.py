"""Sessions between real nodes give exactly the intersection in the clear, in both directions."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from psihash.agreement.state import Agreement
from psihash.hashset.model import Category, Dialect, Verdict
from psihash.node.node import Node
from psihash.node.running.results import UNDISCLOSED
from psihash.psi.engines import openmined_library
from psihash.psi.engines.openmined import OpenminedEngine
from psihash.session.result import SessionResult
from psihash.terms import AlgorithmId, CollectionKind, Learn, Rung, SessionRole
from psihash.testing.memory import Bench
from psihash.testing.pump import pump
from tests.session.lists import MD5, SHA1, SHA256, digest
from tests.session.nodes import agree, carry_annexes, hold, meet, refused_codes, row

pytestmark = pytest.mark.skipif(
    openmined_library.available() is not None, reason=str(openmined_library.available())
)

Nodes = tuple[Node, Node]
Items = Mapping[int, set[AlgorithmId]]
"""Item numbers of a collection, each with the digests that its list states."""
Collections = Mapping[str, Items]

ALL = (MD5, SHA1, SHA256)
CASES = [
    (rung, learn, count)
    for rung, learn, count in itertools.product(
        (Rung.COUNT, Rung.ITEMS, Rung.RECORDS), Learn, (1, 2, 3)
    )
    if rung is not Rung.RECORDS or learn is Learn.BOTH
]
_numbers = itertools.count()


@dataclass(frozen=True)
class Side:
    """What one side holds, in the clear."""

    collections: Collections
    verdict: Verdict

    def digests(self, algorithm: AlgorithmId) -> set[bytes]:
        return {
            digest(algorithm, number)
            for items in self.collections.values()
            for number, named in items.items()
            if algorithm in named
        }

    def holders(self, number: int) -> tuple[str, ...]:
        return tuple(sorted(n for n, items in self.collections.items() if number in items))

    def items(self) -> set[int]:
        return {number for items in self.collections.values() for number in items}


def named(number: int) -> set[AlgorithmId]:
    """Which digests the lists state for an item: some MD5 only, some SHA-1 too, some all three."""
    return {MD5, *([SHA1] if number % 2 else []), *([SHA256] if number % 3 == 0 else [])}


def everything(numbers: range) -> Items:
    return {number: named(number) for number in numbers}


VERDICTS = (
    Verdict(Category(Dialect.US, "1", "one"), victim_identified=False, series=("Series 7",)),
    Verdict(Category(Dialect.UK, "B", ""), victim_identified=True, country="NL", source="ICSE"),
)


def sides(ours: Collections, theirs: Collections) -> tuple[Side, Side]:
    """Names and items are made unique, because tests share two nodes. (An item is one thing on
    a node, with the digests of all lists.)"""
    mark = next(_numbers)

    def own(collections: Collections) -> Collections:
        return {
            f"{name} {mark}": {1_000_000 * mark + n: named for n, named in items.items()}
            for name, items in collections.items()
        }

    return Side(own(ours), VERDICTS[0]), Side(own(theirs), VERDICTS[1])


def put_in(nodes: Nodes, both: tuple[Side, Side]) -> None:
    for node, side in zip(nodes, both, strict=True):
        for name, items in side.collections.items():
            kind = CollectionKind.SERIES if "series" in name else CollectionKind.CASE
            hold(node, name, [row(n, algs, side.verdict) for n, algs in items.items()], kind)


def run(
    nodes: Nodes,
    both: tuple[Side, Side],
    rung: Rung,
    algorithms: tuple[AlgorithmId, ...] = (MD5,),
) -> tuple[SessionResult, SessionResult]:
    put_in(nodes, both)
    ours, theirs = (sorted(side.collections) for side in both)
    agreement = agree(*nodes, ours, theirs, rung=rung, algorithms=algorithms)
    return meet(*nodes, agreement).results()


def check(
    result: SessionResult,
    own: Side,
    peer: Side,
    algorithms: tuple[AlgorithmId, ...],
) -> None:
    """One side's result against the lists in the clear."""
    learns = result.role.learns(result.learn)
    common = {name: own.digests(name) & peer.digests(name) for name in algorithms}
    for name in algorithms:
        assert result.algorithms[name].own == len(own.digests(name))
        assert result.algorithms[name].matched == (len(common[name]) if learns else None)
    assert set(result.algorithms) == set(algorithms)
    if result.rung is Rung.COUNT:
        assert result.items == ()
        if len(algorithms) > 1 or not learns:
            assert result.links == ()
    if not learns:
        assert result.items == ()
        assert result.links == ()
        assert (result.matched_items, result.matched_items_min, result.matched_items_max) == (
            None,
            None,
            None,
        )
        return
    matched = {n for n in own.items() if any(digest(a, n) in common[a] for a in algorithms)}
    check_items_numbers(result, len(matched), [len(common[name]) for name in algorithms])
    if result.rung is not Rung.COUNT:
        check_items(result, own, peer, matched, common)


def check_items_numbers(result: SessionResult, items: int, counts: list[int]) -> None:
    if result.rung is Rung.COUNT and len(counts) > 1:
        assert result.matched_items is None
        assert result.matched_items_min == max(counts)
        assert result.matched_items_max == sum(counts)
        assert max(counts) <= items <= sum(counts)
    else:
        assert result.matched_items == result.matched_items_min == items
        assert result.matched_items_max == items


def check_items(
    result: SessionResult,
    own: Side,
    peer: Side,
    matched: set[int],
    common: dict[AlgorithmId, set[bytes]],
) -> None:
    number_of = {digest(MD5, n): n for n in own.items()}
    assert {number_of[bytes.fromhex(item.digests[MD5])] for item in result.items} == matched
    links: Counter[tuple[str, str]] = Counter()
    for item in result.items:
        number = number_of[bytes.fromhex(item.digests[MD5])]
        by = tuple(name for name in common if digest(name, number) in common[name])
        assert item.matched_by == by
        assert tuple(sorted(item.collections)) == own.holders(number)
        assert {verdict for _, verdict in item.verdicts} == {own.verdict}
        check_peer_collections(result, item.peer_collections, peer.holders(number))
        for pair in itertools.product(own.holders(number), item.peer_collections or (UNDISCLOSED,)):
            links[pair] += 1
        if result.rung is Rung.RECORDS:
            assert sorted(record.collection for record in item.records) == list(
                peer.holders(number)
            )
            assert all(record.verdicts == (peer.verdict,) for record in item.records)
        else:
            assert item.records == ()
    assert {(link.own, link.peer): link.matched for link in result.links} == dict(links)


def check_peer_collections(
    result: SessionResult, said: tuple[str, ...], true: tuple[str, ...]
) -> None:
    if result.rung is Rung.RECORDS:
        assert sorted(said) == list(true)
    elif result.learn is Learn.BOTH:
        assert len(said) == len(true)
        assert all(name.startswith("c-") for name in said)


OURS = {
    "case": everything(range(16)),
    "series one": everything(range(12, 24)),
    "series two": everything(range(200, 203)),
}
THEIRS = {"big case": everything(range(8, 18)), "series three": everything(range(16, 34))}


@pytest.fixture(scope="module")
def standing(nodes: Nodes) -> tuple[tuple[Side, Side], dict[Learn, Agreement]]:
    """Lists and one agreement for each way of learning, at the highest rung that it allows."""
    both = sides(OURS, THEIRS)
    put_in(nodes, both)
    ours, theirs = (sorted(side.collections) for side in both)
    return both, {
        learn: agree(
            *nodes,
            ours,
            theirs,
            rung=Rung.RECORDS if learn is Learn.BOTH else Rung.ITEMS,
            learn=learn,
            algorithms=ALL,
        )
        for learn in Learn
    }


@pytest.mark.parametrize(("rung", "learn", "count"), CASES)
def test_what_each_side_learns_is_the_intersection_in_the_clear(
    nodes: Nodes,
    standing: tuple[tuple[Side, Side], dict[Learn, Agreement]],
    rung: Rung,
    learn: Learn,
    count: int,
) -> None:
    both, agreements = standing
    meeting = meet(*nodes, agreements[learn], rung, algorithms=ALL[:count])
    first, second = meeting.results()
    check(first, *both, ALL[:count])
    check(second, *both[::-1], ALL[:count])
    assert first.receipt == second.receipt != ""
    assert first.session == second.session
    assert (first.role, second.role) == tuple(SessionRole)


SETS: dict[str, tuple[Collections, Collections]] = {
    "identical lists": ({"a": everything(range(70))}, {"b": everything(range(70))}),
    "nothing in common": ({"a": everything(range(20))}, {"b": everything(range(50, 70))}),
    "one element each, the same": ({"a": {3: {MD5, SHA1}}}, {"b": {3: {MD5, SHA1}}}),
    "one element each, another": ({"a": {3: {MD5, SHA1}}}, {"b": {5: {MD5, SHA1}}}),
    "one against many": ({"a": {3: {MD5, SHA1}}}, {"b": everything(range(120))}),
    "one collection inside another": (
        {"all": everything(range(50)), "part": everything(range(10, 20))},
        {"all": everything(range(15, 60)), "same": everything(range(15, 60))},
    ),
    "exactly a size class with the canaries": (
        {"a": everything(range(64))},
        {"b": everything(range(50, 114))},
    ),
    "one more than a size class": (
        {"a": everything(range(65))},
        {"b": everything(range(50, 115))},
    ),
}


@pytest.mark.parametrize("name", SETS)
def test_lists_of_special_shapes(nodes: Nodes, name: str) -> None:
    both, algorithms = sides(*SETS[name]), (MD5, SHA1)
    put_in(nodes, both)
    ours, theirs = (sorted(side.collections) for side in both)
    agreement = agree(*nodes, ours, theirs, rung=Rung.RECORDS, algorithms=algorithms)
    first, second = meet(*nodes, agreement).results()
    check(first, *both, algorithms)
    check(second, *both[::-1], algorithms)


LACKING: dict[str, tuple[Collections, Collections]] = {
    "one side": (
        {"a": {n: {MD5} for n in range(30)}},
        {"b": {n: {MD5, SHA1} for n in range(15, 40)}},
    ),
    "both": ({"a": {n: {MD5} for n in range(9)}}, {"b": {n: {MD5} for n in range(5, 12)}}),
}


@pytest.mark.parametrize("rung", [Rung.COUNT, Rung.RECORDS])
@pytest.mark.parametrize("name", LACKING)
def test_an_algorithm_that_a_side_lacks_matches_nothing_in_a_session(name: str, rung: Rung) -> None:
    """The agreement's clause on minimum sizes may refuse such a session by name; where it does
    not, the empty list is a list like any other."""
    bench = Bench.of(
        *(
            {
                name: {a: [digest(a, n) for n in items if a in items[n]] for a in (MD5, SHA1)}
                for name, items in collections.items()
            }
            for collections in LACKING[name]
        ),
        engine=OpenminedEngine(),
        algorithms=(MD5, SHA1),
    )
    meeting = bench.meet(rung)
    pump(meeting.pair)
    assert meeting.codes == (None, None)
    common = set(LACKING[name][0]["a"]) & set(LACKING[name][1]["b"])
    for journal in meeting.journals:
        assert journal.visible is not None
        found = journal.visible.by_algorithm
        assert (found[MD5].count, found[SHA1].count) == (len(common), 0)


def test_a_list_of_nothing_at_all_is_refused_by_its_clause(nodes: Nodes) -> None:
    both = sides({"a": {}}, {"b": everything(range(5))})
    put_in(nodes, both)
    ours, theirs = (sorted(side.collections) for side in both)
    agreement = agree(*nodes, ours, theirs)
    assert refused_codes(meet(*nodes, agreement)) == ("clause-minimum", "peer-aborted")
    # The other side is not told the reason, which would say something about our set.
    assert refused_codes(meet(*nodes[::-1], agreement)) == ("declined", "clause-minimum")


def test_a_match_on_one_algorithm_alone_is_labelled_so(nodes: Nodes) -> None:
    """An item of ours that they know by SHA-1 only is one item, matched by SHA-1."""
    both = sides({"a": {1: {MD5, SHA1}, 2: {MD5, SHA1}}}, {"b": {1: {SHA1}, 2: {MD5}}})
    first, _ = run(nodes, both, Rung.ITEMS, (MD5, SHA1))
    assert sorted(item.matched_by for item in first.items) == [(MD5,), (SHA1,)]
    assert first.matched_items == 2


def test_the_bounds_of_count_hold_and_the_items_below_them_tell_the_truth(nodes: Nodes) -> None:
    """Three items in common: one by both digests, one by MD5 only, one by SHA-1 only."""
    ours = {"a": {1: {MD5, SHA1}, 2: {MD5, SHA1}, 3: {MD5, SHA1}}}
    theirs = {"b": {1: {MD5, SHA1}, 2: {MD5}, 3: {SHA1}, 9: {MD5}}}
    both = sides(ours, theirs)
    put_in(nodes, both)
    names = [sorted(side.collections) for side in both]
    agreement = agree(*nodes, *names, rung=Rung.ITEMS, algorithms=(MD5, SHA1))
    counted, _ = meet(*nodes, agreement, Rung.COUNT).results()
    assert counted.matched_items is None
    assert (counted.matched_items_min, counted.matched_items_max) == (2, 4)
    seen, _ = meet(*nodes, agreement).results()
    assert seen.matched_items == 3


def test_what_is_identified_there_and_open_here_comes_first(nodes: Nodes) -> None:
    both = sides({"a": everything(range(10))}, {"b": everything(range(5, 15))})
    first, second = run(nodes, both, Rung.RECORDS)
    assert all(item.identified_there_open_here for item in first.items)
    assert not any(item.identified_there_open_here for item in second.items)


def test_two_sessions_under_one_agreement_while_the_sets_grow(nodes: Nodes) -> None:
    both = sides({"a": everything(range(30))}, {"b": everything(range(20, 40))})
    (ours,), (theirs,) = both[0].collections, both[1].collections
    put_in(nodes, both)
    agreement = agree(*nodes, [ours], [theirs], rung=Rung.RECORDS)
    first, _ = meet(*nodes, agreement).results()
    assert first.matched_items == 10
    hold(nodes[0], ours, [row(n, {MD5}) for n in range(-330, -300)])
    hold(nodes[1], theirs, [row(n, {MD5}) for n in range(-335, -310)])
    carry_annexes(*nodes)
    second, other = meet(*nodes[::-1], agreement).results()
    assert second.matched_items == other.matched_items == 30
    assert second.role is SessionRole.INITIATOR
    assert second.peer == nodes[0].agency
