"""This side's rules and holdings, as a session asks for them. Both roles use the same desk."""

from __future__ import annotations

import datetime as dt

from psihash import errors, limits
from psihash.agreement.charges import Usage, period_start
from psihash.agreement.clauses import check_early
from psihash.agreement.rules import SessionRequest, check_active, check_session
from psihash.agreement.session_approval import VerifiedApproval
from psihash.agreement.state import Agreement
from psihash.agreement.terms import ANY_ENGINE, Terms
from psihash.identity.cards import Card
from psihash.identity.trust import PeerStatus
from psihash.node.agreeing import annexes, documents
from psihash.node.clock import seconds
from psihash.node.node import Node
from psihash.node.oversight import heads
from psihash.node.peering import peers
from psihash.node.people.session_approvals import Grounds, SessionApprovals, require_unused
from psihash.node.records import sealed
from psihash.node.running import climbing, commitments, sets, snapshot
from psihash.psi.engine import Engine
from psihash.session.climb import Base
from psihash.session.deal import Deal, Side
from psihash.session.own import OwnSet
from psihash.session.ports import Claim, Permit, Proposal, SignedHead
from psihash.session.row_state import RowState
from psihash.storage.ledger import Charge
from psihash.storage.sessions import SessionRow
from psihash.terms import AlgorithmId, SessionRole

NO_SUCH_AGREEMENT = errors.define(
    "no-such-agreement", "no agreement of that id stands between the two agencies"
)
JOURNAL_ORDER = errors.define(
    "journal-order", "a session was recorded out of order; a fault of ours"
)
SESSION_CANCELLED = errors.define("session-cancelled", "the session was cancelled here")
SESSION_TIMEOUT = errors.define("session-timeout", "the session's time is over")
OFFER_EXPIRED = errors.define("offer-expired", "the session's offer has expired")
OFFER_TOO_LONG = errors.define("offer-too-long", "the session's offer asks for too long a time")


