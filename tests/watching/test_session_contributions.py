"""A contribution by what a session said, in place of a watch."""

from __future__ import annotations

import pytest

from psihash import errors
from psihash.casework.contribution import GivenAs
from psihash.node.central import setting_up
from psihash.node.node import Node
from psihash.node.people import requests
from psihash.node.records import sealed
from psihash.node.watching import contributing, planning
from psihash.storage.contributions import ContributionState
from psihash.terms import Learn, Rung
from tests.central.conftest import homes, two
from tests.central.meeting import Meeting, put, verdict
from tests.session.nodes import agree, carry, carry_annexes, meet
from tests.watching.test_contributions import holds, local, numbers, state, taken

__all__ = ["homes", "two"]

Two = tuple[Node, Node]
KNOWN = verdict("1", identified=True, series="Alpha")


def matched(two: Two, rung: Rung, learn: Learn = Learn.BOTH) -> tuple[Meeting, str]:
    """The centre holds 0..59 and, elsewhere, 200..209; the member 40..79 in ``old`` and 100..129 in
    ``new``. Both have had a session."""
    centre, own = two
    put(centre, "theirs", range(60), KNOWN)
    put(centre, "others", range(200, 210), KNOWN)
    put(own, "old", range(40, 80), verdict("2", series="Beta"))
    put(own, "new", range(100, 130), KNOWN)
    names = ["theirs", "others"]
    agreement = agree(own, centre, ["old", "new"], names, rung=rung, learn=learn)
    setting_up.init(centre)
    carry_annexes(own, centre)
    session, _ = meet(own, centre, agreement).results()
    return Meeting(centre, own, agreement), session.session


@pytest.mark.parametrize("rung", [Rung.ITEMS, Rung.RECORDS])
def test_what_the_session_did_not_find_is_given(two: Two, rung: Rung) -> None:
    meeting, session = matched(two, rung)
    member, centre = meeting.member, meeting.centre
    # What came since was never asked about, so nobody knows whether the centre has it.
    put(member, "old", range(200, 205))
    plans = {each.collection: each for each in planning.plan(member, session[:12]).plans}
    old, new = plans["old"], plans["new"]
    assert (new.given_as, new.known, len(new.items)) == (GivenAs.NEW, 0, 30)
    assert (old.held, old.known, len(old.items)) == (45, 20, 20)
    assert old.given_as is (GivenAs.ADDITION if old.to else GivenAs.NEW)
    row = contributing.give(member, session[:12])
    assert (row.watch, row.items) == (session, 50)
    (sent,) = local(member, "contribution")
    assert (sent["session"], sent["step"]) == (session, "sent")
    taken(meeting)
    assert state(member) is ContributionState.TAKEN
    if old.to:
        assert holds(centre, "theirs") == numbers(range(80))
    assert holds(centre, f"new ({member.agency})") == numbers(range(100, 130))


def test_at_records_it_goes_to_the_collection_that_was_named(two: Two) -> None:
    meeting, session = matched(two, Rung.RECORDS)
    plans = {each.collection: each for each in planning.plan(meeting.member, session).plans}
    assert plans["old"].given_as is GivenAs.ADDITION
    contributing.give(meeting.member, session, ["old"])
    assert carry(meeting.member, meeting.centre) == []
    (asked,) = requests.inbox(meeting.centre)
    _, page = requests.page(meeting.centre, asked.request)
    assert "an addition to 'theirs'" in " ".join(text for _, text in page)


def test_a_session_that_does_not_tell_is_refused(two: Two) -> None:
    meeting, session = matched(two, Rung.COUNT)
    with pytest.raises(errors.StateError) as caught:
        contributing.give(meeting.member, session)
    assert caught.value.code == "no-hits"
    with pytest.raises(errors.NotFoundError):
        planning.plan(meeting.member, "0" * 12)


def test_nor_is_one_whose_set_is_gone(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    meeting, session = matched(two, Rung.ITEMS)
    get = sealed.get
    monkeypatch.setattr(
        sealed,
        "get",
        lambda node, of, name: None if name == sealed.SNAPSHOT else get(node, of, name),
    )
    with pytest.raises(errors.StateError) as caught:
        contributing.give(meeting.member, session)
    assert caught.value.code == "session-set-gone"


def test_what_was_not_matched_is_not_given(two: Two) -> None:
    meeting, session = matched(two, Rung.ITEMS)
    put(meeting.member, "other", range(900, 905))
    with pytest.raises(errors.NotFoundError) as caught:
        contributing.give(meeting.member, session, ["other"])
    assert caught.value.code == "not-watched"
