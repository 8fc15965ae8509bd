"""From an empty centre to what a contribution brought, by the real programs over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.two_process import forks, postgres, programs, watched
from tests.two_process.agencies import BE, NL, digest, make
from tests.two_process.conftest import check_outputs
from tests.two_process.watched import (
    CENTRE_LATER,
    CRON,
    EVERY,
    FIRST,
    FRESH,
    GIVEN,
    MEMBER_LATER,
    OURS,
    SECOND,
    SEIZED,
    THEIRS,
    World,
)

pytestmark = [pytest.mark.two_process, pytest.mark.timeout(600)]

SQLITE, POSTGRESQL = "sqlite", "postgresql"


@contextmanager
def homes(folder: Path, kinds: dict[str, str]) -> Iterator[World]:
    """Two agencies that know each other, each on its kind of store."""
    chosen = [agency for agency, kind in kinds.items() if kind == POSTGRESQL]
    with forks.forking():
        if not chosen:
            yield World(make(folder), "")
            return
        with postgres.running() as server:
            stores = {agency: server.create(agency.replace("-", "_")) for agency in chosen}
            yield World(make(folder, stores), "", str(server.pid))


def lists(folder: Path, name: str, numbers: frozenset[int]) -> str:
    path = folder / f"{name}.txt"
    path.write_text("".join(f"{digest(number)}\n" for number in sorted(numbers)))
    return str(path)


def shown(world: World) -> set[str]:
    return {hit["digests"]["md5"] for hit in world.say(NL, "hit", "list", world.watch)["hits"]}


def agree(world: World, folder: Path) -> str:
    """By the commands of both, over the wire."""
    world.say(
        NL, "import", lists(folder, "seized", SEIZED), "--collection", FRESH, "--kind", "case"
    )
    made = world.say(
        NL, "agreement", "propose", BE, "--purpose", "a watch", "--case", "case 18",
        "--legal-basis", "Art. 1", "--rung", "items", "--learn", "both",
        "--collection", OURS, FRESH, "--algorithm", "md5",
    )  # fmt: skip
    agreement: str = made["agreement"]
    own = ["--collection", THEIRS, "--case", "BE-1", "--legal-basis", "Art. 2"]
    world.say(BE, "agreement", "approve", agreement, *own)
    world.say(NL, "peer", "sync", BE)
    return agreement


def night(world: World) -> None:
    """The schedule runs what it missed, once."""
    with world.agencies.node(NL) as node:
        watched.miss_slots(node, world.watch)
    scheduler = world.start(NL, "watch", "scheduler", fault="look:0.2")
    try:
        programs.until(lambda: "a watch was run" in scheduler.err or scheduler.ended, 60)
    finally:
        scheduler.stop()
    assert scheduler.wait().code == 0


@pytest.mark.parametrize(
    ("member", "centre"),
    [
        (SQLITE, POSTGRESQL),
        pytest.param(SQLITE, SQLITE, marks=pytest.mark.soak),
        pytest.param(POSTGRESQL, POSTGRESQL, marks=pytest.mark.soak),
        pytest.param(POSTGRESQL, SQLITE, marks=pytest.mark.soak),
    ],
)
def test_the_whole_way(tmp_path: Path, member: str, centre: str) -> None:
    with homes(tmp_path / "homes", {NL: member, BE: centre}) as world:
        server = world.serve()
        try:
            whole_way(world, tmp_path)
        finally:
            server.stop()
        world.agencies.check_logs()
        check_outputs(world.agencies.root)


def whole_way(world: World, folder: Path) -> None:
    agreement = agree(world, folder)
    world.say(BE, "central", "init")
    world.say(BE, "central", "publish")
    added = world.say(
        NL, "watch", "add", BE, "--agreement", agreement, "--collection", OURS, FRESH,
        "--cron", CRON, "--tz", "Europe/Brussels",
    )  # fmt: skip
    world.watch = added["watch"]
    first = world.say(NL, "watch", "run", world.watch)
    assert (first["matched_items"], first["new_items"]) == (len(FIRST), len(FIRST))
    assert shown(world) == FIRST

    # A night: both change, the centre publishes, the schedule runs.
    world.say(
        BE, "import", lists(folder, "later", CENTRE_LATER), "--collection", THEIRS, "--replace"
    )
    world.say(NL, "import", lists(folder, "own", MEMBER_LATER), "--collection", OURS)
    assert world.say(BE, "central", "publish")["delta"] == 1
    night(world)
    (listed,) = world.say(NL, "watch", "list")["watches"]
    assert (listed["matched_items"], listed["new_items"]) == (len(SECOND), len(SECOND - FIRST))
    assert shown(world) == SECOND

    # What the centre lacks is given, agreed to, and published.
    given = world.say(NL, "contribute", world.watch, "--yes")
    assert (given["items"], given["new_collections"], given["additions"]) == (GIVEN, 1, 1)
    assert given["delivered"] is True
    (asked,) = world.say(BE, "inbox")["requests"]
    world.say(BE, "approve", asked["request"], "--reason", "fits")
    told = world.say(BE, "central", "contributions")
    assert (told["new_collections"], told["added_to"], told["members"]) == (1, 1, 1)
    assert world.say(BE, "central", "publish")["delta"] == 2
    assert world.say(NL, "watch", "pause", world.watch)["state"] == "paused"
    last = world.say(NL, "watch", "run", world.watch)
    assert (last["matched_items"], last["new_items"]) == (len(EVERY), GIVEN)
    assert shown(world) == EVERY
    assert world.say(NL, "contribute", "--list")["contributions"][0]["state"] == "taken"
    world.say(NL, "watch", "remove", world.watch)
    assert world.say(NL, "watch", "list")["watches"] == []
