"""kill -9 at every step of a night: the centre, the member, and their database server.

A step is a commit: between two of them nothing is durable. What is killed before each in turn
leaves what was before or what comes after, never something between, and the schedule goes on.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import pytest

from psihash import errors
from psihash.central.publishing import Place
from psihash.node.people import requests
from psihash.storage.contributions import ContributionState
from psihash.storage.watches import RunKind, RunRow, WatchRunState
from tests.two_process import forks, postgres, programs, watched
from tests.two_process.agencies import BE, NL
from tests.two_process.conftest import check_outputs
from tests.two_process.postgres import Postgres
from tests.two_process.watched import (
    EVERY,
    FIRST,
    FRESH,
    GIVEN,
    SECOND,
    THEIRS,
    Stages,
    World,
    digests,
)

pytestmark = [pytest.mark.two_process, pytest.mark.timeout(3000)]

LAST: Final = Place(BE, 1, 1)
PATIENCE: Final = 120.0
MOST_COMMITS: Final = 80
PROCESS: Final = "commit"
DATABASE: Final = ("database", "database-after")


T = TypeVar("T")


class Attempt:
    """One night, with a fault in one of its processes."""

    def __init__(self, world: World, fault: str, server: Postgres | None) -> None:
        self.world, self.fault, self.server = world, fault, server
        self.struck = False

    def after(self, program: programs.Program) -> None:
        """See whether the fault struck. A database comes back; a process is looked at anew."""
        if self.server is not None and not self.server.alive:
            self.struck = True
            self.server.restart()
        if program.ended and program.wait().code == -signal.SIGKILL:
            self.struck = True

    def command(self, agency: str, *words: str) -> programs.Ended:
        """A command under the fault, and again where it did not come to its end."""
        program = self.world.start(agency, *words, fault=self.fault)
        try:
            ended = program.wait(PATIENCE)
        finally:
            program.stop()
        self.after(program)
        assert self.struck or ended.code == 0, ended.err + ended.out
        return ended

    @contextlib.contextmanager
    def lasting(self, start: Callable[[], programs.Program]) -> Iterator[programs.Program]:
        program = start()
        try:
            yield program
        finally:
            program.stop()
            self.after(program)  # the fault may have waited for the last commit

    def read(self, look: Callable[[], T]) -> T:
        """Look into the stores, also where the database dies meanwhile."""
        while True:
            try:
                return look()
            except errors.StorageError:
                assert self.server is not None
                if self.server.alive:
                    raise
                self.struck = True
                self.server.restart()

    def wait(self, program: programs.Program, done: Callable[[], bool]) -> None:
        """Until the fault has struck or the work is done."""

        def over() -> bool:
            if program.ended or (self.server is not None and not self.server.alive):
                return True
            try:
                return done()
            except errors.StorageError:
                return False  # the database has died meanwhile

        programs.until(over, PATIENCE)
        self.after(program)


# -- the nights ------------------------------------------------------------------------------------


def publish(attempt: Attempt) -> None:
    """The first publication of all."""
    world = attempt.world
    attempt.command(BE, "central", "publish")
    first = Place(BE, 1, 0)
    assert world.published() in (None, first)
    if world.published() is None:
        world.say(BE, "central", "publish")
    assert world.published() == first


def delta(attempt: Attempt) -> None:
    """What came and what went, in a world whose watch has run."""
    world = attempt.world
    attempt.command(BE, "central", "publish")
    assert world.published() in (Place(BE, 1, 0), LAST)
    if world.published() != LAST:
        world.say(BE, "central", "publish")
    assert world.published() == LAST
    assert world.look() == SECOND


def scheduler(world: World, fault: str = "") -> programs.Program:
    return world.start(NL, "watch", "scheduler", fault=",".join(filter(None, (fault, "look:0.2"))))


def slot(world: World) -> RunRow | None:
    """The run of the slot that was missed; there is never another one."""
    runs = [run for run in world.runs() if run.kind is RunKind.SLOT]
    assert len(runs) <= 1
    return runs[0] if runs else None


def is_done(world: World) -> bool:
    run = slot(world)
    return run is not None and run.state is WatchRunState.DONE


def check_run(attempt: Attempt) -> None:
    """Before or after. Another process may bring it from the one to the other meanwhile."""
    world = attempt.world
    was = attempt.read(lambda: is_done(world))
    found = attempt.read(world.found)
    assert found in (FIRST, SECOND)
    assert found == SECOND if was else found == FIRST or attempt.read(lambda: is_done(world))


def end_run(attempt: Attempt) -> None:
    """The slot was run once, and found what there is."""
    world = attempt.world
    programs.until(lambda: attempt.read(lambda: is_done(world)), PATIENCE)
    done = attempt.read(lambda: slot(world))
    assert done is not None
    assert (done.matched_items, done.new_items, done.gone_items) == (60, 30, 10)
    assert done.code == ""
    assert attempt.read(world.found) == SECOND


def run(attempt: Attempt) -> None:
    """The member's scheduler, which another one follows."""
    world = attempt.world
    with attempt.lasting(world.serve):
        with attempt.lasting(lambda: scheduler(world, attempt.fault)) as program:
            attempt.wait(program, lambda: is_done(world))
            check_run(attempt)
            if not program.ended:  # it lives on where its database died
                end_run(attempt)
        with attempt.lasting(lambda: scheduler(world)):
            end_run(attempt)


