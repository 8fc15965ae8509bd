"""Whole runs of a member against a centre, held against the computation in clear."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pytest

from psihash import errors
from psihash.agreement.approvals import PERSON
from psihash.agreement.vocabulary import OpenedBy
from psihash.central.manifest import MANIFEST_EXPIRED
from psihash.hashset.model import Verdict
from psihash.node.central import publishing, setting_up
from psihash.node.central.centre import EPOCH_OVER
from psihash.node.lists import holdings
from psihash.node.node import Node
from psihash.terms import Learn, Rung
from tests.central.meeting import MD5, SHA1, LaterClock, Meeting, put, verdict
from tests.session.nodes import agree

Two = tuple[Node, Node]
Listed = tuple[str, Iterable[int], Verdict | None]


def test_nightly_life_of_a_query(pair: Two) -> None:
    """First run, delta with additions and removals, rotation and erasure: hits and labels are
    those of the clear text each time."""
    _nights(*pair)


def test_nightly_life_of_a_member_on_postgresql(member_on_postgres: Two) -> None:
    _nights(*member_on_postgres)


def _nights(centre: Node, own: Node) -> None:
    known = verdict("1", identified=True, series="Alpha")
    put(centre, "theirs", range(3_000), known)
    put(centre, "more", range(2_500, 3_500))
    put(own, "ours", range(2_000, 4_000))
    meeting = Meeting.of(centre, own)
    assert (meeting.publish().epoch, meeting.run().new_items) == (1, 1_500)
    theirs: list[Listed] = [("theirs", range(3_000), known), ("more", range(2_500, 3_500), None)]
    assert meeting.found() == meeting.expected(range(2_000, 4_000), theirs)

    put(centre, "theirs", range(3_700, 4_700), known)
    put(centre, "more", range(2_500, 3_400), replace=True)
    published = meeting.publish()
    assert (published.delta, published.added, published.removed) == (1, 1_000, 100)
    outcome = meeting.run()
    assert (outcome.matched_items, outcome.new_items) == (1_700, 300)
    theirs = [("theirs", [*range(3_000), *range(3_700, 4_700)], known)]
    theirs += [("more", range(2_500, 3_400), None)]
    assert meeting.found() == meeting.expected(range(2_000, 4_000), theirs)

    publishing.rotate(centre, "test")
    outcome = meeting.run()
    assert (outcome.epoch, outcome.matched_items, outcome.new_items) == (2, 1_700, 0)
    assert meeting.found() == meeting.expected(range(2_000, 4_000), theirs)

    holdings.remove_collection(centre, "more")
    assert setting_up.status(centre).rotation_due is not None
    assert (meeting.publish().reason, setting_up.status(centre).rotation_due) == ("erasure", None)
    outcome = meeting.run()
    assert (outcome.epoch, outcome.matched_items, outcome.new_items) == (3, 1_300, 0)
    assert meeting.found() == meeting.expected(range(2_000, 4_000), theirs[:1])


def test_only_what_is_new_is_asked(two: Two) -> None:
    put(two[0], "theirs", range(1_000))
    put(two[1], "ours", range(900, 1_900))
    meeting = Meeting.of(*two)
    meeting.publish()
    assert meeting.run().asked > 1_000
    quiet = meeting.run()
    assert (quiet.asked, quiet.matched_items, quiet.new_items) == (128 + 4, 100, 0)
    assert "Pages" not in meeting.counts
    put(two[1], "ours", range(20))
    again = meeting.run()
    assert (again.asked, again.matched_items, again.new_items) == (128 + 4, 120, 20)


def test_both_ledgers_and_logs_say_the_same(two: Two) -> None:
    put(two[0], "theirs", range(100))
    put(two[1], "ours", range(50, 150))
    meeting = Meeting.of(*two)
    meeting.publish()
    meeting.run()
    meeting.run()
    rows = [
        [(c.session, c.opaque_id, c.algorithm, c.elements) for c in node.stores.ledger.charges()]
        for node in two
    ]
    assert len(rows[0]) == 2
    assert rows[0] == rows[1]
    shared = [
        [e.shared for e in node.stores.log.entries(0, 10**6) if b'"central-run"' in e.header]
        for node in two
    ]
    assert len(shared[0]) == 2
    assert shared[0] == shared[1]


def test_labels_change_and_items_come_back(two: Two) -> None:
    """An item that gets another label, leaves and returns has a new entry each time."""
    put(two[0], "theirs", range(200))
    put(two[1], "ours", range(100))
    meeting = Meeting.of(*two)
    meeting.publish()
    meeting.run()
    for number in range(4):
        said = verdict(str(number % 2), identified=bool(number % 2))
        put(two[0], "theirs", range(50 if number == 2 else 200), said, replace=True)
        meeting.publish()
        if number != 1:  # one night the member does not come
            meeting.run()
            held = range(50 if number == 2 else 200)
            assert meeting.found() == meeting.expected(range(100), [("theirs", held, said)])


def test_a_member_that_joins_late_has_the_same(two: Two) -> None:
    """All deltas of an epoch at once."""
    put(two[0], "theirs", range(100))
    put(two[1], "ours", range(60))
    meeting = Meeting.of(*two)
    meeting.publish()
    put(two[0], "theirs", range(30, 100), replace=True)
    meeting.publish()
    put(two[0], "theirs", range(10))
    meeting.publish()
    assert meeting.run().matched_items == 40
    held = [*range(10), *range(30, 100)]
    assert meeting.found() == meeting.expected(range(60), [("theirs", held, None)])


def test_items_match_by_any_digest(two: Two) -> None:
    put(two[0], "theirs", range(40), algorithms=(SHA1,))
    put(two[0], "theirs", range(40, 60), algorithms=(MD5,))
    put(two[1], "ours", range(30, 50), algorithms=(MD5, SHA1))
    meeting = Meeting.of(*two, algorithms=(MD5, SHA1))
    meeting.publish()
    outcome = meeting.run()
    assert outcome.matched_items == 20
    assert {hit.item.matched_by for hit in outcome.hits} == {(MD5,), (SHA1,)}


def test_several_collections_under_one_agreement(two: Two) -> None:
    put(two[0], "theirs", range(100))
    put(two[1], "ours", range(50))
    put(two[1], "others", range(40, 120))
    agreement = agree(two[1], two[0], ["ours", "others"], ["theirs"])
    setting_up.init(two[0])
    meeting = Meeting(*two, agreement)
    meeting.publish()
    assert meeting.run("ours").matched_items == 50
    meeting.state = None
    assert meeting.run("others").matched_items == 60
    assert meeting.run("ours", "others").matched_items == 100
    put(two[1], "kept back", range(3))
    with pytest.raises(errors.RefusedError, match="not among those that we offer"):
        meeting.run("kept back")


def test_an_erased_item_of_ours_is_no_hit_any_more(two: Two) -> None:
    put(two[0], "theirs", range(100))
    put(two[1], "ours", range(50))
    meeting = Meeting.of(*two)
    meeting.publish()
    meeting.run()
    put(two[1], "ours", range(20), replace=True)
    outcome = meeting.run()
    assert (outcome.matched_items, outcome.new_items) == (20, 0)


def test_an_old_publication_is_refused(two: Two) -> None:
    put(two[0], "theirs", range(10))
    put(two[1], "ours", range(10))
    meeting = Meeting.of(*two)
    meeting.publish()
    meeting.run()
    two[1].clock = LaterClock(dt.timedelta(days=8))
    with pytest.raises(errors.VerificationError) as caught:
        meeting.run()
    assert caught.value.code == MANIFEST_EXPIRED
    two[0].clock = LaterClock(dt.timedelta(days=8))
    meeting.publish()
    assert meeting.run().matched_items == 10


def test_an_epoch_does_not_grow_old(two: Two) -> None:
    put(two[0], "theirs", range(10))
    put(two[1], "ours", range(10))
    meeting = Meeting.of(*two)
    meeting.publish()
    two[0].clock = LaterClock(dt.timedelta(days=30))
    published = meeting.publish()
    assert (published.epoch, published.reason) == (2, "age")
    secrets = [row.sealed_secrets for row in two[0].stores.central.epochs()]
    assert secrets[0] is None
    assert len(two[0].stores.values.tokens(1)) == 0


def test_a_new_epoch_in_the_middle_of_a_run(two: Two) -> None:
    put(two[0], "theirs", range(100))
    put(two[1], "ours", range(50))
    meeting = Meeting.of(*two)
    meeting.publish()
    rotated: list[publishing.Published] = []

    def tamper(method: str, _request: object, reply: object) -> object:
        if method == "Publications" and not rotated:
            rotated.append(publishing.rotate(two[0], "meanwhile"))
        return reply

    meeting.tamper = tamper
    outcome = meeting.run()
    assert (outcome.epoch, outcome.matched_items) == (2, 50)


def test_nothing_is_published_yet(two: Two) -> None:
    put(two[0], "theirs", range(10))
    put(two[1], "ours", range(10))
    meeting = Meeting.of(*two)
    with pytest.raises(errors.RefusedError) as caught:
        meeting.run()
    assert caught.value.code == EPOCH_OVER


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"rung": Rung.SERIES}, "clause-rung"),
        ({"learn": Learn.RESPONDER}, "clause-learn"),
        ({"opened_by": OpenedBy.OTHER}, "clause-opener"),
        ({"approvals": {Rung.ITEMS: PERSON}}, "central-approval-needed"),
        ({"sessions_per_period": 1}, "clause-sessions"),
        ({"elements_per_period": 200}, "clause-elements"),
    ],
)
def test_what_the_terms_forbid(two: Two, more: dict[str, Any], code: str) -> None:
    put(two[0], "theirs", range(10))
    put(two[1], "ours", range(10))
    meeting = Meeting.of(*two, **more)
    meeting.publish()
    with pytest.raises(errors.RefusedError) as caught:
        _three_times(meeting)
    assert caught.value.code == code


def _three_times(meeting: Meeting) -> None:
    for _ in range(3):
        meeting.run()
