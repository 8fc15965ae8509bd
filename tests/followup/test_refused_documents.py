"""What a peer sends to be refused: it is looked at without the store being locked, what costs least
comes first, and after some in a day nothing more is looked at."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from psihash.agreement import roster
from psihash.audit.event import Event
from psihash.casework.corrections import NoticeAnswer
from psihash.casework.pack import Pack
from psihash.casework.words import Action
from psihash.node.casework import case_documents, case_taking, correction_taking
from psihash.node.memory import Refusals
from psihash.node.people import rosters
from tests.followup.conftest import Matched
from tests.followup.test_hostile import asked, resigned, taken
from tests.node import crew

__all__ = ["asked"]

Asked = tuple[Matched, Pack]
NO_SUCH_HIT: Any = (("0" * 32,),)


def stray_answer(pair: Matched) -> NoticeAnswer:
    """To a notice that nobody gave."""
    nl = pair.node(pair.nl)
    answer = NoticeAnswer(
        **case_documents.heading(nl, "de-bka"),
        notice="0" * 64,
        action=Action.KEPT,
        text=("x",),
        role="analyst",
    )
    return case_documents.sign(nl, answer)


def test_results_are_opened_while_others_may_write(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, pack = asked
    de = pair.node(pair.de)
    wrote = []

    def elsewhere() -> None:
        de.record(Event.INCIDENT, {"what": "of somebody else"})
        wrote.append(True)

    check = case_taking._check_hits

    def checks(*words: Any) -> None:
        other = threading.Thread(target=elsewhere)
        other.start()
        other.join(20.0)
        check(*words)

    monkeypatch.setattr(case_taking, "_check_hits", checks)
    assert taken(pair, resigned(pair, pack, hits=NO_SUCH_HIT)) == "unknown-hit"
    assert wrote == [True]


def test_what_is_not_here_is_refused_before_people_are_asked_about(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, pack = asked

    def never(*_: Any) -> None:
        raise AssertionError("the cheap look comes first")

    monkeypatch.setattr(rosters, "of_peer", never)
    monkeypatch.setattr(correction_taking, "reach", never)
    assert taken(pair, stray_answer(pair)) == "unknown-correction"
    assert taken(pair, resigned(pair, pack, session="0" * 64)) == "follow-up-session"


def test_after_some_refusals_nothing_is_looked_at(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, pack = asked
    de = pair.node(pair.de)
    de.refusals = Refusals(most=3)
    for _ in range(3):
        assert taken(pair, stray_answer(pair)) == "unknown-correction"
    monkeypatch.setattr(case_taking, "_about", None)
    assert taken(pair, stray_answer(pair)) == "too-many-case-documents"
    assert taken(pair, pack) == ""  # it is here already
    monkeypatch.undo()
    assert not de.refusals.too_many("fr-police", "2000-01-01T00:00:00Z")


def test_refusals_are_of_one_day() -> None:
    seen = Refusals(most=2)
    for day in ("01", "02", "03"):
        seen.add("nl-police", f"2026-01-{day}T00:00:00Z")
    assert seen.too_many("nl-police", "2026-01-02T00:00:00Z")
    assert not seen.too_many("nl-police", "2026-01-02T00:00:01Z")
    assert not seen.too_many("de-bka", "2026-01-01T00:00:00Z")


def test_a_chain_of_operators_is_verified_once(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And again from where it differs: a row that somebody edited is found all the same."""
    pair, _ = asked
    crew.quick(monkeypatch)
    node = pair.node(pair.nl)
    crew.employ(node, (("ada", "admin"), ("ann", "analyst"), ("apo", "approver")))
    looked = []
    extend = roster.extend

    def counted(held: Any, record: Any, *words: Any) -> Any:
        looked.append(record.number)
        return extend(held, record, *words)

    monkeypatch.setattr(rosters, "extend", counted)
    node.verified_rosters.clear()
    first = rosters.own(node)
    assert rosters.own(node) is first
    assert looked == list(range(len(looked))) != []
    bodies = node.stores.rosters.bodies(node.agency)
    monkeypatch.setattr(node.stores.rosters, "bodies", lambda _: bodies[:-1])
    shorter = rosters.own(node)
    assert shorter is not None
    assert shorter.number == len(bodies) - 2
    looked.clear()
    monkeypatch.setattr(node.stores.rosters, "bodies", lambda _: bodies)
    rosters.own(node)
    assert looked == [len(bodies) - 1]
