"""The analyst's pages: results by urgency, links, hits, follow-ups and their clocks."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from psihash_server.console import charts, graph
from psihash_server.console.charts import Bar

from psihash.hashset.model import Verdict
from psihash.node.oversight import auditing
from psihash.node.running import link_graph, result_list, sessions
from psihash.session.result import Link
from psihash.storage import result_marks
from psihash.storage.result_marks import Mark
from psihash.terms import Rung
from psihash.testing import results
from psihash.testing.results import item, record
from tests.console.office import COMMON, IDENTIFIED, Office

TULIP = (("seizure", Verdict(series=("Tulip",))),)
KNOWN = record(Verdict(victim_identified=True, series=("S-12",), country="SE"))
OPEN = record(Verdict(victim_identified=False, series=("S-13",)))


def test_results_come_by_urgency(office: Office) -> None:
    page = office.browser("ann").get("/results").text
    rows = re.findall(r'<a href="/results/([0-9a-f]{64})">', page)
    assert rows == [office.prepared.items, office.prepared.count]
    assert f'<strong class="warn">{len(IDENTIFIED)}</strong>' in page
    newest = office.browser("ann").get("/results?order=time").text
    assert re.findall(r'<a href="/results/([0-9a-f]{64})">', newest) == rows[::-1]


def test_a_result_that_is_decided_presses_no_more(office: Office) -> None:
    browser, items = office.browser("ann"), office.prepared.items
    answer = browser.post(
        f"/results/{items}", verdict="confirmed", reason="compared", everything="yes"
    )
    assert answer.status_code == 303
    rows = re.findall(r'<a href="/results/([0-9a-f]{64})">', browser.get("/results").text)
    assert rows == [office.prepared.count, items]


def test_marks_end_with_their_session(office: Office) -> None:
    result_list.mark(office.node, 10)
    assert result_marks.unmarked(office.node.stores.database, 10) == []
    office.node.stores.keeping.erase_session(office.prepared.items, office.node.stamp(), [])
    rows = result_marks.listing(office.node.stores.database, "", 10, 0, by_time=False)
    assert [row.session for row in rows] == [office.prepared.count]
    page = office.browser("ann").get(f"/results/{office.prepared.items}").text
    assert "Its result was erased" in page


def test_a_result_that_cannot_be_read_does_not_stop_the_list(office: Office) -> None:
    with office.node.stores.database.transaction() as connection:
        connection.execute(sa.text("DELETE FROM session_blobs WHERE name = 'result'"))
    page = office.browser("ann").get("/results")
    assert page.status_code == 200
    assert office.prepared.items in page.text


def test_a_look_at_a_result_is_logged(office: Office) -> None:
    office.browser("ann").get(f"/results/{office.prepared.items}")
    looks = [e["local"] for e in auditing.show(office.node) if e["event"] == "consultation"]
    assert [(e["what"], e["actor"]["name"]) for e in looks] == [("result", "ann"), ("hits", "ann")]


def test_a_result_with_its_links(office: Office) -> None:
    page = office.browser("ann").get(f"/results/{office.prepared.items}").text
    assert "8 items of ours have their victim identified there and open here" in page
    drawing = page.partition("<svg")[2].partition("</svg>")[0]
    assert "Tulip and Series 0012: 8 in common, victim identified there" in drawing
    assert drawing.count('class="ring"') == 1
    assert drawing.count('class="edge urgent"') == 1
    table = page.partition("The same in words")[2]
    assert table.index("Series 0012") < table.index("Stockholm library")
    assert f"{len(COMMON)} hits, of which nobody has decided {len(COMMON) - 3}" in page
    assert "Handling code H2" in page


def test_hits_are_confirmed_and_rejected(office: Office) -> None:
    browser, path = office.browser("ann"), f"/results/{office.prepared.items}"
    known = re.findall(r'name="hit" value="([0-9a-f]+)"', browser.get(path).text)
    assert len(known) == len(COMMON)
    for verdict, chosen in (("confirmed", known[:2]), ("rejected", known[2:3])):
        answer = browser.post(path, page=path, verdict=verdict, reason="looked", hit=chosen)
        assert answer.status_code == 303
    held = office.node.stores.hits.of(office.prepared.items)
    assert {held[each].verdict for each in known[:2]} == {"confirmed"}
    assert held[known[2]].verdict == "rejected"
    assert {held[each].actor for each in known[:3]} == {"ann"}
    assert '<span class="tag good">confirmed</span>' in browser.get(path).text


@pytest.mark.parametrize(
    "fields",
    [
        {"verdict": "confirmed", "reason": "x"},
        {"verdict": "confirmed", "reason": "", "everything": "yes"},
        {"verdict": "perhaps", "reason": "x", "everything": "yes"},
        {"verdict": "confirmed", "reason": "x", "hit": "ffffffffffff"},
        {"verdict": "confirmed", "reason": "x", "hit": "ff", "everything": "yes"},
    ],
)
def test_a_decision_that_is_none_changes_nothing(office: Office, fields: dict[str, str]) -> None:
    before = office.node.stores.hits.of(office.prepared.items)
    answer = office.browser("ann").post(f"/results/{office.prepared.items}", **fields)
    assert answer.status_code in (400, 404)
    assert 'role="alert"' in answer.text
    assert office.node.stores.hits.of(office.prepared.items) == before


def test_an_approver_looks_and_does_not_decide(office: Office) -> None:
    path = f"/results/{office.prepared.items}"
    page = office.browser("apo").get(path).text
    assert "Hits" in page
    assert 'name="hit"' not in page
    answer = office.browser("apo").post(path, verdict="confirmed", reason="x", everything="yes")
    assert answer.status_code == 403


def test_a_count_has_no_hits(office: Office) -> None:
    page = office.browser("ann").get(f"/results/{office.prepared.count}").text
    assert "nobody learns which items match" in page
    assert "A zero is not" not in page
    assert "28 <small>of our 40 digests" in page
    assert 'id="hits"' not in page


def test_follow_ups_with_their_clocks(office: Office) -> None:
    browser = office.browser("ann")
    page = browser.get("/follow-ups").text
    assert "2 open, 1 waits for us" in page
    assert page.count('<span class="tag warn">urgent</span>') == 2
    links = re.findall(r'href="(/follow-ups/[0-9a-f]+)"', page)
    assert len(links) == 2
    shown = [browser.get(link).text for link in links]
    assert all("Images were seized in Utrecht." in each for each in shown)
    assert all("Items that it is about" in each for each in shown)


def test_what_is_overdue_is_marked(office: Office) -> None:
    import datetime as dt

    from tests.node.keeping import SetClock

    office.node.clock = SetClock(dt.datetime.now(dt.UTC) + dt.timedelta(hours=9))
    browser = office.browser("ann")
    assert "2 overdue" in browser.get("/follow-ups").text
    assert "2 overdue" in browser.get("/").text


def test_the_overview_of_each_role(office: Office) -> None:
    office.asked()
    assert "8 of 28 items" in office.browser("ann").get("/").text
    assert re.search(r"1 <small>waits for a decision", office.browser("apo").get("/").text)
    assert "Sessions" in office.browser("aud").get("/").text


# --- links and drawings ---------------------------------------------------------------------------


def test_links_of_items() -> None:
    found = link_graph.of_result(
        results.result(
            items=(
                item(1, verdicts=TULIP, records=(KNOWN,)),
                item(2, verdicts=TULIP, records=(KNOWN, OPEN)),
                item(3, records=(OPEN,)),
                item(4, peer_collections=("c-7",)),
            )
        )
    )
    edges = {(edge.own, edge.peer): (edge.most, edge.urgent) for edge in found.edges}
    assert edges == {
        ("Tulip", "S-12"): (2, 2),
        ("Tulip", "S-13"): (1, 1),
        ("seizure", "S-13"): (1, 0),
        ("seizure", "c-7"): (1, 0),
    }
    assert [edge.peer for edge in found.edges][:2] == ["S-12", "S-13"]
    assert found.peer["S-12"].identified
    assert not found.peer["S-13"].identified
    assert found.peer["S-12"].countries == ("SE",)
    assert found.peer["S-12"].contacts == ("desk@example.org",)


def test_links_below_items_have_bounds() -> None:
    found = link_graph.of_result(
        results.result(rung=Rung.SERIES, links=(Link("a", "s-1", 1), Link("a", "s-2", 50)))
    )
    assert [(e.peer, e.least, e.most) for e in found.edges] == [("s-2", 50, 50), ("s-1", 1, 4)]
    drawn = graph.draw(found)
    assert drawn is not None
    assert "a and s-1: 1 to 4 in common" in drawn.svg


def test_nothing_in_common_draws_nothing() -> None:
    assert graph.draw(link_graph.of_result(results.result())) is None


def test_many_series_are_drawn_in_part() -> None:
    links = tuple(Link(f"own {n}", f"peer {m}", n + m + 5) for n in range(40) for m in range(40))
    drawn = graph.draw(link_graph.of_result(results.result(rung=Rung.COUNT, links=links)))
    assert drawn is not None
    assert drawn.svg.count('class="dot"') <= 2 * graph.SHOWN
    assert drawn.left_out == 80 - drawn.svg.count('class="dot"')


def test_names_are_escaped_in_drawings() -> None:
    bad = "<script>alert(1)</script>\x00\u202e"
    links = (Link(bad, '"' + bad, 7),)
    drawn = graph.draw(link_graph.of_result(results.result(rung=Rung.COUNT, links=links)))
    assert drawn is not None
    chart = charts.rows("n", bad, [Bar(bad, 3, bad)]) + charts.columns("m", bad, [Bar(bad, 3, bad)])
    for svg in (drawn.svg, chart):
        assert "<script" not in svg
        assert "\u202e" not in svg
        assert "&lt;script&gt;" in svg


@pytest.mark.parametrize("values", [[], [0, 0], [1], [10**15, 1, 0]])
def test_charts_of_any_values(values: list[int]) -> None:
    bars = [Bar(f"2026-{n + 1:02d}", value, str(value)) for n, value in enumerate(values)]
    for draw in (charts.columns, charts.rows):
        svg = draw("x", "A title", bars)
        assert svg.count("<rect") == sum(value > 0 for value in values)
        assert 'role="img"' in svg
        assert "nan" not in svg


@pytest.mark.parametrize(
    ("value", "round_"), [(0, 0), (1, 1), (3, 5), (10, 10), (11, 20), (99, 100), (472, 500)]
)
def test_axes_end_at_round_numbers(value: int, round_: int) -> None:
    assert charts.nice(value) == round_


def test_short_numbers() -> None:
    assert [charts.short(n) for n in (0, 999, 1_000, 45_600, 2_000_000)] == [
        "0", "999", "1k", "45.6k", "2M",
    ]  # fmt: skip


def test_marks_are_kept_once(office: Office) -> None:
    database = office.node.stores.database
    result_marks.put(database, [Mark(office.prepared.items, 5, 2)])
    result_marks.put(database, [Mark(office.prepared.items, 9, 9)])
    (first, _) = result_marks.listing(database, "", 10, 0, by_time=False)
    assert (first.matched, first.urgent) == (5, 2)
    assert sessions.result(office.node, first.session).matched_items == 28
