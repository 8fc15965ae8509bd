"""What a member keeps of a central set, and when it goes."""

from __future__ import annotations

import datetime as dt

import pytest

from psihash.central.layout import Part
from psihash.central.publishing import Place
from psihash.node.agreeing import agreements
from psihash.node.central import keeping
from psihash.node.node import Node
from tests.central.meeting import LaterClock, Meeting, put

Two = tuple[Node, Node]


@pytest.fixture
def meeting(two: Two) -> Meeting:
    put(two[0], "theirs", range(60))
    put(two[1], "ours", range(30, 90))
    made = Meeting.of(*two)
    made.publish()
    made.run()
    return made


def pages(meeting: Meeting) -> int:
    place = Place(meeting.centre.agency, 1, 0)
    return meeting.member.stores.publications.held(place, Part.ADDITIONS)


def test_nothing_is_due_while_it_is_in_use(meeting: Meeting) -> None:
    assert keeping.erase_due(meeting.member) == 0
    assert keeping.erase_due(meeting.centre) == 0
    assert pages(meeting) > 0
    assert meeting.run().matched_items == 30


def test_with_the_agreement_goes_all(meeting: Meeting) -> None:
    agreements.revoke(meeting.member, meeting.agreement.id, "over")
    assert keeping.erase_due(meeting.member) == 2
    assert pages(meeting) == 0
    assert meeting.member.stores.copies.agreements() == []
    assert meeting.member.stores.copies.opened(meeting.agreement.id, 1) == []


def test_a_copy_ends_with_its_epoch(meeting: Meeting) -> None:
    """Also where the member never comes again; when it does, it starts anew."""
    meeting.member.clock = LaterClock(dt.timedelta(days=29))
    assert keeping.erase_due(meeting.member) == 0
    meeting.member.clock = LaterClock(dt.timedelta(days=31))
    assert keeping.erase_due(meeting.member) == 1
    assert pages(meeting) == 0
    meeting.centre.clock = meeting.member.clock
    meeting.publish()
    assert meeting.run().matched_items == 30
