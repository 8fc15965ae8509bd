"""Requests about hits in the console: written from a result, answered, withdrawn, and their end."""

from __future__ import annotations

import json
import re

import pytest

from psihash.casework.pack import Pack
from psihash.node.casework import case_documents, followup_rows, followup_views, hits
from psihash.node.oversight import auditing
from tests.console.office import Browser, Office
from tests.node.crew import password

WRITTEN = {
    "facts": "Images were seized in Utrecht.\nOn two phones.",
    "reasons": "The same material stands in your case.",
    "offence": "sexual abuse of children",
    "purpose": "find the victim",
    "legal_basis": "Art. 17",
    "wanted": "core-data",
    "urgency": "normal",
    "subject": "victim",
}


def confirmed(office: Office) -> list[str]:
    found = hits.listing(office.acting("ann"), office.prepared.items)
    return [each.reference for each in found if each.status == "confirmed"]


def ask(
    office: Office, who: str = "ann", secret: str = "", **changes: str | list[str]
) -> tuple[int, str, str]:
    """(status, page, where it led)."""
    path = f"/results/{office.prepared.items}/ask"
    browser = office.browser(who)
    secret = secret or password(who).decode()
    fields: dict[str, str | list[str]] = {**WRITTEN, "hit": confirmed(office)[:2]}
    fields |= {"password": secret} | changes
    answer = browser.post(path, page="/", **fields)
    return answer.status_code, answer.text, answer.headers.get("location", "")


def rows(office: Office) -> set[str]:
    return {row.id for row in office.node.stores.followups.all()}


def test_the_form_begins_with_what_the_agreement_says(office: Office) -> None:
    path = f"/results/{office.prepared.items}"
    assert f'href="{path}/ask"' in office.browser("ann").get(path).text
    page = office.browser("ann").get(f"{path}/ask?hit={confirmed(office)[1]}").text
    assert 'name="purpose" type="text" maxlength="1000" value="a test"' in page
    assert 'name="legal_basis" type="text" maxlength="1000" value="Art. 1"' in page
    boxes = re.findall(r'name="hit" value="([0-9a-f]+)"[^>]*?( checked)?>', page)
    assert {name for name, _ in boxes} == set(confirmed(office))
    assert [name for name, ticked in boxes if ticked] == [confirmed(office)[1]]
    looks = [e["local"] for e in auditing.show(office.node) if e["event"] == "consultation"]
    assert looks[-1]["what"] == "hits"


def test_a_request_waits_for_an_approver(office: Office) -> None:
    before = rows(office)
    status, _, led_to = ask(office)
    assert status == 303
    (made,) = rows(office) - before
    assert led_to == f"/follow-ups/{made}"
    row = followup_rows.get(office.node, made)
    assert (row.state, row.hits, row.peer) == ("waiting", 2, "be-police")
    pack = case_documents.kept(office.node, row.session, row.id)
    assert isinstance(pack, Pack)
    assert pack.facts == ("Images were seized in Utrecht.", "On two phones.")
    assert (pack.purpose, pack.offence) == ("find the victim", "sexual abuse of children")
    assert [each.value for each in pack.data_subjects] == ["victim"]
    page = office.browser("ann").get(led_to).text
    assert "waits for our approver" in page
    assert "Withdraw it" in page
    approver = office.browser("apo")
    (request,) = re.findall(r'href="/inbox/([0-9a-f]+)"', approver.get("/inbox").text)
    answer = approver.post(
        f"/inbox/{request}", verdict="approve", reason="fits", password=password("apo").decode()
    )
    assert answer.status_code == 303
    assert followup_rows.get(office.node, made).state == "requested"


def test_all_confirmed_and_urgent_and_stricter(office: Office) -> None:
    before = rows(office)
    status, page, _ = ask(
        office, hit=[], everything="yes", urgency="urgent", urgency_reason="a child is in danger",
        handling="H3", tlp="RED", note="call first", deadline="2030-01-31T12:00",
    )  # fmt: skip
    assert status == 303, page
    (made,) = rows(office) - before
    row = followup_rows.get(office.node, made)
    assert (row.hits, row.urgency) == (len(confirmed(office)), "urgent")
    pack = case_documents.kept(office.node, row.session, row.id)
    assert isinstance(pack, Pack)
    assert pack.deadline == "2030-01-31T12:00:00Z"
    assert pack.handling.to_dict() == {"code": "H3", "tlp": "RED", "note": "call first"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"facts": " "}, 400),
        ({"reasons": ""}, 400),
        ({"facts": "x" * 20_001}, 400),
        ({"hit": []}, 400),
        ({"everything": "yes"}, 400),
        ({"hit": ["ffffffffffff"]}, 404),
        ({"subject": "everybody"}, 400),
        ({"urgency": "urgent"}, 400),
        ({"wanted": "all"}, 400),
        ({"handling": "H9"}, 400),
        ({"deadline": "tomorrow"}, 400),
        ({"secret": "not the right one"}, 422),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(
    office: Office, changes: dict[str, str | list[str]], code: int
) -> None:
    before = rows(office)
    status, page, _ = ask(office, **changes)  # type: ignore[arg-type]
    assert status == code
    assert 'role="alert"' in page
    assert rows(office) == before
    for name in ("purpose", "offence", "legal_basis"):
        assert f'value="{WRITTEN[name]}"' in page
    if "facts" not in changes:
        assert "Images were seized in Utrecht.\nOn two phones." in page
    assert password("ann").decode() not in page


