"""Agreements: propose, approve, refuse, revoke, show, and carry as a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psihash import errors
from psihash.agreement.document_model import Annex, Refusal, Revocation, TermsSignature
from psihash.agreement.documents import sign_document, verify_document
from psihash.agreement.file import read_file, write_file
from psihash.agreement.page import approver_page
from psihash.agreement.proposal import build_terms, party_of
from psihash.agreement.state import Agreement
from psihash.agreement.status import Status
from psihash.agreement.terms import Terms, resolve_id
from psihash.agreement.times import add_days
from psihash.agreement.vocabulary import OpenedBy
from psihash.audit.event import Event
from psihash.identity import signatures
from psihash.node import annexes, documents, naming, peers
from psihash.node.node import Node
from psihash.terms import AlgorithmId, Learn, Rung

NOT_OURS_TO_DECIDE = errors.define(
    "not-ours-to-decide", "this agreement does not wait for a decision of this agency"
)
NO_COLLECTIONS = errors.define("no-collections", "no collection was named to be offered")
WRONG_FILE_PARTIES = errors.define(
    "wrong-file-parties", "the agreement file is not between this agency and a known peer"
)


@dataclass(frozen=True, slots=True)
class Draft:
    """What ``agreement propose`` is told."""

    peer: str
    purpose: str
    case: str
    legal_basis: str
    rung: Rung
    learn: Learn
    collections: Sequence[str]
    algorithms: Sequence[AlgorithmId]
    valid_days: int | None = None
    opened_by: OpenedBy = OpenedBy.EITHER
    sessions_per_period: int | None = None
    elements_per_period: int | None = None


@dataclass(frozen=True, slots=True)
class AgreementView:
    """An agreement as it is shown."""

    agreement: str
    peer: str
    status: str
    proposed_by: str
    rung: str
    learn: str
    algorithms: list[str]
    purpose: str
    valid_from: str
    valid_until: str
    missing: list[dict[str, str]]
    own_collections: list[dict[str, str]]
    peer_collections: list[dict[str, str]]
    incidents: list[dict[str, str]]
    created: str


def propose(node: Node, draft: Draft) -> Agreement:
    """Write terms, sign them with our annex, and leave all of it for the peer."""
    _need_collections(node, draft.collections)
    peer = peers.require(node, draft.peer)
    now = node.stamp()
    own, other = party_of(node.card), party_of(peer.card.card)
    optional = {
        "sessions_per_period": draft.sessions_per_period,
        "elements_per_period": draft.elements_per_period,
        "valid_until": None if draft.valid_days is None else add_days(now, draft.valid_days),
    }
    contacts = {card.agency: card.contact or "" for card in (node.card, peer.card.card)}
    terms = build_terms(
        own,
        other,
        purpose=draft.purpose,
        legal_basis={node.agency: draft.legal_basis},
        case={node.agency: draft.case},
        rung=draft.rung,
        now=now,
        rng=node.rng,
        learn=draft.learn,
        algorithms=draft.algorithms,
        opened_by=draft.opened_by,
        contacts=contacts,
        **{name: value for name, value in optional.items() if value is not None},  # type: ignore[arg-type]
    )
    with node.stores.database.transaction():
        node.stores.agreements.add(terms.id, draft.peer, terms.to_bytes(), "open", now)
        annexes.offer(node, terms.id, draft.collections)
        agreement = _sign(node, Agreement(terms), case="", legal_basis="")
        documents.post(node, draft.peer, [terms.to_bytes(), *_own_bodies(agreement, node.agency)])
        node.record(Event.AGREEMENT_PROPOSED, _facts(agreement, draft.peer))
    return agreement


def approve(
    node: Node, prefix: str, collections: Sequence[str], *, case: str = "", legal_basis: str = ""
) -> Agreement:
    """Sign the peer's terms and offer collections of our own.

    Without a case or legal basis of our own we answer the peer's case under the law it names.
    """
    agreement = find(node, prefix)
    peer = agreement.peer_of(node.agency)
    _require_open_for_us(node, agreement)
    _need_collections(node, collections)
    with node.stores.database.transaction():
        annexes.offer(node, agreement.id, collections)
        agreement = _sign(
            node,
            agreement,
            case=case or _answering_case(agreement),
            legal_basis=legal_basis or _adopted_basis(agreement, node.agency),
        )
        documents.post(node, peer, _own_bodies(agreement, node.agency))
        node.record(Event.AGREEMENT_APPROVED, _facts(agreement, peer))
    return agreement


def refuse(node: Node, prefix: str, reason: str) -> Agreement:
    """Say no to the peer's terms, for good."""
    agreement = find(node, prefix)
    _require_open_for_us(node, agreement)
    refusal = Refusal(
        author=node.agency,
        agreement=agreement.id,
        code="not-approved",
        reason=reason,
        decided=node.stamp(),
        actor=node.actor.name,
    )
    return _decide(node, agreement, refusal, Event.AGREEMENT_REFUSED)


