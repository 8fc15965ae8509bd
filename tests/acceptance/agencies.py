"""Two agencies that drive everything through the command line, in this process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.homes import Home

Document = dict[str, Any]

OWN_COLLECTION = {"nl-police": "Operation Lantern", "de-bka": "Nordwind"}
OWN_KIND = {"nl-police": "case", "de-bka": "library"}


def import_list(home: Home, path: Path) -> Document:
    """Into the agency's one collection."""
    words = ["--collection", OWN_COLLECTION[home.agency], "--kind", OWN_KIND[home.agency]]
    document: Document = home.json("import", str(path), *words)
    return document


def agree(
    proposer: Home,
    other: Home,
    algorithms: Sequence[str],
    rung: str = "records",
    learn: str = "both",
) -> str:
    """An agreement that both have signed; its id."""
    words = ["--purpose", "acceptance", "--case", "NL-1", "--legal-basis", "law", "--rung", rung]
    words += ["--learn", learn, "--algorithm", *algorithms]
    words += ["--collection", OWN_COLLECTION[proposer.agency]]
    agreement: str = proposer.json("agreement", "propose", other.agency, *words)["agreement"]
    own = ["--collection", OWN_COLLECTION[other.agency], "--same-law", "--same-case"]
    approved = other.json("agreement", "approve", agreement, *own)
    assert approved["status"] == "active"
    return agreement


@dataclass(frozen=True)
class Seen:
    """One session as both sides see it: initiator first."""

    initiator: Document
    responder: Document


def match(initiator: Home, responder: Home, agreement: str, rung: str = "records") -> Seen:
    """One session. What a side sees right after it is what it sees later."""
    words = ["--agreement", agreement[:12], "--rung", rung]
    ours = initiator.json("match", responder.agency, *words)
    again = initiator.json("session", "show", ours["session"])
    assert {name: again[name] for name in ours} == ours
    return Seen(ours, responder.json("session", "show", ours["session"]))
