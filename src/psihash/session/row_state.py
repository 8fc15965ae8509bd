"""Where a session stands in a node's store, in one list of words."""

from __future__ import annotations

import enum
from typing import Final


class RowState(enum.StrEnum):
    """The state of a session's row. :mod:`psihash.session.machine` has the finer states of a
    session while it runs; these are what survives a crash and what other processes see."""

    ACCEPTED = "accepted"
    """Charged; the first frame has not left."""
    RUNNING = "running"
    """Entered in the log; two sets are being combined."""
    SETTLING = "settling"
    """The initiator's receipt has left and the peer's has not come: the peer knows the end."""
    CANCELLING = "cancelling"
    """Someone asked the process that runs it to end it."""
    COMPLETED = "completed"
    """Both receipts stand; there is a result until it is erased."""
    ABORTED = "aborted"
    REFUSED = "refused"

    @property
    def is_over(self) -> bool:
        return self in _OVER


_OVER: Final = frozenset({RowState.COMPLETED, RowState.ABORTED, RowState.REFUSED})
