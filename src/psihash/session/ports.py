"""What a session needs from the node that holds it: two ports and the values that cross them.

The node implements both over its store. Each method of :class:`Journal` is durable when it
returns; the session sends the message that it describes only then (record, then release).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from psihash.agreement.session_approval import SessionApproval
from psihash.psi.engine import Engine
from psihash.session.climb import Base
from psihash.session.deal import Deal, Side
from psihash.session.messages import Receipt
from psihash.session.own import OwnSet
from psihash.session.result import PeerRecord
from psihash.session.runs import Finding
from psihash.terms import AlgorithmId, CollectionKind, Learn, Rung, SessionRole


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the initiator wants, as far as the agreement's rules must know."""

    agreement: bytes
    initiator: str
    rung: Rung
    learn: Learn
    engine: str
    algorithms: tuple[AlgorithmId, ...]
    peer_case: str
    """The other side's case reference as it stands in its message."""
    expires: str
    previous_receipt: bytes = b""
    """Id of the receipt of the session that this one builds on, 32 bytes, or empty."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What the other side shows as its approval of this session."""

    session: bytes
    approval: bytes
    case: str
    """Its own case reference, as it stands in the same message."""


@dataclass(frozen=True, slots=True)
class Permit:
    """What this side brings into a session that its own rules allow."""

    own: OwnSet
    own_case: str
    engine: Engine
    own_annex: bytes
    peer_annex: bytes
    approvals: tuple[bytes, ...]
    """Digests of the signatures under which the agreement is in force."""
    approval: SessionApproval
    """This side's approval of the session, not yet made out for a session id."""
    peer_collections: Mapping[str, CollectionKind]
    """The pseudonyms of the peer's annex."""
    peer_bounds: Mapping[tuple[str, AlgorithmId], int]
    """Its size classes, by collection and algorithm."""
    peer_seen: Mapping[tuple[str, AlgorithmId], tuple[int, bytes]]
    """Size and root of the peer's trees as this side saw them last."""
    peer_log_size: int
    """Size of the newest checkpoint of the peer's log that this side holds; 0 for none."""
    base: Base | None = None
    """The session that this one builds on; then the peer's trees as seen are those of then."""


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A checkpoint of a log, and the proof that it extends the one that the other side holds."""

    note: bytes
    consistency: tuple[bytes, ...]


@dataclass(slots=True)
class Findings:
    """All that one side learned. Sealed by the node before anything of it is shown."""

    role: SessionRole
    by_algorithm: dict[AlgorithmId, Finding]
    result_key: bytes
    """Keys every digest of the result in receipts and the log; deleted with the result."""
    count_salt: bytes = b""
    """Opens the commitment to the counts that the peer was not to learn."""
    labels: dict[AlgorithmId, list[tuple[str, ...]]] = field(default_factory=dict)
    """Pseudonyms of the peer's collections, for each matched row."""
    records: dict[AlgorithmId, list[tuple[PeerRecord, ...]]] = field(default_factory=dict)


class Desk(Protocol):
    """This side's agreements, rules and holdings."""

    def admit(self, agreement: bytes) -> Side:
        """Responder, at the hello: may this peer talk under this agreement at all?

        Returns this agency as a side. Raises RefusedError.
        """

    def prepare(self, proposal: Proposal, claim: Claim | None = None) -> Permit:
        """What this side brings. Raises RefusedError naming the clause, or where nobody has
        approved the session yet. The responder, at the offer, gives what the initiator claims."""

    def verify_approval(self, claim: Claim) -> None:
        """Initiator, at the acceptance: check the responder's approval. Raises RefusedError or
        VerificationError."""

    def accept(self, deal: Deal) -> None:
        """Both sides, before the first frame: check every clause against the ledger and charge
        the size classes in full, in one step. Raises RefusedError naming the clause."""

    def witness(self, head: SignedHead) -> None:
        """Check that the peer's checkpoint extends the one kept of it, and keep it. Raises
        VerificationError, and records the incident, where the peer's log was rolled back or
        forked."""


class Journal(Protocol):
    """The log and the record of this session."""

    def opened(self, deal: Deal, peer_holds: int) -> SignedHead:
        """The session-open entry; returns a signed checkpoint that covers it. ``peer_holds`` is
        the size of this log that the peer says it has seen."""

    def disclosing(self, deal: Deal, what: str, count: int) -> None:
        """The disclosure entry, before labels or records leave."""

    def settling(self, deal: Deal, receipt: Receipt, findings: Findings) -> None:
        """Initiator: seal the result and enter its receipt, before the receipt leaves."""

    def completed(self, deal: Deal, own: Receipt, peer: Receipt, findings: Findings) -> SignedHead:
        """Both receipts stand: the result may be shown. Returns a checkpoint that covers the
        session-close entry."""

    def ended(
        self, deal: Deal | None, session: bytes | None, code: str, *, refused: bool, by_peer: bool
    ) -> None:
        """The session ended without a result; ``code`` is the peer's word if ``by_peer``."""
