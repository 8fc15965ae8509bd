"""Peer cards: what two agencies exchange to know each other.

A card is a JSON object, RFC 8785 on the wire and at rest; as a file it may be pretty-printed and
show its ``fingerprint``. Its *body* is all of it but ``fingerprint``, ``signature`` and
``previous_signature``. The signing key on the card signs the body; on a card that brings a new
signing key the previous one signs it too. The fingerprint is over the body.

A :class:`Card` says something about itself only. It becomes a :class:`VerifiedCard` when its
fingerprint was confirmed by another channel (:func:`accept_card`) or when it follows a verified
card of the same agency (:func:`supersede`).
"""

from __future__ import annotations

import datetime as dt
import hmac
from dataclasses import dataclass, replace
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash import errors
from psihash.identity import fields, signatures
from psihash.identity.card_model import Card, CardKeys, body_fields, signature_fields
from psihash.identity.card_parser import FINGERPRINT_MISMATCH, check_own_signature, parse_card
from psihash.identity.fingerprints import format_fingerprint, parse_fingerprint
from psihash.identity.signatures import Context

CARD_ROLLBACK: Final = errors.define(
    "card-rollback", "a card is not newer than the one already accepted"
)
CARD_NOT_CONTINUOUS: Final = errors.define(
    "card-not-continuous",
    "a newer card is of another agency or is not signed by the previous signing key",
)
CARD_KEY_MISMATCH: Final = errors.define(
    "card-key-mismatch", "the key that is to sign a card is not the one on the card"
)

__all__ = [
    "Card",
    "CardKeys",
    "VerifiedCard",
    "accept_card",
    "card_json",
    "make_card",
    "parse_card",
    "supersede",
]

_MADE_HERE: Final = object()


@dataclass(frozen=True, slots=True)
class VerifiedCard:
    """A card that belongs to its agency, as far as this node's operators confirmed it."""

    card: Card
    fingerprint: bytes
    _proof: object

    def __post_init__(self) -> None:
        if self._proof is not _MADE_HERE:
            raise TypeError("only accept_card and supersede make a VerifiedCard")

    @property
    def agency(self) -> str:
        return self.card.agency


def make_card(
    signing_key: Ed25519PrivateKey,
    keys: CardKeys,
    *,
    version: int,
    agency: str,
    name: str,
    country: str,
    ca_pem: bytes,
    now: dt.datetime,
    endpoint: str | None = None,
    contact: str | None = None,
    previous_key: Ed25519PrivateKey | None = None,
) -> Card:
    """Make and sign a card. ``previous_key`` is the signing key of the version before, if another.

    Raises InputError for a field that a peer's parser would refuse.
    """
    if signatures.public_bytes(signing_key) != keys.signing:
        raise errors.InputError(CARD_KEY_MISMATCH, "the signing key is not the one on the card")
    draft = Card(
        version=version,
        agency=agency,
        name=name,
        country=country,
        endpoint=endpoint,
        contact=contact,
        ca=ca_pem.decode("ascii", "replace"),
        keys=keys,
        issued=fields.time_text(now),
        signature=b"",
    )
    succession = None
    if previous_key is not None and signatures.public_bytes(previous_key) != keys.signing:
        succession = signatures.sign(previous_key, Context.CARD_SUCCESSION, draft.body)
    signature = signatures.sign(signing_key, Context.CARD, draft.body)
    card = replace(draft, signature=signature, previous_signature=succession)
    return parse_card(card.encoded)  # what a peer would refuse must not leave here


def accept_card(card: Card, fingerprint_text: str) -> VerifiedCard:
    """Accept a card whose fingerprint was confirmed by another channel.

    Raises InputError ``bad-fingerprint``, VerificationError ``fingerprint-mismatch``.
    """
    confirmed = parse_fingerprint(fingerprint_text)
    check_own_signature(card)
    fingerprint = card.fingerprint
    if not hmac.compare_digest(fingerprint, confirmed):
        raise errors.VerificationError(
            FINGERPRINT_MISMATCH,
            "the card does not have this fingerprint",
            hint="ask the other agency to read its fingerprint again; do not accept the card",
        )
    return VerifiedCard(card, fingerprint, _MADE_HERE)


def supersede(old: VerifiedCard, new: Card) -> VerifiedCard:
    """Accept a newer card of the same agency without a new ceremony.

    A new signing key must be vouched for by the old one, so after a change of keys no version may
    be left out. The card already held is returned as it is.
    Raises VerificationError ``card-rollback``, ``card-not-continuous``, ``bad-signature``.
    """
    fingerprint = new.fingerprint
    if hmac.compare_digest(fingerprint, old.fingerprint):
        return old
    if new.agency != old.agency:
        raise _not_continuous("the newer card is another agency's")
    if new.version <= old.card.version:
        raise errors.VerificationError(CARD_ROLLBACK, "the card is not newer than the one held")
    check_own_signature(new)
    if new.keys.signing != old.card.keys.signing:
        _check_succession(old.card, new)
    return VerifiedCard(new, fingerprint, _MADE_HERE)


def card_json(card: Card) -> dict[str, Any]:
    """The card as people get it: all of it, and its fingerprint."""
    shown = {"fingerprint": format_fingerprint(card.fingerprint)}
    return body_fields(card) | signature_fields(card) | shown


def _check_succession(old: Card, new: Card) -> None:
    if new.previous_signature is None:
        raise _not_continuous("the newer card's key is not vouched for by the previous one")
    try:
        signatures.verify(
            old.keys.signing, Context.CARD_SUCCESSION, new.body, new.previous_signature
        )
    except errors.VerificationError:
        raise _not_continuous(
            "the newer card's key is not vouched for by the previous one"
        ) from None


def _not_continuous(message: str) -> errors.VerificationError:
    return errors.VerificationError(CARD_NOT_CONTINUOUS, message)
