"""From a hit to an answer and back to a correction, by the real programs over TLS.

Only be-police answers: what it has to say waits until nl-police makes contact.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.two_process import programs
from tests.two_process.agencies import BE, NL, Agencies, digest

pytestmark = pytest.mark.two_process

ASK = (
    "--facts", "Images were seized in Utrecht.", "--reasons", "They stand in your case too.",
    "--offence", "sexual abuse of children", "--urgency", "urgent",
    "--urgency-reason", "the abuse goes on",
)  # fmt: skip


def test_the_whole_way(agencies: Agencies, tmp_path: Path) -> None:
    def nl(*words: str) -> dict[str, Any]:
        return said(agencies.home(NL), *words)

    def be(*words: str) -> dict[str, Any]:
        return said(agencies.home(BE), *words)

    with programs.serving(agencies):
        session = programs.match(agencies).document["session"]
        out = tmp_path / "result.csv"
        nl("export", session, "--format", "csv", "--out", str(out))
        hits = nl("hit", "list", session)["hits"]
        assert {each["status"] for each in hits} == {"unconfirmed"}
        chosen = [each["reference"] for each in hits[:2]]
        nl("hit", "confirm", session, *chosen, "--reason", "compared by eye")

        made = nl("followup", "request", session, "--hit", *chosen, *ASK)
        assert (made["delivered"], made["state"]) == (True, "received")
        assert "taken by their node" in made["standing"]
        assert "waits for their approver; due" in made["standing"]
        request = made["follow_up"]

        (waiting,) = be("followup", "list")["follow_ups"]
        assert (waiting["follow_up"], waiting["waits_for"]) == (request, "us")
        shown = be("followup", "show", request)
        assert {each["reference"] for each in shown["items"]} == set(chosen)
        be("followup", "answer", request, "--more", "Which device was it?")
        nl("peer", "sync", BE)
        assert nl("followup", "list")["follow_ups"][0]["waits_for"] == "us"
        nl("followup", "inform", request, "--text", "A phone.")
        be("followup", "answer", request, "--granted", "--attach-note", "The victim is known.")
        nl("peer", "sync", BE)
        answered = nl("followup", "show", request)
        assert answered["state"] == "granted"
        assert answered["messages"][-1]["text"] == ["The victim is known."]
        nl("followup", "outcome", request, "--outcome", "victim-already-known")

        wrong = digest(100)
        told = be(
            "correction", "notify", "--digest", wrong, "--reason", "wrong", "--text", "mistake"
        )
        assert set(told["notices"][0]["hits"]) == {session}
        nl("peer", "sync", BE)
        (came,) = nl("correction", "list")["corrections"]
        assert came["exports"] == [str(out)]
        nl("correction", "resolve", came["correction"], "--action", "removed", "--text", "done")
        assert be("correction", "list")["corrections"][0]["action"] == "removed"
        again = nl("export", session, "--format", "csv", "--out", str(out))
        assert (again["records"], again["corrected"]) == (39, 1)
        assert wrong not in out.read_text()


def said(home: Path, *words: str) -> dict[str, Any]:
    done = programs.run(home, *words)
    assert done.code == 0, (words, done.out, done.err)
    return done.document
