"""Hits, requests and answers through the commands of both agencies."""

from __future__ import annotations

from tests.followup.conftest import COMMON, REQUEST, Matched


def test_a_hit_is_unconfirmed_until_a_person_confirms_it(pair: Matched) -> None:
    session = pair.match()
    hits = pair.nl.json("hit", "list", session)["hits"]
    theirs = pair.de.json("hit", "list", session)["hits"]
    assert {each["status"] for each in hits} == {"unconfirmed"}
    assert {each["digests"]["md5"] for each in hits} == set(COMMON)
    by_digest = {each["digests"]["md5"]: each["reference"] for each in hits}
    assert by_digest == {each["digests"]["md5"]: each["reference"] for each in theirs}
    first, second = by_digest.values()
    pair.nl.json("hit", "confirm", session[:12], first[:10], "--reason", "compared")
    pair.nl.json("hit", "reject", session[:12], second, "--reason", "not the same")
    shown = {each["reference"]: each["status"] for each in pair.nl.json("hit", "list")["hits"]}
    assert shown == {first: "confirmed", second: "rejected"}
    assert pair.nl.json("hit", "list", session, "--unconfirmed")["hits"] == []
    assert {each["status"] for each in pair.de.json("hit", "list")["hits"]} == {"unconfirmed"}


def test_references_differ_between_sessions(pair: Matched) -> None:
    one, other = pair.match(), pair.match("records")
    references = [
        {each["reference"] for each in pair.nl.json("hit", "list", session)["hits"]}
        for session in (one, other)
    ]
    assert references[0].isdisjoint(references[1])


def test_what_is_not_confirmed_cannot_be_asked_about(pair: Matched) -> None:
    session = pair.match()
    (first, _) = pair.nl.json("hit", "list", session)["hits"]
    words = ("followup", "request", session, *REQUEST)
    assert pair.nl.error(*words, "--hit", first["reference"])[:2] == ("hit-unconfirmed", 4)
    assert pair.nl.error(*words, "--all-confirmed")[0] == "hit-unconfirmed"
    assert pair.nl.error(*words, "--hit", "0" * 32)[:2] == ("unknown-hit", 3)


def test_no_hits_below_items(pair: Matched) -> None:
    session = pair.match("count")
    assert pair.nl.error("hit", "list", session)[0] == "no-hits"
    assert pair.nl.json("hit", "list")["hits"] == []


def test_from_a_hit_to_an_outcome(pair: Matched) -> None:
    session = pair.match("records")
    pair.confirmed(session)
    made = pair.request(session)
    assert made["delivered"] is True
    assert (made["state"], made["waits_for"]) == ("received", "them")
    assert made["due"] is not None
    (theirs,) = pair.de.json("followup", "list")["follow_ups"]
    assert (theirs["side"], theirs["state"], theirs["waits_for"]) == ("answerer", "received", "us")
    assert theirs["due"] == made["due"]
    assert theirs["follow_up"] == made["follow_up"]

    shown = pair.de.json("followup", "show", made["follow_up"])
    asked = shown["request"]
    assert asked["purpose"] == "identify the victim"
    assert asked["facts"] == ["Images were seized in Utrecht.", "A second suspect is likely."]
    assert asked["confirmed_by"] == "single-operator"
    assert asked["authority"]["name"] == "Police of NL"
    assert asked["handling"] == {"code": "H2", "tlp": "AMBER", "note": ""}
    assert {each["digests"]["md5"] for each in shown["items"]} == set(COMMON)

    pair.de.json("followup", "answer", made["follow_up"], "--more", "Which device?")
    (ours,) = pair.nl.json("followup", "list")["follow_ups"]
    assert (ours["state"], ours["waits_for"], ours["due"]) == ("more-information", "us", None)
    pair.nl.json("followup", "inform", made["follow_up"], "--text", "A phone.")
    (theirs,) = pair.de.json("followup", "list")["follow_ups"]
    assert theirs["state"] == "received"
    words: tuple[str, ...] = (
        "--granted",
        "--attach-note",
        "The victim is known.",
        "--handling",
        "H3",
    )
    words = (*words, "--handling-note", "call before use", "--tlp", "red")
    pair.de.json("followup", "answer", made["follow_up"], *words)
    (ours,) = pair.nl.json("followup", "list")["follow_ups"]
    assert (ours["state"], ours["waits_for"]) == ("granted", "nobody")
    said = pair.nl.json("followup", "show", made["follow_up"])["messages"]
    assert [each["step"] for each in said] == [
        "received", "more-information", "information", "granted",
    ]  # fmt: skip
    assert said[-1]["text"] == ["The victim is known."]
    assert said[-1]["handling"] == {"code": "H3", "tlp": "RED", "note": "call before use"}
    done = pair.nl.json("followup", "outcome", made["follow_up"], "--outcome", "victim-identified")
    assert done["outcome"] == "victim-identified"


