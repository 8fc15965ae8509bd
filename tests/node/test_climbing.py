"""Going up a rung over real nodes: the same sets, what is refused by name, and who approved."""

from __future__ import annotations

from pathlib import Path

import pytest

from psihash import errors
from psihash.node.people import requests
from psihash.node.people.roles import RULE_ACTOR
from psihash.node.running import sessions
from psihash.session.result import SessionResult
from psihash.storage.commitments import CommitmentKey
from psihash.terms import AlgorithmId, Learn, Rung
from psihash.testing.pump import pump
from tests.node import ladder
from tests.node.ladder import MD5, Nodes, agreed, climb, fill, step
from tests.session.nodes import Homes, agree, carry_annexes, hold, meet, refused_codes, row

COUNT, SERIES, ITEMS, RECORDS = Rung


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Homes:
    return Homes.make(tmp_path_factory.mktemp("homes"))


@pytest.fixture
def two(homes: Homes, tmp_path: Path) -> Nodes:
    one, other = homes.open(tmp_path)
    fill((one, other))
    return one, other


LADDERS = {
    "ecdh": (ladder.ECDH, (COUNT, SERIES, ITEMS, RECORDS)),
    "openmined": (ladder.OPENMINED, (COUNT, ITEMS, RECORDS)),
}


@pytest.mark.parametrize("name", LADDERS)
def test_the_whole_ladder_runs_over_the_sets_of_its_first_rung(two: Nodes, name: str) -> None:
    engine, rungs = LADDERS[name]
    agreement = agreed(two, {"items": "10-of-items", "records": "10-of-series"})
    results: list[tuple[SessionResult, SessionResult]] = []
    for at, rung in enumerate(rungs):
        previous = results[-1][0] if results else None
        results.append(step(two, agreement, rung, previous, engine=engine).results())
        # Both sides take in more, also of what the other side holds, between all rungs.
        hold(two[0], "ours", [row(40 + at, MD5), row(500 + at, MD5)])
        hold(two[1], "theirs", [row(at, MD5)])
    for pair in results:
        assert [result.algorithms[AlgorithmId.MD5].matched for result in pair] == [10, 10]
    matched = {row(number, MD5).digests[0].raw.hex() for number in range(20, 30)}
    for result in results[-1]:
        assert {item.digests[AlgorithmId.MD5] for item in result.items} == matched
        assert all(item.records for item in result.items)
    assert [ladder.charged(node) for node in two] == [len(rungs)] * 2
    after, _ = meet(*two, agreement, COUNT).results()
    assert after.matched_items == 10 + 2 * len(rungs), "a new session sees what came since"


def test_the_open_entries_say_what_a_session_builds_on_and_who_decided(two: Nodes) -> None:
    agreement = agreed(two, {"items": "10-of-items", "records": "person"})
    results = climb(two, agreement, COUNT, ITEMS)
    last = step(two, agreement, RECORDS, results[-1])
    pump(last.pair)
    assert last.codes == ("approval-pending", "approval-pending")
    ladder.approve_all(two[1], "the case needs the names")
    climb_to_records = step(two, agreement, RECORDS, results[-1]).results()
    opened = [ladder.entries(node, "session-open") for node in two]
    shared = [[entry["shared"] for entry in each] for each in opened]
    assert shared[0] == shared[1]
    assert [each["previous"] for each in shared[0]] == ["", *(each.receipt for each in results)]
    assert all(len(set(each["approvals"])) == 4 for each in shared[0])
    rules = [entry["local"]["approved_by"].get("rule") for entry in opened[1]]
    assert rules == ["agreed", "10-of-items", None]
    person = opened[1][-1]["local"]["approved_by"]
    assert person["by"] == "person"
    assert person["reason"] == "the case needs the names"
    assert person["decided"]
    assert opened[0][-1]["local"]["approved_by"]["name"] == two[0].actor.name
    there = opened[0][-1]["local"]["approved_there_by"]
    assert there == {"by": "person", "rule": "single-operator"}
    rows = [sessions.find(node, climb_to_records[0].session) for node in two]
    assert [each.previous for each in rows] == [results[-1].receipt] * 2
    assert [each.receipt for each in rows] == [climb_to_records[0].receipt] * 2


# -- rules and persons ---------------------------------------------------------------------------


