"""Exchange of documents with a peer: what we have for it, and what it has for us."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from psihash import canonical, errors, limits
from psihash.audit.event import Event
from psihash.casework import sealed
from psihash.identity import signatures
from psihash.identity.cards import Card, parse_card
from psihash.node.agreeing import annexes, documents
from psihash.node.casework import case_taking
from psihash.node.node import Node
from psihash.node.peering import peers
from psihash.node.peering.channel import PeerChannel
from psihash.node.people import rosters
from psihash.wire.v1 import peer_pb2 as pb

CARD_KIND = "card"
TOO_MANY_DOCUMENTS = errors.define(
    "too-many-documents", "the peer sent more or larger documents than allowed"
)
_MAX_ROUNDS = 64
_CODE: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")
_CARDS_PER_CALL = 8
"""After a change of keys every version must come, each signed by the one before."""


@dataclass(slots=True)
class SyncReport:
    """What one contact moved."""

    sent: int = 0
    received: int = 0
    refused: list[str] = field(default_factory=list)
    """Codes with which the peer, or this side, did not take a document."""


def sync(node: Node, agency: str) -> SyncReport:
    """Exchange documents until neither side has any. Raises where the peer cannot be reached."""
    peer = peers.require(node, agency)
    with PeerChannel(node, peer) as channel:
        return exchange(node, agency, channel)


def try_sync(node: Node, agency: str) -> bool:
    """The same, without an error: False where the documents have to wait for the next contact."""
    try:
        report = sync(node, agency)
    except (
        errors.UnavailableError,
        errors.StateError,
        errors.PeerError,
        errors.RefusedError,
        errors.VerificationError,
    ):
        return False
    return not report.refused


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The signed word that documents have come, by their SHA-256. Signed, so that a thief of the
    TLS key cannot make documents disappear on their way."""

    digests: tuple[bytes, ...] = ()
    signature: bytes = b""
    codes: tuple[str, ...] = ()
    """What became of each there: empty where it was taken, else why not. None at all from a peer
    that does not say."""


def acknowledge(node: Node, bodies: Sequence[bytes], codes: Sequence[str] = ()) -> Acknowledgement:
    """Acknowledge documents that came, and say which were not taken; empty for none."""
    if not bodies:
        return Acknowledgement()
    digests = tuple(hashlib.sha256(body).digest() for body in bodies)
    key, context = node.keys.signing, signatures.Context.ACKNOWLEDGEMENT
    signature = signatures.sign(key, context, canonical.framed(*digests))
    return Acknowledgement(digests, signature, tuple(codes))


def exchange(node: Node, agency: str, channel: PeerChannel) -> SyncReport:
    """Over a channel that is open already."""
    annexes.refresh_all(node, agency)
    report, received = SyncReport(), Acknowledgement()
    for _ in range(_MAX_ROUNDS):
        chosen = outgoing(node, agency)
        waiting = [body for _, body in chosen]
        reply = channel.call(
            lambda stub: stub.Sync,
            pb.SyncRequest(
                documents=[pb.Document(body=body) for body in waiting],
                received=received.digests,
                received_signature=received.signature,
                received_outcomes=[pb.DocumentOutcome(code=code) for code in received.codes],
            ),
        )
        if len(reply.outcomes) != len(waiting):
            raise errors.PeerError(TOO_MANY_DOCUMENTS, "the peer's answer does not fit")
        codes = [outcome.code for outcome in reply.outcomes]
        digests = tuple(hashlib.sha256(body).digest() for body in waiting)
        # First what the peer has for us: with a new card it tells why it could not open what we
        # sent, which is sealed anew then and goes in the next round.
        bodies = [document.body for document in reply.documents]
        taken = take(node, agency, bodies)
        card = channel.verified.card.card
        confirm_signed(node, card, Acknowledgement(digests, reply.outcomes_signature, tuple(codes)))
        report.sent += codes.count("")
        report.received += taken.count("")
        report.refused += [code for code in (*codes, *taken) if code]
        received = acknowledge(node, bodies, taken)
        if not bodies and not outgoing(node, agency):
            return report
    return report