def answer(attempt: Attempt) -> None:
    """The centre dies while it answers; the member's scheduler tries until there is one."""
    world = attempt.world
    with attempt.lasting(lambda: scheduler(world)):
        with attempt.lasting(lambda: world.serve(attempt.fault)) as server:
            attempt.wait(server, lambda: is_done(world))
            check_run(attempt)
            if not server.ended:
                end_run(attempt)
        with attempt.lasting(world.serve):
            end_run(attempt)


def given(world: World) -> int:
    """How many contributions the member has. One that was written is sent, whole, to the centre."""
    with world.agencies.node(NL) as node:
        rows = node.stores.contributions.all()
        assert all(row.state is ContributionState.SENT for row in rows)
        assert all((row.items, row.sealed_plan) == (GIVEN, None) for row in rows)
        return len(rows)


def waits(world: World) -> None:
    """The centre has one contribution, whole, and asks once."""
    with world.agencies.node(BE) as node:
        (row,) = node.stores.contributions.all_taken()
        assert (row.state, row.items) == (ContributionState.WAITING, GIVEN)
        assert len(node.stores.contributions.parts(row.member, row.id)) == row.parts + 1
        assert len(requests.inbox(node)) == 1


def contribute(attempt: Attempt) -> None:
    """The member writes it and pushes it."""
    world = attempt.world
    with attempt.lasting(world.serve):
        attempt.command(NL, "contribute", world.watch, "--yes")
        count = given(world)
        assert count in (0, 1)
        if not count:
            world.say(NL, "contribute", world.watch, "--yes")
        world.say(NL, "peer", "sync", BE)
    assert given(world) == 1
    waits(world)


def receive(attempt: Attempt) -> None:
    """The centre dies while it comes."""
    world = attempt.world
    with attempt.lasting(lambda: world.serve(attempt.fault)) as server:
        if not server.ended:
            world.run(NL, "peer", "sync", BE)
        attempt.after(server)
        if not server.ended:
            world.say(NL, "peer", "sync", BE)
    with attempt.lasting(world.serve):
        world.say(NL, "peer", "sync", BE)
    assert given(world) == 1
    waits(world)


