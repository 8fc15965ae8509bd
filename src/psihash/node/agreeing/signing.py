"""What a decision about an agreement does: the agency signs, and the documents go to the peer.

Each function here is the last step of a decision that was made: in single-operator mode by the
person at the keyboard, with operators by an approver, whose own signed decision goes along.
"""

from __future__ import annotations

from collections.abc import Sequence

from psihash import errors
from psihash.agreement import cases
from psihash.agreement.decision import Approval
from psihash.agreement.document_model import Annex, Refusal, Revocation, TermsSignature
from psihash.agreement.documents import sign_document, verify_document
from psihash.agreement.state import Agreement
from psihash.agreement.status import Status
from psihash.agreement.terms import Terms
from psihash.audit.event import Event
from psihash.identity import signatures
from psihash.node.agreeing import annexes, documents
from psihash.node.node import Node

NOT_OURS_TO_DECIDE = errors.define(
    "not-ours-to-decide", "this agreement does not wait for a decision of this agency"
)
OWN_WORDS_MISSING = errors.define(
    "own-words-missing", "our own legal basis, or our case, was not said"
)


def propose(
    node: Node, terms: Terms, collections: Sequence[str], approval: Approval | None
) -> Agreement:
    """Sign our own terms with our annex, and leave all of it for the peer."""
    with node.stores.database.transaction():
        agreement = Agreement(terms)
        peer = agreement.peer_of(node.agency)
        node.stores.agreements.add(terms.id, peer, terms.to_bytes(), "open", node.stamp())
        annexes.offer(node, terms.id, collections)
        agreement = _sign(node, agreement, approval, case="", legal_basis="")
        documents.post(node, peer, [terms.to_bytes(), *_own_bodies(agreement, node.agency)])
        node.record(Event.AGREEMENT_PROPOSED, _facts(agreement, peer))
    return agreement


def accept(
    node: Node,
    agreement: Agreement,
    collections: Sequence[str],
    approval: Approval | None,
    *,
    case: str | None = None,
    legal_basis: str | None = None,
) -> Agreement:
    """Sign the peer's terms and offer collections of our own.

    ``case`` and ``legal_basis`` are our own words. None, or empty, is what somebody here said: that
    we answer the peer's case, that its law is ours too; see :func:`need_own_words`.
    """
    peer = agreement.peer_of(node.agency)
    with node.stores.database.transaction():
        annexes.offer(node, agreement.id, collections)
        agreement = _sign(
            node,
            agreement,
            approval,
            case=case or _answering_case(agreement, node.agency),
            legal_basis=legal_basis or _adopted_basis(agreement, node.agency),
        )
        documents.post(node, peer, _own_bodies(agreement, node.agency))
        node.record(Event.AGREEMENT_APPROVED, _facts(agreement, peer))
    return agreement


def refuse(node: Node, agreement: Agreement, reason: str) -> Agreement:
    """Say no to the peer's terms, for good."""
    refusal = Refusal(
        author=node.agency,
        agreement=agreement.id,
        code="not-approved",
        reason=reason,
        decided=node.stamp(),
        actor=node.actor.public,
    )
    return _decide(node, agreement, refusal, Event.AGREEMENT_REFUSED)


def revoke(node: Node, agreement: Agreement, reason: str) -> Agreement:
    """End an agreement for good."""
    revocation = Revocation(
        author=node.agency,
        agreement=agreement.id,
        reason=reason,
        decided=node.stamp(),
        actor=node.actor.public,
    )
    return _decide(node, agreement, revocation, Event.AGREEMENT_REVOKED)


def require_open_for_us(node: Node, agreement: Agreement) -> None:
    """Raise StateError unless the peer's terms wait for our signature."""
    state = agreement.state(node.stamp())
    waits_for_us = any(
        gap.agency == node.agency and gap.what == "signature" for gap in state.missing
    )
    if state.status is not Status.PROPOSED or not waits_for_us:
        raise errors.StateError(
            NOT_OURS_TO_DECIDE,
            f"the agreement is {state.status.value} and waits for no decision here",
            hint="run `psihash agreement show ID`",
        )


def need_own_words(
    agreement: Agreement, own: str, *, case: str | None, legal_basis: str | None
) -> None:
    """Raise InputError ``own-words-missing`` unless our law and our case were said, here or in the
    terms. None: somebody said that they are the peer's, which nobody does by leaving them out."""
    unsaid = [
        option
        for option, given, in_terms in (
            ("--legal-basis", legal_basis, agreement.terms.legal_basis.get(own)),
            ("--case", case, agreement.terms.case.get(own)),
        )
        if given is not None and not given.strip() and not in_terms
    ]
    if unsaid:
        raise errors.InputError(
            OWN_WORDS_MISSING,
            f"our own words are missing: {' and '.join(unsaid)}",
            hint="say them; or say that theirs are ours too: --same-law, --same-case",
        )


def _sign(
    node: Node, agreement: Agreement, approval: Approval | None, *, case: str, legal_basis: str
) -> Agreement:
    signature = TermsSignature(
        author=node.agency,
        agreement=agreement.id,
        role=agreement.terms.role_of(node.agency),
        decided=node.stamp(),
        actor=node.actor.public,
        approval=approval,
    )
    agreement = _add(node, agreement, signature)
    return annexes.issue(node, agreement, case=case, legal_basis=legal_basis)


def _answering_case(agreement: Agreement, own: str) -> str:
    """Our reference, where nothing else is said: the one that the terms name for us, or the request
    that we answer."""
    if agreement.terms.case[own]:
        return agreement.terms.case[own]
    proposer = agreement.terms.agencies[0]
    return cases.answering(proposer, agreement.case(proposer))


def _adopted_basis(agreement: Agreement, own: str) -> str:
    """The legal basis of the proposer, unless the terms state ours."""
    if agreement.legal_basis(own):
        return ""
    return agreement.legal_basis(agreement.terms.agencies[0])


def _decide(
    node: Node, agreement: Agreement, decision: Refusal | Revocation, event: Event
) -> Agreement:
    peer = agreement.peer_of(node.agency)
    with node.stores.database.transaction():
        after = _add(node, agreement, decision)
        body = next(
            d for d in after.documents if d.author == node.agency and type(d) is type(decision)
        )
        documents.post(node, peer, [body.to_bytes()])
        node.record(event, _facts(after, peer) | {"reason": decision.reason})
    return after


def _add(
    node: Node, agreement: Agreement, document: TermsSignature | Annex | Refusal | Revocation
) -> Agreement:
    signed = sign_document(document, node.keys.signing)
    verified = verify_document(signed, node.agency, signatures.public_bytes(node.keys.signing))
    after = agreement.with_document(verified)
    documents.keep(node, after, signed)
    return after


def _own_bodies(agreement: Agreement, agency: str) -> list[bytes]:
    return [d.to_bytes() for d in agreement.documents if d.author == agency]


def _facts(agreement: Agreement, peer: str) -> dict[str, object]:
    terms: Terms = agreement.terms
    return {
        "agreement": agreement.id,
        "peer": peer,
        "purpose": terms.purpose,
        "case": dict(terms.case),
        "legal_basis": dict(terms.legal_basis),
        "rung": terms.rung.value,
        "learn": terms.learn.value,
        "valid_until": terms.valid_until,
    }
