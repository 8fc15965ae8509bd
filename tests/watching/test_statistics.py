"""What was contributed stands in the statistics of both sides: numbers, one line, every form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from psihash.casework.words import HitVerdict
from psihash.export.statistics import Contributed, Statistics, more_than, sentences
from psihash.node.casework import hits
from psihash.node.node import Node
from psihash.node.records import statistics
from psihash.node.watching import contributing
from tests.central.conftest import homes, two
from tests.central.meeting import Meeting
from tests.watching.test_contributions import meeting, taken, watched

__all__ = ["homes", "meeting", "two"]


def cells(found: Statistics) -> dict[tuple[str, str], int]:
    return {(cell.group, cell.what): cell.count for row in found.rows for cell in row.cells}


def test_both_sides_count_what_was_taken_in(meeting: Meeting, tmp_path: Path) -> None:
    watch = watched(meeting)
    contributing.give(meeting.member, watch)
    assert statistics.collect(meeting.member).contributed == ()
    taken(meeting)
    given = statistics.collect(meeting.member, internal=True)
    group = statistics.GIVEN
    assert {what: n for (name, what), n in cells(given).items() if name == group} == {
        "new collections": 1, "additions": 1, "items": 50,
    }  # fmt: skip
    assert list(sentences(given)) == ["Given to 1 centre: 1 new collection, additions to 1"]
    come = statistics.collect(meeting.centre, meeting.member.agency, internal=True)
    group = statistics.TAKEN_IN
    assert {what: n for (name, what), n in cells(come).items() if name == group} == {
        "new collections": 1, "additions": 1, "items": 50,
    }  # fmt: skip
    line = "Taken in from 1 member: 1 new collection, additions to 1"
    assert list(sentences(come)) == [line]
    for fmt in ("csv", "html"):
        out = statistics.write(meeting.centre, come, fmt, tmp_path / fmt)
        assert line in out.read_text("utf-8-sig")
    assert list(sentences(statistics.collect(meeting.centre, since="2100-01-01T00:00:00Z"))) == []


def test_decisions_about_the_hits_of_a_watch_count(meeting: Meeting) -> None:
    node: Node = meeting.member
    watch = watched(meeting)
    hits.decide(node, watch, (), HitVerdict.CONFIRMED, "", everything=True)
    counted = cells(statistics.collect(node, internal=True))
    assert counted[statistics.HITS, "confirmed"] == 20
    assert counted[statistics.MATCHED, "standing queries"] == 20
    assert counted[statistics.RUNS, "by us"] == 1
    there = cells(statistics.collect(meeting.centre, internal=True))
    assert there[statistics.RUNS, "by them"] == 1
    later = statistics.collect(node, since="2100-01-01T00:00:00Z")
    assert later.rows == ()


@pytest.mark.parametrize(
    ("count", "shown", "exact"),
    [(0, "0", "0"), (3, "1-4", "3"), (10, "10", "10"), (11, "more than 10", "11"),
     (100, "more than 90", "100"), (103, "more than 100", "103"),
     (2_001, "more than 2,000", "2001")],
)  # fmt: skip
def test_the_line_says_no_more_than_may_be_shown(count: int, shown: str, exact: str) -> None:
    public = Statistics("eu-centre", None, "2026-12-31T00:00:00Z", (), internal=False)
    assert more_than(public, count) == shown
    assert more_than(replace(public, internal=True), count) == exact


def test_the_line_of_a_large_centre() -> None:
    told = Contributed(given=False, new_collections=240, added_to=103, agencies=12)
    public = Statistics("eu-centre", None, "2026-12-31T00:00:00Z", (), False, (told,))
    assert list(sentences(public)) == [
        "Taken in from 12 members: 240 new collections, additions to more than 100"
    ]