def outgoing(node: Node, agency: str) -> list[tuple[int, bytes]]:
    """(number, body) of what waits for a peer, oldest first, as much as a call may carry."""
    waiting = node.stores.outbox.waiting(agency)[: limits.MAX_DOCUMENTS_PER_CALL]
    chosen: list[tuple[int, bytes]] = []
    size = 0
    for each in waiting:
        size += len(each.body)
        if chosen and size > limits.MAX_RPC_BYTES // 2:
            break
        chosen.append((each.id, each.body))
    return chosen


def confirm_signed(node: Node, peer: Card, received: Acknowledgement) -> None:
    """Mark what the peer has, and what of it the peer did not take; raises VerificationError unless
    the peer itself says so, PeerError where it says of too many or too few why."""
    if not received.digests:
        return
    signatures.verify(
        peer.keys.signing,
        signatures.Context.ACKNOWLEDGEMENT,
        canonical.framed(*received.digests),
        received.signature,
    )
    codes = received.codes or ("",) * len(received.digests)
    if len(codes) != len(received.digests):
        raise errors.PeerError(TOO_MANY_DOCUMENTS, "the peer's answer does not fit")
    named = dict(zip(received.digests, codes, strict=True))
    for each in node.stores.outbox.waiting(peer.agency):
        code = named.get(hashlib.sha256(each.body).digest())
        if code is None:
            continue
        with node.stores.database.transaction():
            node.stores.outbox.delivered(each.id, node.stamp())
            if code:
                case_taking.refused(node, each.kind, _plain(code))


def _plain(code: str) -> str:
    """A code as a peer may say it; nothing else of its words is kept."""
    return code if _CODE.fullmatch(code) else errors.DECLINED


def take(node: Node, agency: str, bodies: Sequence[bytes]) -> list[str]:
    """Take documents that a peer sent: a card first, since others may be signed by its new keys.

    Returns a code for each, empty where it was taken.
    """
    if len(bodies) > limits.MAX_DOCUMENTS_PER_CALL or any(
        len(body) > limits.MAX_DOCUMENT for body in bodies
    ):
        raise errors.ProtocolError(TOO_MANY_DOCUMENTS, "too many or too large documents")
    cards = [place for place, body in enumerate(bodies) if _is_card(body)]
    codes: dict[int, str] = dict.fromkeys(cards[_CARDS_PER_CALL:], TOO_MANY_DOCUMENTS)
    for place in cards[:_CARDS_PER_CALL]:
        codes[place] = _take_card(node, agency, bodies[place])
    refused = sorted({code for code in codes.values() if code})
    if refused:
        node.quiet.record(Event.INCIDENT, also={"codes": refused}, peer=agency, what="card")
    rest: dict[Taker, list[int]] = {}
    for place, body in enumerate(bodies):
        if place not in codes:
            taker = _TAKERS.get(str(_value(body).get("type")), documents.take_all)
            rest.setdefault(taker, []).append(place)
    for taker, places in rest.items():
        taken = taker(node, agency, [bodies[place] for place in places])
        codes |= dict(zip(places, taken, strict=True))
    return [codes[place] for place in range(len(bodies))]


Taker = Callable[[Node, str, Iterable[bytes]], list[str]]
"""(node, agency, documents) -> a code for each, empty where it was taken."""

_TAKERS: Final[dict[str, Taker]] = {
    sealed.TYPE: case_taking.take_all,
    rosters.TYPE: rosters.take_all,
}
"""Who takes documents of a type that belongs to no agreement."""


def _is_card(body: bytes) -> bool:
    return "psihash_card" in _value(body)


def _value(body: bytes) -> dict[str, Any]:
    """A look at a document, to know who is to read it; empty where it is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _take_card(node: Node, agency: str, body: bytes) -> str:
    try:
        card = parse_card(body)
        held = peers.require(node, agency)
        if card.agency != agency:
            raise errors.RefusedError(documents.FOREIGN_DOCUMENT, "a card of another agency")
        peers.take_newer_card(node, held, card)
    except errors.PsihashError as error:
        return error.code
    return ""
