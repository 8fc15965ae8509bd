"""Four schedulers on one store, killed at random: every slot is run exactly once."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from psihash.node.clock import seconds
from psihash.node.home import opening
from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.storage.watches import WatchRow, WatchRunState, WatchState
from tests.session.nodes import Homes
from tests.watching import racer

ROOT = Path(__file__).resolve().parents[2]
START = dt.datetime(2026, 3, 28, 20, 30, tzinfo=dt.UTC)
"""The clocks change in the first night."""
RACERS = 4
PATIENCE = 180.0


class Field:
    """The racers, their clock and their store."""

    def __init__(self, home: Path, folder: Path, store: str, *, apart: bool) -> None:
        self.home, self.folder, self.apart = home, folder, apart
        self.env = os.environ | {"PSIHASH_STORE": store}
        self.rng = random.Random(7)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.killed = 0

    def tell(self, moment: dt.datetime) -> None:
        fresh = self.folder / "clock.new"
        fresh.write_text(moment.isoformat())
        fresh.replace(self.folder / "clock")

    def start(self) -> None:
        words = [sys.executable, "-m", "tests.watching.racer", str(self.home), str(self.folder)]
        if self.apart:
            words.append(f"host{len(self.processes)}-{self.killed}")
        with (self.folder / "errors").open("ab") as stream:
            process = subprocess.Popen(words, cwd=ROOT, env=self.env, stderr=stream)
        self.processes.append(process)

    def ready(self) -> None:
        """Wait until at least one of them runs."""
        deadline = time.monotonic() + PATIENCE
        while not any((self.folder / f"ready-{each.pid}").exists() for each in self.processes):
            alive = all(each.poll() is None for each in self.processes)
            assert alive, (self.folder / "errors").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def kill(self, pid: int | None = None) -> None:
        """One of them dies, and another is started."""
        chosen = [each for each in self.processes if pid in (None, each.pid)]
        if chosen:
            victim = self.rng.choice(chosen)
            self.processes.remove(victim)
            victim.send_signal(signal.SIGKILL)
            victim.wait()
            self.killed += 1
            self.start()

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@contextlib.contextmanager
def racing(homes: Homes, folder: Path, store: str, *, apart: bool) -> Iterator[tuple[Field, Node]]:
    home = homes.folder / "nl-police"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PSIHASH_STORE", store)
        node = opening.open_node(home)
    node.__dict__["keys"] = homes.rings[0]
    folder.mkdir()
    field = Field(home, folder, store, apart=apart)
    field.tell(START)
    try:
        for _ in range(RACERS):
            field.start()
        field.ready()
        yield field, node
    finally:
        field.stop()
        node.close()


def add(node: Node) -> WatchRow:
    """Every hour in Brussels; the one that the clocks skip is no slot beside the one after it."""
    row = WatchRow(
        id="w" + "0" * 23,
        peer="be-police",
        agreement="0" * 64,
        collections=("cases",),
        cron="0 * * * *",
        zone="Europe/Brussels",
        until=seconds(START + dt.timedelta(days=400)),
        state=WatchState.ACTIVE,
        request=None,
        added=seconds(START),
        planned_from=seconds(START),
    )
    node.stores.watches.add(row)
    return row


def race(homes: Homes, folder: Path, store: str, slots: int, *, apart: bool) -> None:
    with racing(homes, folder, store, apart=apart) as (field, node):
        watch = add(node)
        for number in range(slots):
            run_one(field, node, watch, number)
        field.stop()
        check(node, watch, slots)
        attempts = len((folder / "attempts").read_text().split())
        assert field.killed
        assert attempts >= slots
        runs = len(done(node, watch))
        said = Counter(re.findall(r"\(([a-z-]+)\)", (folder / "errors").read_text()))
        print(f"{slots} slots: {runs} runs, {attempts} attempts, {field.killed} killed, {said}")


def run_one(field: Field, node: Node, watch: WatchRow, number: int) -> None:
    """Let one slot come, perhaps kill somebody, and wait until it was run."""
    moment = START + dt.timedelta(minutes=30 + 60 * number, seconds=5)
    field.tell(moment)
    fate = field.rng.random()
    if fate < 0.4:
        time.sleep(field.rng.random() * 2 * racer.LONGEST_RUN)
        field.kill(holder(node, watch) if fate < 0.3 else None)
    deadline, patience = time.monotonic() + PATIENCE, time.monotonic() + 1.0
    while len(done(node, watch)) <= number:
        assert time.monotonic() < deadline, stuck(field, node, watch)
        if field.apart and time.monotonic() > patience:
            # Nobody can see that the holder is dead: its lease has to run out.
            moment += dt.timedelta(seconds=301)
            field.tell(moment)
            patience = time.monotonic() + 10.0
        time.sleep(0.01)


def stuck(field: Field, node: Node, watch: WatchRow) -> str:
    """Why nothing goes on."""
    lease = node.stores.leases.find(f"watch:{watch.id}")
    alive = [process.pid for process in field.processes if process.poll() is None]
    said = (field.folder / "errors").read_text()
    return f"{lease}\n{alive}\n{node.stores.watches.opened(watch.id)}\n{said}"


def holder(node: Node, watch: WatchRow) -> int | None:
    """Process id of whoever runs it now."""
    lease = node.stores.leases.find(f"watch:{watch.id}")
    return None if lease is None or not lease.expires else int(lease.holder.split(":")[1])


def done(node: Node, watch: WatchRow) -> list[str]:
    return [
        run.slot
        for run in node.stores.watches.runs(watch.id)[::-1]
        if run.state is WatchRunState.DONE
    ]


def check(node: Node, watch: WatchRow, slots: int) -> None:
    runs = node.stores.watches.runs(watch.id)[::-1]
    assert {run.state for run in runs} == {WatchRunState.DONE}
    # Between two slots lies an hour: none is missing, none is there twice, none made up for two.
    expected = [START + dt.timedelta(minutes=30 + 60 * n) for n in range(slots)]
    assert [dt.datetime.fromisoformat(run.slot) for run in runs] == expected
    assert all(run.first_slot == run.slot for run in runs)
    # Each run began where the one before had ended, so none was recorded twice.
    assert [run.delta for run in runs] == list(range(slots))
    assert [(run.new_items, run.gone_items) for run in runs[1:]] == [(1, 1)] * (slots - 1)
    held = node.stores.watches.find(watch.id)
    assert held is not None
    assert len(node.stores.watch_hits.of(watch.id)) == 3
    entries = [e["local"] for e in auditing.show(node) if e["event"] == "watch-run"]
    assert sum(entry["step"] == "done" for entry in entries) == slots
    node.log.checkpoint()
    assert auditing.verify(node)["ok"]


def store_of(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> str:
    if kind == "postgresql":
        return str(request.getfixturevalue("empty_postgres"))
    return f"sqlite:///{tmp_path / 'race.db'}"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_every_slot_exactly_once(
    request: pytest.FixtureRequest, watched_homes: tuple[Homes, str], tmp_path: Path, kind: str
) -> None:
    race(watched_homes[0], tmp_path / "race", store_of(request, kind, tmp_path), 16, apart=False)


@pytest.mark.soak
@pytest.mark.parametrize("apart", [False, True], ids=["one-machine", "four-machines"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_hundred_slots_exactly_once(
    request: pytest.FixtureRequest,
    watched_homes: tuple[Homes, str],
    tmp_path: Path,
    kind: str,
    apart: bool,
) -> None:
    race(watched_homes[0], tmp_path / "race", store_of(request, kind, tmp_path), 200, apart=apart)
