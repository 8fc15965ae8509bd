"""Renewing the TLS certificate, and changing what stands on the card.

Needs the authority's key, ``HOME/keys/ca.key``, which may be kept off the machine otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from psihash import errors
from psihash.audit.entry import log_origin
from psihash.audit.event import Event
from psihash.identity import authority, keys
from psihash.identity.cards import Card, make_card
from psihash.identity.certificates import leaf_fingerprint, verify_leaf
from psihash.identity.fingerprints import format_fingerprint
from psihash.identity.trust import PeerStatus
from psihash.node.clock import seconds
from psihash.node.home import files, opening, passphrase
from psihash.node.node import Node
from psihash.node.peering.contact import CARD_KIND
from psihash.node.people.roles import use_case

CA_KEY_AWAY = errors.define(
    "ca-key-away", "the authority's private key, which renewing needs, is not in the home"
)


@dataclass(frozen=True, slots=True)
class Renewal:
    """What ``psihash renew`` did. Times are RFC 3339 UTC text."""

    certificate_until: str
    card_changed: bool
    card_version: int
    fingerprint: str
    peers_to_tell: list[str]
    """Active peers that a new card waits for; it goes with the next contact."""


@use_case("renew")
def renew(
    node: Node,
    ask: passphrase.Ask | None,
    *,
    name: str | None = None,
    endpoint: str | None = None,
    contact: str | None = None,
) -> Renewal:
    """A new TLS key and certificate; a new card where one of the texts differs from the card's.

    An empty endpoint or contact removes it. Raises NotFoundError ``ca-key-away``, InputError
    (``wrong-passphrase``, a text that no card may hold), StateError ``cert-expired`` for an
    authority that is over.
    """
    ca = _authority(node, ask)
    # The card first: a text that no card may hold must not leave a half-done renewal.
    card = _new_card(node, name=name, endpoint=endpoint, contact=contact)
    until = _renew_tls(node, ca)
    told = [] if card is None else _publish(node, card)
    current = card or node.card
    return Renewal(
        certificate_until=until,
        card_changed=card is not None,
        card_version=current.version,
        fingerprint=format_fingerprint(current.fingerprint),
        peers_to_tell=told,
    )


def _authority(node: Node, ask: passphrase.Ask | None) -> authority.CertificateAuthority:
    try:
        data = files.read(node.home, files.CA_KEY)
    except errors.NotFoundError:
        raise errors.NotFoundError(
            CA_KEY_AWAY,
            f"{node.home / files.CA_KEY} is not there",
            hint="bring the authority's key back for the renewal, and move it away again after it",
        ) from None
    secret = passphrase.find(node.home, node.settings.passphrase_file, ask)
    return authority.CertificateAuthority(keys.load_p256(data, secret), node.ca_pem)


def _renew_tls(node: Node, ca: authority.CertificateAuthority) -> str:
    """Between the two files a crash leaves a key without its certificate: doctor names it, and
    renewing again heals it."""
    key, now = keys.new_p256_key(), node.now()
    ring = replace(node.keys, tls=key)
    pem = authority.issue_tls(ca, node.agency, key.public_key(), now)
    expires = seconds(verify_leaf(pem, node.ca_pem, node.agency, now).expires)
    fingerprint = leaf_fingerprint(pem).hex()
    node.record(
        Event.KEY_CHANGED,
        {"key": "tls", "certificate_fingerprint": fingerprint, "valid_until": expires},
    )
    files.write(node.home, files.KEY_BOX, keys.seal_keys(ring))
    files.write(node.home, files.TLS_CERTIFICATE, pem, secret=False)
    return expires


def _new_card(
    node: Node, *, name: str | None, endpoint: str | None, contact: str | None
) -> Card | None:
    old = node.card
    wanted = (
        old.name if name is None else name,
        old.endpoint if endpoint is None else endpoint or None,
        old.contact if contact is None else contact or None,
    )
    if wanted == (old.name, old.endpoint, old.contact):
        return None
    return make_card(
        node.keys.signing,
        node.keys.card_keys(log_origin(node.agency)),
        version=old.version + 1,
        agency=old.agency,
        name=wanted[0],
        country=old.country,
        ca_pem=node.ca_pem,
        now=node.now(),
        endpoint=wanted[1],
        contact=wanted[2],
    )


def _publish(node: Node, card: Card) -> list[str]:
    """Log, queue for every active peer, then put the card in its place."""
    told = [row.agency for row in node.stores.peers.all(PeerStatus.ACTIVE)]
    with node.stores.database.transaction():
        # The log goes on under the card's keys: who verifies it needs every card there was.
        node.stores.witnessing.keep_own_card(node.card.version, node.card.encoded)
        node.record(
            Event.CONFIG_CHANGE,
            {
                "what": "card",
                "version": card.version,
                "card_fingerprint": format_fingerprint(card.fingerprint),
            },
        )
        for agency in told:
            node.stores.outbox.put(agency, CARD_KIND, card.encoded, node.stamp())
    opening.write_card(node.home, card)
    return told
