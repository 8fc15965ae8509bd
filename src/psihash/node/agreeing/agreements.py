"""Agreements: propose, approve, refuse, revoke, show, and carry as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from psihash import errors
from psihash.agreement.approvals import RungRule
from psihash.agreement.file import read_file, write_file
from psihash.agreement.page import approver_page
from psihash.agreement.proposal import build_terms, party_of
from psihash.agreement.request import BY_PEER, RequestKind, agreement_subject
from psihash.agreement.state import Agreement
from psihash.agreement.status import Status
from psihash.agreement.terms import Terms, terms_dict
from psihash.agreement.times import add_days
from psihash.agreement.vocabulary import OpenedBy
from psihash.node import prefixes
from psihash.node.agreeing import documents, signing
from psihash.node.lists import naming
from psihash.node.node import Node
from psihash.node.peering import peers
from psihash.node.people import login, requests, rosters
from psihash.node.people.roles import use_case
from psihash.storage.requests import RequestRow, RequestState
from psihash.terms import AlgorithmId, Learn, Rung

AGREEMENT_UNKNOWN = errors.define("agreement-unknown", "no agreement begins with that id")
AGREEMENT_AMBIGUOUS = errors.define("agreement-ambiguous", "several agreements begin with that id")
SECOND_PERSON = errors.define(
    "second-person", "with operators, one person proposes and another one decides"
)
NOT_TAKEN_UP = errors.define(
    "not-taken-up",
    "nobody here has taken up the peer's terms yet: one person does, another one approves",
)
CHOSEN_ALREADY = errors.define(
    "chosen-already", "an approver decides on what somebody else chose, and chooses nothing"
)
NO_COLLECTIONS = errors.define("no-collections", "no collection was named to be offered")
WRONG_FILE_PARTIES = errors.define(
    "wrong-file-parties", "the agreement file is not between this agency and a known peer"
)
_AGREEMENT: Final = prefixes.Kind(
    "agreement", AGREEMENT_UNKNOWN, AGREEMENT_AMBIGUOUS, "psihash agreement list"
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
    approvals: Mapping[Rung, RungRule] = field(default_factory=dict)
    """What decides a rung; ``agreed`` where nothing is said."""


@dataclass(frozen=True, slots=True)
class AgreementView:
    """An agreement as it is shown."""

    agreement: str
    peer: str
    status: str
    proposed_by: str
    rung: str
    learn: str
    approvals: dict[str, str]
    """What decides each rung, in words."""
    algorithms: list[str]
    purpose: str
    valid_from: str
    valid_until: str
    missing: list[dict[str, str]]
    own_collections: list[dict[str, str]]
    peer_collections: list[dict[str, str]]
    incidents: list[dict[str, str]]
    created: str


@use_case("agreement propose")
def submit(node: Node, draft: Draft) -> Agreement | RequestRow:
    """Propose an agreement: at once in single-operator mode; with operators, leave the terms for
    an approver, who signs and sends them by approving."""
    if not node.stores.operators.any():
        return propose(node, draft)
    terms = _terms(node, draft)
    return requests.file(
        node,
        RequestKind.PROPOSE,
        agreement_subject(terms.id, draft.peer),
        peer=draft.peer,
        agreement=terms.id,
        attachment={"terms": terms_dict(terms), "collections": list(draft.collections)},
    )


@use_case("agreement propose")
def propose(node: Node, draft: Draft) -> Agreement:
    """Write terms, sign them with our annex, and leave all of it for the peer. With operators
    that takes two persons: see :func:`submit`."""
    if node.stores.operators.any():
        raise errors.StateError(SECOND_PERSON, "an approver has to decide on a proposal")
    return signing.propose(node, _terms(node, draft), draft.collections, None)


def _terms(node: Node, draft: Draft) -> Terms:
    need_collections(node, draft.collections)
    peer = peers.require(node, draft.peer)
    now = node.stamp()
    own, other = party_of(node.card), party_of(peer.card.card)
    optional = {
        "sessions_per_period": draft.sessions_per_period,
        "elements_per_period": draft.elements_per_period,
        "valid_until": None if draft.valid_days is None else add_days(now, draft.valid_days),
    }
    contacts = {card.agency: card.contact or "" for card in (node.card, peer.card.card)}
    return build_terms(
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
        approvals=draft.approvals,
        contacts=contacts,
        **{name: value for name, value in optional.items() if value is not None},  # type: ignore[arg-type]
    )


@use_case("agreement take-up")
def take_up(
    node: Node,
    prefix: str,
    collections: Sequence[str],
    *,
    case: str | None = "",
    legal_basis: str | None = "",
) -> RequestRow:
    """Take up a peer's terms: say what we would put in, and leave it for an approver, who is
    somebody else. Taken up anew, the last one counts. ``case`` and ``legal_basis`` are ours; None
    says that we answer their case, or act under their law. Raises InputError
    ``own-words-missing``, StateError ``no-operators`` where nobody else would have to decide."""
    if not node.stores.operators.any():
        raise errors.StateError(
            login.NO_OPERATORS,
            "this agency has no operators: nobody else has to decide",
            hint=f"run `psihash agreement approve {prefix} --collection NAME...`",
        )
    agreement = find(node, prefix)
    signing.require_open_for_us(node, agreement)
    need_collections(node, collections)
    signing.need_own_words(agreement, node.agency, case=case, legal_basis=legal_basis)
    login.own_key(node)
    peer = agreement.peer_of(node.agency)
    with node.stores.database.transaction():
        asked = requests.file(
            node,
            RequestKind.AGREEMENT,
            agreement_subject(agreement.id, peer),
            peer=peer,
            agreement=agreement.id,
            attachment={
                "collections": list(collections),
                "case": case or "",
                "legal_basis": legal_basis or "",
            },
        )
        node.stores.requests.replace(asked.kind, agreement.id, asked.id, node.stamp())
    return asked


@use_case("agreement decide")
def approve(
    node: Node,
    prefix: str,
    collections: Sequence[str] = (),
    *,
    case: str | None = "",
    legal_basis: str | None = "",
    reason: str = "",
) -> Agreement:
    """Sign the peer's terms and offer collections of our own, with words as in :func:`take_up`.

    With operators: approve, for a ``reason``, what somebody else took up, who said all that."""
    agreement = find(node, prefix)
    signing.require_open_for_us(node, agreement)
    if not node.stores.operators.any():
        need_collections(node, collections)
        signing.need_own_words(agreement, node.agency, case=case, legal_basis=legal_basis)
        return signing.accept(
            node, agreement, collections, None, case=case, legal_basis=legal_basis
        )
    waiting = taken_up(node, agreement.id)
    if waiting is None:
        raise not_taken_up(agreement.id)
    if collections or case != "" or legal_basis != "":
        raise errors.InputError(
            CHOSEN_ALREADY,
            "what we put in was chosen by who took up the terms",
            hint=f"run `psihash approve {waiting.id[:12]} --show`",
        )
    requests.approve(node, waiting.id, reason)
    return documents.load(node, agreement.id)


@use_case("agreement decide")
def refuse(node: Node, prefix: str, reason: str) -> Agreement:
    """Say no to the peer's terms, for good."""
    agreement = find(node, prefix)
    signing.require_open_for_us(node, agreement)
    if not node.stores.operators.any():
        return signing.refuse(node, agreement, reason)
    waiting = _waiting(node, agreement) or documents.announce(node, agreement.terms)
    requests.refuse(node, waiting.id, reason)
    return documents.load(node, agreement.id)


