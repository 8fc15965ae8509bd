"""Every page for everybody: read, reached by keyboard, narrow, large, in the dark, on paper."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from psihash.node.people import requests
from tests.console import accessibility
from tests.node.crew import password
from tests.pages.hands import FOCUSED, follow, heading, log_in, reach
from tests.pages.site import Site

pytestmark = pytest.mark.two_process

PATHS = {
    "aud": [
        "/", "/log", "/sessions", "/sessions/{session}", "/ledger", "/disclosures", "/corrections",
        "/compare", "/report", "/centre", "/account", "/nowhere",
    ],
    "ann": [
        "/", "/results", "/results/{session}", "/results/{session}/ask", "/follow-ups",
        "/follow-ups/{follow_up}", "/notices", "/notices/{notice}", "/watches", "/watches/{watch}",
        "/inbox", "/log",
    ],
    "apo": ["/inbox", "/inbox/{request}"],
    "ada": ["/watches/{watch}"],
}  # fmt: skip
"""Every page, with somebody who sees it (or is refused it)."""


def addresses(site: Site, who: str) -> list[str]:
    request = site.office.asked().id
    return [
        site.url + site.office.address(path.replace("{request}", request)) for path in PATHS[who]
    ]


CONTRAST = """() => {
  const linear = c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const channel = c => linear(c / 255);
  const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const read = s => (s.match(/[0-9.]+/g) || []).map(Number);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = read(getComputedStyle(e).backgroundColor);
      if (c.length && (c.length < 4 || c[3] > 0)) return c;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const e of document.body.querySelectorAll('*')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    const box = e.getBoundingClientRect();
    if (!own || !box.width || !box.height || e.closest('option')) continue;
    const style = getComputedStyle(e), svg = e.closest('svg');
    const front = read(svg ? style.fill : style.color), back = behind(svg ? svg.parentElement : e);
    const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const what = `${e.tagName} ${e.textContent.trim().slice(0, 30)}`;
    if (ratio < 4.5) found.push(`${what}: ${ratio.toFixed(2)}`);
  }
  return found;
}"""

OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"

SMALL = """() => [...document.querySelectorAll('button,select,input,textarea,summary,nav a')]
  .filter(e => e.type !== 'hidden').filter(e => {
    const box = (e.closest('label') || e).getBoundingClientRect();
    return box.height < 24 || box.width < 24;
  }).map(e => e.outerHTML.slice(0, 80))"""
"""What is smaller than WCAG 2.5.8 wants for a finger; links in sentences may be."""

CUT_OFF = """() => [...document.querySelectorAll(
  'a,button,select,input,textarea,summary,h1,h2,h3,label')]
  .filter(e => e.type !== 'hidden' && !e.closest('.scroll') && !e.classList.contains('skip'))
  .filter(e => {
    const box = e.getBoundingClientRect();
    return box.width === 0 || box.left < -1 || box.right > document.documentElement.clientWidth + 1;
  }).map(e => e.outerHTML.slice(0, 80))"""

SPACED = """() => {
  for (const e of document.querySelectorAll('*')) {
    e.style.lineHeight = '1.5'; e.style.letterSpacing = '0.12em'; e.style.wordSpacing = '0.16em';
  }
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("who", PATHS)
def test_every_page_can_be_read(page: Page, site: Site, who: str, scheme: Any) -> None:
    """Contrast as it is painted, structure as it is served, and no page wider than the window."""
    page.emulate_media(color_scheme=scheme)
    assert page.evaluate(CONTRAST) == []
    log_in(page, who)
    for address in addresses(site, who):
        page.goto(address)
        assert page.evaluate(CONTRAST) == [], address
        assert accessibility.problems(page.content()) == [], address
        assert page.evaluate(OVERFLOW) <= 0, address
        assert page.evaluate(SMALL) == [], address


@pytest.mark.parametrize(
    ("width", "letters"), [(320, 100), (640, 100), (640, 200), (1280, 200)],
    ids=["320 pixels", "page at 200 %", "both at 200 %", "letters at 200 %"],
)  # fmt: skip
@pytest.mark.parametrize("who", PATHS)
def test_narrow_windows_and_large_letters(
    page: Page, site: Site, who: str, width: int, letters: int
) -> None:
    """Tables scroll by themselves; pages do not, and nothing to act on is cut off or covered
    (WCAG 1.4.4, 1.4.10). A page at 200 % in 1280 pixels is as one of 640."""
    log_in(page, who)
    page.set_viewport_size({"width": width, "height": 700})
    for address in addresses(site, who):
        page.goto(address)
        page.evaluate(f"document.documentElement.style.fontSize = '{letters}%'")
        assert page.evaluate(OVERFLOW) <= 0, address
        assert page.evaluate(CUT_OFF) == [], address


@pytest.mark.parametrize("who", ["ann", "aud"])
def test_space_between_letters_hides_nothing(page: Page, site: Site, who: str) -> None:
    """With the distances of WCAG 1.4.12."""
    log_in(page, who)
    for address in addresses(site, who):
        page.goto(address)
        page.evaluate(SPACED)
        assert page.evaluate(OVERFLOW) <= 0, address
        assert page.evaluate(CUT_OFF) == [], address


def test_the_keyboard_alone_is_enough(page: Page, site: Site) -> None:
    """Log in, skip to the content, read a request, approve it, log out: no mouse."""
    request = site.office.asked()
    page.keyboard.type("apo")
    page.keyboard.press("Tab")
    page.keyboard.type(password("apo").decode())
    page.keyboard.press("Enter")
    heading(page).to_have_text("Overview")
    reach(page, lambda each: each["href"] == "/inbox")
    page.keyboard.press("Enter")
    heading(page).to_have_text("Inbox")
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED)["href"] == "#main"
    page.keyboard.press("Enter")
    reach(page, lambda each: request.id in each["href"])
    page.keyboard.press("Enter")
    heading(page).to_have_text(f"Request {request.id[:12]}")
    reach(page, lambda each: each["id"] == "reason")
    page.keyboard.type("fits the case")
    reach(page, lambda each: each["id"] == "password")
    page.keyboard.type(password("apo").decode())
    reach(page, lambda each: each["name"] == "Approve")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("approved")
    assert requests.find(site.office.node, request.id).state == "approved"
    reach(page, lambda each: each["name"] == "Log out")
    page.keyboard.press("Enter")
    heading(page).to_have_text("Log in")


