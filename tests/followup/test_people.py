"""With operators nothing about a hit leaves before an approver has read it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from psihash import errors
from psihash.casework.states import Step
from psihash.casework.words import Action, HitVerdict, Reason
from psihash.node.casework import corrections, followup_views, followups, hits
from psihash.node.home import opening
from psihash.node.node import Node
from psihash.node.peering import contact
from psihash.node.people import requests
from tests.followup.conftest import COMMON, Matched
from tests.node import crew

DRAFT: dict[str, Any] = {"facts": "facts", "reasons": "they matched", "offence": "abuse"}


@pytest.fixture
def staffed(pair: Matched, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Matched, Node, str]]:
    """nl-police with an admin, an analyst and an approver; a session whose hits are confirmed."""
    session = pair.match()
    crew.quick(monkeypatch)
    node = opening.open_node(pair.nl.path)
    try:
        crew.employ(node)
        crew.act(node, "ann")
        hits.decide(node, session, (), HitVerdict.CONFIRMED, "compared", everything=True)
        yield pair, node, session
    finally:
        node.close()


def ask(node: Node, session: str) -> str:
    draft = followups.Draft(session=session, hits=(), everything=True, **DRAFT)
    return followups.request(node, draft).id


def standing(node: Node, request: str) -> str:
    row = node.stores.followups.find(request)
    assert row is not None
    return followup_views.view(node, row).standing


def test_a_request_waits_for_the_approver(staffed: tuple[Matched, Node, str]) -> None:
    pair, node, session = staffed
    request = ask(node, session)
    assert "waits for our approver" in standing(node, request)
    assert contact.try_sync(node, "de-bka")
    assert pair.de.json("followup", "list")["follow_ups"] == []
    (waiting,) = requests.inbox(node)
    assert waiting.kind == "follow-up"
    with pytest.raises(errors.RefusedError) as caught:
        requests.approve(node, waiting.request, "fits")
    assert caught.value.code == "role-required"
    crew.act(node, "apo")
    _, page = requests.page(node, waiting.request)
    text = " ".join(words for _, words in page)
    assert "they matched" in text
    assert "Handling code H2" in text
    requests.approve(node, waiting.request, "needed")
    assert "sent" in standing(node, request)
    assert contact.try_sync(node, "de-bka")
    (theirs,) = pair.de.json("followup", "list")["follow_ups"]
    assert theirs["follow_up"] == request
    assert "taken by their node" in standing(node, request)
    assert "waits for their approver; due" in standing(node, request)


def test_what_the_approver_refuses_never_leaves(staffed: tuple[Matched, Node, str]) -> None:
    pair, node, session = staffed
    request = ask(node, session)
    crew.act(node, "apo")
    (waiting,) = requests.inbox(node)
    requests.refuse(node, waiting.request, "not proportionate")
    assert standing(node, request).startswith("written")
    assert "withdrawn" in standing(node, request)
    contact.try_sync(node, "de-bka")
    assert pair.de.json("followup", "list")["follow_ups"] == []


def test_a_request_can_be_taken_back_before(staffed: tuple[Matched, Node, str]) -> None:
    _, node, session = staffed
    request = ask(node, session)
    followups.say(node, request, Step.WITHDRAWN, "not needed any more")
    (waiting,) = requests.inbox(node)
    crew.act(node, "apo")
    with pytest.raises(errors.StateError) as caught:
        requests.approve(node, waiting.request, "fits")
    assert caught.value.code == "follow-up-step"


def test_an_answer_waits_too(staffed: tuple[Matched, Node, str]) -> None:
    pair, node, session = staffed
    pair.de.json("hit", "confirm", session, "--all", "--reason", "compared")
    words = ("--all-confirmed", "--facts", "f", "--reasons", "r", "--offence", "o")
    made = pair.de.json("followup", "request", session, *words)
    followups.say(node, made["follow_up"], Step.GRANTED, "the victim is known")
    assert "waits for our approver; due" in standing(node, made["follow_up"])
    with pytest.raises(errors.StateError) as caught:
        followups.say(node, made["follow_up"], Step.REFUSED, "changed my mind")
    assert caught.value.code == "message-waiting"
    contact.try_sync(node, "de-bka")
    (theirs,) = pair.de.json("followup", "list")["follow_ups"]
    assert theirs["state"] == "received"
    crew.act(node, "apo")
    (waiting,) = requests.inbox(node)
    requests.refuse(node, waiting.request, "say more")
    crew.act(node, "ann")
    followups.say(node, made["follow_up"], Step.GRANTED, "the victim is known, see file 7")
    crew.act(node, "apo")
    (waiting,) = requests.inbox(node)
    requests.approve(node, waiting.request, "fits")
    contact.try_sync(node, "de-bka")
    (theirs,) = pair.de.json("followup", "list")["follow_ups"]
    assert theirs["state"] == "granted"
    said = pair.de.json("followup", "show", made["follow_up"])["messages"]
    assert said[-1]["text"] == ["the victim is known, see file 7"]
    assert said[-1]["role"] == "analyst"


def test_a_notice_waits_too(staffed: tuple[Matched, Node, str]) -> None:
    pair, node, _ = staffed
    made = corrections.notify(node, [COMMON[0]], "", Reason.WRONG, "by mistake")
    assert [each.state for each in made.notices] == ["waiting"]
    contact.try_sync(node, "de-bka")
    assert pair.de.json("correction", "list")["corrections"] == []
    crew.act(node, "apo")
    (waiting,) = requests.inbox(node)
    assert "No digest is named" in str(requests.page(node, waiting.request))
    requests.approve(node, waiting.request, "fits")
    contact.try_sync(node, "de-bka")
    (came,) = pair.de.json("correction", "list")["corrections"]
    assert came["correction"] == made.notices[0].correction


def noticed(pair: Matched, node: Node) -> str:
    """de-bka told nl-police that an item was wrongly listed."""
    words = ("--digest", COMMON[0], "--reason", "wrong", "--text", "by mistake")
    made = pair.de.json("correction", "notify", *words)
    assert made["delivered"] == {"nl-police": True}
    (came,) = corrections.listing(node)
    return came.correction


def state(node: Node, notice: str) -> tuple[str, str | None]:
    view = corrections.view(node, corrections.get(node, notice))
    return view.state, view.action


def test_what_was_done_about_a_notice_waits_too(staffed: tuple[Matched, Node, str]) -> None:
    pair, node, session = staffed
    notice = noticed(pair, node)
    corrections.resolve(node, notice, Action.KEPT, "our own court found otherwise")
    assert state(node, notice) == ("waiting", None)
    assert corrections.withheld(node, session), "until it is decided, nothing is exported again"
    contact.try_sync(node, "de-bka")
    (theirs,) = pair.de.json("correction", "list")["corrections"]
    assert (theirs["state"], theirs["action"]) == ("open", None)
    with pytest.raises(errors.StateError) as caught:
        corrections.resolve(node, notice, Action.REMOVED, "changed my mind")
    assert caught.value.code == "correction-step"
    summary = followup_views.summary(node)
    assert summary["corrections_to_resolve"] == 0
    crew.act(node, "apo")
    (waiting,) = requests.inbox(node)
    page = str(requests.page(node, waiting.request))
    assert "our own court found otherwise" in page
    assert "kept" in page
    requests.refuse(node, waiting.request, "say more")
    assert state(node, notice) == ("open", None)
    crew.act(node, "ann")
    corrections.resolve(node, notice, Action.REMOVED, "taken out of case 12")
    crew.act(node, "apo")
    (waiting,) = requests.inbox(node)
    requests.approve(node, waiting.request, "fits")
    assert state(node, notice) == ("resolved", "removed")
    assert corrections.show(node, notice)[2] == "taken out of case 12"
    contact.try_sync(node, "de-bka")
    (theirs,) = pair.de.json("correction", "list")["corrections"]
    assert (theirs["state"], theirs["action"]) == ("resolved", "removed")
    row = node.stores.corrections.find(notice)
    assert row is not None
    assert row.sealed_answer is None


def test_an_answer_to_a_notice_about_erased_results(staffed: tuple[Matched, Node, str]) -> None:
    """The files are still to be found, so there is still something to answer."""
    pair, node, session = staffed
    notice = noticed(pair, node)
    node.stores.keeping.erase_session(session, node.stamp(), [])
    corrections.resolve(node, notice, Action.REMOVED, "the files are deleted")
    crew.act(node, "apo")
    (waiting,) = requests.inbox(node)
    assert "the files are deleted" in str(requests.page(node, waiting.request))
    requests.approve(node, waiting.request, "fits")
    contact.try_sync(node, "de-bka")
    (theirs,) = pair.de.json("correction", "list")["corrections"]
    assert (theirs["state"], theirs["action"]) == ("resolved", "removed")


def test_an_answer_that_waits_ends_with_its_session(staffed: tuple[Matched, Node, str]) -> None:
    pair, node, session = staffed
    notice = noticed(pair, node)
    corrections.resolve(node, notice, Action.REMOVED, "taken out")
    node.stores.corrections.drop_answers(session)
    row = node.stores.corrections.find(notice)
    assert row is not None
    assert (row.state, row.sealed_answer) == ("open", None)
    crew.act(node, "apo")
    (waiting,) = requests.inbox(node)
    with pytest.raises(errors.StateError) as caught:
        requests.approve(node, waiting.request, "fits")
    assert caught.value.code == "document-gone"
    requests.refuse(node, waiting.request, "gone")


def test_what_nobody_decides_in_time_is_taken_back(staffed: tuple[Matched, Node, str]) -> None:
    pair, node, session = staffed
    request = ask(node, session)
    notice = noticed(pair, node)
    corrections.resolve(node, notice, Action.REMOVED, "taken out")
    pair.de.json("hit", "confirm", session, "--all", "--reason", "compared")
    words = ("--all-confirmed", "--facts", "f", "--reasons", "r", "--offence", "o")
    theirs = pair.de.json("followup", "request", session, *words)["follow_up"]
    followups.say(node, theirs, Step.GRANTED, "the victim is known")
    assert len(requests.inbox(node)) == 3
    node.clock = Later(requests.PENDING_DAYS + 1)
    assert requests.inbox(node) == []
    states = {row.follow_up: row.state for row in map_rows(node)}
    assert states == {request: "withdrawn", theirs: "received"}
    assert node.stores.followups.messages(theirs)[-1].step == "received"
    assert state(node, notice) == ("open", None)


class Later:
    """A clock that is some days ahead."""

    def __init__(self, days: int) -> None:
        self._ahead = dt.timedelta(days=days)

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + self._ahead


def map_rows(node: Node) -> list[followup_views.FollowUpView]:
    return [followup_views.view(node, row) for row in node.stores.followups.all()]


def test_who_may_do_what(staffed: tuple[Matched, Node, str]) -> None:
    _, node, session = staffed
    crew.act(node, "ada")
    for attempt in (
        lambda: hits.listing(node, session),
        lambda: hits.decide(node, session, (), HitVerdict.REJECTED, "x", everything=True),
        lambda: ask(node, session),
        lambda: corrections.notify(node, [COMMON[0]], "", Reason.WRONG, "x"),
        lambda: corrections.listing(node),
        lambda: corrections.show(node, "000000"),
        lambda: followup_views.listing(node),
    ):
        with pytest.raises(errors.RefusedError) as caught:
            attempt()
        assert caught.value.code == "role-required"


def test_no_name_of_a_person_reaches_the_peer(staffed: tuple[Matched, Node, str]) -> None:
    pair, node, session = staffed
    request = ask(node, session)
    crew.act(node, "apo")
    (waiting,) = requests.inbox(node)
    requests.approve(node, waiting.request, "fits")
    contact.try_sync(node, "de-bka")
    shown = pair.de.run("--json", "followup", "show", request).stdout
    assert '"confirmed_by": "analyst"' in shown
    assert "ann" not in shown.replace("annex", "")
