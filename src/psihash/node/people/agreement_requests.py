"""Requests of the kinds ``propose`` and ``agreement``: an approver decides on whole agreements.

A peer's terms come as a request of the peer, which nobody can approve: an analyst takes them up,
saying what we would put in, and that is the request that an approver decides. So two people stand
behind each side.
"""

from __future__ import annotations

from typing import Any, Final

from psihash import canonical
from psihash.agreement.page import Section, approver_page
from psihash.agreement.request import BY_PEER
from psihash.agreement.state import Agreement
from psihash.agreement.terms import Terms, parse_terms
from psihash.node.agreeing import agreements, documents, signing
from psihash.node.node import Node
from psihash.node.people import request_page, requests, rosters
from psihash.node.people.request_kinds import Granted, Handler
from psihash.storage.errors import damaged
from psihash.storage.requests import RequestRow


def _draft(node: Node, row: RequestRow) -> tuple[Terms, list[str]]:
    """Terms and collections of a proposal as they were filed."""
    held = requests.attachment(node, row)
    terms = parse_terms(canonical.encode(held["terms"]))
    if terms.id != row.agreement or terms.id != requests.body(row).subject["agreement"]:
        raise damaged("request")
    return terms, [str(name) for name in held["collections"]]


def _check_proposal(node: Node, row: RequestRow) -> None:
    _, collections = _draft(node, row)
    agreements.need_collections(node, collections)


def _send(node: Node, granted: Granted) -> None:
    terms, collections = _draft(node, granted.row)
    signing.propose(node, terms, collections, granted.approval)


def _proposal_page(node: Node, row: RequestRow) -> list[Section]:
    terms, collections = _draft(node, row)
    asked = f"To sign these terms and send them to {row.peer}, offering {', '.join(collections)}."
    return [("What is asked", asked), *_pages(node, Agreement(terms), row.peer)]


def _taken_up(node: Node, row: RequestRow) -> dict[str, Any]:
    """What somebody here would put in: ``collections``, ``case``, ``legal_basis``."""
    held = requests.attachment(node, row)
    held["collections"] = [str(name) for name in held["collections"]]
    return held


def _check_terms(node: Node, row: RequestRow) -> None:
    signing.require_open_for_us(node, documents.load(node, row.agreement))
    if requests.body(row).proposer == BY_PEER:
        raise agreements.not_taken_up(row.agreement)
    agreements.need_collections(node, _taken_up(node, row)["collections"])


def _accept(node: Node, granted: Granted) -> None:
    taken_up = _taken_up(node, granted.row)
    agreement = documents.load(node, granted.row.agreement)
    signing.accept(
        node,
        agreement,
        taken_up["collections"],
        granted.approval,
        case=taken_up["case"],
        legal_basis=taken_up["legal_basis"],
    )


def _decline(node: Node, row: RequestRow, reason: str) -> None:
    agreement = documents.load(node, row.agreement)
    signing.require_open_for_us(node, agreement)
    signing.refuse(node, agreement, reason)


def _terms_page(node: Node, row: RequestRow) -> list[Section]:
    if requests.body(row).proposer == BY_PEER:
        asked = (
            f"To sign the terms that {row.peer} proposes. Nobody here has taken them up: an "
            f"analyst runs `psihash agreement take-up {row.agreement[:12]} --collection NAME...`. "
            "An approver can refuse them already."
        )
    else:
        ours = _taken_up(node, row)
        asked = (
            f"To sign the terms that {row.peer} proposes, offering "
            f"{', '.join(ours['collections'])}. Our case: {ours['case'] or 'THE ONE THEY NAME'}. "
            f"Our legal basis: {ours['legal_basis'] or 'THE ONE THEY NAME'}."
        )
    return [("What is asked", asked), *_pages(node, documents.load(node, row.agreement), row.peer)]


def _pages(node: Node, agreement: Agreement, peer: str) -> list[Section]:
    has_operators = rosters.of_peer(node, peer) is not None
    return [
        *approver_page(agreement, node.agency, peer_has_operators=has_operators),
        request_page.budget(node, agreement.id, agreement.terms),
        request_page.exposed(node, peer),
    ]


PROPOSE: Final = Handler(page=_proposal_page, check=_check_proposal, on_approved=_send)
AGREEMENT: Final = Handler(
    page=_terms_page, check=_check_terms, on_approved=_accept, on_refused=_decline
)
