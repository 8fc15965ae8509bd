"""A notice finds every past result and export that relied on an item."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from psihash.node.casework import hits
from psihash.storage.times import normal
from tests.acceptance.agencies import OWN_COLLECTION, agree
from tests.cli import homes
from tests.followup.conftest import COMMON, PRIVATE, Matched

WRONG, RIGHT = COMMON
TEXT = ("--text", "It was listed by mistake.")


def notify(pair: Matched, *words: str) -> dict[str, Any]:
    made: dict[str, Any] = pair.de.json("correction", "notify", *words, *TEXT)
    return made


def digests_in(path: Path) -> set[str]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return {row["md5"] for row in csv.DictReader(stream)}


def test_it_reaches_an_export_three_sessions_back(pair: Matched, tmp_path: Path) -> None:
    first = pair.match()
    out = tmp_path / "first.csv"
    pair.nl.json("export", first, "--format", "csv", "--out", str(out))
    assert digests_in(out) == set(COMMON)
    others = [pair.match("records"), pair.match(), pair.match("count")]
    made = notify(pair, "--digest", WRONG, "--reason", "wrong")
    (notice,) = made["notices"]
    assert set(notice["hits"]) == {first, others[0], others[1]}
    assert made["delivered"] == {"nl-police": True}

    (came,) = pair.nl.json("correction", "list")["corrections"]
    assert (came["side"], came["state"], came["reason"]) == ("receiver", "open", "wrong")
    assert set(came["hits"]) == {first, others[0], others[1]}
    assert came["exports"] == [str(out)]
    assert came["due"] > came["received"]
    assert pair.nl.json("correction", "show", came["correction"])["text"] == [TEXT[1]]

    for session in (first, *others[:2]):
        listed = pair.nl.json("hit", "list", session)["hits"]
        corrected = {each["digests"]["md5"] for each in listed if each["corrected"]}
        assert corrected == {WRONG}
        assert len(pair.nl.json("session", "show", session)["corrected"]) == 1
    assert "corrected" in pair.nl.run("session", "show", first).stdout

    again = tmp_path / "again.csv"
    report = pair.nl.json("export", first, "--format", "csv", "--out", str(again))
    assert (report["records"], report["corrected"]) == (1, 1)
    assert digests_in(again) == {RIGHT}

    status = pair.nl.json("status")["follow_ups"]
    assert (status["corrections_to_resolve"], status["corrections_overdue"]) == (1, 0)
    words = ("--action", "removed", "--text", "Taken out of the case.")
    done = pair.nl.json("correction", "resolve", came["correction"][:12], *words)
    assert (done["state"], done["action"], done["delivered"]) == ("resolved", "removed", True)
    (ours,) = pair.de.json("correction", "list")["corrections"]
    assert (ours["side"], ours["state"], ours["action"]) == ("sender", "resolved", "removed")
    assert (
        pair.nl.error("correction", "resolve", came["correction"], *words)[0] == "correction-step"
    )


def test_what_is_kept_for_own_reasons_is_exported_again(pair: Matched, tmp_path: Path) -> None:
    session = pair.match()
    notify(pair, "--digest", WRONG, "--reason", "wrong")
    (came,) = pair.nl.json("correction", "list")["corrections"]
    words = ("--action", "kept", "--text", "Our own court has found otherwise.")
    pair.nl.json("correction", "resolve", came["correction"], *words)
    out = str(tmp_path / "kept.json")
    report = pair.nl.json("export", session, "--format", "json", "--out", out)
    assert (report["records"], report["corrected"]) == (2, 0)
    hit = next(h for h in pair.nl.json("hit", "list")["hits"] if h["digests"]["md5"] == WRONG)
    assert hit["corrected"]


def test_a_corrected_hit_cannot_be_asked_about(pair: Matched) -> None:
    session = pair.match()
    pair.confirmed(session)
    notify(pair, "--digest", WRONG, "--reason", "wrong")
    made = pair.request(session)
    assert made["hits"] == 1


def test_what_left_a_collection(pair: Matched, tmp_path: Path) -> None:
    session = pair.match()
    name = OWN_COLLECTION["de-bka"]
    path = homes.write_list(tmp_path / "less.txt", [RIGHT, PRIVATE["de-bka"]])
    replaced = pair.de.run("import", str(path), "--collection", name, "--replace")
    assert "psihash correction notify" in replaced.stdout
    made = notify(pair, "--collection", name, "--reason", "erased")
    (notice,) = made["notices"]
    assert {session: 1} == {key: len(value) for key, value in notice["hits"].items()}
    (came,) = pair.nl.json("correction", "list")["corrections"]
    assert came["reason"] == "erased"
    corrected = [h for h in pair.nl.json("hit", "list")["hits"] if h["corrected"]]
    assert [each["digests"]["md5"] for each in corrected] == [WRONG]


def test_removing_a_collection_suggests_it(pair: Matched) -> None:
    pair.match()
    words = ("collection", "remove", OWN_COLLECTION["de-bka"], "--force")
    assert "psihash correction notify" in pair.de.run(*words).stdout
    made = notify(pair, "--collection", OWN_COLLECTION["de-bka"], "--reason", "erased")
    (notice,) = made["notices"]
    assert len(next(iter(notice["hits"].values()))) == 2


def test_no_hint_where_nothing_matched(pair: Matched) -> None:
    words = ("collection", "remove", OWN_COLLECTION["de-bka"], "--force")
    assert "correction" not in pair.de.run(*words).stdout


def test_nobody_is_told_what_did_not_match(pair: Matched) -> None:
    pair.match()
    words = ("correction", "notify", "--reason", "wrong", *TEXT)
    assert pair.de.error(*words, "--digest", PRIVATE["de-bka"])[0] == "nothing-to-correct"
    assert pair.de.error(*words)[0] == "nothing-named"
    assert pair.de.error(*words, "--digest", "nonsense")[0] == "bad-digest"
    assert pair.nl.json("correction", "list")["corrections"] == []


@pytest.mark.parametrize("learn", ["initiator", "responder"])
def test_who_alone_learned_is_told_only_blindly(pair: Matched, learn: str) -> None:
    agreement = agree(pair.nl, pair.de, ["md5"], rung="items", learn=learn)
    words = ("--agreement", agreement, "--rung", "items")
    session = pair.nl.json("match", "de-bka", *words)["session"]
    told, untold = (pair.nl, pair.de) if learn == "initiator" else (pair.de, pair.nl)
    notice = ("correction", "notify", "--digest", WRONG, "--reason", "wrong", *TEXT)
    assert untold.error(*notice)[0] == "nothing-to-correct"
    assert told.error(*notice)[0] == "nothing-to-correct"  # the other side never knew of it
    untold.json(*notice, "--blind")
    (came,) = told.json("correction", "list")["corrections"]
    assert list(came["hits"]) == [session]
    # What the side that learned asks is not checked there: an answer would tell of the whole set.
    references = [h["reference"] for h in told.json("hit", "list", session)["hits"]]
    assert len(references) == 2
    assert untold.json("hit", "list", session)["hits"] == []


def test_an_erased_session_leaves_its_files_to_be_found(pair: Matched, tmp_path: Path) -> None:
    session = pair.match()
    out = tmp_path / "gone.json"
    pair.nl.json("export", session, "--format", "json", "--out", str(out))
    node = pair.node(pair.nl)
    node.stores.keeping.erase_session(session, node.stamp(), [])
    notify(pair, "--digest", WRONG, "--reason", "wrong")
    (came,) = pair.nl.json("correction", "list")["corrections"]
    assert came["hits"] == {}
    assert came["exports"] == [str(out)]
    assert pair.nl.json("correction", "show", came["correction"])["text"] is None


def test_erasing_a_session_later_keeps_the_files_named(pair: Matched, tmp_path: Path) -> None:
    session = pair.match()
    out = tmp_path / "later.json"
    pair.nl.json("export", session, "--format", "json", "--out", str(out))
    notify(pair, "--digest", WRONG, "--reason", "wrong")
    node = pair.node(pair.nl)
    node.stores.keeping.erase_session(session, node.stamp(), [])
    (came,) = pair.nl.json("correction", "list")["corrections"]
    assert (came["hits"], came["exports"]) == ({}, [str(out)])
    words = ("--action", "removed", "--text", "The file is deleted.")
    pair.nl.json("correction", "resolve", came["correction"], *words)


def test_other_sessions_of_the_same_peer_are_reached_too(pair: Matched) -> None:
    """The sender may have erased its own result; the receiver still finds the item."""
    first, second = pair.match(), pair.match("records")
    node = pair.node(pair.de)
    node.stores.keeping.erase_session(first, node.stamp(), [])
    made = notify(pair, "--digest", WRONG, "--reason", "wrong")
    (notice,) = made["notices"]
    assert list(notice["hits"]) == [second]
    (came,) = pair.nl.json("correction", "list")["corrections"]
    assert set(came["hits"]) == {first, second}


def test_what_is_overdue_is_said(pair: Matched) -> None:
    session = pair.match()
    pair.confirmed(session)
    pair.request(session)
    notify(pair, "--digest", WRONG, "--reason", "wrong")
    past = normal("2026-01-01T00:00:00Z")
    node = pair.node(pair.nl)
    (came,) = node.stores.corrections.all(side="receiver")
    node.stores.corrections.change(came.id, "open", due=past)
    answering = pair.node(pair.de)
    (row,) = answering.stores.followups.all()
    answering.stores.followups.change(row.id, row.state, due=past)
    assert pair.nl.json("status")["follow_ups"]["corrections_overdue"] == 1
    assert pair.de.json("status")["follow_ups"]["overdue"] == 1
    assert "OVERDUE" in pair.nl.run("correction", "list").stdout
    assert "OVERDUE since" in pair.de.run("followup", "list").stdout


def test_both_sides_compute_the_same_references(pair: Matched) -> None:
    session = pair.match("records")
    both = [hits.of_session(pair.node(home), session) for home in (pair.nl, pair.de)]
    named = [{h.item.digests["md5"]: h.references for h in side} for side in both]  # type: ignore[index]
    assert named[0] == named[1]
