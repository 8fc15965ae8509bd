"""``psihash match --wait``: try again while somebody has not decided yet.

Each try is a contact with the peer and an entry in both logs, so it is made only when it may come
out otherwise: where our own approver is waited for, after something in our inbox was decided;
where theirs is, after ever longer pauses.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Final, TypeVar

from psihash import errors
from psihash.node.node import Node
from psihash.node.people.session_approvals import APPROVAL_NEEDED, APPROVAL_PENDING
from psihash.storage.requests import RequestState

LOOK_SECONDS: Final = 5.0
"""How often our own inbox is looked at; nothing leaves this node by that."""
FIRST_PAUSE_SECONDS: Final = 30.0
LONGEST_PAUSE_SECONDS: Final = 300.0
"""Nobody waits much longer for the machine than for the person; far below what a peer allows."""

_UNDECIDED: Final = (APPROVAL_NEEDED, APPROVAL_PENDING)
_Result = TypeVar("_Result")


def until_decided(
    node: Node,
    run: Callable[[], _Result],
    hours: float,
    *,
    on_wait: Callable[[errors.PsihashError], None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> _Result:
    """Call ``run`` until it ends in another way than by an approver, here or there, who has not
    decided yet, or until the time is up: then that is raised."""
    end = node.now() + dt.timedelta(hours=hours)
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return run()
        except errors.PsihashError as error:
            if error.code not in _UNDECIDED or node.now() >= end:
                raise
            if on_wait is not None:
                on_wait(error)
            if error.code == APPROVAL_NEEDED:
                _until_inbox_moves(node, end, sleep)
            else:
                sleep(min(pause, (end - node.now()).total_seconds()))
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _until_inbox_moves(node: Node, end: dt.datetime, sleep: Callable[[float], None]) -> None:
    waiting = _waiting(node)
    while node.now() < end and waiting <= _waiting(node):
        sleep(LOOK_SECONDS)


def _waiting(node: Node) -> set[str]:
    """The requests of our inbox that nobody has decided."""
    return {row.id for row in node.stores.requests.all(RequestState.PENDING)}
