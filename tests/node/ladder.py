"""Two nodes that climb: an agreement with rules for each rung, and short ways to take a step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psihash.agreement.approvals import rule_from_words
from psihash.agreement.state import Agreement
from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.node.people import requests
from psihash.node.running import sessions
from psihash.session.result import SessionResult
from psihash.terms import AlgorithmId, Rung
from tests.session.nodes import NodeMeeting, agree, hold, meet, row

MD5 = (AlgorithmId.MD5,)
ECDH = "ecdh-ristretto255/1"
OPENMINED = "openmined-p256/1"
Nodes = tuple[Node, Node]


def fill(
    two: Nodes, ours: Iterable[int] = range(30), theirs: Iterable[int] = range(20, 60)
) -> None:
    hold(two[0], "ours", [row(number, MD5) for number in ours])
    hold(two[1], "theirs", [row(number, MD5) for number in theirs])


def rules(**words: str) -> dict[Rung, Any]:
    return {Rung(rung): rule_from_words(text) for rung, text in words.items()}


def agreed(two: Nodes, words: dict[str, str] | None = None, **more: Any) -> Agreement:
    """An agreement at rung ``records``, with rules for some rungs."""
    more = {"rung": Rung.RECORDS} | more
    return agree(*two, ["ours"], ["theirs"], approvals=rules(**(words or {})), **more)


def step(
    two: Nodes,
    agreement: Agreement,
    rung: Rung,
    previous: SessionResult | None = None,
    **more: Any,
) -> NodeMeeting:
    receipt = b"" if previous is None else bytes.fromhex(previous.receipt)
    more = {"engine": ECDH} | more
    return meet(*two, agreement, rung, previous_receipt=receipt, **more)


def climb(two: Nodes, agreement: Agreement, *rungs: Rung, **more: Any) -> list[SessionResult]:
    """The initiator's results of some rungs, each over the one before."""
    results: list[SessionResult] = []
    for rung in rungs:
        meeting = step(two, agreement, rung, results[-1] if results else None, **more)
        results.append(meeting.results()[0])
    return results


def replace_list(node: Node, name: str, numbers: Iterable[int]) -> None:
    """Import a collection anew: what is not among ``numbers`` is removed."""
    kind = node.stores.holdings.collection(name).kind
    run = node.stores.holdings.begin_import(
        name, kind, replace=True, dry_run=False, now=node.stamp()
    )
    run.add([row(number, MD5) for number in numbers])
    run.finish("rows of a test", "1" * 64, 0, "rows")


def charged(node: Node) -> int:
    return node.stores.ledger.totals("2000-01-01T00:00:00Z").sessions


def entries(node: Node, event: str) -> list[dict[str, Any]]:
    return [entry for entry in auditing.show(node) if entry["event"] == event]


def last_code(node: Node) -> str | None:
    """The code of the newest entry that has one."""
    codes = [(entry["local"] or {}).get("code") for entry in auditing.show(node)]
    return next((code for code in reversed(codes) if code), None)


def approve_all(node: Node, reason: str = "read and found right") -> int:
    """Say yes to everything in the inbox; how many there were."""
    waiting = requests.inbox(node)
    for each in waiting:
        requests.approve(node, each.request, reason)
    return len(waiting)


def erase(node: Node, session: str) -> None:
    node.stores.sessions.erase(sessions.find(node, session).id, node.stamp())
