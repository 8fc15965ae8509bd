"""Reading a card from a peer or a file: every byte is hostile until it went through here.

Obligations: at most 64 KiB; a JSON object with exactly the fields of a card, none twice; every
field of its type, form and length; an authority that is a sound one; keys that bind and differ;
a ``fingerprint``, where shown, that is right; and the card's own signature.
"""

from __future__ import annotations

import hmac
import json
import re
from typing import Any, Final, NoReturn

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey

from psihash import errors, terms
from psihash.identity import certificates, fields, hybrid, signatures
from psihash.identity.card_model import CARD_FORMAT, Card, CardKeys
from psihash.identity.fingerprints import parse_fingerprint
from psihash.identity.signatures import Context

CARD_MALFORMED: Final = errors.define(
    "card-malformed", "a card cannot be read: it is not JSON of the right form, or is too large"
)
FINGERPRINT_MISMATCH: Final = errors.define(
    "fingerprint-mismatch", "a card does not have the fingerprint that was confirmed or shown"
)

MAX_CARD_BYTES: Final = 64 * 1024

_FIELDS: Final = frozenset(
    {
        "psihash_card",
        "version",
        "agency",
        "name",
        "country",
        "endpoint",
        "contact",
        "ca",
        "keys",
        "issued",
        "signature",
        "previous_signature",
    }
)
_KEY_FIELDS: Final = frozenset(
    {"signing", "log", "log_origin", "cosigning", "sealing_x25519", "sealing_mlkem768"}
)
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})*")


def parse_card(data: bytes) -> Card:
    """Read a card and check that it is consistent in itself.

    Raises InputError (``card-malformed``, ``bad-identity-field``, ``bad-agency-id``) or
    VerificationError (``bad-signature``, ``bad-public-key``, ``fingerprint-mismatch``, ``cert-``).
    """
    value = _json_object(data)
    shown = value.pop("fingerprint", None)
    if value.keys() != _FIELDS:
        raise _malformed("the card lacks a field, or has one that is not known")
    if type(value["psihash_card"]) is not int or value["psihash_card"] != CARD_FORMAT:
        raise _malformed("the card has a format that this version does not know")
    card = _card(value)
    check_own_signature(card)
    if shown is not None:
        _check_shown(card, shown)
    return card


def check_own_signature(card: Card) -> None:
    """Raise VerificationError unless the card's own signing key signed it."""
    signatures.verify(card.keys.signing, Context.CARD, card.body, card.signature)


def _card(value: dict[str, Any]) -> Card:
    previous = value["previous_signature"]
    return Card(
        version=_version(value["version"]),
        agency=terms.check_agency_id(_text(value["agency"])),
        name=fields.check_text(_text(value["name"]), "name"),
        country=fields.check_country(_text(value["country"])),
        endpoint=_optional_endpoint(value["endpoint"]),
        contact=_optional_contact(value["contact"]),
        ca=_authority(_text(value["ca"])),
        keys=_keys(value["keys"]),
        issued=fields.check_time(_text(value["issued"])),
        signature=_hex(value["signature"], signatures.SIGNATURE_BYTES),
        previous_signature=(
            None if previous is None else _hex(previous, signatures.SIGNATURE_BYTES)
        ),
    )


def _keys(value: Any) -> CardKeys:
    if not isinstance(value, dict) or value.keys() != _KEY_FIELDS:
        raise _malformed("the card lacks a key, or has one that is not known")
    keys = CardKeys(
        signing=_hex(value["signing"], signatures.PUBLIC_KEY_BYTES),
        log=_hex(value["log"], signatures.PUBLIC_KEY_BYTES),
        log_origin=fields.check_origin(_text(value["log_origin"])),
        cosigning=_hex(value["cosigning"], signatures.PUBLIC_KEY_BYTES),
        sealing_x25519=_hex(value["sealing_x25519"], hybrid.X25519_BYTES),
        sealing_mlkem768=_hex(value["sealing_mlkem768"], hybrid.MLKEM768_PUBLIC_BYTES),
    )
    ed25519 = (keys.signing, keys.log, keys.cosigning)
    for public in ed25519:
        signatures.load_public(public)
    if len({*ed25519, keys.sealing_x25519}) != len(ed25519) + 1:
        raise _malformed("the card uses one key for two purposes")
    try:
        MLKEM768PublicKey.from_public_bytes(keys.sealing_mlkem768)
    except ValueError:
        raise _malformed("the card's ML-KEM-768 key is malformed") from None
    return keys


def _authority(text: str) -> str:
    """One certificate, in the one PEM layout: a card has one encoding."""
    if not text.isascii():
        raise _malformed("the card's authority is not PEM text")
    certificate = certificates.check_authority(text.encode())
    if certificate.public_bytes(serialization.Encoding.PEM) != text.encode():
        raise _malformed("the card's authority is not in the usual PEM layout")
    return text


def _check_shown(card: Card, shown: Any) -> None:
    if not hmac.compare_digest(parse_fingerprint(_text(shown)), card.fingerprint):
        raise errors.VerificationError(
            FINGERPRINT_MISMATCH, "the card shows a fingerprint that is not its own"
        )


def _json_object(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_CARD_BYTES:
        raise _malformed(f"a card has at most {MAX_CARD_BYTES} bytes")
    try:
        value = json.loads(
            data.decode("utf-8"),
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
            object_pairs_hook=_no_duplicates,
        )
    except (ValueError, RecursionError):
        raise _malformed("the card is not JSON, or names a field twice") from None
    if not isinstance(value, dict):
        raise _malformed("the card is not a JSON object")
    return value


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a field stands twice")
    return value


def _refuse_number(_text: str) -> NoReturn:
    raise ValueError("a card has no fractions")


def _version(value: Any) -> int:
    if type(value) is not int or not 1 <= value < 2**53:
        raise _malformed("a card's version is a whole number from 1")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _malformed("a field of the card is not text")
    return value


def _optional_endpoint(value: Any) -> str | None:
    return None if value is None else fields.check_endpoint(_text(value))


def _optional_contact(value: Any) -> str | None:
    return None if value is None else fields.check_text(_text(value), "contact")


def _hex(value: Any, size: int) -> bytes:
    text = _text(value)
    if len(text) != 2 * size or not _HEX.fullmatch(text):
        raise _malformed("a key or signature of the card is not lower-case hex of its length")
    return bytes.fromhex(text)


def _malformed(message: str) -> errors.InputError:
    return errors.InputError(CARD_MALFORMED, message)