@use_case("agreement decide")
def taken_up(node: Node, prefix: str) -> RequestRow | None:
    """What somebody here took up and an approver has to decide; None where nothing is."""
    if not node.stores.operators.any():
        return None
    waiting = _waiting(node, find(node, prefix))
    if waiting is None or requests.body(waiting).proposer == BY_PEER:
        return None
    return waiting


def not_taken_up(agreement: str) -> errors.StateError:
    """Nobody here stands behind the peer's terms but the one who would decide."""
    return errors.StateError(
        NOT_TAKEN_UP,
        "somebody here has to take up the peer's terms before another person approves them",
        hint=f"an analyst runs `psihash agreement take-up {agreement[:12]} --collection NAME...`",
    )


def _waiting(node: Node, agreement: Agreement) -> RequestRow | None:
    """The request of ours, or of the peer, that waits for a decision on these terms."""
    rows = [
        row
        for row in node.stores.requests.all(RequestState.PENDING)
        if (row.kind, row.agreement) == (RequestKind.AGREEMENT, agreement.id)
    ]
    return rows[-1] if rows else None


@use_case("agreement revoke")
def revoke(node: Node, prefix: str, reason: str) -> Agreement:
    """End an agreement for good, from either side, at any time."""
    agreement = find(node, prefix)
    status = agreement.state(node.stamp()).status
    if status in (Status.REFUSED, Status.REVOKED):
        raise errors.StateError(
            signing.NOT_OURS_TO_DECIDE, f"the agreement is {status.value} already"
        )
    return signing.revoke(node, agreement, reason)


def find(node: Node, prefix: str) -> Agreement:
    """An agreement by its id or a unique prefix of it."""
    return documents.load(node, _AGREEMENT.pick(node.stores.agreements.all(), prefix).id)


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
        approvals={rung.value: rule.words for rung, rule in terms.approvals.items()},
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
    peer = agreement.peer_of(node.agency)
    has_operators = rosters.of_peer(node, peer) is not None
    return list(approver_page(agreement, node.agency, peer_has_operators=has_operators))


def export_file(node: Node, prefix: str) -> bytes:
    """The agreement with all its documents, to travel on a stick."""
    return write_file(find(node, prefix))


@use_case("agreement import")
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


def need_collections(node: Node, names: Sequence[str]) -> None:
    """Raise unless collections were named and each is there."""
    if not names:
        raise errors.InputError(NO_COLLECTIONS, "name at least one --collection to offer")
    for name in names:
        naming.require_collection(node, name)
