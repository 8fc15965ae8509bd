"""What every approver's page says beside the terms: the budget, and what this peer got before."""

from __future__ import annotations

from collections import Counter
from typing import Final

from psihash.agreement.charges import period_start
from psihash.agreement.page import Section
from psihash.agreement.terms import Terms
from psihash.audit.entry import open_entry
from psihash.node.node import Node
from psihash.session.row_state import RowState
from psihash.storage import register
from psihash.terms import Rung

_EVER: Final = "1970-01-01T00:00:00Z"


def budget(node: Node, agreement: str, terms: Terms) -> Section:
    """How much of what was agreed for the period is used up."""
    since = period_start(node.stamp(), terms.period_days)
    used = node.stores.ledger.totals(since, agreement=agreement)
    left = max(terms.elements_per_period - used.elements, 0)
    text = (
        f"In the last {terms.period_days} days {used.sessions:,} of "
        f"{terms.sessions_per_period:,} sessions and {used.elements:,} of "
        f"{terms.elements_per_period:,} elements are used; {left:,} elements are left. A session "
        "is charged in full when it is accepted, whatever it finds."
    )
    return "How much of the budget is used", text


def exposed(node: Node, peer: str) -> Section:
    """What earlier sessions exposed to this peer, under all agreements."""
    counted = node.stores.sessions.counted(peer, RowState.COMPLETED)
    heading = "What was exposed to this partner before"
    ever = node.stores.ledger.totals(_EVER, peer=peer)
    if not counted and not ever.sessions:
        return heading, "Nothing: there was no session with it."
    by_rung = ", ".join(f"{counted[rung]:,} at '{rung.value}'" for rung in Rung if counted[rung])
    told = _disclosed(node, peer)
    return heading, (
        f"{counted.total():,} completed sessions ({by_rung or 'none'}); {ever.sessions:,} were "
        f"charged, with {ever.elements:,} elements of both lists over {ever.runs:,} runs. "
        f"Labels were told about {told['labels']:,} matches, records about {told['records']:,}."
    )


def _disclosed(node: Node, peer: str) -> Counter[str]:
    """Matches about which labels or records went to the peer, from the log's own entries."""
    told: Counter[str] = Counter()
    numbers = register.disclosures_to(node.stores.database, peer)
    for stored in node.stores.log.chosen(numbers):
        shared = open_entry(stored).shared_facts() or {}
        told[str(shared.get("what"))] += int(shared.get("matches") or 0)
    return told
