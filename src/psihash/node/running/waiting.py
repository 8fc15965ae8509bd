"""``psihash match --wait``: try again while somebody has not decided yet."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Final, TypeVar

from psihash import errors
from psihash.node.node import Node
from psihash.node.people.session_approvals import APPROVAL_NEEDED, APPROVAL_PENDING

POLL_SECONDS: Final = 30.0
"""Often enough that nobody waits for the machine, and far below what a peer allows."""

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
    while True:
        try:
            return run()
        except errors.PsihashError as error:
            if error.code not in _UNDECIDED or node.now() >= end:
                raise
            if on_wait is not None:
                on_wait(error)
        sleep(POLL_SECONDS)
