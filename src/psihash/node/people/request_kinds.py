"""What each kind of request means: when it may be decided, what an approval does, its page.

The handlers stand beside the use cases that they belong to and are imported when they are needed,
because those use cases file requests themselves.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from psihash.agreement.decision import Approval, VerifiedDecision
from psihash.agreement.page import Section
from psihash.agreement.request import Request, RequestKind
from psihash.node.node import Node
from psihash.storage.requests import RequestRow


@dataclass(frozen=True, slots=True)
class Granted:
    """An approval under way: the decision is stored in the same transaction."""

    row: RequestRow
    request: Request
    decision: VerifiedDecision | None
    """None in single-operator mode."""

    @property
    def approval(self) -> Approval | None:
        """What the peer is shown of it."""
        return None if self.decision is None else Approval(self.request, self.decision.decision)


def _nothing(_node: Node, _row: RequestRow) -> None:
    return


def _no_more(_node: Node, _granted: Granted) -> None:
    return


def _done(_node: Node, _row: RequestRow) -> None:
    return


def _told_nobody(_node: Node, _row: RequestRow, _reason: str) -> None:
    return


@dataclass(frozen=True, slots=True)
class Handler:
    """One kind of request."""

    page: Callable[[Node, RequestRow], list[Section]]
    """The one page for the approver."""
    check: Callable[[Node, RequestRow], None] = _nothing
    """Raise unless there is still something to decide."""
    on_approved: Callable[[Node, Granted], None] = _no_more
    """What follows from a yes. Runs in the transaction of the decision and of its log entry."""
    on_refused: Callable[[Node, RequestRow, str], None] = _told_nobody
    """What follows from a no, with its reason; in that transaction too."""
    on_expired: Callable[[Node, RequestRow], None] = _done
    """What follows where nobody decides in time; in one transaction with that. Needs no key."""
    afterwards: Callable[[Node, RequestRow], None] = _done
    """What a yes began and takes longer than a transaction may. Whoever has it done again later
    sees to it that it is done once."""


_PLACES: Final = {
    RequestKind.PROPOSE: "psihash.node.people.agreement_requests:PROPOSE",
    RequestKind.AGREEMENT: "psihash.node.people.agreement_requests:AGREEMENT",
    RequestKind.SESSION: "psihash.node.people.session_requests:SESSION",
    RequestKind.OPERATOR: "psihash.node.people.operator_requests:OPERATOR",
    RequestKind.FOLLOW_UP: "psihash.node.casework.followups:FOLLOW_UP",
    RequestKind.CORRECTION: "psihash.node.casework.corrections:CORRECTION",
    RequestKind.WATCH: "psihash.node.watching.approving:WATCH",
    RequestKind.CONTRIBUTION: "psihash.node.watching.contributing:CONTRIBUTION",
    RequestKind.TAKE_IN: "psihash.node.central.taking_in:TAKE_IN",
}


def handler(kind: RequestKind) -> Handler:
    """The handler of a kind."""
    module, _, name = _PLACES[kind].partition(":")
    found: Handler = getattr(importlib.import_module(module), name)
    return found
