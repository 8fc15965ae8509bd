"""Whether a run against a central set may be, and what it costs: asked on both sides."""

from __future__ import annotations

from typing import Final

from psihash import errors
from psihash.agreement.charges import Charges, Classes, Usage, charge_asker, period_start
from psihash.agreement.clauses import (
    CLAUSE_LEARN,
    CLAUSE_SIZE,
    SessionRequest,
    check_budget,
    check_cases,
    check_early,
)
from psihash.agreement.rules import ANNEX_MISMATCH, check_active, largest_classes
from psihash.agreement.state import Agreement
from psihash.identity.trust import PeerStatus
from psihash.node.agreeing import documents
from psihash.node.node import Node
from psihash.node.oversight import heads
from psihash.node.peering import peers
from psihash.node.running.desk import NO_SUCH_AGREEMENT
from psihash.storage.ledger import Charge
from psihash.terms import AlgorithmId, Rung, SessionRole, is_size_class

APPROVAL_NEEDED = errors.define(
    "central-approval-needed",
    "the agreement wants a person to decide about items, which runs by a schedule cannot have",
)

ENGINE: Final = "voprf-ristretto255/1"
"""What agreements call it among their engines."""

RUNG: Final = Rung.ITEMS
"""A run tells which items, and of each series its record."""


def check(node: Node, peer: str, agreement: str, member: str) -> Agreement:
    """The agreement, where runs by ``member`` under it may be.

    Raises RefusedError with the clause that says no."""
    row = node.stores.agreements.find(agreement)
    if row is None or row.peer != peer:
        raise errors.RefusedError(NO_SUCH_AGREEMENT, "no such agreement with this peer")
    loaded = documents.load(node, row.id)
    check_active(loaded, node.stamp())
    status = peers.require(node, peer).status
    if status is not PeerStatus.ACTIVE:
        raise errors.RefusedError(f"peer-{status.value}", "the peer is not active here")
    heads.require_whole(node, peer)
    request = _request(node, loaded, member)
    check_early(loaded.terms, request)
    check_cases(loaded, request)
    # The centre learns nothing in any case, which is less than "both" would give it.
    if not SessionRole.INITIATOR.learns(loaded.terms.learn):
        raise errors.RefusedError(CLAUSE_LEARN, "the agreement does not let the asking side learn")
    if not loaded.terms.approvals[RUNG].met_by(None, None):
        raise errors.RefusedError(
            APPROVAL_NEEDED,
            "the agreement wants a person's decision for each session at rung items",
            hint="runs by a schedule need an agreement with the rule 'agreed' for items",
        )
    return loaded


def check_classes(agreement: Agreement, member: str, classes: Classes) -> None:
    """The sizes of a run fit the terms and the member's annex. Raises RefusedError."""
    annex = agreement.annex(member)
    if annex is None or not classes or not set(classes) <= set(agreement.terms.algorithms):
        raise errors.RefusedError(ANNEX_MISMATCH, "a run names algorithms that were not agreed")
    largest = largest_classes(annex, tuple(classes))
    for algorithm, size in classes.items():
        if not is_size_class(size) or size > largest[algorithm]:
            raise errors.RefusedError(ANNEX_MISMATCH, "a run does not fit the annex in force")
        if size > agreement.terms.max_size_class:
            raise errors.RefusedError(CLAUSE_SIZE, "a run is larger than the terms allow")


def charge(node: Node, agreement: Agreement, member: str, run: str, classes: Classes) -> Charges:
    """Charge a run, in full, in the transaction around it. Raises RefusedError where the period's
    budget does not hold it."""
    annex, now = agreement.annex(member), node.stamp()
    if annex is None:
        raise errors.RefusedError(ANNEX_MISMATCH, "the member's annex is missing")
    node.stores.agreements.lock(agreement.id)
    since = period_start(now, agreement.terms.period_days)
    totals = node.stores.ledger.totals(since, agreement=agreement.id)
    charges = charge_asker(annex, classes)
    check_budget(agreement.terms, Usage(totals.sessions, totals.elements), charges)
    peer = agreement.peer_of(node.agency)
    for row in charges.rows:
        node.stores.ledger.charge(
            Charge(
                run,
                peer,
                agreement.id,
                row.collection,
                row.algorithm,
                row.elements,
                row.runs,
                now,
            )
        )
    return charges


def _request(node: Node, agreement: Agreement, member: str) -> SessionRequest:
    peer = agreement.peer_of(node.agency)
    algorithms: tuple[AlgorithmId, ...] = agreement.terms.algorithms
    return SessionRequest(
        own=node.agency,
        opener=member,
        rung=RUNG,
        learn=agreement.terms.learn,
        engine=ENGINE,
        both_in_one_run=True,
        algorithms=algorithms,
        own_classes={},
        peer_classes={},
        own_case=agreement.case(node.agency),
        peer_case=agreement.case(peer),
        own_annex=b"",
        peer_annex=b"",
        own_items={},
    )
