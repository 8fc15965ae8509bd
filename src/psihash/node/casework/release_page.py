"""What an approver decides about a document that is to leave, and the page for it."""

from __future__ import annotations

from psihash.agreement.page import Section
from psihash.casework.answers import Message
from psihash.casework.corrections import Notice, NoticeAnswer
from psihash.casework.documents import CaseDocument
from psihash.casework.handling import Handling
from psihash.casework.pack import Pack
from psihash.node.casework import releasing
from psihash.node.node import Node
from psihash.node.people import requests
from psihash.node.people.request_kinds import Handler
from psihash.storage.requests import RequestRow


def page(document: CaseDocument) -> list[Section]:
    """The document in words, as its recipient will read it."""
    match document:
        case Pack():
            return _request(document)
        case Message():
            return [
                ("What is said", f"To {document.recipient}, about a request: {document.step}."),
                ("The text", "\n".join(document.text) or "no text"),
                ("What they may do with it", _handling(document.handling)),
            ]
        case Notice():
            hits = sum(len(each.references) for each in document.sessions)
            return [
                (
                    "What is corrected",
                    f"{document.recipient} is told that {hits} references of hits in "
                    f"{len(document.sessions)} sessions are {document.reason}. No digest is named.",
                ),
                ("The text", "\n".join(document.text)),
            ]
        case NoticeAnswer():
            return [
                (
                    "What is said",
                    f"{document.recipient} wrote that items were wrongly listed or are erased. It "
                    f"is told what we did with them: {document.action}.",
                ),
                ("The text", "\n".join(document.text)),
            ]
    raise TypeError("a document of another kind is not decided here")


def _request(pack: Pack) -> list[Section]:
    urgent = f"urgent: {pack.urgency_reason}" if pack.urgency_reason else pack.urgency.value
    hits = "1 hit" if len(pack.hits) == 1 else f"{len(pack.hits):,} hits"
    asked = f"{pack.wanted.value.replace('-', ' ')}. {pack.information}".strip()
    return [
        ("What is asked", f"{pack.recipient} is asked about {hits}: {asked}"),
        ("What for", f"{pack.purpose}. Offence: {pack.offence}. Case: {pack.case}."),
        ("By which law", pack.legal_basis),
        ("The facts, as they will read them", "\n".join(pack.facts)),
        ("Why they may hold the data", "\n".join(pack.reasons)),
        ("Connection", pack.connection or "not stated"),
        ("How urgent", urgent),
        ("What they may do with it", _handling(pack.handling)),
    ]


def _handling(handling: Handling) -> str:
    note = f" {handling.note}" if handling.note else ""
    return f"Handling code {handling.code}: {handling.code.meaning}. TLP:{handling.tlp}.{note}"


def _page(node: Node, row: RequestRow) -> list[Section]:
    return page(releasing.waiting(node, row))


def _check(node: Node, row: RequestRow) -> None:
    releasing.waiting(node, row)


def _hold_back(node: Node, row: RequestRow, _reason: str) -> None:
    releasing.hold_back(node, str(requests.body(row).subject["document"]))


def _expired(node: Node, row: RequestRow) -> None:
    _hold_back(node, row, "")


HANDLER = Handler(
    page=_page,
    check=_check,
    on_approved=releasing.let_go,
    on_refused=_hold_back,
    on_expired=_expired,
)
"""Whether a request, a word about one, a notice, or what was done about one leaves."""