def test_a_rule_that_is_not_met_asks_a_person_on_each_side(two: Nodes) -> None:
    agreement = agreed(two, {"items": "11-of-items"})
    (count,) = climb(two, agreement, COUNT)
    before = [ladder.charged(node) for node in two]
    meeting = step(two, agreement, ITEMS, count)
    assert refused_codes(meeting) == ("approval-pending", "approval-pending")
    assert [ladder.charged(node) for node in two] == before
    session = meeting.parties[1].session
    assert session is not None
    assert two[1].stores.sessions.find(session.hex()) is None
    assert [ladder.last_code(node) for node in two] == ["approval-pending"] * 2


@pytest.mark.parametrize(("measure", "least", "met"), [
    ("items", 10, True),
    ("items", 11, False),
    ("series", 6, True),
    ("series", 7, False),
])  # fmt: skip
@pytest.mark.parametrize("rung", [SERIES, ITEMS])
def test_what_a_threshold_counts(
    two: Nodes, measure: str, least: int, met: bool, rung: Rung
) -> None:
    """Ten digests in all, six of them in one pair of collections, or of series."""
    hold(two[0], "more", [row(number, MD5) for number in range(100, 104)])
    hold(two[1], "other", [row(number, MD5) for number in range(100, 140)])
    ladder.replace_list(two[1], "theirs", range(24, 60))
    agreement = agree(
        *two,
        ["ours", "more"],
        ["theirs", "other"],
        rung=RECORDS,
        approvals=ladder.rules(records=f"{least}-of-{measure}"),
    )
    (below,) = climb(two, agreement, rung)
    meeting = step(two, agreement, RECORDS, below)
    pump(meeting.pair)
    assert (meeting.codes[1] is None) is met
    assert meeting.codes[1] in (None, "approval-pending")


def test_a_threshold_without_a_session_before_asks_a_person(two: Nodes) -> None:
    agreement = agreed(two, {"items": "1-of-items"})
    assert refused_codes(step(two, agreement, ITEMS))[1] == "approval-pending"


def test_a_side_that_did_not_learn_asks_a_person(two: Nodes) -> None:
    agreement = agreed(two, {"items": "1-of-items"}, rung=ITEMS, learn=Learn.INITIATOR)
    (count,) = climb(two, agreement, COUNT)
    assert refused_codes(step(two, agreement, ITEMS, count)) == (
        "approval-pending",
        "approval-pending",
    )
    assert ladder.approve_all(two[1]) == 1
    one, other = step(two, agreement, ITEMS, count).results()
    assert one.matched_items == 10
    assert other.matched_items is None, "who learns is as agreed, whatever the rung"
    assert other.items == () or not list(other.items)


def test_a_request_is_filed_once_and_a_decision_is_used_once(two: Nodes) -> None:
    agreement = agreed(two, {"items": "person"})
    for _ in range(3):
        assert refused_codes(step(two, agreement, ITEMS))[1] == "approval-pending"
    (waiting,) = requests.inbox(two[1])
    assert waiting.asked_by == "the peer"
    assert waiting.subject["role"] == "responder"
    assert ladder.approve_all(two[1]) == 1
    step(two, agreement, ITEMS).results()
    assert refused_codes(step(two, agreement, ITEMS))[1] == "approval-pending"
    assert len(requests.inbox(two[1])) == 1


def test_an_approval_is_for_one_rung_and_one_session_before(two: Nodes) -> None:
    agreement = agreed(two, {"items": "person", "records": "person"})
    (count,) = climb(two, agreement, COUNT)
    assert refused_codes(step(two, agreement, ITEMS, count))[1] == "approval-pending"
    ladder.approve_all(two[1])
    assert refused_codes(step(two, agreement, ITEMS))[1] == "approval-pending"
    assert refused_codes(step(two, agreement, RECORDS, count))[1] == "approval-pending"
    step(two, agreement, ITEMS, count).results()


def test_a_refusal_is_told_and_stands_for_a_while(two: Nodes) -> None:
    agreement = agreed(two, {"items": "person"})
    assert refused_codes(step(two, agreement, ITEMS))[1] == "approval-pending"
    (waiting,) = requests.inbox(two[1])
    requests.refuse(two[1], waiting.request, "not in this case")
    assert refused_codes(step(two, agreement, ITEMS)) == ("approval-refused", "approval-refused")
    assert requests.inbox(two[1]) == []


def test_an_unattended_initiator_needs_a_persons_decision_too(two: Nodes) -> None:
    agreement = agreed(two, {"items": "person"})
    at_work, two[0].actor = two[0].actor, RULE_ACTOR
    with pytest.raises(errors.StateError) as caught:
        step(two, agreement, ITEMS)
    assert caught.value.code == "approval-needed"
    assert "psihash approve" in caught.value.hint
    two[0].actor = at_work
    assert ladder.approve_all(two[0]) == 1
    two[0].actor = RULE_ACTOR
    assert refused_codes(step(two, agreement, ITEMS))[1] == "approval-pending"
    ladder.approve_all(two[1])
    step(two, agreement, ITEMS).results()


