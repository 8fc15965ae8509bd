"""Hits, requests and corrections, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from psihash import errors
from psihash.storage.corrections import CorrectionRow, CorrectionStore
from psihash.storage.database import Database
from psihash.storage.followups import FollowUpRow, FollowUpStore, MessageRow
from psihash.storage.hits import HitDecision, HitStore
from psihash.storage.times import normal

from .lists import LATER, NOW

HIT = HitDecision("s1", "r1", "confirmed", "anna", "analyst", NOW, "compared")
REQUEST = FollowUpRow(
    "f1", "de-bka", "s1", "a1", "answerer", "received", "urgent", "core-data", True, 2, NOW
)
NOTICE = CorrectionRow("c1", "de-bka", "receiver", "wrong", "open", NOW, received=NOW, due=LATER)


def test_a_later_decision_replaces_an_earlier_one(database: Database) -> None:
    store = HitStore(database)
    store.decide([HIT, replace(HIT, reference="r2")])
    store.decide([replace(HIT, verdict="rejected", reason="looked again")])
    found = store.of("s1")
    assert {name: each.verdict for name, each in found.items()} == {
        "r1": "rejected", "r2": "confirmed",
    }  # fmt: skip
    assert found["r1"].decided == normal(NOW)
    assert store.of("s2") == {}
    assert store.counts() == {("s1", "rejected"): 1, ("s1", "confirmed"): 1}
    assert store.counts(since="2099-01-01T00:00:00Z") == {}


def test_requests_move_from_the_expected_state_only(database: Database) -> None:
    store = FollowUpStore(database)
    store.add(REQUEST)
    store.change("f1", "received", state="granted", closed=LATER, available=False)
    found = store.find("f1")
    assert found is not None
    assert (found.state, found.closed, found.available) == ("granted", normal(LATER), False)
    with pytest.raises(errors.StateError) as caught:
        store.change("f1", "received", state="refused")
    assert caught.value.code == "follow-up-moved"
    assert store.find("f2") is None
    assert store.all(peer="fr-police") == []
    assert [row.id for row in store.all(session="s1")] == ["f1"]


def test_messages_wait_leave_and_count(database: Database) -> None:
    store = FollowUpStore(database)
    store.add(REQUEST)
    message = MessageRow("m1", "f1", "s1", "nl-police", "granted", NOW)
    store.add_message(message)
    store.add_message(replace(message, id="m2", author="de-bka", step="withdrawn", sent=NOW))
    waiting = store.message("m1")
    assert waiting is not None
    assert waiting.sent is None
    store.message_sent("m1", NOW)
    store.message_sent("m1", LATER)
    assert [each.sent for each in store.messages("f1")] == [normal(NOW)] * 2
    assert store.taken_from("de-bka", NOW) == 2
    assert store.taken_from("de-bka", "2099-01-01T00:00:00Z") == 0
    store.remove_message("m1")
    assert [each.id for each in store.messages("f1")] == ["m2"]


def test_a_notice_reaches_hits_and_exports(database: Database) -> None:
    store = CorrectionStore(database)
    store.add(NOTICE)
    store.add(replace(NOTICE, id="c2", side="sender"))
    store.reach("c1", "s1", ["r1", "r2", "r1"])
    store.reach("c1", "s1", ["r2"])
    store.reach("c1", "s2", [])
    store.reach_exports("c1", [7, 3, 7])
    assert store.hits_of("c1") == {"s1": ["r1", "r2"]}
    assert store.exports_of("c1") == [3, 7]
    assert store.exports_of("c2") == []
    assert {name: [row.id for row in rows] for name, rows in store.of_session("s1").items()} == {
        "r1": ["c1"], "r2": ["c1"],
    }  # fmt: skip
    assert [row.id for row in store.all(side="receiver")] == ["c1"]
    assert store.taken_from("de-bka", NOW) == 1
    store.change("c1", "open", state="resolved", action="removed", resolved=LATER)
    with pytest.raises(errors.StateError) as caught:
        store.change("c1", "open", state="resolved")
    assert caught.value.code == "correction-moved"
    found = store.find("c1")
    assert found is not None
    assert (found.state, found.action, found.resolved) == ("resolved", "removed", normal(LATER))


def test_an_answer_that_waits_ends_with_a_session_of_its_notice(database: Database) -> None:
    store = CorrectionStore(database)
    for number, session in enumerate(("s1", "s2")):
        store.add(
            replace(
                NOTICE,
                id=f"k{number}",
                state="waiting",
                answer=f"a{number}",
                sealed_answer=b"sealed",
            )
        )
        store.reach(f"k{number}", session, ["r"])
    found = store.answered_by("a1")
    assert found is not None
    assert found.id == "k1"
    assert store.answered_by("a2") is None
    store.drop_answers("s1")
    assert store.answered_by("a0") is None
    first, second = store.find("k0"), store.find("k1")
    assert first is not None
    assert second is not None
    assert (first.state, first.sealed_answer) == ("open", None)
    assert (second.state, second.sealed_answer) == ("waiting", b"sealed")


def test_a_large_notice_is_kept_whole(database: Database) -> None:
    store = CorrectionStore(database)
    store.add(NOTICE)
    names = [f"{number:032x}" for number in range(2_000)]
    store.reach("c1", "s1", names)
    assert store.hits_of("c1") == {"s1": names}
