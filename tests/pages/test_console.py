"""The console in a real browser: with a mouse, with the keyboard alone, on paper, in the dark."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from psihash_server.console import guard

from psihash.node.home import opening
from psihash.node.oversight import bundles
from psihash.node.oversight.bundles import Scope
from psihash.node.people import requests
from tests.node.crew import password
from tests.pages.hands import follow, heading, log_in, reach
from tests.pages.site import Site
from tests.session.nodes import NAMES

pytestmark = pytest.mark.two_process


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
    page.get_by_label("Partner", exact=True).select_option("be-police")
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


def test_ask_about_a_hit(page: Page, site: Site) -> None:
    """From a hit to a request, and back to a form that was not taken."""
    log_in(page, "ann")
    page.goto(f"{site.url}/results/{site.office.prepared.items}")
    page.get_by_role("link", name="Write a request").click()
    heading(page).to_have_text("Ask be-police about hits")
    page.get_by_role("checkbox", name=re.compile("Choose hit")).first.check()
    page.get_by_label("Facts of the case").fill("Images were seized.\nOn two phones.")
    page.get_by_label("Why they may hold").fill("They stand in your case.")
    page.get_by_label("Offence").fill("sexual abuse of children")
    page.get_by_label("Your password again").fill("not the right one")
    page.get_by_role("button", name="File the request").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.get_by_label("Facts of the case").input_value() == (
        "Images were seized.\nOn two phones."
    )
    page.get_by_label("Your password again").fill(password("ann").decode())
    page.get_by_role("button", name="File the request").click()
    heading(page).to_have_text(re.compile("Request .* to be-police"))
    expect(page.get_by_text("It waits for an approver here")).to_be_visible()


def test_answer_and_resolve(page: Page, site: Site) -> None:
    log_in(page, "ann")
    follow(page, "Follow-ups")
    page.get_by_role("row").filter(has_text="they ask").get_by_role("link").click()
    page.get_by_label("Granted").check()
    page.get_by_label("In words").fill("The victim is known.")
    page.get_by_label("Your password again").fill(password("ann").decode())
    page.get_by_role("button", name="Give it to the approver").click()
    expect(page.get_by_role("heading", name="granted")).to_be_visible()
    follow(page, "Notices")
    page.locator("tbody a").first.click()
    page.get_by_label("Removed from our work").check()
    page.get_by_label("In words").fill("Taken out of the report.")
    page.get_by_label("Your password again").fill(password("ann").decode())
    page.get_by_role("button", name="Give it to the approver").click()
    expect(page.get_by_text("Our answer waits for an approver here")).to_be_visible()


def test_hits_of_a_watch(page: Page, site: Site) -> None:
    log_in(page, "ann")
    follow(page, "Watches")
    page.locator("tbody a").first.click()
    page.get_by_label("Reason").fill("compared")
    page.get_by_label("All that nobody has decided").check()
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("of which nobody has decided 0")).to_be_visible()


def test_change_the_password_with_the_keyboard(page: Page, site: Site) -> None:
    log_in(page, "aud")
    reach(page, lambda each: each["href"] == "/account")
    page.keyboard.press("Enter")
    heading(page).to_have_text("Your account")
    for field, words in (
        ("password", password("aud").decode()),
        ("new", "new" * 5),
        ("again", "new" * 5),
    ):
        reach(page, lambda each, field=field: each["id"] == field)
        page.keyboard.type(words)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Your password is changed")
    page.get_by_label("Name").fill("aud")
    page.get_by_label("Password").fill("new" * 5)
    page.keyboard.press("Enter")
    heading(page).to_have_text("Overview")


def test_the_way_back_after_a_log_in_that_ended(page: Page, site: Site) -> None:
    log_in(page, "ann")
    address = f"{site.url}/results/{site.office.prepared.items}/ask"
    page.goto(address)
    page.get_by_role("checkbox", name=re.compile("Choose hit")).first.check()
    page.get_by_label("Facts of the case").fill("Half an hour of writing.")
    page.get_by_label("Why they may hold").fill("For this reason.")
    page.get_by_label("Your password again").fill(password("ann").decode())
    site.office.services.logins.log_out_all(site.office.node.stores.operators.named("ann").id)  # type: ignore[union-attr]
    page.get_by_role("button", name="File the request").click()
    expect(page.get_by_role("alert")).to_contain_text("Your log-in has ended")
    expect(page.get_by_label("Text 1")).to_have_value("Half an hour of writing.")
    page.goto(address)
    heading(page).to_have_text("Log in")
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill(password("ann").decode())
    page.get_by_role("button", name="Log in").click()
    heading(page).to_have_text("Ask be-police about hits")


def test_two_clicks_back_and_two_tabs(page: Page, site: Site) -> None:
    """A decision is made once, whichever way it is sent again, and every way ends on its page."""
    request = site.office.asked()
    log_in(page, "apo")
    page.goto(f"{site.url}/inbox/{request.id}")
    other = page.context.new_page()
    other.goto(f"{site.url}/inbox/{request.id}")
    for tab in (page, other):
        tab.get_by_label("Reason").fill("fits the case")
        tab.get_by_label("Your password again").fill(password("apo").decode())
    page.get_by_role("button", name="Approve").dblclick()
    expect(page.get_by_role("status")).to_contain_text("The request is approved")
    page.go_back()
    expect(page.get_by_role("status")).to_contain_text("The request is approved")
    other.get_by_role("button", name="Refuse").click()
    expect(other.get_by_role("alert")).to_be_visible()
    assert requests.find(site.office.node, request.id).state == "approved"


def test_somebody_else_in_the_other_tab(page: Page, site: Site) -> None:
    """One browser has one log-in: what a page of the one before sends is not done for the next."""
    log_in(page, "aud")
    page.goto(site.url + "/log")
    other = page.context.new_page()
    page.context.clear_cookies()
    other.goto(site.url + "/login")
    log_in(other, "ada")
    page.get_by_role("button", name="Verify the whole log now").click()
    expect(page.get_by_role("alert")).to_contain_text("not made for your log-in")


def test_a_file_that_is_too_large_is_said(page: Page, site: Site, tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as stream:
        stream.truncate(guard.MAX_UPLOAD + 1)
    log_in(page, "aud")
    page.goto(site.url + "/compare")
    page.get_by_label("Partner", exact=True).select_option("be-police")
    page.get_by_label("The partner's bundle").set_input_files(large)
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("The file is larger than 256 MiB")).to_be_visible()