@pytest.mark.parametrize("path", ["/sessions", "/compare", "/log", "/account", "/centre"])
def test_the_keyboard_reaches_everything_in_order(page: Page, site: Site, path: str) -> None:
    log_in(page, "aud")
    page.goto(site.url + path)
    count = page.evaluate(
        "() => [...document.querySelectorAll('a[href],button,select,textarea,input,summary')]"
        ".filter(e => e.type !== 'hidden').length"
    )
    seen = []
    for _ in range(count + 20):  # tables that scroll; a field for a day has three parts
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found["tag"] == "BODY":
            break
        assert found["ring"], found
        seen.append((found["tag"], found["name"], found["id"], found["href"]))
    assert len(dict.fromkeys(seen)) >= count - 4  # boxes and buttons of one name look alike


def test_pages_work_without_javascript(page: Page, site: Site) -> None:
    assert page.context.browser is not None
    context = page.context.browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(site.url + "/login")
    log_in(plain, "aud")
    follow(plain, "Sessions")
    heading(plain).to_have_text("Sessions")
    assert plain.locator("script").count() == 0
    context.close()


def test_nothing_is_loaded_from_elsewhere(page: Page, site: Site) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    log_in(page, "ann")
    page.goto(f"{site.url}/results/{site.office.prepared.items}")
    assert {url.split("/")[2] for url in asked} == {site.url.split("/")[2]}


def test_the_report_on_paper(page: Page, site: Site, tmp_path: Path) -> None:
    log_in(page, "aud")
    page.goto(site.url + "/report")
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Log out")).to_be_hidden()
    expect(page.get_by_role("button", name="Show")).to_be_hidden()
    expect(page.get_by_role("heading", name="7. Corrections")).to_be_visible()
    assert page.evaluate(CONTRAST) == []
    assert page.pdf(path=tmp_path / "report.pdf").startswith(b"%PDF")


def test_drawings_tell_what_they_show(page: Page, site: Site) -> None:
    """The tree that a screen reader gets."""
    log_in(page, "ann")
    page.goto(f"{site.url}/results/{site.office.prepared.items}")
    tree = page.get_by_role("main").aria_snapshot()
    assert 'img "Which of our series have items in common with theirs' in tree
    assert "victim identified there" in json.dumps(tree)
