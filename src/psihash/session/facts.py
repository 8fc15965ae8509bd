"""The ``shared`` part of a session's log entries: byte-identical on both sides.

An auditor who has both logs compares these. They hold what both sides know: never an exact set
size, and counts only where both were to learn them.
"""

from __future__ import annotations

from typing import Any

from psihash.session.deal import Deal
from psihash.session.messages import Receipt, Root, SetClass
from psihash.session.receipt import document, receipt_id
from psihash.terms import SessionRole


def opened(deal: Deal) -> dict[str, Any]:
    """What the session was agreed to be."""
    return {
        "session": deal.session_hex,
        "transcript": deal.transcript().hex(),
        "agreement": deal.agreement.hex(),
        "annexes": [digest.hex() for digest in deal.annexes],
        "initiator": deal.sides.initiator.agency,
        "responder": deal.sides.responder.agency,
        "cases": list(deal.cases),
        "rung": deal.rung.value,
        "learn": deal.learn.value,
        "approvals": [digest.hex() for digest in deal.approvals],
        "previous": deal.previous_receipt.hex(),
        "engine": deal.engine,
        "size_classes": [_classes(entries) for entries in deal.classes],
        "roots": [[_root(root) for root in roots] for roots in deal.roots],
        "expires": deal.expires,
    }


def disclosed(deal: Deal, what: str, count: int, by: str) -> dict[str, Any]:
    """Labels or records left; ``count`` is the matches, which both know by then."""
    return {"session": deal.session_hex, "what": what, "matches": count, "by": by}


def closed(role: SessionRole, own: Receipt, peer: Receipt) -> dict[str, Any]:
    """How the session ended well: from this side's receipt, which both sides' receipts equal."""
    content = document(own)
    first, second = (own, peer) if role is SessionRole.INITIATOR else (peer, own)
    return {
        "session": content["session"],
        "outcome": "completed",
        "receipt": receipt_id(first, second).hex(),
        "counts": content["counts"],
    }


def ended(session: bytes, outcome: str) -> dict[str, Any]:
    """``refused`` or ``aborted``. The cause may differ from the two sides, so it is local."""
    return {"session": session.hex(), "outcome": outcome}


def _classes(entries: tuple[SetClass, ...]) -> dict[str, int]:
    return {entry.algorithm.value: entry.size_class for entry in entries}


def _root(root: Root) -> dict[str, Any]:
    return {
        "collection": root.collection,
        "algorithm": root.algorithm.value,
        "size": root.size,
        "root": root.root.hex(),
    }
