"""A real browser: the system's Chromium, driven by Playwright.

Where there is none the tests are skipped, loudly; with PSIHASH_REQUIRE_BROWSER=1 they fail instead.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from psihash_server.console import account

from tests.console import office as offices
from tests.console.office import Prepared
from tests.node import crew
from tests.pages import site as sites
from tests.pages.site import Site

PROGRAMS = ("chromium", "chromium-browser")
HOST = "console.police.example"
"""A name that the browser finds on this machine."""


def program() -> str:
    """Where Chromium is. Skips, or fails where a browser is required."""
    found = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    if found is None:
        said = "NO CHROMIUM ON THIS MACHINE: the pages of the console are not tested in a browser"
        if os.environ.get("PSIHASH_REQUIRE_BROWSER") == "1":
            pytest.fail(said)
        pytest.skip(said)
    return found


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = program()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                f"--host-resolver-rules=MAP {HOST} 127.0.0.1",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return offices.prepare(tmp_path_factory.mktemp("office"))


@pytest.fixture
def site(prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    crew.quick(monkeypatch)
    monkeypatch.setattr(account, "SECONDS_TO_ANSWER", 0.0)
    with sites.serving(prepared, tmp_path) as served:
        yield served


@pytest.fixture
def page(chromium: Browser, site: Site) -> Iterator[Page]:
    """A fresh browser window, on the page to log in. What a page logs as an error fails the
    test: a style that the policy refuses, for one."""
    context = chromium.new_context(accept_downloads=True, viewport={"width": 1280, "height": 900})
    opened, problems = context.new_page(), list[str]()
    opened.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.goto(site.url + "/login")
    yield opened
    context.close()
    # That a refusal has a status of its own is said there too, and meant.
    assert [each for each in problems if "responded with a status of" not in each] == []
