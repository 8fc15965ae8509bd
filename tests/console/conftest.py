"""One office, made once; each test gets a copy, on SQLite and on PostgreSQL."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from psihash_server.console import account

from tests.console import office as offices
from tests.console import on_postgres
from tests.console.office import Office, Prepared
from tests.node import crew
from tests.session.nodes import NAMES
from tests.storage.conftest import postgres_url

__all__ = ["postgres_url"]


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


@pytest.fixture(scope="session")
def postgres_office(postgres_url: str, prepared: Prepared) -> str:
    """A PostgreSQL server that has the office's store."""
    on_postgres.copy_store(postgres_url, prepared.homes.folder / NAMES[0] / "psihash.db")
    return postgres_url


@pytest.fixture(params=["sqlite", "postgresql"])
def office(
    request: pytest.FixtureRequest,
    prepared: Prepared,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Office]:
    crew.quick(monkeypatch)
    monkeypatch.setattr(account, "SECONDS_TO_ANSWER", 0.0)
    with contextlib.ExitStack() as stack:
        store = ""
        if request.param == "postgresql":
            server = request.getfixturevalue("postgres_office")
            store = stack.enter_context(on_postgres.copied(server))
        opened = offices.open_office(prepared, tmp_path, store=store)
        stack.callback(opened.node.close)
        yield opened
