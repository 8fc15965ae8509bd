"""Correction notices in the console: what they reach, and saying what was done."""

from __future__ import annotations

import re

import pytest

from psihash.node.casework import corrections
from psihash.node.oversight import auditing
from tests.console.office import Office
from tests.node.crew import password


def notice(office: Office) -> str:
    return office.node.stores.corrections.all()[0].id


def resolve(office: Office, who: str = "ann", **fields: str) -> tuple[int, str]:
    given = {"action": "removed", "text": "Taken out of the report."}
    given |= {"password": password(who).decode()} | fields
    answer = office.browser(who).post(f"/notices/{notice(office)}", page="/", **given)
    return answer.status_code, answer.text


def test_a_notice_says_what_it_reaches(office: Office) -> None:
    browser = office.browser("ann")
    assert "1 correction notice" in browser.get("/").text
    assert notice(office)[:12] in browser.get("/notices").text
    page = browser.get(f"/notices/{notice(office)}").text
    assert "It was listed by mistake." in page
    assert f'href="/results/{office.prepared.items}"' in page
    assert 'name="action"' in page
    assert (
        f'href="/notices/{notice(office)}"' in browser.get(f"/results/{office.prepared.items}").text
    )


def test_what_was_done_goes_to_an_approver_and_ends_the_clock(office: Office) -> None:
    assert resolve(office)[0] == 303
    path, browser = f"/notices/{notice(office)}", office.browser("ann")
    page = browser.get(path).text
    assert "Our answer waits for an approver here" in page
    assert 'name="action"' not in page
    assert resolve(office, action="kept")[0] == 409
    approver = office.browser("apo")
    (request,) = re.findall(r'href="/inbox/([0-9a-f]+)"', approver.get("/inbox").text)
    answer = approver.post(
        f"/inbox/{request}", verdict="approve", reason="fits", password=password("apo").decode()
    )
    assert answer.status_code == 303
    view = corrections.view(office.node, corrections.find(office.node, notice(office)))
    assert (view.state, view.action) == ("resolved", "removed")
    page = browser.get(path).text
    assert "Removed from our work" in page
    assert "Taken out of the report." in page


def test_a_look_is_logged(office: Office) -> None:
    office.browser("apo").get(f"/notices/{notice(office)}")
    looks = [e["local"] for e in auditing.show(office.node) if e["event"] == "consultation"]
    assert (looks[-1]["what"], looks[-1]["actor"]["name"]) == ("correction", "apo")


def test_an_answer_that_their_node_did_not_take_is_said(office: Office) -> None:
    row = office.node.stores.corrections.all()[0]
    office.node.stores.corrections.change(row.id, row.state, refused="unknown-correction")
    browser = office.browser("ann")
    page = browser.get(f"/notices/{notice(office)}").text
    assert "The node of be-police did not take it" in page
    assert "Call them" in page
    assert "not taken there" in browser.get("/notices").text
    assert "1 word of ours was not taken" in browser.get("/").text


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"action": "received"}, 400),
        ({"action": ""}, 400),
        ({"text": " "}, 400),
        ({"password": "not the right one"}, 422),
    ],
)
def test_what_is_wrong_changes_nothing(office: Office, fields: dict[str, str], code: int) -> None:
    status, page = resolve(office, **fields)
    assert (status, 'role="alert"' in page) == (code, True)
    assert office.node.stores.corrections.all()[0].state == "open"


def test_an_approver_reads_it(office: Office) -> None:
    page = office.browser("apo").get(f"/notices/{notice(office)}").text
    assert "An analyst says what was done" in page
    assert resolve(office, "apo")[0] == 403
