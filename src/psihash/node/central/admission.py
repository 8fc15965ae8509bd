"""Who may ask the centre for how much, and who is answered when: the hooks of the answering side.

``accept`` is called once for each run, inside the transaction that charges it, with the padded
number of elements. ``admit`` is held while one batch is computed.
"""

from __future__ import annotations

import datetime as dt
import threading
from contextlib import AbstractContextManager
from typing import Final

from psihash import errors
from psihash.node.central.turns import Turns
from psihash.node.clock import milliseconds
from psihash.node.node import Node

MEMBER_DAY_USED_UP = errors.define(
    "central-member-day-used-up", "a member has asked as many elements as it may in 24 hours"
)
CENTRE_DAY_USED_UP = errors.define(
    "central-day-used-up", "all members have asked as many elements as the centre answers a day"
)

PLACES: Final = 2
"""Calls of one member that may wait: a run makes one after the other."""

PATIENCE_SECONDS: Final = 20.0
"""How long a call waits for its turn; the member's own deadline is later."""

_DAY: Final = dt.timedelta(days=1)
_LOCK: Final = threading.Lock()
_TURNS: Final[dict[tuple[str, int], Turns]] = {}
"""By home: whoever acts at a node in this process has the same."""


def accept(node: Node, peer: str, elements: int) -> None:
    """Refuse a run that goes beyond what a member, or all together, may ask for in 24 hours.

    Call it inside the transaction that charges the run. Raises RefusedError."""
    settings, runs = node.settings, node.stores.central_runs
    runs.lock()
    since = milliseconds(node.now() - _DAY)
    if runs.elements_since(since, peer) + elements > settings.central_member_elements:
        raise errors.RefusedError(
            MEMBER_DAY_USED_UP,
            "this member has asked enough for 24 hours",
            hint="the setting central_member_elements of the centre says how much",
        )
    if runs.elements_since(since) + elements > settings.central_elements:
        raise errors.RefusedError(
            CENTRE_DAY_USED_UP,
            "all members together have asked enough for 24 hours",
            hint="the setting central_elements of the centre says how much",
        )


def admit(node: Node, peer: str, elements: int) -> AbstractContextManager[None]:
    """Around the evaluation of one batch. Raises UnavailableError ``peer-busy``, which the member
    tries again."""
    if elements < 0:
        raise ValueError("a batch has elements")
    return turns(node).turn(peer)


def turns(node: Node) -> Turns:
    """The turns at a node."""
    key = (str(node.home.resolve()), node.settings.central_calls)
    with _LOCK:
        found = _TURNS.get(key)
        if found is None:
            found = _TURNS[key] = Turns(key[1], PLACES, PATIENCE_SECONDS)
        return found
