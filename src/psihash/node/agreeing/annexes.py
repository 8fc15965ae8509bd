"""Our annexes: which collections we offer under which pseudonym, and how large they are at most.

An annex names size classes, never sizes. When a collection outgrows its class, a new revision goes
to the peer with the next contact; the collections themselves never change by that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from psihash.agreement.document_model import Annex, Offered
from psihash.agreement.documents import new_collection_id, sign_document, verify_document
from psihash.agreement.state import Agreement
from psihash.agreement.status import Status
from psihash.agreement.times import whole_seconds
from psihash.identity import signatures
from psihash.node.agreeing import documents
from psihash.node.node import Node
from psihash.psi import encoding
from psihash.terms import AlgorithmId, size_class


def offer(node: Node, agreement: str, collections: Sequence[str]) -> None:
    """Give each collection a random pseudonym for this agreement."""
    offered = {row.collection for row in node.stores.agreements.offered(agreement)}
    for name in dict.fromkeys(collections):
        if name not in offered:
            kind = node.stores.holdings.collection(name).kind
            node.stores.agreements.offer(agreement, new_collection_id(node.rng), name, kind)


def issue(node: Node, agreement: Agreement, *, case: str, legal_basis: str) -> Agreement:
    """Sign the first annex, or the next revision."""
    held = agreement.annex(node.agency)
    top = max((d.revision for d in _own(node, agreement)), default=0)
    annex = Annex(
        author=node.agency,
        agreement=agreement.id,
        revision=top + 1,
        collections=_offered(node, agreement, held),
        case=case,
        legal_basis=legal_basis,
        issued=node.stamp(),
    )
    return _keep(node, agreement, annex)


def refresh(node: Node, agreement: Agreement) -> Agreement:
    """Issue a new revision if a collection has outgrown its class, and leave it for the peer."""
    held = agreement.annex(node.agency)
    if held is None or agreement.state(node.stamp()).status is not Status.ACTIVE:
        return agreement
    collections = _offered(node, agreement, held)
    if collections == held.collections:
        return agreement
    peer = agreement.peer_of(node.agency)
    with node.stores.database.transaction():
        annex = replace(
            held,
            revision=held.revision + 1,
            collections=collections,
            issued=node.stamp(),
            signature=b"",
        )
        after = _keep(node, agreement, annex)
        current = after.annex(node.agency)
        if current is not None:
            documents.post(node, peer, [current.to_bytes()])
    return after


def refresh_all(node: Node, peer: str) -> None:
    """Refresh every agreement with a peer, before documents are exchanged."""
    for row in node.stores.agreements.all(peer=peer):
        refresh(node, documents.load(node, row.id))


def _offered(node: Node, agreement: Agreement, held: Annex | None) -> tuple[Offered, ...]:
    before = {offered.id: offered.classes for offered in (held.collections if held else ())}
    updated = {info.name: info.updated for info in node.stores.holdings.collections()}
    found = []
    for row in sorted(node.stores.agreements.offered(agreement.id), key=lambda row: row.opaque_id):
        classes = before.get(row.opaque_id)
        changed = updated.get(row.collection)
        if (
            classes is None
            or held is None
            or (
                _may_have_grown(changed, held.issued)
                and _may_be_outgrown(node, row.collection, agreement, classes)
            )
        ):
            counted = _classes(node, row.collection if changed else None, agreement)
            # Never down: a class that shrank would tell the peer of removals.
            classes = {
                name: max(size, (classes or {}).get(name, 0)) for name, size in counted.items()
            }
        found.append(Offered(row.opaque_id, row.kind, classes))
    return tuple(found)


def _may_have_grown(changed: str | None, issued: str) -> bool:
    """Whether a collection was changed since an annex was issued; both are RFC 3339 in UTC."""
    return changed is not None and whole_seconds(changed) >= whole_seconds(issued)


def _may_be_outgrown(
    node: Node, collection: str, agreement: Agreement, classes: Mapping[AlgorithmId, int]
) -> bool:
    """Whether the digests have to be counted, which reads all of them."""
    most = node.stores.holdings.most_digests(collection)
    return any(
        size_class(most.get(name, 0) + encoding.CANARIES) > classes.get(name, 0)
        for name in agreement.terms.algorithms
    )


def _classes(node: Node, collection: str | None, agreement: Agreement) -> dict[AlgorithmId, int]:
    """Room for the digests and for the canaries that every run adds. A collection that was
    removed counts as empty."""
    names = [] if collection is None else [collection]
    return {
        name: size_class(
            sum(len(chunk) for chunk in node.stores.holdings.digests(name, names))
            + encoding.CANARIES
        )
        for name in agreement.terms.algorithms
    }


def _own(node: Node, agreement: Agreement) -> list[Annex]:
    return [d for d in agreement.documents if isinstance(d, Annex) and d.author == node.agency]


def _keep(node: Node, agreement: Agreement, annex: Annex) -> Agreement:
    signed = sign_document(annex, node.keys.signing)
    verified = verify_document(signed, node.agency, signatures.public_bytes(node.keys.signing))
    after = agreement.with_document(verified)
    documents.keep(node, after, signed)
    return after
