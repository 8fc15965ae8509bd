"""An agency's private keys, and their form at rest.

Three things lie on disk, and only the first costs a key derivation when a node starts:

* the **signing key**, in OpenSSH format under the passphrase (bcrypt, 128 rounds: about a second);
* the **key box**: all other keys and the storage key, in one AES-256-GCM envelope under a key
  derived (HKDF) from the signing seed and bound to the signing public key. OpenSSH's own cipher
  is not authenticated: a signing key altered on disk is found because it does not open the box;
* the **authority's key**, in OpenSSH format under the passphrase, in a file of its own, because
  only renewing and rotating need it and it can be kept off the machine.

Replacing the signing key means sealing the box again; the storage key stays the same, so nothing
else at rest changes. Sources: OpenSSH PROTOCOL.key; FIPS 203 for the 64-byte ML-KEM seed.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from psihash import canonical, errors
from psihash.identity import sealing, signatures
from psihash.identity.card_model import CardKeys

WRONG_PASSPHRASE: Final = errors.define(
    "wrong-passphrase", "a passphrase does not open a private key, or the key file is damaged"
)
BAD_PASSPHRASE: Final = errors.define(
    "bad-passphrase", "a passphrase is too short or too long to protect a key"
)
BAD_KEY_FILE: Final = errors.define(
    "bad-key-file",
    "a private key file is malformed, unprotected, too weakly so, or of another kind",
)

KDF_ROUNDS: Final = 128
"""bcrypt rounds: about a second. OpenSSH's default of 16 is for keys that people unlock often."""
MAX_KDF_ROUNDS: Final = 2048
"""A key file that asks for more would keep a start-up busy for minutes."""
MIN_PASSPHRASE: Final = 8
MAX_PASSPHRASE: Final = 1024
MAX_KEY_FILE: Final = 16 * 1024

_MAGIC: Final = b"openssh-key-v1\0"
_ARMOUR: Final = re.compile(
    rb"\s*-----BEGIN OPENSSH PRIVATE KEY-----"
    rb"([A-Za-z0-9+/=\s]+)"
    rb"-----END OPENSSH PRIVATE KEY-----\s*"
)
_BOX: Final = "psihash/keybox/1"

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    """All private keys that a running node needs; the authority's is not among them."""

    signing: Ed25519PrivateKey
    log: Ed25519PrivateKey
    cosigning: Ed25519PrivateKey
    sealing_x25519: X25519PrivateKey
    sealing_mlkem768: MLKEM768PrivateKey
    tls: ec.EllipticCurvePrivateKey
    storage: bytes
    """32 bytes; use :func:`psihash.identity.sealing.derive` for each purpose."""

    @staticmethod
    def generate() -> KeyRing:
        """Fresh keys for every purpose."""
        return KeyRing(
            signing=Ed25519PrivateKey.generate(),
            log=Ed25519PrivateKey.generate(),
            cosigning=Ed25519PrivateKey.generate(),
            sealing_x25519=X25519PrivateKey.generate(),
            sealing_mlkem768=MLKEM768PrivateKey.generate(),
            tls=new_p256_key(),
            storage=sealing.new_key(),
        )

    def card_keys(self, log_origin: str) -> CardKeys:
        """The public keys, as they stand on a card."""
        return CardKeys(
            signing=signatures.public_bytes(self.signing),
            log=signatures.public_bytes(self.log),
            log_origin=log_origin,
            cosigning=signatures.public_bytes(self.cosigning),
            sealing_x25519=self.sealing_x25519.public_key().public_bytes_raw(),
            sealing_mlkem768=self.sealing_mlkem768.public_key().public_bytes_raw(),
        )

    def tls_pem(self) -> bytes:
        """The TLS key unencrypted, because gRPC wants it so: keep it in memory only."""
        return self.tls.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def new_p256_key() -> ec.EllipticCurvePrivateKey:
    """A fresh key for an authority or a TLS certificate."""
    return ec.generate_private_key(ec.SECP256R1())


def require_passphrase_length(passphrase: bytes) -> None:
    """Raise InputError ``bad-passphrase`` unless its length may protect a key."""
    if not MIN_PASSPHRASE <= len(passphrase) <= MAX_PASSPHRASE:
        raise errors.InputError(
            BAD_PASSPHRASE, f"a passphrase has {MIN_PASSPHRASE} to {MAX_PASSPHRASE} bytes"
        )


def encrypt_private(key: PrivateKey, passphrase: bytes) -> bytes:
    """A private key in OpenSSH format (PEM) under ``passphrase``."""
    require_passphrase_length(passphrase)
    protection = (
        serialization.PrivateFormat.OpenSSH.encryption_builder()
        .kdf_rounds(KDF_ROUNDS)
        .build(passphrase)
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, protection
    )


def load_ed25519(data: bytes, passphrase: bytes) -> Ed25519PrivateKey:
    """Open the key file of a signing key: the agency's or an operator's.

    Raises InputError ``wrong-passphrase`` or ``bad-key-file``; the latter also for a file that
    is unprotected or has fewer than 128 rounds.
    """
    key = _load_private(data, passphrase)
    if not isinstance(key, Ed25519PrivateKey):
        raise _bad_file("the file holds another kind of key")
    return key


