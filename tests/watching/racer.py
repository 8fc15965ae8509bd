"""One scheduler in a process of its own, for tests that kill it.

``python -m tests.watching.racer HOME FOLDER [HOST]``: the clock stands in FOLDER/clock, every
attempt is noted in FOLDER/attempts. With HOST the process says that it is on a machine of that
name, so that the others cannot see that it has died. PSIHASH_STORE names the store.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import random
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from psihash.node.central.member import Progress
from psihash.node.central.outcome import RunOutcome, RunState
from psihash.node.home import opening
from psihash.node.node import Node
from psihash.node.people.roles import RULE_ACTOR
from psihash.node.watching import scheduler
from tests.two_process.agencies import quick_keys
from tests.watching.centre import Centre

LONGEST_RUN = 0.06


class FileClock:
    """The time that the test has written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> dt.datetime:
        return dt.datetime.fromisoformat(self._path.read_text())


class Slow(Centre):
    """Takes some time, so that it can be killed in the middle."""

    def __init__(self, attempts: Path) -> None:
        super().__init__(1, 2, 3)
        self._attempts = attempts

    def __call__(
        self,
        node: Node,
        peer: str,
        agreement: str,
        collections: Sequence[str],
        *,
        since: RunState | None,
        progress: Progress | None = None,
    ) -> RunOutcome:
        with self._attempts.open("a") as stream:
            stream.write(f"{os.getpid()}\n")
        time.sleep(random.random() * LONGEST_RUN)
        self.holds = {1 if since is None else since.delta + 2, 10_000, 10_001}
        return super().__call__(node, peer, agreement, collections, since=since, progress=progress)


def main(home: Path, folder: Path, host: str) -> None:
    if host:
        socket.gethostname = lambda: host
    handler = logging.StreamHandler()
    said = "%(process)d: %(message)s (%(code)s)"
    handler.setFormatter(logging.Formatter(said, defaults={"code": ""}))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    scheduler.LOOK_SECONDS = 0.02  # type: ignore[misc]
    node = opening.open_node(home)
    node.clock, node.actor = FileClock(folder / "clock"), RULE_ACTOR
    _ = node.keys
    (folder / f"ready-{os.getpid()}").touch()
    scheduler.keep_looking(node, threading.Event(), Slow(folder / "attempts"))


if __name__ == "__main__":
    quick_keys().__enter__()
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "")
