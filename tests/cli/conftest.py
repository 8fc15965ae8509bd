"""Two agencies that know each other, fresh for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli import homes
from tests.cli.homes import Home


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    homes.quick_keys(monkeypatch)


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
def nl(prepared: tuple[Home, Home], tmp_path: Path) -> Home:
    return prepared[0].copied(tmp_path / "nl-home")


@pytest.fixture
def de(prepared: tuple[Home, Home], tmp_path: Path) -> Home:
    return prepared[1].copied(tmp_path / "de-home")


@pytest.fixture
def plain_list(tmp_path: Path) -> Path:
    """Ten digests and one line that is none."""
    return homes.write_list(tmp_path / "list.txt", [*homes.digests(10), "oops"])
