"""Documents that one agency alone can open: sealed to the sealing keys on its card.

An envelope is a reply to the card's X25519 and ML-KEM-768 keys (1,120 bytes), then the content
under AES-256-GCM with a key from that exchange. It stays closed while either of the two holds, and
each has a fresh secret. It says nothing about who sealed it: the content must be signed.
"""

from __future__ import annotations

from typing import Final

from psihash import errors
from psihash.identity import hybrid, sealing
from psihash.identity.card_model import CardKeys
from psihash.identity.keys import KeyRing

OVERHEAD_BYTES: Final = hybrid.REPLY_BYTES + sealing.OVERHEAD_BYTES

_PURPOSE: Final = "psihash/envelope/1"


def seal_to(keys: CardKeys, content: bytes, context: bytes) -> bytes:
    """Seal ``content`` for the holder of a card; it opens with the same ``context`` only."""
    reply, secret = hybrid.EphemeralExchange.respond(keys.sealing_x25519 + keys.sealing_mlkem768)
    return reply + sealing.seal(sealing.derive(secret, _PURPOSE), content, context)


def open_envelope(ring: KeyRing, envelope: bytes, context: bytes) -> bytes:
    """The content of an envelope that was sealed to this ring's card.

    Raises VerificationError ``sealed-broken``, ProtocolError ``bad-key-exchange``.
    """
    if len(envelope) < OVERHEAD_BYTES:
        raise errors.VerificationError(sealing.SEALED_BROKEN, "the sealed data does not open")
    reply, sealed = envelope[: hybrid.REPLY_BYTES], envelope[hybrid.REPLY_BYTES :]
    secret = hybrid.open_reply(ring.sealing_x25519, ring.sealing_mlkem768, reply)
    return sealing.open_sealed(sealing.derive(secret, _PURPOSE), sealed, context)
