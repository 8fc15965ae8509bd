"""Agencies, desks and journals in memory: a session in milliseconds, without a store.

Sets come from plain lists of digests. The rules of an agreement are not checked here (that is
``psihash.agreement`` and the node's desk); everything that the session itself checks is real.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from psihash import errors
from psihash.agreement.approvals import AGREED
from psihash.agreement.request import SessionSubject
from psihash.agreement.session_approval import By, Expected, SessionApproval, verify
from psihash.audit.entry import log_origin
from psihash.identity import authority, keys
from psihash.identity.cards import Card, make_card
from psihash.identity.certificates import leaf_fingerprint
from psihash.psi.engine import Engine, Rng
from psihash.session import facts, receipt
from psihash.session.deal import Deal, Side
from psihash.session.initiator import Initiator, Wish
from psihash.session.machine import State
from psihash.session.messages import Codec, Receipt
from psihash.session.party import PEER_ABORTED, Party, Setting
from psihash.session.ports import Claim, Findings, Permit, Proposal, SignedHead
from psihash.session.responder import Responder
from psihash.terms import AlgorithmId, Learn, Rung, SessionRole
from psihash.testing.holding import AGREEMENT, Holding, Lists
from psihash.testing.plain_engine import PlainEngine
from psihash.testing.pump import Pair
from psihash.wire.codec import ProtobufCodec

APPROVALS = (hashlib.sha256(b"one signature").digest(), hashlib.sha256(b"the other").digest())
EXPIRES = "2026-12-31T00:00:00Z"
_ISSUED = "2026-01-31T12:00:00Z"


def _nothing(step: str) -> None:
    """No store fails."""
    del step


_NOW = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Agency:
    """Keys, card and certificate of one agency; made once for each name."""

    card: Card
    ring: keys.KeyRing
    leaf: bytes

    @property
    def side(self) -> Side:
        return Side(self.card.agency, self.card.fingerprint, self.leaf)


@functools.cache
def agency(name: str) -> Agency:
    ring = keys.KeyRing.generate()
    ca = authority.make_ca(keys.new_p256_key(), name, name, "NL", _NOW)
    card = make_card(
        ring.signing,
        ring.card_keys(log_origin(name)),
        version=1,
        agency=name,
        name=name,
        country="NL",
        ca_pem=ca.pem,
        now=_NOW,
    )
    tls = authority.issue_tls(ca, name, ring.tls.public_key(), _NOW)
    return Agency(card, ring, leaf_fingerprint(tls))


@dataclass
class MemoryDesk:
    """Implements :class:`psihash.session.ports.Desk`: everything is allowed.

    ``seen`` are the peer's trees as this side saw them last; it outlives a session.
    """

    side: Side
    own: Holding
    peer: Holding
    engine: Engine
    case: str
    seen: dict[tuple[str, AlgorithmId], tuple[int, bytes]] = field(default_factory=dict)
    deals: list[Deal] = field(default_factory=list)
    heads: list[SignedHead] = field(default_factory=list)
    on: Callable[[str], None] = _nothing
    proposal: Proposal | None = None

    def admit(self, agreement: bytes) -> Side:
        del agreement
        self.on("admit")
        return self.side

    def prepare(self, proposal: Proposal, claim: Claim | None = None) -> Permit:
        self.on("prepare")
        self.proposal = proposal
        if claim is not None:
            self.verify_approval(claim)
        return Permit(
            own=self.own.own_set(proposal.algorithms, proposal.rung),
            own_case=self.case,
            engine=self.engine,
            own_annex=_annex(self.own),
            peer_annex=_annex(self.peer),
            approvals=APPROVALS,
            approval=SessionApproval(
                agency=self.side.agency,
                agreement=proposal.agreement.hex(),
                rung=proposal.rung,
                previous=proposal.previous_receipt.hex(),
                by=By.RULE,
                rule=AGREED.words,
                issued=_ISSUED,
            ),
            peer_collections=self.peer.kinds,
            peer_bounds=self.peer.bounds(proposal.algorithms),
            peer_seen={k: v for k, v in self.seen.items() if k[1] in proposal.algorithms},
            peer_log_size=len(self.heads),
        )

    def verify_approval(self, claim: Claim) -> None:
        self.on("verify_approval")
        asked = self.proposal
        if asked is None:
            raise AssertionError("a session is prepared before its approvals are compared")
        opened = asked.initiator == self.side.agency
        expected = Expected(
            agency=self.peer.owner,
            session=claim.session,
            subject=SessionSubject(
                agreement=asked.agreement.hex(),
                peer=self.side.agency,
                rung=asked.rung,
                previous=asked.previous_receipt.hex(),
                role=SessionRole.RESPONDER if opened else SessionRole.INITIATOR,
                engine=asked.engine,
                algorithms=asked.algorithms,
                case=claim.case,
                peer_case=self.case,
                annex=_annex(self.peer).hex(),
                peer_annex=_annex(self.own).hex(),
            ),
            rule=AGREED,
            possible=None,
            roster=None,
            now=_ISSUED,
        )
        verify(claim.approval, agency(self.peer.owner).card.keys.signing, expected)

    def accept(self, deal: Deal) -> None:
        self.on("accept")
        self.deals.append(deal)

    def witness(self, head: SignedHead) -> None:
        self.on("witness")
        self.heads.append(head)


@dataclass
class MemoryJournal:
    """Implements :class:`psihash.session.ports.Journal`. ``on`` is called with the name of each
    step before it takes effect; what it raises is a store that fails."""

    role: SessionRole
    desk: MemoryDesk
    on: Callable[[str], None] = _nothing
    steps: list[str] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    """The ``shared`` parts, and at the end of a failure its code and whose word it was."""
    state: str = "new"
    sealed: Findings | None = None
    own_receipt: Receipt | None = None
    receipts: tuple[Receipt, Receipt] | None = None

    @property
    def visible(self) -> Findings | None:
        """What an analyst could see now."""
        return self.sealed if self.state == "completed" else None

    @property
    def codes(self) -> list[str]:
        return [entry["code"] for entry in self.entries if "code" in entry]

    def opened(self, deal: Deal, peer_holds: int) -> SignedHead:
        del peer_holds
        self._step("opened")
        for root in deal.roots_of(self.role.other):
            self.desk.seen[root.collection, root.algorithm] = root.size, root.root
        self.state = "running"
        self.entries.append(facts.opened(deal))
        return self._head()

    def disclosing(self, deal: Deal, what: str, count: int) -> None:
        self._step(f"disclosing {what}")
        self.entries.append(facts.disclosed(deal, what, count, self.desk.side.agency))

    def settling(self, deal: Deal, receipt: Receipt, findings: Findings) -> None:
        del deal
        self._step("settling")
        self.state, self.own_receipt, self.sealed = "settling", receipt, findings

    def completed(self, deal: Deal, own: Receipt, peer: Receipt, findings: Findings) -> SignedHead:
        del deal
        self._step("completed")
        self.state, self.own_receipt, self.receipts = "completed", own, (own, peer)
        self.sealed = findings
        self.entries.append(facts.closed(self.role, own, peer))
        return self._head()

    def ended(
        self, deal: Deal | None, session: bytes | None, code: str, *, refused: bool, by_peer: bool
    ) -> None:
        del deal, session
        self._step("ended")
        if self.state == "completed":
            raise AssertionError("a session that is complete cannot end another way")
        self.state, self.sealed = "refused" if refused else "aborted", None
        self.entries.append({"code": code, "by_peer": by_peer})

    def settle(self, peer: Card, answer: Receipt | None) -> None:
        """The initiator's end of a session in doubt: the responder's receipt, or its no. A receipt
        that does not fit is a no, too."""
        if self.own_receipt is None:
            raise AssertionError("a session in doubt has a receipt")
        try:
            if answer is None:
                raise errors.ProtocolError(PEER_ABORTED, "the responder says that it has no result")
            receipt.verify_signature(peer.keys.signing, answer)
            receipt.check(receipt.document(self.own_receipt), answer)
        except errors.ProtocolError as error:
            self.state, self.sealed = "aborted", None
            self.entries.append({"code": error.code, "by_peer": True})
            return
        self.state, self.receipts = "completed", (self.own_receipt, answer)
        self.entries.append(facts.closed(self.role, self.own_receipt, answer))

    def _step(self, name: str) -> None:
        self.on(name)
        self.steps.append(name)

    def _head(self) -> SignedHead:
        return SignedHead(f"{self.desk.side.agency}: {len(self.entries)}".encode(), ())


@dataclass
class Meeting:
    """One session between two memory agencies: the initiator's journal, the responder's."""

    pair: Pair
    journals: tuple[MemoryJournal, MemoryJournal]

    @property
    def parties(self) -> tuple[Party, Party]:
        return self.pair.initiator.party, self.pair.responder.party

    @property
    def codes(self) -> tuple[str | None, str | None]:
        """With which code each side ended, by its own or the peer's word; None if it completed."""
        first, second = (party.failure for party in self.parties)
        return (None if first is None else first.code, None if second is None else second.code)

    def settle(self) -> None:
        """If the initiator is in doubt, do what its node does next: ask the responder, which
        first ends what still runs."""
        asking, asked = self.parties
        if asking.state is not State.IN_DOUBT:
            return
        self.pair.cut_responder()
        answer = None if asked.receipts is None else asked.receipts[0]
        self.journals[0].settle(agency(self.journals[1].desk.side.agency).card, answer)


