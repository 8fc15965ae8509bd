"""An erasure at the centre, by the commands of its operator, and what members learn of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner
from psihash_client.main import cli

from psihash.node.node import Node
from psihash.psi import encoding
from tests.central.meeting import MD5, Meeting, put
from tests.cli.homes import quick_keys
from tests.node.keeping import everything
from tests.session.lists import digest

Two = tuple[Node, Node]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_keys(monkeypatch)


def central(meeting: Meeting, *words: str) -> Any:
    done = CliRunner().invoke(cli, ["--home", str(meeting.centre.home), "--json", *words])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_an_erasure_forces_a_rotation_for_everybody(two: Two) -> None:
    centre, own = two
    put(centre, "theirs", range(60))
    put(centre, "more", range(50, 80))
    put(own, "ours", range(30, 90))
    meeting = Meeting.of(centre, own)
    assert central(meeting, "central", "publish")["items"] == 80
    assert meeting.run().matched_items == 50
    put(centre, "more", range(80, 85))  # noted, and not published yet

    central(meeting, "collection", "remove", "more")
    assert central(meeting, "central", "status")["rotation_due"] is not None
    assert meeting.run().matched_items == 50  # the old copy can be tested until then
    made = central(meeting, "central", "publish")
    assert (made["epoch"], made["delta"], made["reason"], made["items"]) == (2, 0, "erasure", 60)
    assert central(meeting, "central", "status")["rotation_due"] is None

    outcome = meeting.run()
    assert (outcome.epoch, outcome.matched_items, outcome.new_items) == (2, 30, 0)
    assert {hit.item.digests[MD5] for hit in outcome.hits} == {
        digest(MD5, number).hex() for number in range(30, 60)
    }
    assert central(meeting, "central", "publish")["reason"] == "delta"
    gone = [digest(MD5, number) for number in range(60, 85)]
    for raw in (*gone, *(encoding.token(MD5, each) for each in gone)):
        assert not [where for where, body in everything(centre) if raw in body]
