"""With operators nothing about a hit leaves before an approver has read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from psihash import errors
from psihash.casework.states import Step
from psihash.casework.words import HitVerdict, Reason
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
    row = next(row for row in followup_views.listing(node) if row.follow_up == request)
    return row.standing


def test_a_request_waits_for_the_approver(staffed: tuple[Matched, Node, str]) -> None:
    pair, node, session = staffed
    request = ask(node, session)
    assert "waits for our approver" in standing(node, request)
    assert contact.try_sync(node, "de-bka")
    assert pair.de.json("followup", "list")["follow_ups"] == []
    (waiting,) = requests.inbox(node)
    assert waiting.kind == "follow-up"
    with pytest.raises(errors.RefusedError) as caught:
        requests.approve(node, waiting.request)
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
        requests.approve(node, waiting.request)
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
    requests.approve(node, waiting.request)
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
    requests.approve(node, waiting.request)
    contact.try_sync(node, "de-bka")
    (came,) = pair.de.json("correction", "list")["corrections"]
    assert came["correction"] == made.notices[0].correction


def test_who_may_do_what(staffed: tuple[Matched, Node, str]) -> None:
    _, node, session = staffed
    crew.act(node, "ada")
    for attempt in (
        lambda: hits.listing(node, session),
        lambda: hits.decide(node, session, (), HitVerdict.REJECTED, "x", everything=True),
        lambda: ask(node, session),
        lambda: corrections.notify(node, [COMMON[0]], "", Reason.WRONG, "x"),
    ):
        with pytest.raises(errors.RefusedError) as caught:
            attempt()
        assert caught.value.code == "role-required"


def test_no_name_of_a_person_reaches_the_peer(staffed: tuple[Matched, Node, str]) -> None:
    pair, node, session = staffed
    request = ask(node, session)
    crew.act(node, "apo")
    (waiting,) = requests.inbox(node)
    requests.approve(node, waiting.request)
    contact.try_sync(node, "de-bka")
    shown = pair.de.run("--json", "followup", "show", request).stdout
    assert '"confirmed_by": "analyst"' in shown
    assert "ann" not in shown.replace("annex", "")
