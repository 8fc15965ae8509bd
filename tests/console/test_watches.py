"""Watches and the centre in the console."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from psihash.node.watching import watches
from psihash.storage.central_runs import ANSWERS, ASKS, RunRow
from tests.console.office import WATCHED, Office, markers
from tests.node.keeping import SetClock


def test_watches_with_their_next_run(office: Office) -> None:
    office.node.clock = SetClock(dt.datetime.now(dt.UTC).replace(hour=12))
    browser = office.browser("ann")
    page = browser.get("/watches").text
    tomorrow = (office.node.now() + dt.timedelta(days=1)).strftime("%Y-%m-%d")
    assert re.search(rf"{tomorrow} 0[01]:00", page)  # two in Amsterdam, in UTC
    assert f'<strong class="warn">{len(WATCHED)}</strong>' in page
    assert f"{len(WATCHED)} <small>hits that nobody has decided" in browser.get("/").text


def test_hits_of_a_watch_are_confirmed(office: Office) -> None:
    browser, path = office.browser("ann"), f"/watches/{office.prepared.watch}"
    page = browser.get(path).text
    known = re.findall(r'name="hit" value="([0-9a-f]+)"', page)
    assert len(known) == len(WATCHED)
    assert page.count("identified there</span>") == 2
    assert page.index("identified there</span>") < page.index(known[-1])
    answer = browser.post(path, page="/", verdict="confirmed", reason="compared", hit=known[:2])
    assert answer.headers["location"] == f"{path}#hits"
    held = office.node.stores.hits.of(office.prepared.watch)
    assert {held[each].verdict for each in known[:2]} == {"confirmed"}
    answer = browser.post(path, page="/", verdict="rejected", reason="", hit=known[2:3])
    assert answer.status_code == 400
    assert re.search(rf'value="{known[2]}"[^>]* checked', answer.text)
    answer = browser.post(path, page="/", verdict="rejected", reason="test", everything="yes")
    assert answer.status_code == 303
    assert len(office.node.stores.hits.of(office.prepared.watch)) == len(WATCHED)


@pytest.mark.parametrize("name", ["ada", "aud"])
def test_admins_and_auditors_see_watches_without_their_hits(office: Office, name: str) -> None:
    path = f"/watches/{office.prepared.watch}"
    page = office.browser(name).get(path).text
    assert "0 2 * * *" in page
    assert not any(each in page for each in markers())
    assert office.browser(name).post(path, verdict="confirmed").status_code == 403


def test_an_approver_sees_the_hits_and_decides_nothing(office: Office) -> None:
    path = f"/watches/{office.prepared.watch}"
    seen = office.browser("apo").get(path).text
    assert all(markers()[number] in seen for number in WATCHED)
    assert 'name="hit"' not in seen


def test_a_watch_that_is_over_is_kept_apart(office: Office) -> None:
    watches.remove(office.acting("ann"), office.prepared.watch)
    browser = office.browser("ann")
    assert "There is none" in browser.get("/watches").text
    assert office.prepared.watch in browser.get("/watches?all=yes").text
    assert "It is removed and does not run" in browser.get(f"/watches/{office.prepared.watch}").text


def test_the_centre_says_who_asked_how_much(office: Office) -> None:
    office.node.clock = clock = SetClock()
    runs, (agreement,) = office.node.stores.central_runs, office.node.stores.agreements.all()
    for number, (peer, side) in enumerate((("be-police", ANSWERS), ("se-noa", ASKS))):
        runs.add(
            RunRow(f"{number:032x}", peer, agreement.id, side, 1, 100, {}, clock.now().isoformat())
        )
    page = office.browser("aud").get("/centre").text
    table = page.partition("What members asked")[2].partition("What members gave")[0]
    assert re.search(r'be-police</th><td class="number">2</td><td class="number">612</td>', table)
    assert "se-noa" not in page  # there this node asked
    assert "9 <small>items that were new" in page
    assert "c0ffeec0ffee" in page
    assert "epoch 1</th>" in page
    clock.forward(days=8)
    assert "members take the set for frozen" in office.browser("aud").get("/centre").text


@pytest.mark.parametrize("who", ["aud", "ann"])
def test_a_node_that_is_no_centre_has_no_link(
    office: Office, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 'href="/centre"' in office.browser(who).get("/").text
    monkeypatch.setattr("psihash.node.central.overview.is_centre", lambda _: False)
    browser = office.browser(who)
    assert 'href="/centre"' not in browser.get("/").text
    assert "publishes no central set" in browser.get("/centre").text
