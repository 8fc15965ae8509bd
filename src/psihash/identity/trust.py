"""From a TLS certificate to a peer that may be talked to.

The directory of peers is a port: ``storage`` implements it. A :class:`VerifiedPeer` is the only
thing that says "this is agency X"; it holds for one look at the clock and the directory, so long
streams call :func:`verify_peer` again as they go.
"""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass
from typing import Final, Protocol

from psihash import errors
from psihash.identity import certificates
from psihash.identity.cards import VerifiedCard

PEER_UNKNOWN: Final = errors.define("peer-unknown", "no card of this agency has been accepted here")
PEER_SUSPENDED: Final = errors.define("peer-suspended", "this agency is suspended here for now")
PEER_REVOKED: Final = errors.define("peer-revoked", "this agency was revoked here")

_MADE_HERE: Final = object()


class PeerStatus(enum.StrEnum):
    """What this node's operators decided about a peer."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class KnownPeer:
    """A peer as the directory has it."""

    card: VerifiedCard
    status: PeerStatus


class PeerDirectory(Protocol):
    """The port to the peers this node knows."""

    def peer(self, agency: str) -> KnownPeer | None:
        """The peer with exactly this agency id, whatever its status."""


@dataclass(frozen=True, slots=True)
class VerifiedPeer:
    """An active peer, proven by its TLS certificate; :func:`verify_peer` alone makes these."""

    card: VerifiedCard
    leaf_fingerprint: bytes
    """SHA-256 over the DER of the certificate it showed, 32 bytes."""
    expires: dt.datetime
    """When that certificate, or its authority, ends."""
    _proof: object

    def __post_init__(self) -> None:
        if self._proof is not _MADE_HERE:
            raise TypeError("only verify_peer makes a VerifiedPeer")

    @property
    def agency(self) -> str:
        return self.card.agency


def verify_peer(
    leaf_pem: bytes, peers: PeerDirectory, now: dt.datetime, *, expected: str | None = None
) -> VerifiedPeer:
    """Find out and prove which peer holds this certificate.

    ``expected`` is the agency that this side means to talk to, where it called. The status is
    told only to a peer whose certificate holds. Raises VerificationError (``cert-``) or
    RefusedError (``peer-unknown``, ``peer-suspended``, ``peer-revoked``).
    """
    agency = certificates.agency_of(leaf_pem)
    if expected is not None and agency != expected:
        raise errors.VerificationError(
            certificates.CERT_WRONG_AGENCY, "another agency answered than the one called"
        )
    known = peers.peer(agency)
    if known is None or known.card.agency != agency:
        raise errors.RefusedError(
            PEER_UNKNOWN, "no card of this agency has been accepted here", hint="exchange cards"
        )
    leaf = certificates.verify_leaf(leaf_pem, known.card.card.ca_pem, agency, now)
    _check_status(known.status)
    return VerifiedPeer(known.card, leaf.fingerprint, leaf.expires, _MADE_HERE)


def _check_status(status: PeerStatus) -> None:
    if status is PeerStatus.SUSPENDED:
        raise errors.RefusedError(PEER_SUSPENDED, "this agency is suspended here")
    if status is not PeerStatus.ACTIVE:
        raise errors.RefusedError(PEER_REVOKED, "this agency was revoked here")
