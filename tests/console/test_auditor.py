"""The auditor's pages: the list and its filters, one session, sums, files, comparison."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from psihash import errors
from psihash.audit.event import Event
from psihash.node.home import opening
from psihash.node.home.settings import Settings
from psihash.node.oversight import auditing, bundles, disclosures, hours, session_list
from psihash.node.oversight.bundles import Scope
from psihash.node.oversight.session_list import Filter, Flag
from psihash.storage import register
from psihash.storage.tables import log_entries
from tests.console.office import Office
from tests.session.nodes import NAMES


def table(office: Office, name: str, **fields: str) -> list[dict[str, str]]:
    answer = office.browser("aud").post(f"/export/{name}", **fields)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert f'filename="psihash-{name}-' in answer.headers["content-disposition"]
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))


def always(office: Office, when: str) -> None:
    """Office hours: never, or all the time."""
    text = {"in": "mon-sun 00:00-24:00", "out": "mon-mon 00:00-00:01"}[when]
    office.node.settings = replace(office.node.settings, office_hours=text)


def opened(office: Office, **facts: object) -> None:
    """A session-open of its own, as the journal writes it."""
    local = {"peer": NAMES[1], "role": "initiator", "case": "NL-1", "purpose": "a test"} | facts
    number = office.node.stores.log.head().size
    sizes = [{"md5": local.pop("own", 100)}, {"md5": local.pop("theirs", 100)}]
    shared = {"session": f"{number:064x}", "size_classes": sizes}
    office.node.record(Event.SESSION_OPEN, local, shared)


def found(office: Office, **wanted: object) -> list[str]:
    page = session_list.listing(office.acting("aud"), Filter(**wanted))  # type: ignore[arg-type]
    return [line.state for line in page.lines]


def test_every_session_is_listed_newest_first(office: Office) -> None:
    assert found(office) == ["refused", "completed", "completed"]
    page = office.browser("aud").get("/sessions").text
    assert "3 sessions in all" in page
    assert page.count("/sessions/") == 2  # a refused one has nothing to look at


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"peer": "be-police"}, 3),
        ({"peer": "nobody"}, 0),
        ({"purpose": "a test"}, 2),
        ({"operator": "jansen"}, 2),
        ({"operator": "nobody"}, 0),
        ({"since": "2999-01-01"}, 0),
        ({"until": "2000-01-01"}, 0),
        ({"since": "2000-01-01", "until": "2999-01-01"}, 3),
        ({"flags": frozenset({Flag.REFUSED})}, 1),
        ({"flags": frozenset({Flag.NO_CASE})}, 0),
        ({"flags": frozenset({Flag.UNUSUAL_SIZE})}, 0),
    ],
)
def test_filters(office: Office, wanted: dict[str, object], count: int) -> None:
    # The session that the peer opened was recorded by whoever was at the node, too.
    states = found(office, **wanted)
    assert len(states) == (3 if wanted == {"operator": "jansen"} else count)


def test_out_of_hours(office: Office) -> None:
    always(office, "in")
    assert found(office, flags=frozenset({Flag.OUT_OF_HOURS})) == []
    always(office, "out")
    assert len(found(office, flags=frozenset({Flag.OUT_OF_HOURS}))) == 3
    page = office.browser("aud").get("/sessions?flag=out-of-hours").text
    assert page.count('<span class="tag warn">out of hours</span>') == 3


def test_a_session_without_a_case_is_found(office: Office) -> None:
    opened(office, case="")
    assert found(office, flags=frozenset({Flag.NO_CASE})) == ["opened"]


def test_an_unusual_size_is_found_on_either_side(office: Office) -> None:
    for _ in range(8):
        opened(office, own=1000, theirs=5000)
    opened(office, own=64, theirs=5000)
    opened(office, own=1000, theirs=40_000)
    opened(office, own=2000, theirs=10_000)
    rows = session_list.listing(
        office.acting("aud"), Filter(flags=frozenset({Flag.UNUSUAL_SIZE}))
    ).lines
    sizes = {(line.row.own_class, line.row.peer_class) for line in rows}
    assert {(64, 5000), (1000, 40_000)} <= sizes
    assert (1000, 5000) not in sizes
    assert (2000, 10_000) not in sizes
    assert all(Flag.UNUSUAL_SIZE in line.flags for line in rows)


def test_with_few_sessions_no_size_is_unusual(office: Office) -> None:
    opened(office, own=10_000_000)
    assert found(office, flags=frozenset({Flag.UNUSUAL_SIZE})) == []


def test_pages_of_the_list_miss_nothing(office: Office) -> None:
    always(office, "out")
    for number in range(130):
        opened(office, case=f"NL-{number}")
    for query in ("/sessions", "/sessions?flag=out-of-hours"):
        browser, path, seen = office.browser("aud"), query, list[str]()
        while path:
            page = browser.get(path).text
            seen += re.findall(r"NL-(\d+)</td>", page)
            following = re.search(r'<a href="([^"]+)" rel="next"', page)
            path = following[1].replace("&amp;", "&") if following else ""
        assert [int(each) for each in seen][:130] == list(range(129, -1, -1))


@pytest.mark.parametrize(
    "query", ["since=yesterday", "flag=strange", "before=-1", "before=x", "until=2026-02-30"]
)
def test_a_filter_that_is_none_is_named(office: Office, query: str) -> None:
    answer = office.browser("aud").get(f"/sessions?{query}")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


def test_a_session_from_proposal_to_receipt(office: Office) -> None:
    page = office.browser("aud").get(f"/sessions/{office.prepared.items}").text
    order = [
        "We signed and offered the terms",
        "The partner's signature came in",
        "The session opened",
        "Labels or records were sent",
        "The receipt was signed",
        "The session closed with both receipts",
        "Hits were confirmed or rejected",
        "A word about hits",
    ]
    places = [page.index(each.replace("'", "&#39;")) for each in order]
    assert places == sorted(places)
    assert "Here: by rule, agreed" in page
    assert page.count("NL-2026-17") < 6  # what every entry repeats is told where it is new


def test_an_entry_that_was_changed_is_not_shown(office: Office) -> None:
    numbers = register.entries_of_session(office.node.stores.database, office.prepared.items)
    with office.node.stores.database.transaction() as connection:
        which = log_entries.c.seq == numbers[0]
        local = connection.execute(sa.select(log_entries.c.local).where(which)).scalar_one()
        changed = log_entries.update().where(which)
        connection.execute(changed.values(local=local.replace(b"jansen", b"nobody")))
    answer = office.browser("aud").get(f"/sessions/{office.prepared.items}")
    assert answer.status_code == 422
    assert "entry-changed" in answer.text


def test_the_state_of_the_log(office: Office) -> None:
    browser = office.browser("aud")
    assert "not verified since" in browser.get("/log").text
    assert browser.post("/log/verify").status_code == 303
    assert "is being verified" in browser.get("/log").text
    office.services.verifier.once()
    page = browser.get("/log").text
    assert f"Verified up to entry {office.services.verifier.last.entries}" in page  # type: ignore[union-attr]
    assert "Nobody has cosigned this log yet" in page


def test_a_damaged_log_is_named(office: Office) -> None:
    with office.node.stores.database.transaction() as connection:
        changed = sa.text("UPDATE log_entries SET leaf_hash = :nothing WHERE seq = 3")
        connection.execute(changed, {"nothing": bytes(32)})
    office.services.verifier.once()
    for path in ("/", "/log", "/report"):
        page = office.browser("aud").get(path).text
        assert "The log does not hold" in page
    assert "entry-changed" in page


def test_rows_that_the_index_lost_are_noticed(office: Office) -> None:
    with office.node.stores.database.transaction() as connection:
        connection.execute(sa.text("DELETE FROM log_index WHERE seq > 5"))
    assert "rows of the index are missing" in office.browser("ada").get("/log").text


def test_the_ledger_over_time(office: Office) -> None:
    rows = table(office, "ledger")
    assert len(rows) == 12
    assert {row["peer"] for row in rows} == {"be-police"}
    totals = office.node.stores.ledger.totals("2000-01-01T00:00:00Z")
    assert sum(int(row["elements"]) for row in rows) == totals.elements
    assert sum(int(row["sessions"]) for row in rows) == totals.sessions == 2
    page = office.browser("aud").get("/ledger").text
    assert f"{totals.elements:,} elements in 2" in page  # the drawing says it


def test_disclosures_by_handling_code(office: Office) -> None:
    rows = {(r["handling_code"], r["kind"]): r for r in table(office, "disclosures")}
    assert {each for each, kind in rows if kind != "central set"} == {"H2"}
    assert rows["H2", "results"]["times"] == "2"
    assert rows["H2", "records"]["number"] == "28"
    assert rows["H2", "labels"]["recipient"] == "be-police"
    assert rows["H2", "follow-up"]["times"] == "1"  # ours alone: theirs is no disclosure of ours
    again = {(r["handling_code"], r["kind"]) for r in table(office, "disclosures")}
    assert again - rows.keys() == {("none", "files")}  # the file was one itself


def test_a_result_that_the_peer_does_not_learn_is_no_disclosure(office: Office) -> None:
    before = table(office, "disclosures")
    facts = {"peer": NAMES[1], "role": "initiator", "learn": "initiator", "session": "ab" * 32}
    office.node.record(Event.SESSION_RECEIPT, facts)
    after = table(office, "disclosures")
    results = [[r["times"] for r in rows if r["kind"] == "results"] for rows in (before, after)]
    assert results == [["2"], ["2"]]


def test_corrections_and_their_time(office: Office) -> None:
    (row,) = table(office, "corrections")
    assert (row["peer"], row["side"], row["state"], row["overdue"]) == (
        "be-police", "receiver", "open", "no",
    )  # fmt: skip
    page = office.browser("aud").get("/corrections").text
    assert "None that came in was resolved yet" in page


def test_files_are_logged_before_they_leave(office: Office) -> None:
    rows = table(office, "sessions", flag="refused")
    assert [row["state"] for row in rows] == ["refused"]
    (entry,) = [e for e in auditing.show(office.node) if e["event"] == "export"]
    assert entry["local"] | {"actor": entry["local"]["actor"]["name"]} == {
        "actor": "aud", "format": "csv", "operation": "disclosure", "records": 1,
        "what": "oversight-sessions",
    }  # fmt: skip


def test_a_file_of_no_table_is_refused(office: Office) -> None:
    assert office.browser("aud").post("/export/operators").status_code == 404


def test_no_cell_is_a_formula(office: Office) -> None:
    opened(office, case="=cmd|' /C calc'!A0", purpose="@SUM(A1)")
    text = office.browser("aud").post("/export/sessions").text
    assert "\"'=cmd|" in text
    assert "\"'@SUM" in text


def test_text_of_others_is_shown_and_does_nothing(office: Office) -> None:
    opened(office, case="<script>alert(1)</script>", purpose='"><img src=x onerror=1>')
    for path in ("/sessions", "/report"):
        page = office.browser("aud").get(path).text
        assert "<script" not in page
        assert "<img" not in page
        assert "&lt;script&gt;" in page


def test_the_report_has_every_part(office: Office) -> None:
    page = office.browser("aud").get("/report?since=2000-01-01").text
    for number in range(1, 8):
        assert f"<h2>{number}. " in page
    assert "by aud" in page


# --- comparison -----------------------------------------------------------------------------------


@pytest.fixture
def theirs(office: Office, tmp_path: Path) -> bytes:
    """The partner's bundle for us."""
    other = opening.open_node(office.prepared.homes.folder / NAMES[1])
    other.__dict__["keys"] = office.prepared.homes.rings[1]
    bundles.export(other, tmp_path / "theirs", Scope(peer=NAMES[0]))
    other.close()
    return (tmp_path / "theirs").read_bytes()


