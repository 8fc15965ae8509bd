"""Signed documents of agreements: taking them in, sending them on, in any order.

A push, a later contact and a file on a stick all end in :func:`take`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from psihash import errors, limits
from psihash.agreement.decision import (
    APPROVAL_MISSING,
    DECISION_EXPIRED,
    DECISION_MISPLACED,
    verify_decision,
)
from psihash.agreement.documents import Document, TermsSignature, parse_body, verify_document
from psihash.agreement.proposal import party_of
from psihash.agreement.request import RequestKind, agreement_subject
from psihash.agreement.rules import check_parties
from psihash.agreement.state import Agreement
from psihash.agreement.status import Status
from psihash.agreement.terms import Terms, parse_terms
from psihash.agreement.times import add_days
from psihash.agreement.vocabulary import PartyRole
from psihash.audit.event import Event
from psihash.identity.trust import KnownPeer
from psihash.node import taking
from psihash.node.node import Node
from psihash.node.peering import peers
from psihash.node.people import requests, rosters
from psihash.storage.agreements import AgreementRow
from psihash.storage.requests import RequestRow

FOREIGN_DOCUMENT = errors.define(
    "foreign-document", "a document belongs to an agreement that is not between these two agencies"
)
ORPHAN_DOCUMENT = errors.define(
    "orphan-document", "a document belongs to an agreement whose terms are not known here yet"
)

TOO_MANY_PROPOSALS = errors.define(
    "too-many-proposals", "more proposals of one peer wait for a decision than are kept"
)

OUTBOX_KIND = "agreement"


def load(node: Node, agreement: str) -> Agreement:
    """An agreement from the store, its documents verified again."""
    row = node.stores.agreements.get(agreement)
    bodies = (stored.body for stored in node.stores.agreements.documents(agreement))
    return _verified(row.terms, tuple(bodies))


@lru_cache(maxsize=128)
def _verified(terms_body: bytes, bodies: tuple[bytes, ...]) -> Agreement:
    """The same bytes are the same agreement: a session loads it at every step."""
    terms = parse_terms(terms_body)
    agreement = Agreement(terms)
    keys = {party.agency: party.signing_key for party in terms.parties}
    for stored in bodies:
        body = parse_body(stored)
        if not isinstance(body, Terms):
            verified = verify_document(body, body.author, keys[body.author])
            agreement = agreement.with_document(verified)
    return agreement


def take(node: Node, peer: KnownPeer, body: bytes) -> str:
    """Take terms or a document that concern ``peer``; return the agreement's id.

    Idempotent. Raises RefusedError, VerificationError or InputError; nothing is kept then.
    """
    parsed = parse_body(body)
    if isinstance(parsed, Terms):
        return _take_terms(node, peer, parsed)
    return _take_document(node, peer, parsed)


def _take_terms(node: Node, peer: KnownPeer, terms: Terms) -> str:
    both = {node.agency, peer.card.agency}
    if set(terms.agencies) != both:
        raise errors.RefusedError(FOREIGN_DOCUMENT, "the terms are not between these two agencies")
    if node.stores.agreements.find(terms.id) is not None:
        return terms.id
    known = node.stores.agreements.all(peer=peer.card.agency)
    most = limits.OPEN_PROPOSALS
    if len(known) >= most and _undecided(node, known) >= most:
        raise errors.RefusedError(TOO_MANY_PROPOSALS, "too many proposals wait for a decision")
    check_parties(terms, (party_of(node.card), party_of(peer.card.card)))
    with node.stores.database.transaction():
        node.stores.agreements.add(
            terms.id, peer.card.agency, terms.to_bytes(), "open", node.stamp()
        )
        node.record(Event.AGREEMENT_RECEIVED, {"peer": peer.card.agency, "agreement": terms.id})
        if node.stores.operators.any():
            announce(node, terms)
    return terms.id


def announce(node: Node, terms: Terms) -> RequestRow:
    """Show in the inbox that a peer's terms wait to be taken up; once."""
    peer = terms.party(terms.role_of(node.agency).opposite).agency
    return requests.file(
        node,
        RequestKind.AGREEMENT,
        agreement_subject(terms.id, peer),
        peer=peer,
        agreement=terms.id,
        by_peer=True,
    )


