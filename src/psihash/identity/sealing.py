"""Secrets at rest: AES-256-GCM envelopes, and one key per purpose.

An envelope is ``version (1 byte) || nonce (12) || ciphertext and tag``. The context is
authenticated, not stored: who opens an envelope says what it must be, so an envelope moved to
another row, file or purpose does not open. Nonces are random: one key may seal 2**32 envelopes.

Sources: NIST SP 800-38D, RFC 5869.
"""

from __future__ import annotations

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from psihash import canonical, errors

SEALED_BROKEN: Final = errors.define(
    "sealed-broken", "sealed data was changed, cut or moved, or is under another key"
)
BAD_SEALING_KEY: Final = errors.define("bad-sealing-key", "a sealing key has the wrong length")

KEY_BYTES: Final = 32
OVERHEAD_BYTES: Final = 1 + 12 + 16
"""How much longer an envelope is than its content."""

_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12


def new_key() -> bytes:
    """32 fresh random bytes."""
    return os.urandom(KEY_BYTES)


def derive(key: bytes, purpose: str) -> bytes:
    """The 32-byte key for one purpose (HKDF-SHA256). Different purposes, unrelated keys."""
    _check_key(key)
    info = canonical.framed(b"psihash/derive/1", purpose.encode())
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=info).derive(key)


def seal(key: bytes, plaintext: bytes, context: bytes) -> bytes:
    """Encrypt ``plaintext`` under a 32-byte key; it opens with the same ``context`` only."""
    _check_key(key)
    nonce = os.urandom(_NONCE_BYTES)
    return _VERSION + nonce + AESGCM(key).encrypt(nonce, plaintext, _associated(context))


def open_sealed(key: bytes, envelope: bytes, context: bytes) -> bytes:
    """The content of an envelope; raises VerificationError ``sealed-broken``."""
    _check_key(key)
    if len(envelope) < OVERHEAD_BYTES or envelope[:1] != _VERSION:
        raise _broken()
    nonce = envelope[1 : 1 + _NONCE_BYTES]
    try:
        return AESGCM(key).decrypt(nonce, envelope[1 + _NONCE_BYTES :], _associated(context))
    except InvalidTag:
        raise _broken() from None


def _associated(context: bytes) -> bytes:
    return canonical.framed(b"psihash/seal", _VERSION, context)


def _check_key(key: bytes) -> None:
    if len(key) != KEY_BYTES:
        raise errors.InputError(BAD_SEALING_KEY, "a sealing key has 32 bytes")


def _broken() -> errors.VerificationError:
    return errors.VerificationError(SEALED_BROKEN, "the sealed data does not open")
