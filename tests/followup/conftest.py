"""Two agencies that matched, reach each other without a socket, and have two common items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from psihash.node.node import Node
from tests.acceptance import wire
from tests.acceptance.agencies import OWN_COLLECTION, agree
from tests.cli import homes
from tests.cli.homes import Home

COMMON = ["0123456789abcdef0123456789abcdef", "00112233445566778899aabbccddeeff"]
PRIVATE = {"nl-police": "a" * 31 + "1", "de-bka": "b" * 31 + "2"}
REQUEST = (
    "--facts", "Images were seized in Utrecht.\nA second suspect is likely.",
    "--reasons", "The same two images stand in your case.",
    "--purpose", "identify the victim", "--offence", "sexual abuse of children",
)  # fmt: skip


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Home]:
    """The originals: copy them, never change them."""
    folder = tmp_path_factory.mktemp("homes")
    nl = homes.make(folder / "nl", "nl-police", "NL")
    de = homes.make(folder / "de", "de-bka", "DE")
    nl.meet(de)
    de.meet(nl)
    with pytest.MonkeyPatch.context() as patch:
        homes.quick_keys(patch)
        for home in (nl, de):
            path = homes.write_list(folder / f"{home.agency}.txt", [*COMMON, PRIVATE[home.agency]])
            home.json("import", str(path), "--collection", OWN_COLLECTION[home.agency])
        exchange = wire.connect(patch)
        with exchange.serving(nl), exchange.serving(de):
            agree(nl, de, ["md5"])
    return nl, de


@dataclass
class Matched:
    """Both agencies, serving, and what the tests do with them."""

    nl: Home
    de: Home
    exchange: wire.Exchange
    agreement: str

    def match(self, rung: str = "items") -> str:
        words = ["--agreement", self.agreement, "--rung", rung]
        session: str = self.nl.json("match", "de-bka", *words)["session"]
        return session

    def confirmed(self, session: str) -> list[str]:
        """References of all hits of a session, after nl-police confirmed them."""
        shown = self.nl.json("hit", "confirm", session, "--all", "--reason", "compared")
        return [each["reference"] for each in shown["hits"]]

    def request(self, session: str, *words: str) -> dict[str, Any]:
        words = words or ("--all-confirmed",)
        made: dict[str, Any] = self.nl.json("followup", "request", session, *words, *REQUEST)
        return made

    def node(self, home: Home) -> Node:
        """The node that serves a home."""
        return self.exchange.node(home.agency)


@pytest.fixture
def apart(
    prepared: tuple[Home, Home], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Home, Home, wire.Exchange]:
    """Both agencies, nobody serving yet."""
    homes.quick_keys(monkeypatch)
    exchange = wire.connect(monkeypatch)
    nl, de = (home.copied(tmp_path / home.agency) for home in prepared)
    return nl, de, exchange


@pytest.fixture
def pair(apart: tuple[Home, Home, wire.Exchange]) -> Iterator[Matched]:
    nl, de, exchange = apart
    with exchange.serving(nl), exchange.serving(de):
        yield Matched(nl, de, exchange, agreement_of(nl))
        for home in (nl, de):
            assert home.json("audit", "verify")["ok"] is True


def agreement_of(home: Home) -> str:
    (made,) = home.json("agreement", "list")["agreements"]
    return str(made["agreement"])
