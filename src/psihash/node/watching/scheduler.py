"""The schedule's clockwork: looks what is due and has it run, a few watches at a time.

Any number of processes may do this on one store: a slot is claimed by one of them, and one that its
process left is taken over by another (:mod:`psihash.node.watching.running`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from psihash import errors
from psihash.node.central import member, taking_in
from psihash.node.node import Node
from psihash.node.people.roles import LOGIN_REQUIRED, PERSON_REQUIRED, ROLE_REQUIRED
from psihash.node.running.worker import INTERNAL
from psihash.node.watching import keeping, running, watches, webhook
from psihash.node.watching.running import Runner

LOG: Final = logging.getLogger("psihash.watching")

LOOK_SECONDS: Final = 5.0
"""How often it is looked whether a slot has come: a minute is the least that a schedule names."""

AT_ONCE: Final = 4
"""Watches that run at the same time: a centre that does not answer must not hold up the others."""

TIDY_SECONDS: Final = 3600.0

_FOR_A_PERSON: Final = frozenset({LOGIN_REQUIRED, PERSON_REQUIRED, ROLE_REQUIRED})
"""Why a slot cannot even be begun by a process that nobody sits at, or by this person."""


class Scheduler:
    """Runs what is due, in threads of its own."""

    def __init__(self, node: Node, runner: Runner = member.run) -> None:
        self._node, self._runner = node, runner
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="psihash-watch")
        self._busy: dict[str, Future[None]] = {}
        self._tidy_at = 0.0

    def look(self) -> int:
        """Start whatever is due and does not run here yet; how many. Also ends watches whose time
        is over, sends what waits for the webhook, and takes in what was approved."""
        watches.expire(self._node)
        self._busy = {name: work for name, work in self._busy.items() if not work.done()}
        started = 0
        for row in self._node.stores.watches.all(watches.LIVE):
            if row.id not in self._busy and running.wanted(self._node, row):
                self._busy[row.id] = self._pool.submit(self._run, row.id)
                started += 1
        webhook.deliver_due(self._node)
        taking_in.finish(self._node)
        self._tidy_up()
        return started

    def _tidy_up(self) -> None:
        now = time.monotonic()
        if now >= self._tidy_at:
            self._tidy_at = now + TIDY_SECONDS
            keeping.tidy_up(self._node)
            taking_in.drop_old(self._node)

    def settle(self) -> None:
        """Wait until what was started has ended."""
        for work in list(self._busy.values()):
            work.result()

    def close(self) -> None:
        """Begin nothing any more. What runs here goes on elsewhere, or when the node is back."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, watch: str) -> None:
        try:
            done = running.run_due(self._node, watch, self._runner)
        except errors.PsihashError as error:
            LOG.warning("a watch could not be run", extra={"watch": watch, "code": error.code})
            if error.code in _FOR_A_PERSON:
                running.not_begun(self._node, watch, error)
        except Exception as fault:  # noqa: BLE001 - its text could hold anything; the run has it
            told = {"watch": watch, "code": INTERNAL}
            LOG.error("a fault of kind %s", type(fault).__name__, extra=told)
        else:
            if done is not None:
                told = {"watch": watch, "slot": done.slot, "state": done.state.value}
                LOG.info("a watch was run", extra=told | {"code": done.code or "ok"})
                webhook.deliver_due(self._node)


@contextmanager
def scheduling(node: Node, stop: threading.Event, runner: Runner = member.run) -> Iterator[None]:
    """The schedule runs in the background for as long as the block does."""
    webhook.prepare(node)
    thread = threading.Thread(
        target=keep_looking, args=(node, stop, runner), name="psihash-watching", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(1.0)


def keep_looking(node: Node, stop: threading.Event, runner: Runner = member.run) -> None:
    """Look again and again until ``stop`` is set."""
    scheduler = Scheduler(node, runner)
    try:
        while not stop.wait(LOOK_SECONDS):
            try:
                scheduler.look()
            except errors.PsihashError as error:
                # A full disk or a locked store passes; the next look makes up for it.
                LOG.warning("the schedule was not looked at", extra={"code": error.code})
    finally:
        scheduler.close()