class NodeDesk:
    """Implements :class:`psihash.session.ports.Desk` for one session with one peer."""

    def __init__(self, node: Node, peer: Card, role: SessionRole) -> None:
        self._node, self._peer, self._role = node, peer, role
        self.permit: Permit | None = None
        self._added: dict[AlgorithmId, int] | None = None
        self._approvals: SessionApprovals | None = None
        self.agreement: Agreement | None = None
        self.grounds: Grounds | None = None
        """Why this side lets the session run."""
        self.peer_approval: VerifiedApproval | None = None

    def admit(self, agreement: bytes) -> Side:
        self._load(agreement)
        return self._node.side

    def prepare(self, proposal: Proposal, claim: Claim | None = None) -> Permit:
        agreement = annexes.refresh(self._node, self._load(proposal.agreement))
        self._check_time(proposal.expires)
        engine = self._node.engines.get(proposal.engine)
        check_early(agreement.terms, self._early(proposal, engine))
        own, other = agreement.annex(self._node.agency), agreement.annex(self._peer.agency)
        if own is None or other is None:
            raise errors.RefusedError(NO_SUCH_AGREEMENT, "an annex of the agreement is missing")
        self.agreement = agreement
        session, base = self._base(agreement, proposal)
        self._approvals = SessionApprovals(
            self._node,
            self._peer,
            self._role,
            agreement,
            proposal,
            base,
        )
        if claim is not None:
            self.verify_approval(claim)
        self.grounds = self._approvals.ours()
        self.permit = Permit(
            own=self._own_set(agreement, proposal, session, base),
            own_case=agreement.case(self._node.agency),
            engine=engine,
            own_annex=own.digest,
            peer_annex=other.digest,
            approvals=self._signatures(agreement),
            approval=self.grounds.approval,
            peer_collections={offered.id: offered.kind for offered in other.collections},
            peer_bounds={
                (offered.id, name): size
                for offered in other.collections
                for name, size in offered.classes.items()
            },
            peer_seen=self._seen(agreement, [offered.id for offered in other.collections], proposal)
            if base is None
            else base.peer_trees,
            peer_log_size=self._held_size(),
            base=base,
        )
        return self.permit

    def verify_approval(self, claim: Claim) -> None:
        if self._approvals is None:
            raise AssertionError("a session is prepared before its approvals are compared")
        self.peer_approval = self._approvals.check_peer(claim)

    def accept(self, deal: Deal) -> None:
        """Check, charge and note the session in one transaction, so that two sessions cannot
        spend the same budget."""
        node, permit = self._node, self.permit
        if permit is None:
            raise AssertionError("a session is prepared before it is accepted")
        self._check_time(deal.expires)
        own, peer = self._requests(deal)
        request = self._request(deal, permit)
        now = node.stamp()
        with node.stores.database.transaction():
            node.stores.agreements.lock(deal.agreement.hex())
            agreement = self._load(deal.agreement)
            for decided in (own, peer):
                require_unused(node, decided)
            since = period_start(now, agreement.terms.period_days)
            totals = node.stores.ledger.totals(since, agreement=agreement.id)
            leave = check_session(agreement, request, Usage(totals.sessions, totals.elements), now)
            for row in leave.charges.rows:
                node.stores.ledger.charge(
                    Charge(
                        deal.session_hex,
                        self._peer.agency,
                        agreement.id,
                        row.collection,
                        row.algorithm,
                        row.elements,
                        row.runs,
                        now,
                    )
                )
            node.stores.sessions.add(self._row(deal, now, own, peer))
            if own:
                node.stores.requests.belong(own, deal.session_hex)
            sealed.make_key(node, deal.session_hex)
            sealed.put(node, deal.session_hex, sealed.SNAPSHOT, snapshot.encode(permit.own))

    def witness(self, head: SignedHead) -> None:
        heads.accept(self._node, self._peer, head.note, head.consistency)

    def require_going(self, deal: Deal, *states: RowState) -> None:
        """Raise unless this session may still go on: its row is in one of ``states``, its time is
        not over, and the peer and the agreement are active. Call it inside the transaction of the
        step that it allows."""
        node = self._node
        row = node.stores.sessions.get(deal.session_hex)
        if row.state == RowState.CANCELLING:
            raise errors.StateError(SESSION_CANCELLED, "the session was cancelled here")
        if row.state not in states:
            raise errors.StateError(JOURNAL_ORDER, f"the session is {row.state}")
        if deal.expires <= node.stamp():
            raise errors.StateError(SESSION_TIMEOUT, "the session's time is over")
        self._load(deal.agreement)

    def _load(self, agreement: bytes) -> Agreement:
        row = self._node.stores.agreements.find(agreement.hex())
        if row is None or row.peer != self._peer.agency:
            raise errors.RefusedError(NO_SUCH_AGREEMENT, "no such agreement with this peer")
        loaded = documents.load(self._node, row.id)
        check_active(loaded, self._node.stamp())
        status = peers.require(self._node, self._peer.agency).status
        if status is not PeerStatus.ACTIVE:
            raise errors.RefusedError(f"peer-{status.value}", "the peer is not active here")
        heads.require_whole(self._node, self._peer.agency)
        return loaded

    def _early(self, proposal: Proposal, engine: Engine) -> SessionRequest:
        """The request as far as it is known before any set was looked at."""
        return SessionRequest(
            own=self._node.agency,
            opener=proposal.initiator,
            rung=proposal.rung,
            learn=proposal.learn,
            engine=proposal.engine,
            both_in_one_run=engine.properties.both_in_one_run,
            algorithms=proposal.algorithms,
            own_classes={},
            peer_classes={},
            own_case="",
            peer_case=proposal.peer_case,
            own_annex=b"",
            peer_annex=b"",
            own_items={},
        )

    def _base(self, agreement: Agreement, proposal: Proposal) -> tuple[str, Base | None]:
        """The session that this one builds on, and what it left; empty for none."""
        if not proposal.previous_receipt:
            return "", None
        return climbing.base_of(
            self._node, agreement, proposal.previous_receipt, proposal.rung, proposal.algorithms
        )

    def _own_set(
        self, agreement: Agreement, proposal: Proposal, session: str, base: Base | None
    ) -> OwnSet:
        if base is not None:
            self._added = climbing.nothing_added(proposal.algorithms)
            return climbing.own_set(self._node, agreement, session, base, proposal.rung)
        self._added = commitments.added_since(self._node, agreement, proposal.algorithms)
        return sets.own_set(self._node, agreement, proposal.algorithms, proposal.rung)

    def _requests(self, deal: Deal) -> tuple[str, str]:
        """What people decided for this session: ids of the requests here and there."""
        grounds, peer = self.grounds, self.peer_approval
        if grounds is None or peer is None or peer.digest not in deal.approvals:
            raise AssertionError("both approvals are checked before a session is accepted")
        return grounds.request, peer.approval.request_id

    def _held_size(self) -> int:
        held = heads.held(self._node, self._peer)
        return 0 if held is None else held.size

    def _signatures(self, agreement: Agreement) -> tuple[bytes, ...]:
        found = [agreement.signature(agency) for agency in agreement.terms.agencies]
        return tuple(signature.digest for signature in found if signature is not None)

    def _seen(
        self, agreement: Agreement, collections: list[str], proposal: Proposal
    ) -> dict[tuple[str, AlgorithmId], tuple[int, bytes]]:
        seen = {}
        for collection in collections:
            for name in proposal.algorithms:
                root = self._node.stores.commitments.peer_root(
                    agreement.id, self._peer.agency, collection, name
                )
                if root is not None:
                    seen[collection, name] = (root.size, root.root)
        return seen

    def _check_time(self, expires: str) -> None:
        if expires <= self._node.stamp():
            raise errors.RefusedError(OFFER_EXPIRED, "the offer has expired")
        if expires > _latest_expiry(self._node):
            raise errors.RefusedError(OFFER_TOO_LONG, "the offer is open for too long")

    def _request(self, deal: Deal, permit: Permit) -> SessionRequest:
        other = self._role.other
        return SessionRequest(
            own=self._node.agency,
            opener=deal.sides.initiator.agency,
            rung=deal.rung,
            learn=deal.learn,
            engine=deal.engine,
            both_in_one_run=permit.engine.properties.both_in_one_run,
            algorithms=deal.algorithms,
            own_classes={name: deal.size_class(self._role, name) for name in deal.algorithms},
            peer_classes={name: deal.size_class(other, name) for name in deal.algorithms},
            own_case=deal.case_of(self._role),
            peer_case=deal.case_of(other),
            own_annex=permit.own_annex,
            peer_annex=permit.peer_annex,
            own_items={name: len(permit.own.algorithms[name].digests) for name in deal.algorithms},
            own_added=self._added,
        )

    def _row(self, deal: Deal, now: str, own: str, peer: str) -> SessionRow:
        return SessionRow(
            id=deal.session_hex,
            peer=self._peer.agency,
            agreement=deal.agreement.hex(),
            role=self._role,
            state=RowState.ACCEPTED,
            rung=deal.rung,
            engine=deal.engine,
            opened=now,
            previous=deal.previous_receipt.hex() or None,
            own_request=own or None,
            peer_request=peer or None,
        )


def allowed_engines(terms: Terms, installed: list[str]) -> list[str]:
    """The engine ids that an agreement allows, of those that are installed."""
    if ANY_ENGINE in terms.engines:
        return installed
    return [engine for engine in installed if engine in terms.engines]


def _latest_expiry(node: Node) -> str:
    # One minute of grace for clocks that differ.
    return seconds(node.now() + dt.timedelta(seconds=limits.SESSION_MAX_SECONDS + 60))
