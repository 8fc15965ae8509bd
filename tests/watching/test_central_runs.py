"""Watches against a real centre in one process: what they find, and what a process that dies at
any commit leaves."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from psihash.node.casework import hits
from psihash.node.central import member
from psihash.node.central.outcome import RunOutcome, RunState
from psihash.node.node import Node
from psihash.node.watching import found_hits, running, watches
from psihash.node.watching.running import Runner
from psihash.node.watching.watches import Draft
from psihash.storage.tables import leases
from psihash.storage.watches import WatchRow, WatchRunState
from tests.central.conftest import homes, two
from tests.central.meeting import MD5, Meeting, put, verdict
from tests.central.test_kill import Copying, copied, survived
from tests.central.wire import line
from tests.session.lists import digest

__all__ = ["copied", "homes", "two"]

Two = tuple[Node, Node]
KNOWN = verdict("1", identified=True, series="Alpha")


def over(centre: Node) -> Runner:
    """``member.run`` without a network."""

    def run(
        node: Node,
        peer: str,
        agreement: str,
        collections: Sequence[str],
        *,
        since: RunState | None,
        progress: member.Progress | None = None,
    ) -> RunOutcome:
        assert peer == centre.agency
        channel = line(node, centre)
        return member.run_over(node, channel, agreement, collections, since=since)

    return run


def add(meeting: Meeting) -> WatchRow:
    draft = Draft(
        meeting.centre.agency, meeting.agreement.id, ["ours"], "0 2 * * *", "Europe/Brussels"
    )
    return watches.add(meeting.member, draft)


@pytest.fixture
def meeting(two: Two) -> Meeting:
    put(two[0], "theirs", range(60), KNOWN)
    put(two[1], "ours", range(30, 90))
    made = Meeting.of(*two)
    made.publish()
    return made


def test_a_watch_finds_what_there_is(meeting: Meeting) -> None:
    node, run = meeting.member, over(meeting.centre)
    watch = add(meeting)
    first = running.run_now(node, watch.id, runner=run)
    assert (first.matched_items, first.new_items, first.epoch, first.delta) == (30, 30, 1, 0)
    put(meeting.centre, "theirs", range(50), KNOWN, replace=True)
    put(meeting.centre, "theirs", range(80, 95))
    meeting.publish()
    second = running.run_now(node, watch.id, runner=run)
    assert (second.matched_items, second.new_items, second.gone_items) == (30, 10, 10)
    views = hits.listing(node, watch.id)
    expected = {digest(MD5, number).hex() for number in [*range(30, 50), *range(80, 90)]}
    assert {view.digests["md5"] for view in views} == expected
    assert {view.collections[0] for view in views} == {"ours"}
    assert sum(view.identified_there_open_here for view in views) == 20
    assert all(view.identified_there_open_here for view in views[:20])


def test_each_run_is_charged_on_both_sides(meeting: Meeting) -> None:
    watch = add(meeting)
    for _ in range(3):
        running.run_now(meeting.member, watch.id, runner=over(meeting.centre))
    since = "2000-01-01T00:00:00Z"
    for node in (meeting.member, meeting.centre):
        totals = node.stores.ledger.totals(since, agreement=meeting.agreement.id)
        assert (totals.sessions, totals.runs) == (3, 3)
        assert totals.elements > 0


def test_two_watches_under_one_agreement_do_not_disturb_each_other(meeting: Meeting) -> None:
    node, run = meeting.member, over(meeting.centre)
    one, other = add(meeting), add(meeting)
    for watch in (one, other, one, other):
        done = running.run_now(node, watch.id, runner=run)
        assert done.matched_items == 30
    for watch in (one, other):
        held = node.stores.watches.find(watch.id)
        assert held is not None
        assert len(list(found_hits.of_watch(node, held))) == 30
    assert [run.new_items for run in node.stores.watches.runs(other.id)] == [0, 30]


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.soak)])
def test_a_member_that_dies_at_any_commit_of_a_run(
    meeting: Meeting, copied: Copying, step: int
) -> None:
    """The state is the one before or after, and the next process carries the run out."""
    watch = add(meeting)
    running.run_now(meeting.member, watch.id, runner=over(meeting.centre))
    put(meeting.centre, "theirs", [*range(50), *range(80, 95)], replace=True)
    put(meeting.member, "ours", range(10))
    meeting.publish()
    copied.keep(meeting.member)
    copied.keep(meeting.centre)
    for commits in range(0, 100, step):
        centre, node = (copied.again(which) for which in (0, 1))
        run = over(centre)

        def work(node: Node = node, run: Runner = run) -> None:
            running.run_now(node, watch.id, runner=run)

        done = survived(work, node.stores.database, commits)
        node.close()
        node = copied.open(node.home)  # as after a restart
        held = node.stores.watches.find(watch.id)
        assert held is not None
        standing = len(list(found_hits.of_watch(node, held)))
        after = node.stores.watches.opened(watch.id) is None and held.new_items == 20
        said = (held.matched_items, held.new_items, standing)
        assert said == ((40, 20, 40) if after else (30, 30, 30))
        assert after or not done
        assert found_hits.state(node, held) is not None
        # The leases are of this process, which lives; those of a dead one are taken (test_race).
        with node.stores.database.transaction() as connection:
            connection.execute(leases.update().values(expires=""))
        if node.stores.watches.opened(watch.id) is not None:
            again = running.run_due(node, watch.id, run)
            assert again is not None
            assert (again.state, again.code, again.attempts) == (WatchRunState.DONE, "", 2)
            assert (again.matched_items, again.new_items, again.gone_items) == (40, 20, 10)
        states = [run.state for run in node.stores.watches.runs(watch.id)]
        assert set(states) == {WatchRunState.DONE}
        assert len(states) in (1, 2)
        node.close()
        centre.close()
        if done:
            assert len(states) == 2
            assert commits > 8
            return
    raise AssertionError("a run never came to its end")
