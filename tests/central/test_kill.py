"""A process that dies: what stands is what was before or what comes after, and it goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from psihash.central.publishing import Place
from psihash.node import leasing
from psihash.node.central import publishing
from psihash.node.home import opening
from psihash.node.node import Node
from psihash.storage.database import Database
from tests.central.meeting import Meeting, put
from tests.session.nodes import NAMES, Homes

Two = tuple[Node, Node]


class Killed(BaseException):
    """As the end of a process, nothing catches it."""


@contextmanager
def dying(database: Database, commits: int) -> Iterator[None]:
    """The process dies when it is about to commit for the ``commits + 1``-th time."""
    left = [commits]
    begin = Database._begin

    @contextmanager
    def counting(self: Database, *, writing: bool) -> Iterator[Any]:
        with begin(self, writing=writing) as connection:
            yield connection
            if writing and self is database:
                left[0] -= 1
                if left[0] < 0:
                    raise Killed

    with mock.patch.object(Database, "_begin", counting):
        yield


@pytest.fixture(autouse=True)
def _no_process_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who held a lease is gone: here it is the same process."""
    monkeypatch.setattr(leasing, "_alive", lambda _: False)


def survived(work: Callable[[], Any], database: Database, commits: int) -> bool:
    """Whether the work came to its end."""
    try:
        with dying(database, commits):
            work()
    except Killed:
        return False
    return True


@pytest.fixture
def meeting(two: Two) -> Meeting:
    put(two[0], "theirs", range(60))
    put(two[1], "ours", range(30, 90))
    made = Meeting.of(*two)
    made.publish()
    made.run()
    put(two[0], "theirs", [*range(50), *range(80, 95)], replace=True)
    put(two[1], "ours", range(10))
    return made


BEFORE, AFTER = 30, 20 + 10 + 10
"""Items of ours in the first publication, and in what is held then."""


every_step = pytest.mark.parametrize(
    "step", [4, pytest.param(1, marks=pytest.mark.soak)], ids=["some", "all"]
)


@every_step
@pytest.mark.parametrize("rotating", [False, True])
def test_a_centre_that_dies_while_it_publishes(
    meeting: Meeting, rotating: bool, step: int, copied: Copying
) -> None:
    """At each commit in turn."""
    copied.keep(meeting.centre)
    for commits in range(0, 100, step):
        centre = copied.again(0)
        work = partial(publishing.publish, centre)
        if rotating:
            work = partial(publishing.rotate, centre, "test")
        done = survived(work, centre.stores.database, commits)
        latest = centre.stores.publications.latest(centre.agency)
        assert latest is not None
        after = Place(centre.agency, 2, 0) if rotating else Place(centre.agency, 1, 1)
        assert latest.place in (Place(centre.agency, 1, 0), after)
        assert len([r for r in centre.stores.central.epochs() if r.state == "current"]) == 1
        centre.close()
        centre = copied.open(centre.home)  # as after a restart
        if not done:
            _again(centre, rotating, after)
        seen = centre.stores.publications.latest(centre.agency)
        assert seen is not None
        assert seen.place == after
        assert centre.stores.central.in_state("building") is None
        if done:
            return
    raise AssertionError("publishing never came to its end")


def _again(centre: Node, rotating: bool, after: Place) -> None:
    """What an operator does after a restart: the same, unless it was done already."""
    latest = centre.stores.publications.latest(centre.agency)
    if latest is not None and latest.place == after:
        return
    if rotating:
        publishing.rotate(centre, "test")
    else:
        publishing.publish(centre)


@every_step
def test_a_member_that_dies_in_a_run(meeting: Meeting, step: int, copied: Copying) -> None:
    meeting.publish()
    before = meeting.state
    copied.keep(meeting.member)
    copied.keep(meeting.centre)  # who would not believe a log that went back
    for commits in range(0, 200, step):
        centre, member = copied.again(0), copied.again(1)
        tried = replace(meeting, centre=centre, member=member, state=before)
        done = survived(tried.run, member.stores.database, commits)
        standing = member.stores.copies.standing(meeting.agreement.id)
        assert standing is not None
        stood = len(member.stores.copies.opened(meeting.agreement.id, 1))
        assert (standing.delta, stood) in ((0, BEFORE), (1, AFTER))
        if not done:
            assert tried.run().matched_items == AFTER
            assert tried.last is not None
            assert tried.last.new_items == 20
        centre.close()
        member.close()
        if done:
            assert commits > 5
            return
    raise AssertionError("a run never came to its end")


@every_step
def test_a_centre_that_dies_while_it_answers(meeting: Meeting, step: int, copied: Copying) -> None:
    """A run that was cut is another one the next time, and charged again."""
    meeting.publish()
    before = meeting.state
    copied.keep(meeting.centre)
    copied.keep(meeting.member)
    for commits in range(0, 50, step):
        centre, member = copied.again(0), copied.again(1)
        tried = replace(meeting, centre=centre, member=member, state=before)
        done = survived(tried.run, centre.stores.database, commits)
        tried = replace(meeting, centre=centre, member=member, state=before)
        assert tried.run().matched_items == AFTER
        centre.close()
        member.close()
        if done:
            assert commits > 2
            return
    raise AssertionError("a run never came to its end")


class Copying:
    """Puts a home back to what it was when it was kept: into a new folder each time."""

    def __init__(self, homes: Homes, folder: Path) -> None:
        self._homes, self._folder, self._count = homes, folder, 0
        self._opened: list[Node] = []

    def keep(self, node: Node) -> None:
        node.close()
        shutil.copytree(node.home, self._folder / f"kept-{node.agency}")

    def again(self, which: int) -> Node:
        self._count += 1
        home = self._folder / f"copy-{self._count}"
        shutil.copytree(self._folder / f"kept-{NAMES[which]}", home)
        return self.open(home)

    def open(self, home: Path) -> Node:
        """A home as another process finds it."""
        node = opening.open_node(home)
        node.__dict__["keys"] = self._homes.rings[NAMES.index(node.agency)]
        self._opened.append(node)
        return node

    def close(self) -> None:
        for node in self._opened:
            node.close()


@pytest.fixture
def copied(homes: Homes, tmp_path: Path) -> Iterator[Copying]:
    made = Copying(homes, tmp_path)
    yield made
    made.close()
