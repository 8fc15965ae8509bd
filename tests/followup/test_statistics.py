"""Statistics after weeks of work at the command line, against a count kept in clear text."""

from __future__ import annotations

import csv
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.agencies import OWN_COLLECTION
from tests.cli.homes import Home
from tests.followup.conftest import COMMON, REQUEST, Matched

PURPOSES = ("acceptance", "another purpose")
OUTCOMES = ("lead", "no-use", "victim-identified")
Key = tuple[str, str, str, str]
"""(peer, purpose, group, what)."""


class Clerk:
    """Counts by hand what both agencies did."""

    def __init__(self, pair: Matched) -> None:
        self.pair = pair
        self.seen: dict[str, Counter[Key]] = {"nl-police": Counter(), "de-bka": Counter()}

    def note(self, home: Home, purpose: str, group: str, what: str, number: int = 1) -> None:
        peer = "de-bka" if home is self.pair.nl else "nl-police"
        self.seen[home.agency][peer, purpose, group, what] += number

    def both(self, purpose: str, group: str, what: str, number: int = 1) -> None:
        for home in (self.pair.nl, self.pair.de):
            self.note(home, purpose, group, what, number)


def second_agreement(pair: Matched) -> str:
    made = pair.nl.json(
        "agreement", "propose", "de-bka", "--purpose", PURPOSES[1], "--case", "NL-2",
        "--legal-basis", "law", "--rung", "records", "--learn", "both", "--algorithm", "md5",
        "--collection", OWN_COLLECTION["nl-police"],
    )  # fmt: skip
    words = ("agreement", "approve", made["agreement"], "--case", "DE-2", "--same-law")
    ours = ("--collection", OWN_COLLECTION["de-bka"])
    assert pair.de.json(*words, *ours)["status"] == "active"
    return str(made["agreement"])


def work(clerk: Clerk, agreement: str, purpose: str, dice: random.Random, folder: Path) -> None:
    """One session and, where it tells items, what people did about its hits."""
    pair = clerk.pair
    rung = dice.choice(["count", "items", "records"])
    words = ("match", "de-bka", "--agreement", agreement, "--rung", rung)
    session = pair.nl.json(*words)["session"]
    clerk.both(purpose, "sessions", f"{rung}, completed")
    clerk.both(purpose, "matched items", "all", len(COMMON))
    if rung == "count":
        return
    found = [each["reference"] for each in pair.nl.json("hit", "list", session)["hits"]]
    pair.nl.json("hit", "confirm", session, found[0], "--reason", "compared")
    pair.nl.json("hit", "reject", session, found[1], "--reason", "a test image")
    clerk.note(pair.nl, purpose, "hits", "confirmed")
    clerk.note(pair.nl, purpose, "hits", "rejected")
    asked = pair.nl.json("followup", "request", session, "--hit", found[0], *REQUEST)["follow_up"]
    said = dice.choice(["granted", "refused", "nothing"])
    if said == "granted":
        pair.de.json("followup", "answer", asked, "--granted", "--attach-note", "known")
    if said == "refused":
        pair.de.json("followup", "answer", asked, "--refused", "an operation is running")
    state = "received" if said == "nothing" else said
    clerk.note(pair.nl, purpose, "follow-ups asked", state)
    clerk.note(pair.de, purpose, "follow-ups answered", state)
    if said != "nothing":
        outcome = dice.choice(OUTCOMES)
        pair.nl.json("followup", "outcome", asked, "--outcome", outcome)
        clerk.note(pair.nl, purpose, "outcomes of follow-ups", outcome)
    out = folder / f"{session[:12]}.csv"
    pair.nl.json("export", session, "--format", "csv", "--out", str(out))
    clerk.note(pair.nl, purpose, "exports", "csv")


def table(home: Home, path: Path, *words: str) -> dict[Key, str]:
    home.json("statistics", "--csv", str(path), *words)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows: list[dict[str, Any]] = list(csv.DictReader(stream))
    return {(r["peer"], r["purpose"], r["group"], r["what"]): r["count"] for r in rows}


@pytest.mark.parametrize("seed", [1, 2])
def test_they_say_what_was_done(pair: Matched, tmp_path: Path, seed: int) -> None:
    dice, clerk = random.Random(seed), Clerk(pair)
    agreements = (pair.agreement, second_agreement(pair))
    for _ in range(6):
        which = dice.randrange(2)
        work(clerk, agreements[which], PURPOSES[which], dice, tmp_path)
    words = ("--digest", COMMON[0], "--reason", "wrong", "--text", "by mistake")
    notices = pair.de.json("correction", "notify", *words)["notices"]
    clerk.note(pair.de, "", "corrections sent", "open", len(notices))
    clerk.note(pair.nl, "", "corrections received", "open", len(notices))
    for home in (pair.nl, pair.de):
        counted = clerk.seen[home.agency]
        exact = table(home, tmp_path / f"{home.agency}-exact.csv", "--internal")
        assert exact == {key: str(number) for key, number in counted.items()}
        told = table(home, tmp_path / f"{home.agency}.csv")
        assert told == {
            key: "1-4" if number < 5 else str(number) for key, number in counted.items()
        }
        page = tmp_path / f"{home.agency}.html"
        home.json("statistics", "--html", str(page), "--internal")
        text = page.read_text()
        for purpose in PURPOSES:
            assert (purpose in text) == any(key[1] == purpose for key in counted)