def revoke(node: Node, prefix: str, reason: str) -> Agreement:
    """End an agreement for good, from either side, at any time."""
    agreement = find(node, prefix)
    status = agreement.state(node.stamp()).status
    if status in (Status.REFUSED, Status.REVOKED):
        raise errors.StateError(NOT_OURS_TO_DECIDE, f"the agreement is {status.value} already")
    revocation = Revocation(
        author=node.agency,
        agreement=agreement.id,
        reason=reason,
        decided=node.stamp(),
        actor=node.actor.name,
    )
    return _decide(node, agreement, revocation, Event.AGREEMENT_REVOKED)


def find(node: Node, prefix: str) -> Agreement:
    """An agreement by its id or a unique prefix of it."""
    known = [row.id for row in node.stores.agreements.all()]
    return documents.load(node, resolve_id(prefix, known))


def listing(node: Node) -> list[AgreementView]:
    return [view(node, documents.load(node, row.id)) for row in node.stores.agreements.all()]


def view(node: Node, agreement: Agreement) -> AgreementView:
    state = agreement.state(node.stamp())
    terms, peer = agreement.terms, agreement.peer_of(node.agency)
    names = {row.opaque_id: row.collection for row in node.stores.agreements.offered(agreement.id)}
    own, other = agreement.annex(node.agency), agreement.annex(peer)
    return AgreementView(
        agreement=agreement.id,
        peer=peer,
        status=state.status.value,
        proposed_by=terms.agencies[0],
        rung=terms.rung.value,
        learn=terms.learn.value,
        algorithms=[name.value for name in terms.algorithms],
        purpose=terms.purpose,
        valid_from=terms.valid_from,
        valid_until=terms.valid_until,
        missing=[{"agency": gap.agency, "what": gap.what} for gap in state.missing],
        own_collections=[
            {"id": offered.id, "name": names.get(offered.id, ""), "kind": offered.kind.value}
            for offered in (own.collections if own else ())
        ],
        peer_collections=[
            {"id": offered.id, "kind": offered.kind.value}
            for offered in (other.collections if other else ())
        ],
        incidents=[{"code": each.code, "agency": each.agency} for each in state.incidents],
        created=node.stores.agreements.get(agreement.id).created,
    )


def page(node: Node, agreement: Agreement) -> list[tuple[str, str]]:
    """The approver's page."""
    return list(approver_page(agreement, node.agency))


def export_file(node: Node, prefix: str) -> bytes:
    """The agreement with all its documents, to travel on a stick."""
    return write_file(find(node, prefix))


def import_file(node: Node, data: bytes) -> Agreement:
    """Take an agreement file: the same as if its documents had come over the network."""
    terms, found = read_file(data)
    others = [agency for agency in terms.agencies if agency != node.agency]
    if len(others) != 1:
        raise errors.RefusedError(WRONG_FILE_PARTIES, "this agency is no party to the agreement")
    peer = peers.require(node, others[0])
    documents.take(node, peer, terms.to_bytes())
    for document in found:
        if document.author != node.agency:
            documents.take(node, peer, document.to_bytes())
    return documents.load(node, terms.id)


def _sign(node: Node, agreement: Agreement, *, case: str, legal_basis: str) -> Agreement:
    terms = agreement.terms
    signature = TermsSignature(
        author=node.agency,
        agreement=agreement.id,
        role=terms.role_of(node.agency),
        decided=node.stamp(),
        actor=node.actor.name,
    )
    agreement = _add(node, agreement, signature)
    return annexes.issue(node, agreement, case=case, legal_basis=legal_basis)


def _answering_case(agreement: Agreement) -> str:
    """Our reference, where nothing else is said: the request that we answer."""
    proposer = agreement.terms.agencies[0]
    return f"{proposer}: {agreement.case(proposer)}"


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


def _require_open_for_us(node: Node, agreement: Agreement) -> None:
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


def _need_collections(node: Node, names: Sequence[str]) -> None:
    if not names:
        raise errors.InputError(NO_COLLECTIONS, "name at least one --collection to offer")
    for name in names:
        naming.require_collection(node, name)


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
