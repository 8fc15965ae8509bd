"""What became of contributions at the centre."""

from __future__ import annotations

from typing import Any

from psihash import errors
from psihash.audit.event import Event
from psihash.casework.contribution import ContributionAnswer, Taken
from psihash.node.node import Node
from psihash.node.watching.finding import is_watch
from psihash.storage.contributions import ContributionRow, ContributionState

UNKNOWN_CONTRIBUTION = errors.define(
    "unknown-contribution", "no contribution of that id went to this peer"
)


def take_answer(node: Node, answer: ContributionAnswer) -> None:
    """What the centre did with it, inside a transaction. A second answer changes nothing."""
    row = node.stores.contributions.find(answer.contribution)
    if row is None or row.peer != answer.author:
        raise errors.RefusedError(UNKNOWN_CONTRIBUTION, "no such contribution went to this peer")
    if row.state is not ContributionState.SENT:
        return
    state = ContributionState.TAKEN if answer.step is Taken.TAKEN else ContributionState.REFUSED
    node.stores.contributions.change(row, state=state, answered=node.stamp())
    node.record(Event.CONTRIBUTION, facts(row) | {"step": answer.step.value, "by": row.peer})


def refused(node: Node, document: str, code: str) -> None:
    """The centre's node would not take it at all."""
    row = node.stores.contributions.find(document)
    if row is not None and row.state is ContributionState.SENT:
        values = {"state": ContributionState.REFUSED, "answered": node.stamp()}
        node.stores.contributions.change(row, **values)
        node.record(Event.CONTRIBUTION, facts(row) | {"step": "not-taken", "code": code})


def facts(row: ContributionRow) -> dict[str, Any]:
    """What every log entry about a contribution of ours says."""
    return {
        "document": row.id,
        "peer": row.peer,
        "agreement": row.agreement,
        ("watch" if is_watch(row.watch) else "session"): row.watch,
        "new_collections": row.new_collections,
        "additions": row.additions,
        "items": row.items,
    }
