"""The inbox and the one page: approving and refusing with the password again."""

from __future__ import annotations

import pytest
from psihash_server.console import approver

from psihash.agreement.request import RequestKind
from psihash.agreement.status import Status
from psihash.node.agreeing import documents
from psihash.node.oversight import auditing
from psihash.node.people import requests
from psihash.node.people.login import PASSWORD_VARIABLE
from tests.console.office import Browser, Office
from tests.node.crew import id_of, password


def decide(
    browser: Browser, request: str, verdict: str, who: str, reason: str = "fits the case"
) -> tuple[int, str]:
    answer = browser.post(
        f"/inbox/{request}",
        page=f"/inbox/{request}",
        verdict=verdict,
        reason=reason,
        password=password(who).decode(),
    )
    return answer.status_code, answer.text


def state(office: Office, request: str) -> str:
    return str(requests.find(office.node, request).state.value)


def test_the_page_says_what_the_command_says(office: Office) -> None:
    request = office.asked()
    browser = office.browser("apo")
    assert f"/inbox/{request.id}" in browser.get("/inbox").text
    page = browser.get(f"/inbox/{request.id}").text
    _, sections = requests.page(office.node, request.id)
    assert len(sections) > 10
    for heading, _ in sections:
        assert f"<h2>{heading}</h2>" in page
    assert "What was exposed to this partner before" in page
    assert "2 completed sessions" in page


def test_approve(office: Office) -> None:
    request = office.asked()
    browser = office.browser("apo")
    assert decide(browser, request.id, "approve", "apo")[0] == 303
    assert state(office, request.id) == "approved"
    assert documents.load(office.node, request.agreement).state(office.node.stamp()).status in (
        Status.PROPOSED,
        Status.UNSIGNED,
    )
    (entry,) = [e["local"] for e in auditing.show(office.node) if e["event"] == "decision"][-1:]
    assert entry["actor"]["name"] == "apo"
    assert (entry["reason"], entry["decided_as"]) == ("fits the case", "approver")
    page = browser.get(f"/inbox/{request.id}").text
    assert "The request is approved" in page
    assert 'name="password"' not in page
    assert "Nothing waits for a decision" in browser.get("/inbox").text
    assert request.id[:12] in browser.get("/inbox?all=yes").text


def test_refuse(office: Office) -> None:
    request = office.asked()
    browser = office.browser("apo")
    assert decide(browser, request.id, "refuse", "apo", "no legal basis")[0] == 303
    assert state(office, request.id) == "refused"
    assert "no legal basis" in browser.get(f"/inbox/{request.id}").text


def test_the_password_is_asked_for_again(office: Office) -> None:
    request = office.asked()
    browser = office.browser("apo")
    status, page = decide(browser, request.id, "approve", "ann")
    assert status == 422
    assert 'role="alert"' in page
    assert "fits the case" in page  # the reason is not lost
    assert password("ann").decode() not in page
    assert state(office, request.id) == "pending"
    row = office.node.stores.operators.named("apo")
    assert row is not None
    assert row.failures == 1


def test_wrong_passwords_lock_here_too(office: Office) -> None:
    request = office.asked()
    browser = office.browser("apo")
    for _ in range(5):
        decide(browser, request.id, "approve", "ann")
    status, page = decide(browser, request.id, "approve", "apo")
    assert status == 409
    assert "locked until" in page
    assert state(office, request.id) == "pending"


def test_a_decision_opens_a_key_for_itself_alone(office: Office) -> None:
    first, second = office.asked(), office.asked("find offenders")
    browser = office.browser("apo")
    assert decide(browser, first.id, "approve", "apo")[0] == 303
    answer = browser.post(
        f"/inbox/{second.id}", page=f"/inbox/{second.id}", verdict="approve", reason="x",
        password="",
    )  # fmt: skip
    assert answer.status_code == 422
    assert state(office, second.id) == "pending"
    assert office.node.unlocked == {}


def test_no_password_file_stands_in_for_the_person(
    office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    path = office.node.home / "secret"
    path.write_bytes(password("apo"))
    monkeypatch.setenv(PASSWORD_VARIABLE, str(path))
    request = office.asked()
    status, _ = decide(office.browser("apo"), request.id, "approve", "ann")
    assert status == 422
    assert state(office, request.id) == "pending"


def test_who_asked_cannot_approve(office: Office) -> None:
    request = office.asked(by="amy")
    status, page = decide(office.browser("amy"), request.id, "approve", "amy")
    assert status == 403
    assert "another person must decide" in page
    assert state(office, request.id) == "pending"
    assert decide(office.browser("apo"), request.id, "approve", "apo")[0] == 303


def test_an_analyst_reads_and_does_not_decide(office: Office) -> None:
    request = office.asked()
    browser = office.browser("ann")
    page = browser.get(f"/inbox/{request.id}").text
    assert "An approver decides about this" in page
    assert decide(browser, request.id, "approve", "ann")[0] == 403
    assert state(office, request.id) == "pending"


def test_a_decision_needs_a_reason_and_a_verdict(office: Office) -> None:
    request = office.asked()
    browser = office.browser("apo")
    assert decide(browser, request.id, "approve", "apo", "")[0] == 400
    assert decide(browser, request.id, "perhaps", "apo")[0] == 400
    assert decide(browser, request.id, "approve", "apo", "x" * 2_000)[0] == 400
    assert state(office, request.id) == "pending"


def test_a_decision_is_made_once(office: Office) -> None:
    request = office.asked()
    browser = office.browser("apo")
    csrf = browser.csrf()
    form = {"csrf": csrf, "verdict": "approve", "reason": "x", "password": password("apo").decode()}
    codes = [browser.client.post(f"/inbox/{request.id}", data=form).status_code for _ in range(2)]
    assert codes == [303, 409]


def test_the_actor_is_who_logged_in(office: Office) -> None:
    """Two approvers at once decide in their own names."""
    first, second = office.asked(), office.asked("find offenders")
    apo, amy = office.browser("apo"), office.browser("amy")
    assert decide(apo, first.id, "approve", "apo")[0] == 303
    assert decide(amy, second.id, "approve", "amy")[0] == 303
    shown = [requests.view(office.node, requests.find(office.node, r.id)) for r in (first, second)]
    assert [view.decided_by for view in shown] == ["apo", "amy"]
    assert id_of(office.node, "apo") != id_of(office.node, "amy")


def test_an_unknown_request_is_named(office: Office) -> None:
    answer = office.browser("apo").get("/inbox/abcdef123456")
    assert answer.status_code == 404
    assert "psihash inbox" in answer.text


def test_every_kind_of_request_has_words() -> None:
    assert set(approver.KINDS) == set(RequestKind)
