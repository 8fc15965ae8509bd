"""Ed25519 signatures, each bound to what it is for.

A signature covers ``framed("psihash", context, message)``, so a signature made for one purpose
never passes for another, whichever key made it. Log checkpoints and cosignatures have C2SP's own
form and keys of their own instead (``psihash.audit``).

Sources: RFC 8032; the small-order points are those of edwards25519 (RFC 7748 section 4.1).
"""

from __future__ import annotations

import enum
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from psihash import errors
from psihash.canonical import framed

BAD_SIGNATURE: Final = errors.define(
    "bad-signature", "a signature does not hold for this document, purpose and key"
)
BAD_PUBLIC_KEY: Final = errors.define(
    "bad-public-key", "a public key is malformed or of a weak form that binds nobody"
)

PUBLIC_KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64


class Context(enum.StrEnum):
    """What a signature is for. The text is part of what is signed; never reuse or change one."""

    CARD = "psihash/card/1"
    CARD_SUCCESSION = "psihash/card-succession/1"
    """By the previous signing key, over a card that brings a new one."""
    HELLO = "psihash/hello/1"
    TRANSCRIPT = "psihash/transcript/1"
    RESULT = "psihash/result/1"
    DISCLOSURE = "psihash/disclosure/1"
    RECEIPT = "psihash/receipt/1"
    CANCEL = "psihash/cancel/1"
    """By the responder: a session did not complete, and there is no result of it."""
    ACKNOWLEDGEMENT = "psihash/acknowledgement/1"
    """Over the SHA-256 of documents that have come."""
    AGREEMENT_TERMS = "psihash/agreement-terms/1"
    AGREEMENT_ANNEX = "psihash/agreement-annex/1"
    AGREEMENT_REVOCATION = "psihash/agreement-revocation/1"
    APPROVAL = "psihash/approval/1"
    """By an operator's own key."""
    REQUEST = "psihash/request/1"
    """By the key of the operator who asks for a decision."""
    OPERATOR_RECORD = "psihash/operator/1"
    """By the agency and by the operators who decide, over a record of the roster."""
    SESSION_APPROVAL = "psihash/session-approval/1"
    """By the agency: a rule or a person allows one session."""
    DOCUMENT = "psihash/document/1"
    """A document pushed to a peer or carried as a file: follow-up, correction, contribution."""
    EPOCH = "psihash/epoch/1"
    """By a centre, over the manifest of a publication."""
    CENTRAL_RUN = "psihash/central-run/1"
    """By a member, over the terms of a run against a central set."""
    TASKFORCE_KEY = "psihash/taskforce-key/1"
    """A participant's ephemeral sealing key."""
    TASKFORCE_FRAME = "psihash/taskforce-frame/1"
    TASKFORCE_RESULT = "psihash/taskforce-result/1"


def sign(key: Ed25519PrivateKey, context: Context, message: bytes) -> bytes:
    """Sign ``message`` for the purpose ``context``: 64 bytes."""
    return key.sign(_signed_bytes(context, message))


def verify(public: bytes, context: Context, message: bytes, signature: bytes) -> None:
    """Raise VerificationError unless ``signature`` is of ``message``, for ``context``, by the key
    with the 32 raw bytes ``public``."""
    key = load_public(public)
    try:
        key.verify(signature, _signed_bytes(context, message))
    except InvalidSignature:
        raise errors.VerificationError(
            BAD_SIGNATURE, f"the signature for {context.value} does not hold"
        ) from None


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The 32 raw bytes of the public key."""
    return key.public_key().public_bytes_raw()


def load_public(public: bytes) -> Ed25519PublicKey:
    """Parse 32 raw bytes as a public key that binds its holder.

    Under a key of small order one signature holds for many messages, so its holder could say
    later that it signed something else. A key with two encodings could be listed twice.
    """
    if len(public) != PUBLIC_KEY_BYTES:
        raise errors.VerificationError(BAD_PUBLIC_KEY, "an Ed25519 public key has 32 bytes")
    y = int.from_bytes(public, "little") & _SIGN_MASK
    if y >= _P or y in _SMALL_ORDER_Y:
        raise errors.VerificationError(BAD_PUBLIC_KEY, "the Ed25519 public key is a weak one")
    try:
        return Ed25519PublicKey.from_public_bytes(public)
    except ValueError:
        raise errors.VerificationError(
            BAD_PUBLIC_KEY, "the bytes are not an Ed25519 public key"
        ) from None


def _signed_bytes(context: Context, message: bytes) -> bytes:
    return framed(b"psihash", context.value.encode(), message)


_P: Final = 2**255 - 19
_SIGN_MASK: Final = 2**255 - 1
_Y_OF_ORDER_8: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER_Y: Final = frozenset({0, 1, _P - 1, _Y_OF_ORDER_8, _P - _Y_OF_ORDER_8})
"""The y coordinates of the eight points of small order."""
