"""One office, made once; each test gets a copy."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from psihash_server.console import account

from tests.console import office as offices
from tests.console.office import Office, Prepared
from tests.node import crew


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return offices.prepare(tmp_path_factory.mktemp("office"))


@pytest.fixture(autouse=True)
def quiet_logs() -> Iterator[None]:
    """Commands set up logging for their process; a test gives it back, so that others hear it."""
    logger = logging.getLogger("psihash")
    before = logger.handlers[:], logger.level, logger.propagate
    logger.propagate = True
    yield
    logger.handlers[:], logger.level, logger.propagate = before


@pytest.fixture
def office(prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    crew.quick(monkeypatch)
    monkeypatch.setattr(account, "SECONDS_TO_ANSWER", 0.0)
    opened = offices.open_office(prepared, tmp_path)
    yield opened
    opened.node.close()
