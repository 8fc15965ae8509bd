"""Takes the pictures of docs/screenshots: ``python -m tests.pages.shots FOLDER``.

The auditor's are of a node with a year of made-up work, the others of the office of the tests.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from psihash_server.console import app as console
from psihash_server.console import place as places

from benchmarks import console_casework
from benchmarks import console_history as history
from tests.console import office as offices
from tests.node import crew
from tests.pages import site as sites
from tests.pages.conftest import program

WIDTH, HEIGHT, MOST = 1280, 800, 1500
SESSIONS, ENTRIES = 240, 2_000

_Pages = list[tuple[str, str, str, bool]]
"""(name, who, path, in the dark)."""


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, pytest.MonkeyPatch.context() as patch:
        browser = playwright.chromium.launch(
            executable_path=program(), args=["--no-sandbox", "--disable-gpu"]
        )
        crew.quick(patch)
        for serve in (_office, _year):
            with serve() as (url, pages):
                for name, who, path, dark in pages:
                    password = crew.password(who) if serve is _office else history.PASSWORD
                    _take(browser, folder / name, url + path, (who, password), dark=dark)
        browser.close()


@contextmanager
def _office() -> Iterator[tuple[str, _Pages]]:
    with tempfile.TemporaryDirectory() as work:
        prepared = offices.prepare(Path(work, "prepared"))
        with sites.serving(prepared, Path(work)) as site:
            request = site.office.asked("Identify victims in seized material").id
            result = f"/results/{prepared.items}"
            stores = site.office.node.stores
            notice = stores.corrections.all()[0].id
            theirs = next(row.id for row in stores.followups.all() if row.side == "answerer")
            pages = [
                ("login", "", "/login", False),
                ("inbox", "apo", "/inbox", False),
                ("request", "apo", f"/inbox/{request}", False),
                ("overview", "ann", "/", False),
                ("results", "ann", "/results", False),
                ("result", "ann", result, False),
                ("result-dark", "ann", result, True),
                ("ask", "ann", f"{result}/ask", False),
                ("watch", "ann", f"/watches/{prepared.watch}", False),
                ("notice", "ann", f"/notices/{notice}", False),
                ("follow-up", "ann", f"/follow-ups/{theirs}", False),
                ("follow-ups", "ann", "/follow-ups", False),
                ("account", "ann", "/account", False),
                ("corrections", "aud", "/corrections", False),
                ("compare", "aud", "/compare", False),
            ]
            yield site.url, pages


@contextmanager
def _year() -> Iterator[tuple[str, _Pages]]:
    with tempfile.TemporaryDirectory() as work:
        made = history.make(Path(work), ENTRIES, SESSIONS, matched=40)
        console_casework.fill(made.node, made.items)
        port = sites.free_port()
        app, services = console.build(made.node, places.of(f"127.0.0.1:{port}", None))
        services.verifier.once()
        pages = ["log", "sessions", "ledger", "disclosures", "report", "centre"]
        listed = [(name, "Jansen", f"/{name}", False) for name in pages]
        with sites.answering(app, port) as url:
            yield url, [*listed, ("session", "Jansen", f"/sessions/{made.items}", False)]
        made.node.close()


def _take(
    browser: Browser, name: Path, address: str, who: tuple[str, bytes], *, dark: bool
) -> None:
    context = browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="dark" if dark else "light"
    )
    page = context.new_page()
    page.goto(address)
    if who[0]:
        page.fill("#name", who[0])
        page.fill("#password", who[1].decode())
        page.click("main button")
        page.goto(address)
    tall: int = page.evaluate("() => document.documentElement.scrollHeight")
    page.screenshot(
        path=name.with_suffix(".png"),
        full_page=True,
        clip={"x": 0, "y": 0, "width": WIDTH, "height": max(HEIGHT, min(tall, MOST))},
    )
    context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