def test_a_refusal_ends_it(pair: Matched) -> None:
    session = pair.match()
    pair.confirmed(session)
    made = pair.request(session)
    pair.de.json("followup", "answer", made["follow_up"], "--refused", "an operation is running")
    (ours,) = pair.nl.json("followup", "list")["follow_ups"]
    assert ours["state"] == "refused"
    words: tuple[str, ...] = ("followup", "answer", made["follow_up"], "--granted")
    assert pair.de.error(*words)[:2] == ("follow-up-step", 4)
    words = ("followup", "withdraw", made["follow_up"], "--reason", "too late")
    assert pair.nl.error(*words)[0] == "follow-up-step"


def test_each_side_says_its_own_words_only(pair: Matched) -> None:
    session = pair.match()
    pair.confirmed(session)
    made = pair.request(session)
    assert (
        pair.nl.error("followup", "answer", made["follow_up"], "--granted")[0] == "follow-up-side"
    )
    words = ("followup", "withdraw", made["follow_up"], "--reason", "no")
    assert pair.de.error(*words)[:2] == ("follow-up-side", 5)
    words = ("followup", "outcome", made["follow_up"], "--outcome", "lead")
    assert pair.nl.error(*words)[0] == "no-outcome-yet"


def test_urgency_and_what_is_not_directly_available(pair: Matched) -> None:
    session = pair.match()
    pair.confirmed(session)
    words: tuple[str, ...] = ("--all-confirmed", "--urgency", "urgent", "--want", "information")
    code, _, _ = pair.nl.error("followup", "request", session, *words, *REQUEST)
    assert code == "bad-document"  # an urgent request gives its reason
    words = (*words, "--urgency-reason", "the abuse goes on")
    made = pair.request(session, *words)
    pair.request(session, "--all-confirmed", "--want", "information")
    first, second = pair.nl.json("followup", "list")["follow_ups"]
    assert (first["urgency"], second["urgency"]) == ("urgent", "normal")
    pair.de.json("followup", "answer", made["follow_up"], "--not-direct", "it is in an archive")
    (later, *_) = pair.nl.json("followup", "list")["follow_ups"]
    assert later["due"] > first["due"]
    words = ("followup", "answer", made["follow_up"], "--not-direct", "still")
    assert pair.de.error(*words)[0] == "follow-up-step"
    words = ("followup", "answer", second["follow_up"], "--not-direct", "no")
    assert pair.de.error(*words)[0] == "follow-up-step"


def test_status_says_what_waits(pair: Matched) -> None:
    session = pair.match()
    pair.confirmed(session)
    pair.request(session)
    assert pair.nl.json("status")["follow_ups"]["waiting_for_us"] == 0
    there = pair.de.json("status")["follow_ups"]
    assert (there["open"], there["waiting_for_us"], there["overdue"]) == (1, 1, 0)
    assert "due" in pair.de.run("followup", "list").stdout


def test_withdrawn_there_too(pair: Matched) -> None:
    session = pair.match()
    pair.confirmed(session)
    made = pair.request(session)
    pair.nl.json("followup", "withdraw", made["follow_up"], "--reason", "solved meanwhile")
    (theirs,) = pair.de.json("followup", "list")["follow_ups"]
    assert (theirs["state"], theirs["waits_for"]) == ("withdrawn", "nobody")
