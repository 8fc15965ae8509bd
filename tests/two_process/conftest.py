"""Prepared homes, and the check that no output of any program told a secret."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.two_process.agencies import EVERY, Agencies, make


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Agencies:
    return make(tmp_path_factory.mktemp("prepared") / "homes")


@pytest.fixture
def agencies(prepared: Agencies, tmp_path: Path) -> Iterator[Agencies]:
    """Fresh copies. Afterwards both logs must be whole and no error output may hold a digest."""
    copies = prepared.copy(tmp_path / "homes")
    yield copies
    copies.check_logs()
    check_outputs(copies.root)


def check_outputs(root: Path) -> None:
    """What the programs said to standard error holds no digest and no trace of an exception."""
    for path in root.glob("*.err"):
        text = path.read_text()
        assert "Traceback" not in text, text
        assert not any(digest in text.lower() for digest in EVERY), path.name
