"""Two agencies that know each other, and reach each other without a socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance import wire
from tests.cli import homes
from tests.cli.homes import Home


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Home]:
    """The originals: copy them, never change them."""
    folder = tmp_path_factory.mktemp("homes")
    nl = homes.make(folder / "nl", "nl-police", "NL")
    de = homes.make(folder / "de", "de-bka", "DE")
    nl.meet(de)
    de.meet(nl)
    return nl, de


@pytest.fixture
def pair(
    prepared: tuple[Home, Home], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Home, Home]]:
    """Both agencies, each answering the other."""
    homes.quick_keys(monkeypatch)
    exchange = wire.connect(monkeypatch)
    nl, de = (home.copied(tmp_path / home.agency) for home in prepared)
    with exchange.serving(nl), exchange.serving(de):
        yield nl, de
