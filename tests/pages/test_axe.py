"""axe-core's opinion about every page: an independent list of rules, run in the browser.

Our own list in :mod:`tests.console.accessibility` is shorter and runs without a browser.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.pages.hands import log_in
from tests.pages.site import Site
from tests.pages.test_for_everybody import PATHS, addresses

axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="axe-core is in axe-playwright-python"
)

pytestmark = pytest.mark.two_process

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


def violations(page: Page) -> list[str]:
    found: dict[str, Any] = axe.Axe().run(page, options={"runOnly": list(RULES)}).response
    assert len(found["passes"]) > 5
    return [f"{each['id']}: {each['nodes'][0]['html'][:100]}" for each in found["violations"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("who", PATHS)
def test_it_finds_nothing(page: Page, site: Site, who: str, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    assert violations(page) == []
    log_in(page, who)
    for address in addresses(site, who):
        page.goto(address)
        assert violations(page) == [], address


def test_it_finds_what_is_wrong(page: Page, site: Site) -> None:
    page.evaluate("document.querySelector('label').remove()")
    page.evaluate("document.documentElement.removeAttribute('lang')")
    assert {each.partition(":")[0] for each in violations(page)} >= {"label", "html-has-lang"}