# -- what cannot be built on ---------------------------------------------------------------------


def initiator_code(two: Nodes, *arguments: object) -> str:
    with pytest.raises(errors.PsihashError) as caught:
        step(two, *arguments)  # type: ignore[arg-type]
    return caught.value.code


def test_what_cannot_be_built_on_is_refused_by_name_here(two: Nodes) -> None:
    agreement, another = agreed(two), agreed(two)
    count, items = climb(two, agreement, COUNT, ITEMS)
    assert initiator_code(two, another, ITEMS, count) == "unknown-previous"
    assert initiator_code(two, agreement, ITEMS, items) == "not-a-climb"
    assert initiator_code(two, agreement, COUNT, items) == "not-a-climb"
    ladder.erase(two[0], count.session)
    assert initiator_code(two, agreement, ITEMS, count) == "previous-erased"


def test_a_session_that_did_not_complete_cannot_be_built_on(two: Nodes) -> None:
    agreement = agreed(two)
    broken = step(two, agreement, COUNT)
    while broken.parties[1].deal is None:
        broken.pair.call()
    broken.pair.cut()
    session = broken.parties[0].session
    assert session is not None
    from psihash.node.running import climbing

    with pytest.raises(errors.RefusedError) as caught:
        climbing.receipt_of(two[0], session.hex())
    assert caught.value.code == "unknown-previous"


def test_a_result_that_the_other_side_erased_cannot_be_built_on(two: Nodes) -> None:
    agreement = agreed(two)
    (count,) = climb(two, agreement, COUNT)
    ladder.erase(two[1], count.session)
    before = [ladder.charged(node) for node in two]
    assert refused_codes(step(two, agreement, ITEMS, count)) == (
        "previous-erased",
        "previous-erased",
    )
    assert [ladder.charged(node) for node in two] == before


def test_what_was_removed_since_is_not_offered_again(two: Nodes) -> None:
    agreement = agreed(two)
    (count,) = climb(two, agreement, COUNT)
    ladder.replace_list(two[1], "theirs", range(21, 60))
    assert refused_codes(step(two, agreement, ITEMS, count)) == (
        "declined",
        "snapshot-erased-items",
    )
    ladder.replace_list(two[0], "ours", range(29))
    assert initiator_code(two, agreement, ITEMS, count) == "snapshot-erased-items"
    result, _ = step(two, agreement, ITEMS).results()
    assert result.matched_items == 8


def test_a_collection_that_an_item_came_into_later_is_not_told(two: Nodes) -> None:
    """The climb shows what was committed to, labels and records included."""
    hold(two[1], "late", [row(900, MD5)])
    agreement = agree(*two, ["ours"], ["theirs", "late"], rung=RECORDS)
    (count,) = climb(two, agreement, COUNT)
    hold(two[1], "late", [row(number, MD5) for number in range(20, 30)])
    result = step(two, agreement, RECORDS, count).results()[0]
    assert {name for item in result.items for name in item.peer_collections} == {"theirs"}
    after = meet(*two, agreement, RECORDS).results()[0]
    assert {name for item in after.items for name in item.peer_collections} == {"theirs", "late"}


def test_trees_that_have_grown_stay_grown(two: Nodes) -> None:
    agreement = agreed(two)
    (count,) = climb(two, agreement, COUNT)
    hold(two[0], "ours", [row(number, MD5) for number in range(200, 260)])
    carry_annexes(*two)
    climb(two, agreement, COUNT)
    peer = two[1].stores.commitments
    (offered,) = two[0].stores.agreements.offered(agreement.id)
    place = (agreement.id, two[0].agency, offered.opaque_id, AlgorithmId.MD5)
    grown = peer.peer_root(*place)
    own = CommitmentKey(agreement.id, offered.opaque_id, AlgorithmId.MD5)
    size = two[0].stores.commitments.get(own).size
    step(two, agreement, ITEMS, count).results()
    assert peer.peer_root(*place) == grown
    assert two[0].stores.commitments.get(own).size == size
    climb(two, agreement, COUNT)


def test_the_other_side_may_open_the_climb(two: Nodes) -> None:
    agreement = agreed(two)
    (count,) = climb(two, agreement, COUNT)
    result, _ = step((two[1], two[0]), agreement, ITEMS, count).results()
    assert result.matched_items == 10
