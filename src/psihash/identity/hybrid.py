"""The key exchange of a session's hello, and the channel that its frames travel in.

X25519 and ML-KEM-768 together: the secret stays secret while either holds. The exchange itself
names nobody; both messages stand in the signed hello and, through it, in the transcript, and that
is what ties them to the two agencies.

The secret is HKDF-SHA256 over ML-KEM secret and X25519 secret, salted with both messages' digest.
Sources: FIPS 203, RFC 7748, RFC 5869; the order of the two secrets follows X25519MLKEM768 in TLS.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.mlkem import (
    MLKEM768PrivateKey,
    MLKEM768PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from psihash import canonical, errors
from psihash.terms import SessionRole

BAD_KEY_EXCHANGE: Final = errors.define(
    "bad-key-exchange", "the key exchange of a hello is malformed or weak"
)
FRAME_BROKEN: Final = errors.define(
    "frame-broken", "an encrypted frame was changed, reordered or belongs to another session"
)
FRAME_REUSED: Final = errors.define(
    "frame-reused", "a frame number was about to be used for a second, different frame"
)

X25519_BYTES: Final = 32
MLKEM768_PUBLIC_BYTES: Final = 1184
MLKEM768_CIPHERTEXT_BYTES: Final = 1088
START_BYTES: Final = X25519_BYTES + MLKEM768_PUBLIC_BYTES
REPLY_BYTES: Final = X25519_BYTES + MLKEM768_CIPHERTEXT_BYTES
SECRET_BYTES: Final = 32
TAG_BYTES: Final = 16
"""How much longer a sealed frame is than its content."""

_MAX_SEQUENCE: Final = 2**63 - 1


class EphemeralExchange:
    """The initiator's side: ``start``, then ``finish`` once. The responder calls ``respond``.

    Fresh keys per object; they are dropped when ``finish`` is done.
    """

    def __init__(self) -> None:
        self._keys: tuple[X25519PrivateKey, MLKEM768PrivateKey] | None = (
            X25519PrivateKey.generate(),
            MLKEM768PrivateKey.generate(),
        )
        x25519, mlkem = self._keys
        self._message = (
            x25519.public_key().public_bytes_raw() + mlkem.public_key().public_bytes_raw()
        )

    def start(self) -> bytes:
        """The initiator's message: X25519 key (32) and ML-KEM-768 key (1,184 bytes)."""
        return self._message

    @staticmethod
    def respond(message: bytes) -> tuple[bytes, bytes]:
        """The responder's reply to ``message`` (1,120 bytes) and the shared secret (32 bytes)."""
        if len(message) != START_BYTES:
            raise _refused("the initiator's message has the wrong length")
        own = X25519PrivateKey.generate()
        classic = _x25519(own, message[:X25519_BYTES])
        try:
            peer = MLKEM768PublicKey.from_public_bytes(message[X25519_BYTES:])
            quantum, ciphertext = peer.encapsulate()
        except ValueError:
            raise _refused("the ML-KEM-768 key is malformed") from None
        reply = own.public_key().public_bytes_raw() + ciphertext
        return reply, _combine(classic, quantum, message, reply)

    def finish(self, reply: bytes) -> bytes:
        """The shared secret (32 bytes). A wrong ciphertext gives another secret (FIPS 203)."""
        if len(reply) != REPLY_BYTES:
            raise _refused("the responder's reply has the wrong length")
        if self._keys is None:
            raise errors.StateError(BAD_KEY_EXCHANGE, "this exchange is finished")
        secret = open_reply(*self._keys, reply)
        self._keys = None
        return secret


def open_reply(x25519: X25519PrivateKey, mlkem: MLKEM768PrivateKey, reply: bytes) -> bytes:
    """The shared secret (32 bytes) of a reply to these two keys, which may be long-lived."""
    if len(reply) != REPLY_BYTES:
        raise _refused("the responder's reply has the wrong length")
    classic = _x25519(x25519, reply[:X25519_BYTES])
    try:
        quantum = mlkem.decapsulate(reply[X25519_BYTES:])
    except ValueError:
        raise _refused("the ML-KEM-768 ciphertext is malformed") from None
    start = x25519.public_key().public_bytes_raw() + mlkem.public_key().public_bytes_raw()
    return _combine(classic, quantum, start, reply)


class SecureChannel:
    """Seals one session's frames, with one AES-256-GCM key per direction.

    ``seq`` counts from 0 in each direction and is the nonce, so it must never stand for two
    different frames: the channel refuses that. Sealing the same frame again gives the same bytes,
    which is what a repeat after a lost connection has to send.
    """

    def __init__(self, secret: bytes, session_id: bytes, role: SessionRole) -> None:
        if len(secret) != SECRET_BYTES:
            raise _refused("the shared secret has the wrong length")
        self._session_id = session_id
        self._role = role
        self._send = AESGCM(_direction_key(secret, session_id, role))
        self._receive = AESGCM(_direction_key(secret, session_id, role.other))
        self._sent: dict[int, bytes] = {}

    def seal(self, seq: int, plaintext: bytes) -> bytes:
        """Encrypt this side's frame number ``seq``: ``len(plaintext) + 16`` bytes."""
        digest = hashlib.sha256(plaintext).digest()
        if not hmac.compare_digest(self._sent.setdefault(seq, digest), digest):
            raise errors.StateError(FRAME_REUSED, "this frame number was used for another frame")
        return self._send.encrypt(_nonce(seq), plaintext, self._context(self._role, seq))

    def open(self, seq: int, data: bytes) -> bytes:
        """Decrypt the peer's frame number ``seq``; raises VerificationError."""
        try:
            return self._receive.decrypt(_nonce(seq), data, self._context(self._role.other, seq))
        except InvalidTag:
            raise errors.VerificationError(
                FRAME_BROKEN, "the encrypted frame does not open"
            ) from None

    def _context(self, sender: SessionRole, seq: int) -> bytes:
        return canonical.framed(
            b"psihash/frame/1", self._session_id, sender.value.encode(), seq.to_bytes(8, "big")
        )


def _x25519(own: X25519PrivateKey, peer: bytes) -> bytes:
    try:
        secret = own.exchange(X25519PublicKey.from_public_bytes(peer))
    except ValueError:  # a point of small order: the secret would be all zero
        raise _refused("the X25519 key is malformed or weak") from None
    if hmac.compare_digest(secret, bytes(X25519_BYTES)):
        raise _refused("the X25519 key is malformed or weak")
    return secret


def _combine(classic: bytes, quantum: bytes, start: bytes, reply: bytes) -> bytes:
    salt = canonical.digest(b"psihash/key-exchange/1", start, reply)
    return _hkdf(quantum + classic, salt, b"psihash/key-exchange/1")


def _direction_key(secret: bytes, session_id: bytes, sender: SessionRole) -> bytes:
    info = canonical.framed(b"psihash/frame-key/1", sender.value.encode())
    return _hkdf(secret, canonical.digest(b"psihash/frame-key/1", session_id), info)


def _hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=SECRET_BYTES, salt=salt, info=info).derive(secret)


def _nonce(seq: int) -> bytes:
    if not 0 <= seq <= _MAX_SEQUENCE:
        raise errors.ProtocolError(FRAME_BROKEN, "a frame number is out of range")
    return seq.to_bytes(12, "big")


def _refused(message: str) -> errors.ProtocolError:
    return errors.ProtocolError(BAD_KEY_EXCHANGE, message)