def _undecided(node: Node, rows: Sequence[AgreementRow]) -> int:
    """How many of them nobody here has decided, or their proposer has not even signed."""
    undecided = (Status.UNSIGNED, Status.PROPOSED)
    return sum(load(node, row.id).state(node.stamp()).status in undecided for row in rows)


def _take_document(node: Node, peer: KnownPeer, document: Document) -> str:
    row = node.stores.agreements.find(document.agreement)
    if row is None:
        raise errors.StateError(ORPHAN_DOCUMENT, "the terms of this agreement are not known here")
    if row.peer != peer.card.agency:
        raise errors.RefusedError(FOREIGN_DOCUMENT, "the document is not about this peer")
    agreement = load(node, document.agreement)
    keys = {party.agency: party.signing_key for party in agreement.terms.parties}
    if document.author not in keys:
        raise errors.RefusedError(FOREIGN_DOCUMENT, "the author is no party to the agreement")
    verified = verify_document(document, document.author, keys[document.author])
    after = agreement.with_document(verified)
    if after is not agreement:
        if isinstance(document, TermsSignature):
            _check_approval(node, peer.card.agency, document)
        keep(node, after, document)
    return document.agreement


def _check_approval(node: Node, peer: str, signature: TermsSignature) -> None:
    """A peer that has operators signs terms only with the decision of one of its approvers on
    just these terms: a copy of its node's key is not enough."""
    roster = rosters.of_peer(node, peer)
    if roster is None:
        return
    if signature.approval is None:
        raise errors.RefusedError(
            APPROVAL_MISSING, "the peer has operators, and none of them approved the terms"
        )
    request = signature.approval.request
    proposed = signature.role is PartyRole.PROPOSER
    kind = RequestKind.PROPOSE if proposed else RequestKind.AGREEMENT
    subject = {name: request.subject.get(name) for name in ("agreement", "peer")}
    if request.kind is not kind or subject != agreement_subject(signature.agreement, node.agency):
        raise errors.RefusedError(
            DECISION_MISPLACED, "the peer's approver decided on something else"
        )
    decision = signature.approval.decision
    # It had to hold when the terms were signed. When that was is the word of the agency, whose
    # key a thief may have: so what has lapsed for longer than documents travel is not taken.
    verify_decision(decision, request, roster, signature.decided)
    if add_days(decision.expires, limits.TRANSIT_DAYS) <= node.stamp():
        raise errors.RefusedError(DECISION_EXPIRED, "the decision has lapsed long ago")


def keep(node: Node, agreement: Agreement, document: Document) -> None:
    """Store a document that ``agreement`` already contains, and log what it means."""
    before = load(node, agreement.id).incidents()
    with node.stores.database.transaction():
        node.stores.agreements.add_document(
            agreement.id,
            document.TYPE,
            document.author,
            document.digest,
            document.to_bytes(),
            node.stamp(),
        )
        if document.author != node.agency:
            node.record(
                Event.AGREEMENT_RECEIVED,
                {
                    "peer": document.author,
                    "agreement": agreement.id,
                    "document": document.TYPE,
                    "document_status": agreement.state(node.stamp()).status.value,
                },
            )
        for incident in set(agreement.incidents()) - set(before):
            node.record(
                Event.INCIDENT,
                {"code": incident.code, "peer": incident.agency, "agreement": agreement.id},
            )


def post(node: Node, peer: str, bodies: Iterable[bytes]) -> None:
    """Leave documents for a peer; they go at the next contact, whoever starts it."""
    for body in bodies:
        node.stores.outbox.put(peer, OUTBOX_KIND, body, node.stamp())


def take_all(node: Node, agency: str, bodies: Iterable[bytes]) -> list[str]:
    """Take documents from a peer; one code per document, empty where it was taken."""
    return taking.take_each(node, agency, bodies, _take_from, "document")


def _take_from(node: Node, agency: str, body: bytes) -> str:
    return take(node, peers.require(node, agency), body)
