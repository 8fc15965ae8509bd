"""A card as a value, and its canonical bytes. See :mod:`psihash.identity.cards`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from psihash import canonical
from psihash.identity.fingerprints import fingerprint_of

CARD_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class CardKeys:
    """An agency's public keys by purpose, raw bytes."""

    signing: bytes
    log: bytes
    log_origin: str
    """The name of the agency's log in its checkpoints (C2SP)."""
    cosigning: bytes
    sealing_x25519: bytes
    sealing_mlkem768: bytes


@dataclass(frozen=True, slots=True)
class Card:
    """An agency's card. Times are RFC 3339 UTC text; ``ca`` is one PEM certificate."""

    version: int
    """Counts up with every change, from 1."""
    agency: str
    name: str
    country: str
    endpoint: str | None
    """``host:port``, or None for an agency that can only call out."""
    contact: str | None
    ca: str
    keys: CardKeys
    issued: str
    signature: bytes
    previous_signature: bytes | None = None

    @property
    def ca_pem(self) -> bytes:
        return self.ca.encode()

    @property
    def body(self) -> bytes:
        """The canonical bytes that are signed and fingerprinted."""
        return canonical.encode(body_fields(self))

    @property
    def fingerprint(self) -> bytes:
        """25 bytes; see :func:`format_fingerprint` for people."""
        return fingerprint_of(self.body)

    @property
    def encoded(self) -> bytes:
        """The canonical bytes of the whole card, for the wire and the store."""
        return canonical.encode(body_fields(self) | signature_fields(self))


def body_fields(card: Card) -> dict[str, Any]:
    """The JSON fields that are signed."""
    return {
        "psihash_card": CARD_FORMAT,
        "version": card.version,
        "agency": card.agency,
        "name": card.name,
        "country": card.country,
        "endpoint": card.endpoint,
        "contact": card.contact,
        "ca": card.ca,
        "keys": {
            "signing": card.keys.signing.hex(),
            "log": card.keys.log.hex(),
            "log_origin": card.keys.log_origin,
            "cosigning": card.keys.cosigning.hex(),
            "sealing_x25519": card.keys.sealing_x25519.hex(),
            "sealing_mlkem768": card.keys.sealing_mlkem768.hex(),
        },
        "issued": card.issued,
    }


def signature_fields(card: Card) -> dict[str, Any]:
    """The JSON fields beside them."""
    previous = card.previous_signature
    return {
        "signature": card.signature.hex(),
        "previous_signature": None if previous is None else previous.hex(),
    }