def load_p256(data: bytes, passphrase: bytes) -> ec.EllipticCurvePrivateKey:
    """Open the key file of an authority; errors as in :func:`load_ed25519`."""
    key = _load_private(data, passphrase)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _bad_file("the file holds another kind of key")
    return key


def kdf_rounds(data: bytes) -> int:
    """The bcrypt rounds that protect a key file; 0 for an unprotected one.

    Reads the outer layer only (OpenSSH PROTOCOL.key section 1): magic, cipher, KDF, KDF options.
    """
    armour = _ARMOUR.fullmatch(data) if len(data) <= MAX_KEY_FILE else None
    try:
        raw = base64.b64decode(b"".join(armour[1].split()), validate=True) if armour else b""
    except binascii.Error:
        raw = b""
    if not raw.startswith(_MAGIC):
        raise _bad_file("the private key file is not in OpenSSH format")
    _cipher, rest = _string(raw[len(_MAGIC) :])
    kdf, rest = _string(rest)
    options, _ = _string(rest)
    if kdf == b"none":
        return 0
    _salt, rounds = _string(options)
    if kdf != b"bcrypt" or len(rounds) != 4:
        raise _bad_file("the private key file has an unknown protection")
    return int.from_bytes(rounds, "big")


def seal_keys(ring: KeyRing) -> bytes:
    """The key box: every key but the signing key, in one envelope that the signing key opens."""
    tls = ring.tls.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    content = canonical.encode(
        {
            "psihash_keybox": 1,
            "log": ring.log.private_bytes_raw().hex(),
            "cosigning": ring.cosigning.private_bytes_raw().hex(),
            "sealing_x25519": ring.sealing_x25519.private_bytes_raw().hex(),
            "sealing_mlkem768": ring.sealing_mlkem768.private_bytes_raw().hex(),
            "tls": tls.hex(),
            "storage": ring.storage.hex(),
        }
    )
    return sealing.seal(_box_key(ring.signing), content, _box_context(ring.signing))


def open_keys(signing: Ed25519PrivateKey, box: bytes) -> KeyRing:
    """The whole key ring from the signing key and the key box.

    Raises VerificationError ``sealed-broken``, also where the signing key is another one.
    """
    content = sealing.open_sealed(_box_key(signing), box, _box_context(signing))
    value = canonical.decode(content, max_bytes=MAX_KEY_FILE)
    try:
        tls = serialization.load_der_private_key(bytes.fromhex(value["tls"]), None)
        if value["psihash_keybox"] != 1 or not isinstance(tls, ec.EllipticCurvePrivateKey):
            raise _bad_file("the key box is of another version")
        return KeyRing(
            signing=signing,
            log=Ed25519PrivateKey.from_private_bytes(bytes.fromhex(value["log"])),
            cosigning=Ed25519PrivateKey.from_private_bytes(bytes.fromhex(value["cosigning"])),
            sealing_x25519=X25519PrivateKey.from_private_bytes(
                bytes.fromhex(value["sealing_x25519"])
            ),
            sealing_mlkem768=MLKEM768PrivateKey.from_seed_bytes(
                bytes.fromhex(value["sealing_mlkem768"])
            ),
            tls=tls,
            storage=bytes.fromhex(value["storage"]),
        )
    except (KeyError, TypeError, ValueError):
        raise _bad_file("the key box is of another version") from None


def _load_private(data: bytes, passphrase: bytes) -> object:
    rounds = kdf_rounds(data)
    if not KDF_ROUNDS <= rounds <= MAX_KDF_ROUNDS:
        raise _bad_file(
            "the private key file is not protected as it must be",
            hint=f"ssh-keygen -p -a {KDF_ROUNDS} -f FILE",
        )
    if not 0 < len(passphrase) <= MAX_PASSPHRASE:
        raise _wrong_passphrase()
    try:
        return serialization.load_ssh_private_key(data, passphrase)
    except (ValueError, UnsupportedAlgorithm):
        raise _wrong_passphrase() from None


def _box_key(signing: Ed25519PrivateKey) -> bytes:
    return sealing.derive(signing.private_bytes_raw(), _BOX)


def _box_context(signing: Ed25519PrivateKey) -> bytes:
    return canonical.framed(_BOX.encode(), signatures.public_bytes(signing))


def _string(data: bytes) -> tuple[bytes, bytes]:
    """Split off an SSH string: four bytes of length, then the content."""
    length = int.from_bytes(data[:4], "big")
    if len(data) < 4 + length:
        raise _bad_file("the private key file is cut short")
    return data[4 : 4 + length], data[4 + length :]


def _bad_file(message: str, *, hint: str = "") -> errors.InputError:
    return errors.InputError(BAD_KEY_FILE, message, hint=hint)


def _wrong_passphrase() -> errors.InputError:
    return errors.InputError(
        WRONG_PASSPHRASE, "the passphrase does not open the private key, or the file is damaged"
    )