def compare(office: Office, bundle: bytes, peer: str = NAMES[1]) -> tuple[int, str]:
    browser = office.browser("aud")
    answer = browser.client.post(
        "/compare",
        data={"csrf": browser.csrf(), "peer": peer},
        files={"bundle": ("their.bundle", bundle)},
    )
    return answer.status_code, answer.text


def test_two_logs_that_tell_the_same(office: Office, theirs: bytes) -> None:
    status, page = compare(office, theirs)
    assert status == 200, page
    assert "The two logs tell the same" in page
    assert "2 sessions with" in page
    assert list(office.node.home.glob("psihash-compare-*")) == []


def test_a_bundle_that_was_changed_is_named(office: Office, theirs: bytes) -> None:
    lines = theirs.splitlines(keepends=True)
    at = len(lines) // 2
    lines[at] = lines[at].swapcase()
    status, page = compare(office, b"".join(lines))
    assert status == 422
    assert "does not hold" in page
    assert list(office.node.home.glob("psihash-compare-*")) == []


@pytest.mark.parametrize("bundle", [b"", b"not a bundle", b"\xff" * 5000, b"{}\n" * 100])
def test_what_is_no_bundle_is_named(office: Office, bundle: bytes) -> None:
    status, page = compare(office, bundle)
    assert status in (400, 422)
    assert 'role="alert"' in page