def test_a_hit_that_nobody_confirmed_cannot_be_asked_about(office: Office) -> None:
    known = hits.listing(office.acting("ann"), office.prepared.items)
    undecided = next(each.reference for each in known if each.status == "unconfirmed")
    status, page, _ = ask(office, hit=[undecided])
    assert status == 409
    assert "A person must have confirmed each hit" in page


def test_an_approver_alone_writes_nothing(office: Office) -> None:
    path = f"/results/{office.prepared.items}"
    assert "/ask" not in office.browser("apo").get(path).text
    assert ask(office, "apo")[0] == 403


def test_a_key_is_open_for_one_request_alone(office: Office) -> None:
    assert ask(office)[0] == 303
    assert office.node.unlocked == {}
    assert ask(office, secret=" ")[0] == 422


# --- answers --------------------------------------------------------------------------------------


def of_side(office: Office, side: str) -> str:
    return next(row.id for row in office.node.stores.followups.all() if row.side == side)


def say(office: Office, browser: Browser, which: str, **fields: str) -> tuple[int, str]:
    given = {"password": password("ann").decode(), "text": "The victim is known, file 7."} | fields
    answer = browser.post(f"/follow-ups/{which}", page="/", **given)
    return answer.status_code, answer.text


@pytest.mark.parametrize(
    "step", ["granted", "refused", "more-information", "not-directly-available"]
)
def test_each_answer_goes_to_the_approver(office: Office, step: str) -> None:
    which, browser = of_side(office, "answerer"), office.browser("ann")
    page = browser.get(f"/follow-ups/{which}").text
    assert f'name="step" value="{step}"' in page
    assert say(office, browser, which, step=step)[0] == 303
    (message,) = [
        each for each in followup_views.show(office.acting("ann"), which)["messages"]
        if each["step"] == step
    ]  # fmt: skip
    assert message["text"] == ["The victim is known, file 7."]
    assert message["sent"] is None
    page = browser.get(f"/follow-ups/{which}").text
    assert 'name="step"' not in page  # until an approver has decided
    assert say(office, browser, which, step=step)[0] == 409


def test_only_what_may_be_said_is_offered(office: Office) -> None:
    browser = office.browser("ann")
    theirs = browser.get(f"/follow-ups/{of_side(office, 'answerer')}").text
    ours = browser.get(f"/follow-ups/{of_side(office, 'asker')}").text
    offered = [set(re.findall(r'name="step" value="([a-z-]+)"', page)) for page in (theirs, ours)]
    assert offered[0] == {"granted", "refused", "more-information", "not-directly-available"}
    assert offered[1] == {"withdrawn"}
    assert 'name="outcome"' not in theirs + ours
    assert (
        'name="step"'
        not in office.browser("apo").get(f"/follow-ups/{of_side(office, 'answerer')}").text
    )


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"step": "withdrawn"}, 403),
        ({"step": "received"}, 409),
        ({"step": ""}, 400),
        ({"step": "perhaps"}, 400),
        ({"step": "refused", "text": " "}, 400),
        ({"step": "granted", "password": "not the right one"}, 422),
    ],
)
def test_an_answer_that_is_none_is_not_kept(
    office: Office, fields: dict[str, str], code: int
) -> None:
    which = of_side(office, "answerer")
    before = len(office.node.stores.followups.messages(which))
    status, page = say(office, office.browser("ann"), which, **fields)
    assert (status, 'role="alert"' in page) == (code, True)
    assert len(office.node.stores.followups.messages(which)) == before
    if fields.get("text", "x").strip():
        assert "The victim is known, file 7." in page


def test_an_outcome_belongs_to_what_was_answered(office: Office) -> None:
    which, browser = of_side(office, "asker"), office.browser("ann")
    path = f"/follow-ups/{which}/outcome"
    assert browser.post(path, outcome="lead", note="x").status_code == 409
    office.node.stores.followups.change(which, "received", state="granted")
    assert 'name="outcome"' in browser.get(f"/follow-ups/{which}").text
    assert browser.post(path, outcome="nothing").status_code == 400
    assert browser.post(path, outcome="lead", note="a street name").status_code == 303
    row = followup_rows.get(office.node, which)
    assert row.outcome == "lead"
    assert "a street name" in browser.get(f"/follow-ups/{which}").text
    assert "a street name" not in json.dumps(list(auditing.show(office.node)))


def test_whose_case_is_whose(office: Office) -> None:
    browser = office.browser("ann")
    for side in ("asker", "answerer"):
        page = browser.get(f"/follow-ups/{of_side(office, side)}").text
        assert "<dt>Our case</dt><dd>NL-2026-17</dd>" in page
        theirs = page.partition("<dt>Their case</dt><dd>")[2].partition("</dd>")[0]
        assert theirs
        assert "NL-2026-17" not in theirs  # what only answers ours is no case of theirs