def approve(attempt: Attempt) -> None:
    """The centre agrees and takes in; what was cut is done before the next publication."""
    world = attempt.world
    with world.agencies.node(BE) as node:
        (asked,) = requests.inbox(node)
    attempt.command(BE, "approve", asked.request, "--reason", "fits")
    with world.agencies.node(BE) as node:
        waiting = bool(requests.inbox(node))
    held = world.held()
    before, after = digests(watched.CENTRE_LATER), EVERY - digests(watched.SEIZED)
    assert held[THEIRS] in (before, after | before)
    assert not waiting or held == {THEIRS: before}
    if waiting:
        world.say(BE, "approve", asked.request, "--reason", "fits")
    world.say(BE, "central", "publish")
    held = world.held()
    assert held == {THEIRS: after | before, f"{FRESH} ({NL})": digests(watched.SEIZED)}
    with world.agencies.node(BE) as node:
        (row,) = node.stores.contributions.all_taken()
        assert row.state is ContributionState.TAKEN
        taken = node.stores.contributions.collections()
        assert sorted(each.kind for each in taken) == ["addition", "new"]
    assert world.published() == Place(BE, 1, 2)
    assert world.look() == EVERY


@dataclass(frozen=True)
class Night:
    """From which stage it begins."""

    stage: str
    go: Callable[[Attempt], None]


NIGHTS: Final = {
    "publish": Night("ready", publish),
    "delta": Night("watched", delta),
    "run": Night("due", run),
    "answer": Night("due", answer),
    "contribute": Night("ran", contribute),
    "receive": Night("given", receive),
    "approve": Night("arrived", approve),
}


# -- the tables ------------------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with forks.forking():
        yield


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    return Stages.make(tmp_path_factory.mktemp("stages"))


@pytest.fixture(scope="module")
def database_stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    with postgres.running() as server:
        yield Stages.make(tmp_path_factory.mktemp("stages"), server, (NL, BE))


def one(stages: Stages, name: str, fault: str, folder: Path) -> bool:
    """One night with one fault; whether it struck."""
    night = NIGHTS[name]
    if stages.server is not None and not stages.server.alive:
        stages.server.restart()  # a test before this one failed
    world = stages.fresh(night.stage, folder)
    attempt = Attempt(world, fault, stages.server if fault.startswith("database") else None)
    night.go(attempt)
    world.agencies.check_logs()
    check_outputs(world.agencies.root)
    stages.forget()
    return attempt.struck


def every(stages: Stages, name: str, kind: str, folder: Path) -> None:
    """At each commit in turn, until there is none left."""
    for number in range(MOST_COMMITS):
        if not one(stages, name, f"{kind}:{number}", folder / f"{number}"):
            assert number > 2
            print(f"{name}, {kind}: {number} steps")
            return
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize(("name", "number"), [("run", 7), ("answer", 5), ("approve", 3)])
def test_a_process_is_killed(stages: Stages, tmp_path: Path, name: str, number: int) -> None:
    assert one(stages, name, f"{PROCESS}:{number}", tmp_path / "homes")


@pytest.mark.parametrize(("name", "number"), [("delta", 5), ("run", 9)])
def test_the_database_server_is_killed(
    database_stages: Stages, tmp_path: Path, name: str, number: int
) -> None:
    assert one(database_stages, name, f"database:{number}", tmp_path / "homes")


@pytest.mark.soak
@pytest.mark.parametrize("name", NIGHTS)
def test_a_process_is_killed_at_every_step(stages: Stages, tmp_path: Path, name: str) -> None:
    every(stages, name, PROCESS, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("name", NIGHTS)
def test_a_process_is_killed_at_every_step_on_postgresql(
    database_stages: Stages, tmp_path: Path, name: str
) -> None:
    every(database_stages, name, PROCESS, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("kind", DATABASE)
@pytest.mark.parametrize("name", NIGHTS)
def test_the_database_server_is_killed_at_every_step(
    database_stages: Stages, tmp_path: Path, name: str, kind: str
) -> None:
    every(database_stages, name, kind, tmp_path)
