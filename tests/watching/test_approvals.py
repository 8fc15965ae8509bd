"""Standing queries where the agency has operators: who asks, who agrees, and what runs then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from psihash import errors
from psihash.agreement.roster import OperatorRole
from psihash.node.node import Actor, Node
from psihash.node.oversight import auditing
from psihash.node.people import operators, requests
from psihash.node.people.roles import LOGIN_REQUIRED, RULE_ACTOR
from psihash.node.watching import news, running, watches
from psihash.node.watching.watches import Draft
from psihash.storage import tables_watch
from psihash.storage.watches import WatchRow, WatchRunState, WatchState
from tests.node import crew
from tests.node.crew import act, employ, password
from tests.watching.centre import Centre, Clock
from tests.watching.test_runs import PEER, code, look, runs


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    crew.quick(monkeypatch)


@pytest.fixture
def staffed(node: Node) -> Node:
    employ(node, (("ada", "admin"), ("ann", "analyst"), ("apo", "approver")))
    act(node, "ada")
    wanted = [OperatorRole.ANALYST, OperatorRole.APPROVER]
    added = operators.add(node, "amy", wanted, password("amy"))
    act(node, "apo")
    requests.approve(node, added.request, "fits")
    return node


def add(node: Node, agreement: str, who: str = "ann") -> WatchRow:
    act(node, who)
    draft = Draft(PEER, agreement, ["cases"], "30 * * * *", "Europe/Brussels")
    return watches.add(node, draft)


def approved(node: Node, agreement: str) -> WatchRow:
    row = add(node, agreement)
    act(node, "apo")
    requests.approve(node, row.request or "", "fits")
    node.actor = RULE_ACTOR
    return row


def held(node: Node) -> WatchRow:
    (row,) = node.stores.watches.all()
    return row


def test_it_runs_when_another_person_has_agreed(
    staffed: Node, clock: Clock, agreement: str
) -> None:
    centre, row = Centre(1), add(staffed, agreement)
    assert row.state is WatchState.WAITING
    clock.ahead(hours=1)
    look(staffed, centre)
    assert centre.calls == []
    with pytest.raises(errors.StateError):
        running.run_now(staffed, row.id, runner=centre)
    act(staffed, "apo")
    _, page = requests.page(staffed, row.request or "")
    text = " ".join(text for _, text in page)
    for word in ("cases", "30 * * * *", "Europe/Brussels", PEER, row.until):
        assert word in text
    requests.approve(staffed, row.request or "", "fits")
    staffed.actor = RULE_ACTOR
    # Slots from before the decision are not made up for.
    look(staffed, centre)
    assert centre.calls == []
    clock.ahead(hours=1)
    look(staffed, centre)
    assert len(centre.calls) == 1
    last = [e["local"] for e in auditing.show(staffed) if e["event"] == "watch-run"][-1]
    assert last["actor"]["role"] == "rule"
    assert last["request"] == row.request


def test_who_asked_cannot_agree(staffed: Node, clock: Clock, agreement: str) -> None:
    row = add(staffed, agreement, "amy")
    with pytest.raises(errors.RefusedError) as caught:
        requests.approve(staffed, row.request or "", "fits")
    assert code(caught) == "own-request"
    act(staffed, "apo")
    requests.refuse(staffed, row.request or "", "not this list")
    assert held(staffed).state is WatchState.REFUSED


def test_nobody_else_may_make_or_run_one(staffed: Node, clock: Clock, agreement: str) -> None:
    row = approved(staffed, agreement)
    for who in ("apo", "ada"):
        with pytest.raises(errors.RefusedError):
            add(staffed, agreement, who)
        with pytest.raises(errors.RefusedError):
            running.run_now(staffed, row.id, runner=Centre(1))
    staffed.actor = RULE_ACTOR
    with pytest.raises(errors.RefusedError) as caught:
        watches.remove(staffed, row.id)
    assert code(caught) == "person-required"
    act(staffed, "ann")
    assert running.run_now(staffed, row.id, runner=Centre(1)).state is WatchRunState.DONE


@pytest.mark.parametrize(
    "change",
    [
        {"collections": '["cases", "more"]'},
        {"cron": "* * * * *"},
        {"zone": "UTC"},
        {"peer": "de-police"},
        {"agreement": "0" * 64},
        {"until": "2099-01-01T00:00:00.000Z"},
        {"request": None},
    ],
)
def test_an_edited_row_does_not_run(
    staffed: Node, clock: Clock, agreement: str, change: dict[str, Any]
) -> None:
    centre, row = Centre(1), approved(staffed, agreement)
    with staffed.stores.database.transaction() as connection:
        connection.execute(sa.update(tables_watch.watches).values(**change))
    clock.ahead(hours=1)
    look(staffed, centre)
    assert centre.calls == []
    (run,) = runs(staffed, row)
    assert (run.state, run.code) == (WatchRunState.FAILED, "watch-unapproved")


def test_one_that_was_made_before_there_were_operators_has_to_be_made_again(
    node: Node, clock: Clock, agreement: str
) -> None:
    draft = Draft(PEER, agreement, ["cases"], "30 * * * *", "Europe/Brussels")
    row = watches.add(node, draft)
    assert row.state is WatchState.ACTIVE
    employ(node, (("ada", "admin"), ("ann", "analyst")))
    node.actor = RULE_ACTOR
    clock.ahead(hours=1)
    look(node, Centre(1))
    assert [run.code for run in runs(node, row)] == ["watch-unapproved"]


def test_a_request_whose_watch_is_gone_cannot_be_approved(
    staffed: Node, clock: Clock, agreement: str
) -> None:
    row = add(staffed, agreement)
    watches.remove(staffed, row.id)
    act(staffed, "apo")
    with pytest.raises(errors.StateError) as caught:
        requests.approve(staffed, row.request or "", "fits")
    assert code(caught) == "watch-gone"
    assert replace(held(staffed), over=None).state is WatchState.REMOVED


def test_a_slot_that_waits_for_a_person_is_not_lost(
    staffed: Node, clock: Clock, agreement: str
) -> None:
    """A schedule in a process of somebody who has logged out says so, and the slot stays due."""
    approved(staffed, agreement)
    centre = Centre(1)
    staffed.actor = Actor("somebody")
    clock.ahead(hours=1)
    for _ in range(3):
        look(staffed, centre)
    assert (centre.calls, runs(staffed, held(staffed))) == ([], [])
    assert news.summary(staffed)["failed"] == {held(staffed).id: LOGIN_REQUIRED}
    entries = [entry["local"] for entry in auditing.show(staffed) if entry["event"] == "watch-run"]
    assert [(each["step"], each["code"]) for each in entries] == [("not-begun", LOGIN_REQUIRED)]
    staffed.actor = RULE_ACTOR
    look(staffed, centre)
    assert [run.state for run in runs(staffed, held(staffed))] == [WatchRunState.DONE]
    assert news.summary(staffed)["failed"] == {}
