"""What an analyst does with the hits of a night: sees them, decides, exports."""

from __future__ import annotations

import csv
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from psihash import errors
from psihash.casework.words import HitVerdict
from psihash.node.casework import followups, hits, said
from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.node.records import exporting, exports, statistics
from psihash.node.watching import found_hits, results, running
from tests.central.conftest import homes, two
from tests.central.meeting import MD5, Meeting, put, verdict
from tests.session.lists import digest
from tests.watching.test_central_runs import add, over

__all__ = ["homes", "two"]

KNOWN = verdict("1", identified=True, series="Alpha")


@pytest.fixture
def meeting(two: tuple[Node, Node]) -> Meeting:
    put(two[0], "theirs", range(60), KNOWN)
    put(two[1], "ours", range(30, 90), verdict("2"))
    put(two[1], "ours", range(50, 60), verdict("2", identified=True))
    made = Meeting.of(*two)
    made.publish()
    return made


@pytest.fixture
def watch(meeting: Meeting) -> str:
    row = add(meeting)
    running.run_now(meeting.member, row.id, runner=over(meeting.centre))
    return row.id


def matched() -> set[str]:
    return {digest(MD5, number).hex() for number in range(30, 60)}


def entries(node: Node, event: str) -> list[dict[str, Any]]:
    return [entry["local"] for entry in auditing.show(node) if entry["event"] == event]


def test_the_hits_are_seen_like_a_result(meeting: Meeting, watch: str) -> None:
    found, handling = results.show(meeting.member, watch[:8])
    assert (found.session, found.peer, found.matched_items) == (watch, meeting.centre.agency, 30)
    assert {item.digests[MD5] for item in found.items} == matched()
    first = [item.identified_there_open_here for item in found.items]
    assert first == [True] * 20 + [False] * 10
    assert [(link.own, link.matched) for link in found.links] == [("ours", 30)]
    assert (found.algorithms[MD5].own, found.algorithms[MD5].matched) == (60, 30)
    assert handling.code == meeting.agreement.terms.handling_code
    assert entries(meeting.member, "consultation")[-1]["watch"] == watch


def test_a_watch_that_found_nothing_has_a_result(meeting: Meeting) -> None:
    row = add(meeting)
    assert results.result(meeting.member, row).matched_items == 0
    decided = hits.decide(meeting.member, row.id, (), HitVerdict.CONFIRMED, "none", everything=True)
    assert decided == []


@pytest.mark.parametrize("fmt", ["csv", "json", "vics"])
def test_the_hits_are_exported(meeting: Meeting, watch: str, fmt: str, tmp_path: Path) -> None:
    out = tmp_path / "hits"
    done = exporting.write(meeting.member, watch[:8], fmt, out)
    assert (done.records, done.corrected) == (30, 0)
    text = out.read_text("utf-8-sig")
    if fmt == "csv":
        rows = list(csv.DictReader(text.splitlines()))
        assert {row["md5"] for row in rows} == matched()
        assert {row["session"] for row in rows} == {watch}
        assert [row["identified_there_open_here"] for row in rows[:20]] == ["yes"] * 20
    elif fmt == "json":
        document = json.loads(text)
        assert {item["digests"]["md5"] for item in document["items"]} == matched()
        assert document["matched_items"] == 30
    else:
        assert {media["MD5"].lower() for media in json.loads(text)["value"]} == matched()
    (registered,) = exports.listing(meeting.member, watch[:8])
    assert (registered.session, registered.records) == (watch, 30)
    assert entries(meeting.member, "export")[-1]["watch"] == watch
    counted = statistics.collect(meeting.member, internal=True)
    cells = {(cell.group, cell.what): cell.count for row in counted.rows for cell in row.cells}
    assert cells["exports", fmt] == 1


def test_what_is_said_of_a_hit_is_in_the_log_as_a_keyed_digest(
    meeting: Meeting, watch: str
) -> None:
    node = meeting.member
    reference = hits.listing(node, watch)[0].reference
    hits.decide(node, watch, [reference], HitVerdict.CONFIRMED, "compared by eye")
    hits.decide(node, watch, [reference], HitVerdict.REJECTED, "another look")
    macs = [entry[said.LOGGED] for entry in entries(node, "hit-decided")]
    row = node.stores.watches.find(watch)
    assert row is not None
    texts = ("compared by eye", "another look")
    assert macs == [found_hits.mac(node, row, "hits", text) for text in texts]
    assert not hmac.compare_digest(*macs)
    assert "compared by eye" not in json.dumps(list(auditing.show(node)))


def test_a_request_needs_a_session(meeting: Meeting, watch: str) -> None:
    draft = followups.Draft(session=watch, hits=["0000"], facts="x", reasons="y")
    with pytest.raises(errors.StateError) as caught:
        followups.request(meeting.member, draft)
    assert caught.value.code == "hit-of-watch"
