"""Cards and peers: show ours, accept theirs, suspend, resume, revoke."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from psihash import errors
from psihash.audit.entry import log_origin
from psihash.audit.event import Event
from psihash.identity.cards import Card, VerifiedCard, accept_card, card_json, parse_card, supersede
from psihash.identity.fingerprints import format_fingerprint
from psihash.identity.trust import KnownPeer, PeerStatus
from psihash.node.casework import resealing
from psihash.node.clock import seconds
from psihash.node.node import Node
from psihash.node.peering.directory import known
from psihash.node.people import rosters
from psihash.node.people.roles import use_case
from psihash.storage.peers import UNKNOWN_PEER, PeerRow

FOREIGN_LOG = errors.define("foreign-log", "a card names a log that is not its agency's own")
OWN_CARD = errors.define("own-card", "the card is this agency's own")
PEER_STATUS = errors.define("peer-status", "the peer's present status does not allow this step")
TOO_MANY_CARDS = errors.define(
    "too-many-cards", "the peer sent more new cards of its own than are taken in a day or a year"
)
NO_ENDPOINT = errors.define("no-endpoint", "the peer's card names no address to connect to")

CARDS_A_DAY: Final = 16
CARDS_A_YEAR: Final = 64
"""New cards that a peer may send by itself. Each is kept for good, since its keys signed documents
and a log; whoever changes keys more often confirms the fingerprint again (``psihash peer add``)."""


@dataclass(frozen=True, slots=True)
class PeerView:
    """A peer as it is shown."""

    agency: str
    name: str
    country: str
    endpoint: str | None
    status: str
    fingerprint: str
    card_version: int
    added: str
    changed: str


def own_card(node: Node) -> dict[str, Any]:
    """This agency's card, to give to others, with its fingerprint to read aloud."""
    return card_json(node.card)


@use_case("peer add")
def add(node: Node, card_bytes: bytes, fingerprint: str) -> PeerView:
    """Accept a card whose fingerprint was confirmed by another channel, or a newer version."""
    card = parse_card(card_bytes)
    if card.agency.casefold() == node.agency.casefold():
        raise errors.InputError(OWN_CARD, "this is this agency's own card", hint="ask for theirs")
    _require_own_log(card)
    verified = accept_card(card, fingerprint)
    row = node.stores.peers.find(card.agency)
    now = node.stamp()
    with node.stores.database.transaction():
        if row is None:
            node.stores.peers.add(card.agency, card.encoded, _text(card), now)
            event = Event.PEER_ADDED
        else:
            # The fingerprint was confirmed anew, so a break in the chain of keys is accepted; an
            # older version is not.
            _refuse_rollback(known(row).card, verified)
            node.stores.peers.replace_card(
                card.agency, card.encoded, _text(card), now, expected=row.fingerprint
            )
            event = Event.PEER_CHANGED
        if row is None:
            rosters.post_all(node, card.agency)
        else:
            resealing.reseal(node, known(row).card.card, card)
        node.record(event, {"peer": card.agency, "card_fingerprint": _text(card), "by": "card"})
    return view(node, card.agency)


def _refuse_rollback(held: VerifiedCard, new: VerifiedCard) -> None:
    if new.fingerprint != held.fingerprint and new.card.version <= held.card.version:
        supersede(held, new.card)


def take_newer_card(node: Node, held: KnownPeer, card: Card) -> None:
    """A newer card that the peer sent itself, signed by its old key: no ceremony is needed."""
    _require_own_log(card)
    verified = supersede(held.card, card)
    if verified.fingerprint == held.card.fingerprint:
        return
    for days, most in ((1, CARDS_A_DAY), (365, CARDS_A_YEAR)):
        since = seconds(node.now() - dt.timedelta(days=days))
        if node.stores.peers.replaced(card.agency, since) >= most:
            raise errors.RefusedError(TOO_MANY_CARDS, "the peer's card changed too often")
    with node.stores.database.transaction():
        node.stores.peers.replace_card(
            card.agency,
            card.encoded,
            _text(card),
            node.stamp(),
            expected=_text(held.card.card),
        )
        node.record(
            Event.PEER_CHANGED,
            {"peer": card.agency, "card_fingerprint": _text(card), "by": "succession"},
        )
        resealing.reseal(node, held.card.card, card)


def _require_own_log(card: Card) -> None:
    """A card that named another agency's log could take the place of that log's checkpoints."""
    if card.keys.log_origin != log_origin(card.agency):
        raise errors.VerificationError(
            FOREIGN_LOG, "the card names another agency's log as its own"
        )


@use_case("peer change")
def set_status(node: Node, agency: str, status: PeerStatus) -> PeerView:
    """Suspend, resume or revoke. A revoked peer stays revoked."""
    row = _row(node, agency)
    allowed = {
        PeerStatus.SUSPENDED: {PeerStatus.ACTIVE},
        PeerStatus.ACTIVE: {PeerStatus.SUSPENDED},
        PeerStatus.REVOKED: {PeerStatus.ACTIVE, PeerStatus.SUSPENDED},
    }
    if row.status not in allowed[status]:
        raise errors.StateError(
            PEER_STATUS, f"{agency} is {row.status.value}", hint="run `psihash peer list`"
        )
    with node.stores.database.transaction():
        node.stores.peers.set_status(agency, status, node.stamp())
        node.record(Event.PEER_CHANGED, {"peer": agency, "status": status.value})
    return view(node, agency)


def listing(node: Node) -> list[PeerView]:
    return [_view(node, row.agency) for row in node.stores.peers.all()]


def view(node: Node, agency: str) -> PeerView:
    return _view(node, agency)


def require(node: Node, agency: str) -> KnownPeer:
    """A peer by its id; raises NotFoundError ``unknown-peer``."""
    return known(_row(node, agency))


def endpoint_of(peer: KnownPeer) -> str:
    """Where to reach a peer; raises StateError ``no-endpoint``."""
    endpoint = peer.card.card.endpoint
    if endpoint is None:
        raise errors.StateError(
            NO_ENDPOINT,
            f"{peer.card.agency} has no address on its card: it must connect to us",
            hint="run `psihash serve` here and let the other side start",
        )
    return endpoint


def _row(node: Node, agency: str) -> PeerRow:
    row = node.stores.peers.find(agency)
    if row is None:
        names = ", ".join(peer.agency for peer in node.stores.peers.all()) or "none"
        raise errors.NotFoundError(
            UNKNOWN_PEER,
            f"no peer '{agency}' is known here (known: {names})",
            hint="run `psihash peer add CARD --fingerprint F`",
        )
    return row


def _view(node: Node, agency: str) -> PeerView:
    row = _row(node, agency)
    card = parse_card(row.card)
    return PeerView(
        agency=card.agency,
        name=card.name,
        country=card.country,
        endpoint=card.endpoint,
        status=row.status.value,
        fingerprint=row.fingerprint,
        card_version=card.version,
        added=row.added,
        changed=row.changed,
    )


def _text(card: Card) -> str:
    return format_fingerprint(card.fingerprint)