def test_an_unknown_partner_is_named(office: Office, theirs: bytes) -> None:
    status, _ = compare(office, theirs, "nobody")
    assert status == 404


# --- office hours ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "zone", "time", "holds"),
    [
        ("mon-fri 07:00-19:00", "UTC", "2026-03-10T07:00:00.000Z", True),
        ("mon-fri 07:00-19:00", "UTC", "2026-03-10T06:59:59.999Z", False),
        ("mon-fri 07:00-19:00", "UTC", "2026-03-10T19:00:00.000Z", False),
        ("mon-fri 07:00-19:00", "UTC", "2026-03-14T12:00:00.000Z", False),
        ("sat-mon 00:00-24:00", "UTC", "2026-03-15T23:59:00.000Z", True),
        ("sat-mon 00:00-24:00", "UTC", "2026-03-17T00:00:00.000Z", False),
        ("mon-fri 07:00-19:00", "Europe/Amsterdam", "2026-01-13T06:30:00.000Z", True),
        ("mon-fri 07:00-19:00", "Europe/Amsterdam", "2026-07-14T17:30:00.000Z", False),
        ("mon-fri 07:00-19:00", "Europe/Amsterdam", "2026-07-14T05:30:00.000Z", True),
    ],
)
def test_hours(words: str, zone: str, time: str, holds: bool) -> None:
    chosen = Settings(agency="nl", office_hours=words, office_time_zone=zone)
    try:
        made = hours.of(chosen)
    except errors.InputError:
        pytest.skip("this machine has no time zones")
    assert made.hold(time) is holds


