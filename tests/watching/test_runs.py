"""Standing queries: each slot is run once, missed ones as one, and a run is all or nothing."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Any

import pytest
import sqlalchemy as sa

from psihash import errors
from psihash.casework.words import HitVerdict
from psihash.node import leasing
from psihash.node.casework import hits
from psihash.node.clock import seconds
from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.node.watching import found_hits, keeping, running, watches
from psihash.node.watching.scheduler import Scheduler
from psihash.node.watching.watches import Draft
from psihash.storage import tables_watch
from psihash.storage.watches import RunKind, RunRow, WatchRow, WatchRunState, WatchState
from tests.watching.centre import Centre, Clock, md5, reference

PEER = "be-police"


def add(node: Node, agreement: str, cron: str = "30 * * * *", **more: Any) -> WatchRow:
    return watches.add(node, Draft(PEER, agreement, ["cases"], cron, "Europe/Brussels", **more))


def look(node: Node, centre: Centre) -> None:
    """What a process does every few seconds, to its end."""
    scheduler = Scheduler(node, centre)
    try:
        scheduler.look()
        scheduler.settle()
    finally:
        scheduler.close()


def runs(node: Node, watch: WatchRow) -> list[RunRow]:
    """Oldest first."""
    return node.stores.watches.runs(watch.id)[::-1]


def now(node: Node) -> WatchRow:
    (row,) = node.stores.watches.all()
    return row


def steps(node: Node, event: str) -> list[str]:
    return [entry["local"]["step"] for entry in auditing.show(node) if entry["event"] == event]


def code(caught: pytest.ExceptionInfo[errors.PsihashError]) -> str:
    return caught.value.code


def unreachable() -> None:
    raise errors.UnavailableError("peer-unreachable", "the connection was lost")


def lying() -> None:
    raise errors.VerificationError("wrong-author", "the proof does not hold")


class Killed(BaseException):
    """What a process that dies leaves undone, without the process."""


def test_a_slot_is_run_once(node: Node, clock: Clock, agreement: str) -> None:
    centre, watch = Centre(1, 2), add(node, agreement)
    look(node, centre)
    assert centre.calls == []
    clock.ahead(minutes=30)
    for _ in range(3):
        look(node, centre)
    assert len(centre.calls) == 1
    (run,) = runs(node, watch)
    assert (run.state, run.kind, run.attempts) == (WatchRunState.DONE, RunKind.SLOT, 1)
    assert (run.matched_items, run.new_items, run.asked) == (2, 2, 64)
    assert run.slot == run.first_slot
    clock.ahead(hours=1)
    centre.holds.add(3)
    look(node, centre)
    assert [run.new_items for run in runs(node, watch)] == [2, 1]
    assert centre.calls[1] is not None
    assert centre.calls[1].references() == {reference(1), reference(2)}
    assert steps(node, "watch-run") == ["begun", "done"] * 2


def test_what_was_missed_is_caught_up_as_one(node: Node, clock: Clock, agreement: str) -> None:
    centre, watch = Centre(1), add(node, agreement)
    clock.ahead(hours=5)
    look(node, centre)
    look(node, centre)
    (run,) = runs(node, watch)
    first, last = (dt.datetime.fromisoformat(text) for text in (run.first_slot, run.slot))
    assert last - first == dt.timedelta(hours=4)
    assert len(centre.calls) == 1


def test_a_run_that_takes_longer_than_its_interval_overlaps_none(
    node: Node, clock: Clock, agreement: str
) -> None:
    centre, watch = Centre(1), add(node, agreement, "* * * * *")
    clock.ahead(minutes=1)
    others: list[RunRow | None] = []

    def meanwhile() -> None:
        centre.before = lambda: None
        clock.ahead(minutes=4)
        others.append(running.run_due(node, watch.id, centre))
        with pytest.raises(errors.StateError) as caught:
            running.run_now(node, watch.id, runner=centre)
        assert code(caught) == leasing.ALREADY_RUNNING

    centre.before = meanwhile
    look(node, centre)
    assert others == [None]
    assert len(centre.calls) == 1
    look(node, centre)
    first, second = runs(node, watch)
    assert first.state is second.state is WatchRunState.DONE
    assert second.first_slot < second.slot


def test_the_schema_itself_refuses_a_second_open_run(
    node: Node, clock: Clock, agreement: str
) -> None:
    watch = add(node, agreement)

    def opened() -> RunRow:
        slot, kind = node.stamp(), RunKind.SLOT
        return RunRow(watch.id, slot, slot, kind, WatchRunState.OPEN, slot, attempts=1)

    node.stores.watches.open_run(opened())
    clock.ahead(hours=1)
    with pytest.raises(errors.StorageError):
        node.stores.watches.open_run(opened())


def test_a_run_that_died_is_carried_out_again(node: Node, clock: Clock, agreement: str) -> None:
    centre, watch = Centre(1, 2), add(node, agreement)
    clock.ahead(minutes=30)

    def die() -> None:
        raise Killed

    centre.before = die
    with pytest.raises(Killed):
        running.run_due(node, watch.id, centre)
    assert runs(node, watch)[0].state is WatchRunState.OPEN
    assert now(node).sealed_state is None
    centre.before = lambda: None
    look(node, centre)
    (run,) = runs(node, watch)
    assert (run.state, run.attempts, run.new_items) == (WatchRunState.DONE, 2, 2)
    assert steps(node, "watch-run") == ["begun", "tried-again", "done"]


def test_who_lost_the_lease_changes_nothing(node: Node, clock: Clock, agreement: str) -> None:
    centre, watch = Centre(1, 2), add(node, agreement)
    clock.ahead(minutes=30)
    elsewhere = Centre(1, 2, 3)

    def stall() -> None:
        centre.before = lambda: None
        clock.ahead(minutes=6)
        assert running.run_due(node, watch.id, elsewhere) is not None

    centre.before = stall
    taken = running.claim(node, watch.id)
    assert taken is not None
    with pytest.raises(errors.StateError) as caught:
        running.carry_out(node, taken, centre)
    assert code(caught) == "lease-lost"
    (run,) = runs(node, watch)
    assert (run.state, run.matched_items, run.attempts) == (WatchRunState.DONE, 3, 2)


def test_a_centre_out_of_reach_is_tried_again(node: Node, clock: Clock, agreement: str) -> None:
    centre, watch = Centre(1), add(node, agreement)
    clock.ahead(minutes=30)
    centre.before = unreachable
    look(node, centre)
    look(node, centre)
    (run,) = runs(node, watch)
    assert (run.state, run.code, run.attempts) == (WatchRunState.OPEN, "peer-unreachable", 1)
    for _ in range(30):
        clock.ahead(minutes=1)
        look(node, centre)
    assert len(centre.calls) == 5  # after 1, 2, 5 and 15 minutes
    centre.before = lambda: None
    clock.ahead(minutes=15)
    look(node, centre)
    (run,) = runs(node, watch)
    assert (run.state, run.attempts, run.code) == (WatchRunState.DONE, 6, "")
    assert now(node).last_code == ""


@pytest.mark.parametrize("theirs", ["store-failed", "store-locked", "disk-full"])
def test_a_centre_whose_store_is_away_is_tried_again(
    node: Node, clock: Clock, agreement: str, theirs: str
) -> None:
    def away() -> None:
        raise errors.PeerError(theirs, "the peer answered")

    centre, watch = Centre(1), add(node, agreement)
    clock.ahead(days=1)
    centre.before = away
    look(node, centre)
    (run,) = runs(node, watch)
    assert (run.state, run.code) == (WatchRunState.OPEN, theirs)
    centre.before = lambda: None
    clock.ahead(minutes=1)
    look(node, centre)
    (run,) = runs(node, watch)
    assert (run.state, run.attempts, run.code) == (WatchRunState.DONE, 2, "")


def test_a_centre_that_lies_ends_the_run_loudly(node: Node, clock: Clock, agreement: str) -> None:
    centre, watch = Centre(1), add(node, agreement)
    clock.ahead(minutes=30)
    look(node, centre)
    centre.before = lying
    clock.ahead(hours=1)
    look(node, centre)
    look(node, centre)
    done, failed = runs(node, watch)
    assert (failed.state, failed.code) == (WatchRunState.FAILED, "wrong-author")
    assert failed.matched_items is None
    held = now(node)
    assert (held.last_code, held.matched_items) == ("wrong-author", 1)
    assert len(list(found_hits.of_watch(node, held))) == 1
    clock.ahead(hours=1)
    centre.before = lambda: None
    look(node, centre)
    assert centre.calls[-1] is not None
    assert now(node).last_code == ""
    assert done.state is WatchRunState.DONE


def test_a_fault_of_our_own_ends_the_run_too(node: Node, clock: Clock, agreement: str) -> None:
    centre, watch = Centre(1), add(node, agreement)
    clock.ahead(minutes=30)

    def fault() -> None:
        raise ZeroDivisionError(md5(1))

    centre.before = fault
    look(node, centre)
    (run,) = runs(node, watch)
    assert (run.state, run.code) == (WatchRunState.FAILED, "internal")
    assert md5(1) not in str(list(auditing.show(node)))


def test_a_person_runs_it_at_once(node: Node, clock: Clock, agreement: str) -> None:
    centre, watch = Centre(1, 2), add(node, agreement)
    first = running.run_now(node, watch.id[:8], runner=centre)
    second = running.run_now(node, watch.id, runner=centre)
    assert (first.matched_items, first.new_items) == (2, 2)
    assert (second.matched_items, second.new_items) == (2, 0)
    assert first.slot != second.slot
    clock.ahead(minutes=30)
    look(node, centre)
    kinds = [run.kind for run in runs(node, watch)]
    assert kinds == [RunKind.MANUAL, RunKind.MANUAL, RunKind.SLOT]
    centre.before = unreachable
    with pytest.raises(errors.UnavailableError):
        running.run_now(node, watch.id, runner=centre)
    assert runs(node, watch)[-1].state is WatchRunState.FAILED


def test_hits_that_stand_no_more_go(node: Node, clock: Clock, agreement: str) -> None:
    centre, watch = Centre(1, 2, 3), add(node, agreement)
    running.run_now(node, watch.id, runner=centre)
    kept = {row.reference: row.sealed for row in node.stores.watch_hits.of(watch.id)}
    centre.holds -= {2}
    centre.holds |= {4}
    clock.ahead(minutes=1)
    run = running.run_now(node, watch.id, runner=centre)
    assert (run.matched_items, run.new_items, run.gone_items) == (3, 1, 1)
    rows = {row.reference: row for row in node.stores.watch_hits.of(watch.id)}
    assert rows.keys() == {reference(n) for n in (1, 3, 4)}
    # What did not change is not written again.
    assert rows[reference(1)].sealed == kept[reference(1)]
    assert rows[reference(1)].since < rows[reference(4)].since


def test_hits_of_a_watch_wait_for_a_person(node: Node, clock: Clock, agreement: str) -> None:
    watch = add(node, agreement)
    running.run_now(node, watch.id, runner=Centre(1, 2))
    views = hits.listing(node, None, unconfirmed=True)
    assert {view.digests["md5"] for view in views} == {md5(1), md5(2)}
    assert {(view.session, view.peer, view.status) for view in views} == {
        (watch.id, PEER, "unconfirmed")
    }
    ref = reference(1)[:8]
    (said,) = hits.decide(node, watch.id[:9], [ref], HitVerdict.CONFIRMED, "same picture")
    assert said.status == "confirmed"
    assert len(hits.listing(node, watch.id, unconfirmed=True)) == 1
    assert md5(1) not in str(list(auditing.show(node)))


def test_nothing_of_a_hit_lies_open_in_the_store(node: Node, clock: Clock, agreement: str) -> None:
    watch = add(node, agreement)
    running.run_now(node, watch.id, runner=Centre(1))
    with node.stores.database.reading() as connection:
        rows = str(connection.execute(sa.select(tables_watch.watch_hits)).all())
        rows += str(connection.execute(sa.select(tables_watch.watches)).all())
    assert md5(1) not in rows
    assert repr(bytes.fromhex(md5(1)))[2:-1] not in rows


def test_pause_and_resume(node: Node, clock: Clock, agreement: str) -> None:
    centre, watch = Centre(1), add(node, agreement)
    watches.pause(node, watch.id)
    clock.ahead(hours=3)
    look(node, centre)
    assert centre.calls == []
    watches.resume(node, watch.id)
    look(node, centre)
    assert centre.calls == []
    clock.ahead(hours=1)
    look(node, centre)
    assert len(centre.calls) == 1
    with pytest.raises(errors.StateError):
        watches.resume(node, watch.id)


def test_a_watch_expires(node: Node, clock: Clock, agreement: str) -> None:
    centre = Centre(1)
    day = f"{clock.now() + dt.timedelta(days=2):%Y-%m-%d}"
    watch = add(node, agreement, "30 12 * * *", until=day)
    clock.ahead(days=1)
    look(node, centre)
    assert len(centre.calls) == 1
    clock.ahead(days=3)
    look(node, centre)
    # What was missed is not made up for once its time is over.
    assert len(centre.calls) == 1
    assert now(node).state is WatchState.EXPIRED
    assert watches.listing(node) == []
    assert watches.listing(node, everything=True)[0].state == "expired"
    with pytest.raises(errors.StateError):
        running.run_now(node, watch.id, runner=centre)


def test_a_run_that_was_left_is_not_carried_out_after_the_end(
    node: Node, clock: Clock, agreement: str
) -> None:
    centre, watch = Centre(1), add(node, agreement, until=f"{clock.now():%Y-%m-%d}")
    clock.ahead(minutes=30)
    centre.before = unreachable
    look(node, centre)
    clock.ahead(days=3)
    for _ in range(2):
        look(node, centre)
    (run,) = runs(node, watch)
    assert (run.state, run.code, len(centre.calls)) == (WatchRunState.FAILED, "watch-over", 1)
    assert now(node).state is WatchState.EXPIRED


def test_a_watch_that_was_removed_while_it_ran_leaves_nothing(
    node: Node, clock: Clock, agreement: str
) -> None:
    centre, watch = Centre(1), add(node, agreement)
    clock.ahead(minutes=30)

    def removing() -> None:
        watches.remove(node, watch.id)

    centre.before = removing
    look(node, centre)
    assert node.stores.watch_hits.of(watch.id) == []
    assert node.stores.watches.opened(watch.id) is None
    with pytest.raises(errors.StateError) as caught:
        running.run_now(node, watch.id, runner=centre)
    assert code(caught) == "watch-over"


def test_hits_end_with_the_retention(node: Node, clock: Clock, agreement: str) -> None:
    watch = add(node, agreement)
    running.run_now(node, watch.id, runner=Centre(1, 2))
    watches.remove(node, watch.id)
    assert keeping.erase_due(node) == 0
    assert len(hits.listing(node, watch.id)) == 2
    clock.ahead(days=4_000)
    assert keeping.erase_due(node) == 1
    assert node.stores.watch_hits.of(watch.id) == []
    held = node.stores.watches.find(watch.id)
    assert held is not None
    assert held.sealed_key is None
    assert keeping.erase_due(node) == 0
    assert hits.listing(node, None) == []


def test_what_is_wrong_is_refused(node: Node, clock: Clock, agreement: str) -> None:
    good: dict[str, Any] = asdict(Draft(PEER, agreement, ["cases"], "0 2 * * *", "Europe/Brussels"))
    for change, expected in (
        ({"cron": "0 25 * * *"}, "bad-cron"),
        ({"zone": "Europe/Nowhere"}, "bad-zone"),
        ({"zone": "../../etc/passwd"}, "bad-zone"),
        ({"zone": ""}, "bad-zone"),
        ({"until": "2020-01-01"}, "bad-until"),
        ({"until": "soon"}, "bad-until"),
        ({"until": "2099-01-01"}, "bad-until"),
        ({"collections": []}, "no-collections"),
        ({"collections": ["none"]}, "unknown-collection"),
        ({"peer": "xx-police"}, "unknown-peer"),
        ({"agreement": "0" * 64}, "agreement-unknown"),
    ):
        with pytest.raises(errors.PsihashError) as caught:
            watches.add(node, Draft(**(good | change)))
        assert code(caught) == expected, change
    with pytest.raises(errors.NotFoundError):
        watches.pause(node, "w00000")


def test_the_log_says_what_a_run_was(node: Node, clock: Clock, agreement: str) -> None:
    watch = add(node, agreement)
    running.run_now(node, watch.id, runner=Centre(1))
    *_, entry = auditing.show(node)
    last = entry["local"]
    assert (last["watch"], last["peer"], last["agreement"]) == (watch.id, PEER, agreement)
    assert (last["matched_items"], last["asked"], last["step"]) == (1, 64, "done")
    assert last["slot"][:19] == seconds(clock.now())[:19]
