"""What is given and then left: parts that never come, decisions that nobody takes; and the line
that a centre reports."""

from __future__ import annotations

import datetime as dt
import json

from click.testing import CliRunner, Result
from psihash_client.main import cli

from psihash.node.central import taking_in
from psihash.node.peering import contact
from psihash.node.people import requests
from psihash.node.watching import contributing
from psihash.storage.contributions import ContributionState
from tests.central.conftest import homes, two
from tests.central.meeting import LaterClock, Meeting
from tests.session.nodes import carry
from tests.watching.test_contributions import holds, local, meeting, numbers, state, taken, watched

__all__ = ["homes", "meeting", "two"]


def later(meeting: Meeting, days: int) -> None:
    for node in (meeting.centre, meeting.member):
        node.clock = LaterClock(dt.timedelta(days=days))


def test_what_nobody_decides_is_let_go(meeting: Meeting) -> None:
    member, centre = meeting.member, meeting.centre
    row = contributing.give(member, watched(meeting))
    assert carry(member, centre) == []
    assert len(requests.inbox(centre)) == 1
    later(meeting, 30)
    assert taking_in.drop_old(centre) == 0
    later(meeting, 32)
    assert requests.inbox(centre) == []
    assert taking_in.drop_old(centre) == 1
    kept = centre.stores.contributions.find_taken(member.agency, row.id)
    assert kept is not None
    assert (kept.state, kept.sealed_key) == (ContributionState.REFUSED, None)
    assert centre.stores.contributions.parts(member.agency, row.id) == {}
    erased = [each for each in local(centre, "erasure") if each.get("what") == "contribution"]
    assert [each["document"] for each in erased] == [row.id]
    assert taking_in.drop_old(centre) == 0
    assert carry(member, centre) == []
    assert state(member) is ContributionState.REFUSED  # and may be given again
    assert holds(centre, "theirs") == numbers(range(60))


def test_what_never_comes_whole_is_let_go(meeting: Meeting) -> None:
    member, centre = meeting.member, meeting.centre
    row = contributing.give(member, watched(meeting))
    waiting = [body for _, body in contact.outgoing(member, centre.agency)]
    assert not any(contact.take(centre, member.agency, waiting[:-1]))
    assert len(centre.stores.contributions.parts(member.agency, row.id)) == 2
    assert requests.inbox(centre) == []
    later(meeting, 32)
    assert taking_in.drop_old(centre) == 1
    assert centre.stores.contributions.parts(member.agency, row.id) == {}
    assert carry(member, centre) == []  # the last part comes too late, and is no fault
    assert requests.inbox(centre) == []
    assert state(member) is ContributionState.REFUSED


def told(meeting: Meeting, *words: str) -> Result:
    home = ["--home", str(meeting.centre.home)]
    return CliRunner().invoke(cli, [*home, *words[:-2], "central", "contributions", *words[-2:]])


def test_the_command_says_what_members_gave(meeting: Meeting) -> None:
    nothing = {"members": 0, "contributions": 0, "new_collections": 0, "added_to": 0, "items": 0}
    words = ("--since", "2000-01-01T00:00:00Z")
    assert json.loads(told(meeting, "--json", *words).stdout) == nothing
    contributing.give(meeting.member, watched(meeting))
    assert carry(meeting.member, meeting.centre) == []
    assert json.loads(told(meeting, "--json", *words).stdout) == nothing  # nobody decided
    (asked,) = requests.inbox(meeting.centre)
    requests.approve(meeting.centre, asked.request, "fits")
    found = {"members": 1, "contributions": 1, "new_collections": 1, "added_to": 1, "items": 50}
    assert json.loads(told(meeting, "--json", *words).stdout) == found
    assert told(meeting, *words).stdout == "1 new collection, additions to 1, from 1 member.\n"
    words = ("--since", "2099-01-01T00:00:00Z")
    assert json.loads(told(meeting, "--json", *words).stdout) == nothing
    assert told(meeting, "--since", "yesterday").exit_code != 0


def test_given_twice_counts_once(meeting: Meeting) -> None:
    """What was taken in is not new any more, and the next plan has nothing of it."""
    contributing.give(meeting.member, watched(meeting))
    taken(meeting)
    before = taking_in.figures(meeting.centre)
    assert taking_in.finish(meeting.centre) == 0
    assert taking_in.figures(meeting.centre) == before
