"""The record of one session: log entries and rows, committed together before anything is sent."""

from __future__ import annotations

from typing import Any

from psihash import errors
from psihash.audit.event import Event
from psihash.identity.cards import Card
from psihash.node.node import Node
from psihash.node.records import sealed
from psihash.node.running import results
from psihash.node.running.desk import JOURNAL_ORDER, NodeDesk
from psihash.session import facts
from psihash.session.climb import COUNT_CHANGED
from psihash.session.climb_base import base_of
from psihash.session.deal import Deal
from psihash.session.messages import Receipt, Root
from psihash.session.ports import Findings, SignedHead
from psihash.session.quarantine import OverMatchRule
from psihash.session.row_state import RowState
from psihash.storage.commitments import PeerRoot
from psihash.storage.sessions import SessionRow
from psihash.terms import SessionRole

TREES_MOVED = errors.define(
    "trees-moved", "the peer's commitments changed in another session at the same time"
)


class NodeJournal:
    """Implements :class:`psihash.session.ports.Journal` over a node."""

    def __init__(self, node: Node, peer: Card, role: SessionRole, desk: NodeDesk) -> None:
        self._node, self._peer, self._role, self._desk = node, peer, role, desk
        self._signed_size = 0
        self._quarantined = 0

    def opened(self, deal: Deal, peer_holds: int) -> SignedHead:
        with self._node.stores.database.transaction():
            self._desk.require_going(deal, RowState.ACCEPTED)
            if self._desk.permit is not None:
                self._desk.permit.own.keep()
            # A climb shows the roots of an earlier session: what was seen since stays.
            fresh = () if deal.previous_receipt else deal.roots_of(self._role.other)
            for root in fresh:
                self._require_base(deal, root)
                self._node.stores.commitments.save_peer_root(
                    PeerRoot(
                        deal.agreement.hex(),
                        self._peer.agency,
                        root.collection,
                        root.algorithm,
                        root.size,
                        root.root,
                    )
                )
            self._node.stores.sessions.set_state(
                deal.session_hex, RowState.RUNNING, expected=RowState.ACCEPTED
            )
            local = self._who(deal) | {"own_items": self._own_sizes(deal)} | self._approved()
            self._node.record(Event.SESSION_OPEN, local, facts.opened(deal))
            return self._head(peer_holds)

    def disclosing(self, deal: Deal, what: str, count: int) -> None:
        shared = facts.disclosed(deal, what, count, self._node.agency)
        with self._node.stores.database.transaction():
            self._desk.require_going(deal, RowState.RUNNING)
            self._node.record(
                Event.DISCLOSURE, self._who(deal) | {"recipient": self._peer.agency}, shared
            )

    def settling(self, deal: Deal, receipt: Receipt, findings: Findings) -> None:
        node, session = self._node, deal.session_hex
        with node.stores.database.transaction():
            self._desk.require_going(deal, RowState.RUNNING)
            self._seal(deal, findings)
            sealed.put(node, session, sealed.OWN_RECEIPT, sealed.pack_receipt(receipt))
            node.stores.sessions.set_state(session, RowState.SETTLING, expected=RowState.RUNNING)
            node.record(Event.SESSION_RECEIPT, self._who(deal) | {"session": session})

    def completed(self, deal: Deal, own: Receipt, peer: Receipt, findings: Findings) -> SignedHead:
        node, session = self._node, deal.session_hex
        with node.stores.database.transaction():
            if self._role is SessionRole.RESPONDER:
                # Here it is decided. The initiator, whose receipt has left, has no choice any more.
                self._desk.require_going(deal, RowState.RUNNING)
                self._seal(deal, findings)
                sealed.put(node, session, sealed.OWN_RECEIPT, sealed.pack_receipt(own))
            sealed.put(node, session, sealed.PEER_RECEIPT, sealed.pack_receipt(peer))
            shared = facts.closed(self._role, own, peer)
            if self._role is SessionRole.RESPONDER:
                node.record(Event.SESSION_RECEIPT, self._who(deal) | {"session": session})
            node.stores.sessions.close(session, RowState.COMPLETED, "completed", node.stamp())
            node.stores.sessions.set_receipt(session, shared["receipt"])
            local = self._who(deal) | {"counts": _counts(findings)}
            if self._quarantined:
                local["quarantined"] = self._quarantined
            node.record(Event.SESSION_CLOSE, local, shared)
            # Inside the transaction: a session that cannot be signed for did not complete.
            return self._head(self._signed_size)

    def ended(
        self, deal: Deal | None, session: bytes | None, code: str, *, refused: bool, by_peer: bool
    ) -> None:
        node = self._node
        outcome = RowState.REFUSED if refused else RowState.ABORTED
        event = Event.SESSION_REFUSED if refused else Event.SESSION_ABORT
        local = (self._who(deal) if deal is not None else {"peer": self._peer.agency}) | {
            "code": code,
            "by": self._peer.agency if by_peer else node.agency,
            "role": self._role.value,
        }
        with node.stores.database.transaction():
            row = None if session is None else node.stores.sessions.find(session.hex())
            if row is not None and row.state == RowState.COMPLETED:
                return
            if row is not None and row.closed is None:
                node.stores.sessions.close(row.id, outcome, code, node.stamp())
                node.stores.sessions.erase(row.id, node.stamp())
            shared = None if session is None else facts.ended(session, outcome.value)
            if code == COUNT_CHANGED and not by_peer:
                node.record(Event.INCIDENT, {"peer": self._peer.agency, "code": code} | _named(row))
            node.record(event, local, shared)

    def _require_base(self, deal: Deal, root: Root) -> None:
        """The peer's tree was checked against what was held at the offer: is that held still?"""
        permit = self._desk.permit
        held = self._node.stores.commitments.peer_root(
            deal.agreement.hex(), self._peer.agency, root.collection, root.algorithm
        )
        base = None if permit is None else permit.peer_seen.get((root.collection, root.algorithm))
        if base != (None if held is None else (held.size, held.root)):
            raise errors.StateError(
                TREES_MOVED, "another session changed the peer's trees meanwhile"
            )

    def _seal(self, deal: Deal, findings: Findings) -> None:
        node, permit = self._node, self._desk.permit
        if permit is None:
            raise errors.StateError(JOURNAL_ORDER, "a result came before the session was prepared")
        row = node.stores.sessions.get(deal.session_hex)
        base = base_of(deal, permit, findings)
        result = results.build(
            deal,
            permit,
            findings,
            deal.agreement.hex(),
            row.opened,
            node.stamp(),
            OverMatchRule(node.settings.over_match_share, node.settings.over_match_collections),
        )
        self._quarantined = len(result.quarantined)
        sealed.put(node, row.id, sealed.RESULT, result.to_json())
        sealed.put(node, row.id, sealed.BASE, base.to_json())
        sealed.put(node, row.id, sealed.RESULT_KEY, findings.result_key + findings.count_salt)

    def _head(self, peer_holds: int) -> SignedHead:
        """A signed checkpoint of our log, and the proof from what the peer holds of it."""
        note = self._node.log.checkpoint()
        size = int(note.split(b"\n", 2)[1])
        self._signed_size = size
        proof = self._node.log.consistency(peer_holds, size) if 0 < peer_holds <= size else []
        return SignedHead(note, tuple(proof))

    def _own_sizes(self, deal: Deal) -> dict[str, int]:
        permit = self._desk.permit
        if permit is None:
            return {}
        return {name.value: len(permit.own.algorithms[name].digests) for name in deal.algorithms}

    def _approved(self) -> dict[str, Any]:
        """Which rule or person decided here, and what the other side said about itself."""
        grounds, peer = self._desk.grounds, self._desk.peer_approval
        if grounds is None or peer is None:
            return {}
        theirs = {"by": peer.approval.by.value, "rule": peer.approval.rule}
        if peer.approval.decision is not None:
            theirs["operator"] = peer.approval.decision.operator
        return {"approved_by": grounds.decided_by, "approved_there_by": theirs}

    def _who(self, deal: Deal) -> dict[str, Any]:
        """With whom, under which agreement, for which case and purpose (LED Art. 25)."""
        agreement = self._desk.agreement
        terms = None if agreement is None else agreement.terms
        own = self._node.agency
        return {
            "peer": self._peer.agency,
            "role": self._role.value,
            "agreement": deal.agreement.hex(),
            "case": deal.case_of(self._role),
            "purpose": "" if terms is None else terms.purpose,
            "legal_basis": "" if agreement is None else agreement.legal_basis(own),
            "engine": deal.engine,
            "rung": deal.rung.value,
            "learn": deal.learn.value,
        }


def _named(row: SessionRow | None) -> dict[str, str]:
    return {} if row is None else {"session": row.id, "previous": row.previous or ""}


def _counts(findings: Findings) -> dict[str, int | None]:
    return {name.value: part.count for name, part in findings.by_algorithm.items()}
