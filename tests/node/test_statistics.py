"""Statistics count what the stores say, by peer and purpose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from psihash import errors
from psihash.export.statistics import Statistics
from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.node.records import exporting, statistics
from psihash.node.running import sessions
from psihash.storage.tables_followup import corrections, follow_ups, hit_decisions
from psihash.terms import AlgorithmId, Rung
from tests.node.keeping import SetClock
from tests.node.ladder import ECDH, climb, step
from tests.session.nodes import Homes, agree, hold, meet, row

MD5 = (AlgorithmId.MD5,)
Two = tuple[Node, Node]


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Homes:
    return Homes.make(tmp_path_factory.mktemp("homes"))


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def two(homes: Homes, tmp_path: Path, clock: SetClock) -> Iterator[Two]:
    nodes = homes.open(tmp_path)
    for node, start in zip(nodes, (0, 10), strict=True):
        node.clock = clock
        hold(node, "all", [row(n, MD5) for n in range(start, start + 20)])
    yield nodes
    for node in nodes:
        node.close()


def counts(found: Statistics) -> dict[tuple[str, str], tuple[int, int | None]]:
    return {
        (cell.group, cell.what): (cell.count, cell.median_seconds)
        for each in found.rows
        for cell in each.cells
    }


def casework(node: Node, session: str) -> None:
    """What the tables of hits, follow-ups and corrections hold after a week."""

    def at(hour: int) -> str:
        return f"2027-01-0{1 + hour // 24}T{hour % 24:02}:00:00.000Z"

    with node.stores.database.transaction() as connection:
        for number, verdict in enumerate(("confirmed", "confirmed", "rejected")):
            connection.execute(
                hit_decisions.insert().values(
                    session=session,
                    reference=f"{number:032x}",
                    verdict=verdict,
                    actor="ann",
                    role="analyst",
                    decided=at(1),
                    reason="",
                )
            )
        common = {"peer": "be-police", "added": at(0)}
        for number, (side, state, closed, outcome) in enumerate(
            (
                ("asker", "granted", at(10), "victim-identified"),
                ("asker", "granted", at(30), None),
                ("asker", "received", None, None),
                ("answerer", "refused", at(4), None),
            )
        ):
            connection.execute(
                follow_ups.insert().values(
                    **common,
                    id=f"f{number}",
                    session=session,
                    agreement="a1",
                    side=side,
                    state=state,
                    urgency="normal",
                    wanted="identity",
                    available=True,
                    hits=1,
                    sent=at(2),
                    received=at(2),
                    closed=closed,
                    outcome=outcome,
                )
            )
        for number, (side, action, resolved) in enumerate(
            (("receiver", "erased", at(48)), ("receiver", None, None), ("sender", None, None))
        ):
            connection.execute(
                corrections.insert().values(
                    **common,
                    id=f"k{number}",
                    side=side,
                    reason="wrong",
                    state="open",
                    received=at(0),
                    action=action,
                    resolved=resolved,
                )
            )


def test_everything_is_counted(two: Two, tmp_path: Path) -> None:
    agreement = agree(*two, ["all"], ["all"])
    session = meet(*two, agreement).results()[0].session
    meet(*two, agreement, Rung.COUNT).results()
    exporting.write(two[0], session, "csv", tmp_path / "hits.csv")
    casework(two[0], session)
    found = statistics.collect(two[0], internal=True)
    assert [(each.peer, each.purpose) for each in found.rows] == [
        ("be-police", ""),
        ("be-police", "a test"),
    ]
    hour = 3600
    assert counts(found) == {
        ("corrections received", "erased"): (1, 48 * hour),
        ("corrections received", "open"): (1, None),
        ("corrections sent", "open"): (1, None),
        ("sessions", "items, completed"): (1, None),
        ("sessions", "count, completed"): (1, None),
        ("matched items", "all"): (20, None),
        ("hits", "confirmed"): (2, None),
        ("hits", "rejected"): (1, None),
        ("follow-ups asked", "granted"): (2, 8 * hour),
        ("follow-ups asked", "received"): (1, None),
        ("follow-ups answered", "refused"): (1, 2 * hour),
        ("outcomes of follow-ups", "victim-identified"): (1, None),
        ("exports", "csv"): (1, None),
    }
    groups = [cell.group for each in found.rows for cell in each.cells]
    assert groups == sorted(groups[:3]) + sorted(groups[3:], key=statistics.GROUPS.index)
    other = statistics.collect(two[1], internal=True)
    assert counts(other)["matched items", "all"] == (20, None)


def test_a_climb_counts_its_matches_once(two: Two) -> None:
    agreement = agree(*two, ["all"], ["all"], rung=Rung.RECORDS)
    steps = climb(two, agreement, Rung.COUNT, Rung.ITEMS, Rung.RECORDS, engine=ECDH)
    step(two, agreement, Rung.RECORDS, steps[0]).results()
    for node in two:
        found = counts(statistics.collect(node, internal=True))
        assert found["matched items", "all"] == (10, None)
        assert found["sessions", "records, completed"] == (2, None)
    climb(two, agreement, Rung.COUNT)
    assert counts(statistics.collect(two[0]))["matched items", "all"] == (20, None)


def test_purposes_stand_apart_and_times_bound(two: Two, clock: SetClock) -> None:
    agreement = agree(*two, ["all"], ["all"])
    meet(*two, agreement).results()
    start = two[0].stamp()
    clock.forward(days=10)
    later = two[0].stamp()
    meet(*two, agreement).results()
    assert counts(statistics.collect(two[0], since=start))["sessions", "items, completed"][0] == 2
    found = statistics.collect(two[0], "be-police", since=later)
    assert counts(found)["sessions", "items, completed"][0] == 1
    assert (found.since, found.until, found.internal) == (later, later, False)
    clock.forward(days=1)
    assert statistics.collect(two[0], since=two[0].stamp()).rows == ()
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"peer": "xx"}, "unknown-peer"),
        ({"since": "2026"}, "bad-time"),
    ]
    for arguments, code in wrong:
        with pytest.raises(errors.PsihashError) as caught:
            statistics.collect(two[0], **arguments)
        assert caught.value.code == code


def test_a_look_is_logged_and_a_file_too(two: Two, tmp_path: Path) -> None:
    node = two[0]
    found = statistics.collect(node)
    statistics.write(node, found, "html", tmp_path / "page.html")
    statistics.write(node, found, "csv", tmp_path / "table.csv")
    logged = [entry["local"] for entry in auditing.show(node)][-3:]
    assert [(each["what"], each.get("format")) for each in logged] == [
        ("statistics", None),
        ("statistics", "html"),
        ("statistics", "csv"),
    ]
    assert (tmp_path / "page.html").stat().st_mode & 0o777 == 0o600
    with pytest.raises(errors.InputError):
        statistics.write(node, found, "csv", tmp_path)


def test_matched_items_are_read_once(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    agreement = agree(*two, ["all"], ["all"])
    meet(*two, agreement).results()
    before = statistics.collect(two[0])

    def never(*_: object) -> None:
        raise AssertionError("a result was opened again")

    monkeypatch.setattr(sessions, "result", never)
    assert statistics.collect(two[0]).rows == before.rows