@pytest.mark.parametrize(
    ("words", "zone"),
    [
        ("", "UTC"), ("mon-fri", "UTC"), ("mon-xyz 07:00-19:00", "UTC"),
        ("mon-fri 19:00-07:00", "UTC"), ("mon-fri 07:00-24:01", "UTC"),
        ("mon-fri 07:00-19:00", "Nowhere/City"), ("mon-fri 07:00-19:00", "../etc/passwd"),
    ],
)  # fmt: skip
def test_hours_that_are_none(words: str, zone: str) -> None:
    with pytest.raises(errors.InputError) as caught:
        hours.of(Settings(agency="nl", office_hours=words, office_time_zone=zone))
    assert caught.value.code == "bad-settings"


def test_what_a_centre_got_and_published_stands_there_too(office: Office) -> None:
    node = office.node

    def sums() -> dict[tuple[str, str], tuple[int, int]]:
        found = table(office, "disclosures")
        return {(r["kind"], r["recipient"]): (int(r["times"]), int(r["number"])) for r in found}

    before = sums()
    given = {"peer": "eu-centre", "items": 718, "handling": "H2"}
    node.record(Event.CONTRIBUTION, given | {"step": "sent", "recipient": "eu-centre"})
    node.record(Event.CONTRIBUTION, given | {"step": "approved", "peer": "lu-police"})
    node.record(Event.CENTRAL_PUBLISHED, {"items": 9000, "added": 40}, {"epoch": 1, "delta": 2})
    after = sums()
    assert after["contribution", "eu-centre"] == (1, 718)  # what we took in left nobody
    times, added = before.get(("central set", "all members"), (0, 0))
    assert after["central set", "all members"] == (times + 1, added + 40)


@pytest.mark.parametrize("event", disclosures.EVENTS)
def test_every_event_that_discloses_has_its_kind(office: Office, event: Event) -> None:
    """The page is made of the same table as docs/audit-log.md: an event that is new there and
    unknown here would stop it."""
    facts = {"peer": "eu-centre", "recipient": "eu-centre", "step": "sent", "what": "records"}
    office.node.record(event, facts | {"learn": "both", "role": "initiator"})
    assert [row for row in table(office, "disclosures") if row["kind"] in disclosures.KINDS]