@dataclass
class Bench:
    """Two agencies with their lists, to open sessions between. ``ours`` always initiates."""

    ours: Holding
    theirs: Holding
    engine: Engine = field(default_factory=PlainEngine)
    codec: Codec = field(default_factory=ProtobufCodec)
    algorithms: tuple[AlgorithmId, ...] = (AlgorithmId.MD5,)
    rng: Rng = os.urandom

    @classmethod
    def of(cls, ours: Lists, theirs: Lists, **changes: Any) -> Bench:
        return cls(Holding("nl-police", ours), Holding("be-police", theirs), **changes)

    def __post_init__(self) -> None:
        self.desks = (self._desk(self.ours, self.theirs), self._desk(self.theirs, self.ours))

    def proposal(self, rung: Rung, learn: Learn) -> Proposal:
        return Proposal(
            agreement=AGREEMENT,
            initiator=self.ours.owner,
            rung=rung,
            learn=learn,
            engine=self.engine.id,
            algorithms=self.algorithms,
            peer_case="",
            expires=EXPIRES,
        )

    def journal(self, role: SessionRole) -> MemoryJournal:
        return MemoryJournal(role, self.desks[role is SessionRole.RESPONDER])

    def setting(self, journal: MemoryJournal) -> Setting:
        """What a party of the journal's role is made of."""
        names = (self.ours.owner, self.theirs.owner)
        own, peer = map(agency, names if journal.role is SessionRole.INITIATOR else names[::-1])
        return Setting(
            own_leaf=own.leaf,
            signing_key=own.ring.signing,
            peer_card=peer.card,
            peer_leaf=peer.leaf,
            desk=journal.desk,
            journal=journal,
            codec=self.codec,
            rng=self.rng,
        )

    def meet(
        self,
        rung: Rung = Rung.ITEMS,
        learn: Learn = Learn.BOTH,
        *,
        initiator: type[Initiator] = Initiator,
        responder: type[Responder] = Responder,
        **changes: Any,
    ) -> Meeting:
        """A session that is about to open. ``initiator`` and ``responder`` may be test peers;
        ``changes`` go into the proposal."""
        first, second = map(self.journal, SessionRole)
        proposal = replace(self.proposal(rung, learn), **changes)
        wish = Wish(first.desk.side, proposal)
        asking = initiator(self.setting(first), wish, first.desk.prepare(proposal))
        answering = responder(self.setting(second), asking.hello.nonce)
        return Meeting(Pair(asking, answering), (first, second))

    def _desk(self, own: Holding, peer: Holding) -> MemoryDesk:
        return MemoryDesk(agency(own.owner).side, own, peer, self.engine, f"case of {own.owner}")


def _annex(holding: Holding) -> bytes:
    return hashlib.sha256(f"annex of {holding.owner}".encode()).digest()
