"""What sessions are charged, when, and that a budget is not overspent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from psihash import errors
from psihash.agreement.charges import charge
from psihash.agreement.state import Agreement
from psihash.identity.fingerprints import format_fingerprint
from psihash.node.agreeing import documents
from psihash.node.home import opening
from psihash.node.node import Node
from psihash.node.peering import peers
from psihash.node.records import ledger
from psihash.node.running.desk import NodeDesk
from psihash.session.deal import Deal
from psihash.terms import AlgorithmId, Rung, SessionRole
from psihash.testing.pump import pump
from tests.node.keeping import SetClock
from tests.session.nodes import Homes, NodeMeeting, agree, hold, meet, row
from tests.storage.conftest import _without_tables, postgres_url  # noqa: F401 - a fixture

BOTH = (AlgorithmId.MD5, AlgorithmId.SHA1)
Two = tuple[Node, Node]


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Homes:
    return Homes.make(tmp_path_factory.mktemp("homes"))


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def two(homes: Homes, tmp_path: Path, clock: SetClock) -> Iterator[Two]:
    nodes = homes.open(tmp_path)
    stock(nodes, clock)
    yield nodes
    for node in nodes:
        node.close()


def stock(nodes: Two, clock: SetClock) -> None:
    for node, start in zip(nodes, (0, 20), strict=True):
        node.clock = clock
        for name in ("one", "two"):
            numbers = range(start, start + (40 if name == "one" else 200))
            hold(node, f"{node.agency} {name}", [row(n, BOTH) for n in numbers])


def made(two: Two, **more: Any) -> Agreement:
    names = [[f"{node.agency} one", f"{node.agency} two"] for node in two]
    return agree(*two, *names, algorithms=BOTH, **more)


def only(node: Node, **more: Any) -> ledger.AgreementUse:
    (use,) = ledger.view(node, **more)
    return use


def test_nothing_is_charged_for_an_agreement(two: Two) -> None:
    made(two)
    use = only(two[0])
    assert (use.sessions.used, use.elements.used, use.renewal) == (0, 0, None)
    assert (use.sessions.left, use.period, use.total) == (100, ledger.Used(0, 0, 0), use.period)
    assert {each.name for each in use.collections} == {"nl-police one", "nl-police two"}


def test_both_sides_charge_the_classes_in_full_for_each_collection(two: Two) -> None:
    agreement = made(two)
    meeting = meet(*two, agreement)
    deals: list[Deal] = []
    accept = NodeDesk.accept

    def noted(desk: NodeDesk, deal: Deal) -> None:
        deals.append(deal)
        accept(desk, deal)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NodeDesk, "accept", noted)
        meeting.results()
    loaded = documents.load(two[0], agreement.id)
    deal = deals[0]
    sides = tuple(
        (
            loaded.annex(deal.sides.of(role).agency),
            {name: deal.size_class(role, name) for name in BOTH},
        )
        for role in SessionRole
    )
    expected = charge(sides, deal.learn, both_in_one_run=False)  # type: ignore[arg-type]
    for node in two:
        use = only(node)
        assert use.sessions.used == 1
        # openmined: one side learns at a time, so two runs for each of two algorithms.
        assert use.period.runs == expected.runs == 4
        assert use.elements.used == use.period.elements == expected.elements
        by_collection: dict[str, int] = {}
        for each in expected.rows:
            by_collection[each.collection] = by_collection.get(each.collection, 0) + each.elements
        assert {each.id: each.period.elements for each in use.collections} == by_collection
        assert {each.owner for each in use.collections} == {one.agency for one in two}
        names = {each.name for each in use.collections if each.owner == node.agency}
        assert names == {f"{node.agency} one", f"{node.agency} two"}
        assert all(each.name is None for each in use.collections if each.owner != node.agency)
        assert use.collections[0].owner == node.agency  # ours first


def test_what_breaks_off_was_charged_all_the_same(two: Two) -> None:
    agreement = made(two)
    meeting = meet(*two, agreement)
    journal = meeting.parties[1]._setting.journal

    def fail(*_: object, **__: object) -> NoReturn:
        raise errors.StateError("session-cancelled", "no result today")

    journal.completed = fail  # type: ignore[method-assign]
    pump(meeting.pair)
    assert meeting.codes[1] == "session-cancelled"
    for node in two:
        assert only(node).sessions.used == 1
        assert only(node).elements.used > 0


def test_what_is_refused_is_not_charged(two: Two) -> None:
    agreement = made(two, sessions_per_period=1)
    meet(*two, agreement).results()
    before = [only(node) for node in two]
    refused = meet(*two, agreement)
    pump(refused.pair)
    assert refused.codes == ("clause-sessions", "clause-sessions")
    assert [only(node) for node in two] == before
    assert before[0].sessions.left == 0


def test_the_period_slides(two: Two, clock: SetClock) -> None:
    agreement = made(two)
    meet(*two, agreement).results()
    first = only(two[0])
    assert first.renewal is not None
    clock.forward(days=10)
    meet(*two, agreement).results()
    both = only(two[0])
    assert both.sessions.used == 2
    assert both.renewal == first.renewal
    assert both.renewal.elements == first.elements.used
    clock.forward(days=20)
    assert only(two[0]).sessions.used == 2  # the last second in which the first one counts
    clock.forward(seconds=1)
    later = only(two[0])
    assert two[0].stamp() == first.renewal.at
    assert (later.sessions.used, later.total.sessions) == (1, 2)
    assert later.total.elements == both.total.elements
    assert later.elements.used == both.elements.used - first.elements.used
    since = only(two[0], since=first.renewal.at)
    assert (since.total.sessions, since.sessions.used) == (0, 1)


def test_each_agreement_has_a_budget_of_its_own(two: Two) -> None:
    one, other = made(two), made(two)
    meet(*two, one).results()
    uses = {use.agreement: use for use in ledger.view(two[0], "be-police")}
    assert uses[one.id].sessions.used == 1
    assert uses[other.id].sessions.used == 0
    assert [use.agreement for use in ledger.view(two[0], agreement=one.id[:10])] == [one.id]
    with pytest.raises(errors.NotFoundError) as unknown:
        ledger.view(two[0], "fr-police")
    assert unknown.value.code == "unknown-peer"
    with pytest.raises(errors.InputError):
        ledger.view(two[0], since="yesterday")


# --- two at once --------------------------------------------------------------------------------


def accepted_at_once(node: Node, meetings: list[NodeMeeting]) -> list[str]:
    """Run sessions up to their acceptance by ``node``, then accept all at the same moment; the
    code of each, empty where it was accepted."""
    waiting: list[Callable[[], None]] = []
    accept = NodeDesk.accept

    def hold_back(desk: NodeDesk, deal: Deal) -> None:
        if desk._node is node:
            waiting.append(lambda: accept(desk, deal))
            raise errors.StateError("session-cancelled", "enough for this test")
        accept(desk, deal)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NodeDesk, "accept", hold_back)
        for meeting in meetings:
            pump(meeting.pair)
    assert len(waiting) == len(meetings)
    barrier, codes = threading.Barrier(len(waiting)), list[str]()

    def run(go: Callable[[], None]) -> None:
        barrier.wait()
        try:
            go()
        except errors.PsihashError as error:
            codes.append(error.code)
        else:
            codes.append("")

    threads = [threading.Thread(target=run, args=(go,)) for go in waiting]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(codes)


def test_acceptances_at_once_do_not_overspend(two: Two) -> None:
    agreement = made(two, sessions_per_period=6)
    meetings = [meet(*two, agreement) for _ in range(6)]
    node = two[1]
    for _ in range(4):
        meet(*two, agreement).results()
    codes = accepted_at_once(node, meetings)
    assert codes == ["", "", *["clause-sessions"] * 4]
    assert only(node).sessions == ledger.Budget(6, 6)


def test_acceptances_at_once_do_not_overspend_on_postgresql(
    request: pytest.FixtureRequest,
    homes: Homes,
    tmp_path: Path,
    clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = _without_tables(request.getfixturevalue("postgres_url"))
    one, first = homes.open(tmp_path)
    first.close()
    with monkeypatch.context() as patch:
        patch.setenv("PSIHASH_STORE", url.replace("postgresql://", "postgresql+psycopg://"))
        other = opening.open_node(first.home)
    other.__dict__["keys"] = first.keys
    two = one, other
    try:
        peers.add(other, one.card.encoded, format_fingerprint(one.card.fingerprint))
        stock(two, clock)
        agreement = made(two, sessions_per_period=2)
        codes = accepted_at_once(other, [meet(*two, agreement) for _ in range(5)])
        assert codes == ["", "", *["clause-sessions"] * 3]
        use = next(use for use in ledger.view(other) if use.agreement == agreement.id)
        assert use.sessions == ledger.Budget(2, 2)
        elements = use.elements.used // 2
        agreement = made(two, elements_per_period=int(2.5 * elements))
        codes = accepted_at_once(other, [meet(*two, agreement) for _ in range(5)])
        assert codes == ["", "", *["clause-elements"] * 3]
        use = next(use for use in ledger.view(other) if use.agreement == agreement.id)
        assert use.elements.used == 2 * elements <= use.elements.allowed
    finally:
        for node in two:
            node.close()


def test_rungs_cost_the_same(two: Two) -> None:
    """At count and series a dishonest peer can learn as much as at items."""
    uses = []
    for rung in (Rung.COUNT, Rung.ITEMS):
        agreement = made(two, rung=rung)
        meet(*two, agreement, rung).results()
        uses.append(only(two[0], agreement=agreement.id))
    assert replace(uses[0].period) == replace(uses[1].period)
