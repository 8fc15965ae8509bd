"""The console in a real browser: with a mouse, with the keyboard alone, on paper, in the dark."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from psihash.node.home import opening
from psihash.node.oversight import bundles
from psihash.node.oversight.bundles import Scope
from psihash.node.people import requests
from tests.console import accessibility
from tests.node.crew import password
from tests.pages.site import Site
from tests.session.nodes import NAMES

pytestmark = pytest.mark.two_process


def log_in(page: Page, name: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password(name).decode())
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def heading(page: Page) -> Any:
    return expect(page.get_by_role("heading", level=1))


def follow(page: Page, link: str) -> None:
    page.get_by_role("navigation", name="Pages", exact=True).get_by_role("link", name=link).click()


def test_log_in_and_out(page: Page, site: Site) -> None:
    log_in(page, "aud")
    (cookie,) = page.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    page.get_by_role("button", name="Log out").click()
    heading(page).to_have_text("Log in")
    assert page.context.cookies() == []
    page.goto(site.url + "/log")
    heading(page).to_have_text("Log in")


def test_a_wrong_password_is_refused(page: Page) -> None:
    page.get_by_label("Name").fill("aud")
    page.get_by_label("Password").fill("not the right one")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("not right")
    assert page.context.cookies() == []


def test_review_sessions(page: Page, site: Site) -> None:
    log_in(page, "aud")
    follow(page, "Sessions")
    expect(page.get_by_text("3 sessions in all")).to_be_visible()
    page.get_by_label("refused").check()
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("1 session, newest first")).to_be_visible()
    assert "flag=refused" in page.url
    expect(page.get_by_label("refused")).to_be_checked()
    page.get_by_role("link", name="Show all").click()
    page.get_by_label("Partner").select_option("be-police")
    page.get_by_label("From").fill("2000-01-01")
    page.get_by_role("button", name="Show").click()
    page.locator("tbody a").last.click()
    heading(page).to_have_text("Session with be-police")
    expect(page.get_by_role("heading", name="The session opened")).to_be_visible()
    expect(page.get_by_text("Here: by rule, agreed")).to_be_visible()


def test_verify_the_log(page: Page, site: Site) -> None:
    log_in(page, "aud")
    follow(page, "Log")
    page.get_by_role("button", name="Verify the whole log now").click()
    site.office.services.verifier.once()
    page.reload()
    expect(page.get_by_text(re.compile("Verified up to entry"))).to_be_visible()


@pytest.mark.parametrize("table", ["Sessions", "Ledger", "Disclosures", "Corrections"])
def test_export(page: Page, tmp_path: Path, table: str) -> None:
    log_in(page, "aud")
    follow(page, table)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export as CSV").click()
    path = tmp_path / "file.csv"
    download.value.save_as(path)
    assert download.value.suggested_filename.startswith(f"psihash-{table.lower()}-")
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    assert rows
    assert "be-police" in str(rows)


def test_compare(page: Page, site: Site, tmp_path: Path) -> None:
    other = opening.open_node(site.office.prepared.homes.folder / NAMES[1])
    other.__dict__["keys"] = site.office.prepared.homes.rings[1]
    bundle = tmp_path / "theirs.bundle"
    bundles.export(other, bundle, Scope(peer=NAMES[0]))
    other.close()
    log_in(page, "aud")
    follow(page, "Compare")
    page.get_by_label("The partner's bundle").set_input_files(bundle)
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("status")).to_contain_text("The two logs tell the same")
    changed = tmp_path / "changed.bundle"
    lines = bundle.read_bytes().splitlines(keepends=True)
    changed.write_bytes(b"".join(lines[:-3] + lines[-2:]))
    page.get_by_label("The partner's bundle").set_input_files(changed)
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("alert")).to_contain_text("does not hold")


def test_approve(page: Page, site: Site) -> None:
    request = site.office.asked()
    log_in(page, "apo")
    follow(page, "Inbox")
    page.get_by_role("link", name=request.id[:12]).click()
    expect(page.get_by_role("heading", name="What they learn")).to_be_visible()
    page.get_by_label("Reason").fill("fits the case")
    page.get_by_label("Your password again").fill("not the right one")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.get_by_label("Reason").input_value() == "fits the case"
    page.get_by_label("Your password again").fill(password("apo").decode())
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("status")).to_contain_text("The request is approved")
    assert requests.find(site.office.node, request.id).state == "approved"


def test_refuse(page: Page, site: Site) -> None:
    request = site.office.asked()
    log_in(page, "apo")
    page.goto(f"{site.url}/inbox/{request.id}")
    page.get_by_role("button", name="Refuse").click()
    # The browser itself asks for what is missing: nothing was sent.
    assert requests.find(site.office.node, request.id).state == "pending"
    page.get_by_label("Reason").fill("no legal basis")
    page.get_by_label("Your password again").fill(password("apo").decode())
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_role("status")).to_contain_text("The request is refused")
    assert requests.find(site.office.node, request.id).state == "refused"


def test_confirm_hits(page: Page, site: Site) -> None:
    log_in(page, "ann")
    follow(page, "Results")
    page.locator("tbody a").first.click()
    expect(page.get_by_role("img", name=re.compile("Which of our series"))).to_be_visible()
    expect(page.get_by_text("8 items of ours have")).to_be_visible()
    chosen = page.get_by_role("checkbox", name=re.compile("Choose hit")).first
    reference = chosen.get_attribute("value") or ""
    chosen.check()
    page.get_by_label("Reason").fill("compared side by side")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("of which nobody has decided 24")).to_be_visible()
    held = site.office.node.stores.hits.of(site.office.prepared.items)
    assert held[reference].verdict == "confirmed"


@pytest.mark.parametrize(
    ("who", "path"),
    [("aud", "/results"), ("ann", "/log"), ("ada", "/inbox"), ("apo", "/sessions")],
)
def test_refusals_say_what_to_do(page: Page, site: Site, who: str, path: str) -> None:
    log_in(page, who)
    page.goto(site.url + path)
    heading(page).to_have_text("This did not work")
    expect(page.get_by_role("alert")).to_contain_text("this needs the role", ignore_case=True)
    page.get_by_role("main").get_by_role("link", name="To the overview").click()
    heading(page).to_have_text("Overview")


def test_a_page_of_another_site_cannot_send_our_forms(page: Page, site: Site) -> None:
    """The browser leaves the cookie out, and says where the form comes from."""
    log_in(page, "aud")
    before = site.office.services.verifier.busy
    body = (
        f'<form id="f" method="post" action="{site.url}/log/verify">'
        '<input name="csrf" value="0"></form>'
    )
    page.route(
        "http://evil.example/", lambda route: route.fulfill(body=body, content_type="text/html")
    )
    page.goto("http://evil.example/")
    page.evaluate("document.getElementById('f').submit()")
    page.wait_for_url(re.compile("/log/verify"))
    assert "not sent by a page of the console" in page.content()
    assert site.office.services.verifier.busy is before


# --- for everybody --------------------------------------------------------------------------------

PATHS = {
    "aud": [
        "/",
        "/log",
        "/sessions",
        "/ledger",
        "/disclosures",
        "/corrections",
        "/compare",
        "/report",
    ],
    "ann": ["/", "/results", "/follow-ups", "/inbox"],
    "apo": ["/inbox"],
}

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

FOCUSED = """() => {
  const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
  return {
    tag: e.tagName, name: (e.textContent || e.name || '').trim().slice(0, 40),
    id: e.id || e.name || '', href: e.getAttribute('href') || '',
    ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
    seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.right > 0,
  };
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("who", PATHS)
def test_every_page_can_be_read(page: Page, site: Site, who: str, scheme: Any) -> None:
    """Contrast as it is painted, structure as it is served, and no page wider than the window."""
    site.office.asked()
    page.emulate_media(color_scheme=scheme)
    assert page.evaluate(CONTRAST) == []
    log_in(page, who)
    items = site.office.prepared.items
    more = {"aud": [f"/sessions/{items}"], "ann": [f"/results/{items}"]}.get(who, [])
    for path in [*PATHS[who], *more]:
        page.goto(site.url + path)
        assert page.evaluate(CONTRAST) == [], path
        assert accessibility.problems(page.content()) == [], path
        assert page.evaluate(OVERFLOW) <= 0, path


@pytest.mark.parametrize("path", ["/sessions", "/results", "/report"])
def test_a_narrow_window_scrolls_tables_not_pages(page: Page, site: Site, path: str) -> None:
    log_in(page, "ann" if path == "/results" else "aud")
    page.set_viewport_size({"width": 380, "height": 700})
    page.goto(site.url + path)
    assert page.evaluate(OVERFLOW) <= 0


def test_the_keyboard_alone_is_enough(page: Page, site: Site) -> None:
    """Log in, skip to the content, read a request, approve it, log out: no mouse."""
    request = site.office.asked()
    page.keyboard.type("apo")
    page.keyboard.press("Tab")
    page.keyboard.type(password("apo").decode())
    page.keyboard.press("Enter")
    heading(page).to_have_text("Overview")
    _reach(page, lambda each: each["href"] == "/inbox")
    page.keyboard.press("Enter")
    heading(page).to_have_text("Inbox")
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED)["href"] == "#main"
    page.keyboard.press("Enter")
    _reach(page, lambda each: request.id in each["href"])
    page.keyboard.press("Enter")
    heading(page).to_have_text(f"Request {request.id[:12]}")
    _reach(page, lambda each: each["id"] == "reason")
    page.keyboard.type("fits the case")
    _reach(page, lambda each: each["id"] == "password")
    page.keyboard.type(password("apo").decode())
    _reach(page, lambda each: each["name"] == "Approve")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("approved")
    assert requests.find(site.office.node, request.id).state == "approved"
    _reach(page, lambda each: each["name"] == "Log out")
    page.keyboard.press("Enter")
    heading(page).to_have_text("Log in")


def _reach(page: Page, wanted: Any, most: int = 60) -> None:
    """Press Tab until what is wanted has the focus; everything on the way must show it."""
    for _ in range(most):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found["tag"] == "BODY":
            continue
        assert found["ring"], found
        assert found["seen"], found
        if wanted(found):
            return
    raise AssertionError("the keyboard does not lead there")


@pytest.mark.parametrize("path", ["/sessions", "/compare", "/log"])
def test_the_keyboard_reaches_everything_in_order(page: Page, site: Site, path: str) -> None:
    log_in(page, "aud")
    page.goto(site.url + path)
    count = page.evaluate(
        "() => [...document.querySelectorAll('a[href],button,select,textarea,input')]"
        ".filter(e => e.type !== 'hidden').length"
    )
    seen = []
    for _ in range(count + 12):  # a field for a day has three parts
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found["tag"] == "BODY":
            break
        assert found["ring"], found
        seen.append((found["tag"], found["name"], found["id"], found["href"]))
    assert len(dict.fromkeys(seen)) >= count - 3  # boxes of one name look alike


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
