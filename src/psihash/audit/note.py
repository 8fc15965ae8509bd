"""Signed notes with Ed25519, as https://c2sp.org/signed-note says.

::

    text, ends in a newline
    (an empty line)
    — <key name> base64(32-bit key id || signature)

Signatures by unknown keys are ignored, so that cosigners can add lines; every line must still be
well-formed, and base64 must be in its one canonical form.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature

from psihash import errors
from psihash.identity.signatures import PUBLIC_KEY_BYTES, load_public

NOTE_MALFORMED = errors.define(
    "note-malformed", "a signed note is not made as c2sp.org/signed-note says"
)
NOTE_UNSIGNED = errors.define("note-unsigned", "a signed note has no signature by the expected key")
NOTE_BAD_SIGNATURE = errors.define(
    "note-bad-signature", "a note's signature by the expected key does not hold"
)
VERIFIER_KEY_MALFORMED = errors.define(
    "verifier-key-malformed",
    "a verifier key is not of the form name+id+key of c2sp.org/signed-note",
)

ED25519: Final = 0x01
"""Signature type of a plain Ed25519 signature over the note's text."""
COSIGNATURE: Final = 0x04
"""Signature type of a timestamped Ed25519 cosignature (:mod:`psihash.audit.cosignature`)."""
KEY_ID_BYTES: Final = 4
MAX_NOTE_BYTES: Final = 256 * 1024
MAX_SIGNATURES: Final = 64
"""The specification asks for at least 16; a post-quantum one is nearly 5 kB."""
MAX_NAME_CHARACTERS: Final = 255

_DASH: Final = "\u2014 "
_UNFIT: Final = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")
"""Control characters but the newline, and halves of surrogate pairs, which UTF-8 has no bytes for:
a command line may hand them over."""


class Signer(Protocol):
    """A private Ed25519 key, wherever it is kept."""

    @property
    def public_key(self) -> bytes:
        """The raw public key, 32 bytes."""

    def sign(self, message: bytes) -> bytes:
        """The Ed25519 signature of RFC 8032 over ``message``, 64 bytes."""


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line; says nothing until it is verified."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note; its text is to be ignored until :func:`verify_note` took it."""

    text: str
    signatures: tuple[NoteSignature, ...]


def key_id(name: str, public_key: bytes, kind: int = ED25519) -> bytes:
    """The four bytes that name a key in a signature line."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public_key).digest()[
        :KEY_ID_BYTES
    ]


def signature_line(name: str, key: bytes, signature: bytes) -> str:
    """One signature line with its newline; ``key`` is a key id of :func:`key_id`."""
    return f"{_DASH}{name} {base64.b64encode(key + signature).decode()}\n"


def sign_note(text: str, name: str, signer: Signer) -> bytes:
    """Sign ``text``, which ends in a newline, under the key name ``name``."""
    if not text.endswith("\n") or _UNFIT.search(text) or not _is_name(name):
        raise errors.InputError(NOTE_MALFORMED, "this text or name cannot stand in a signed note")
    line = signature_line(name, key_id(name, signer.public_key), signer.sign(text.encode()))
    note = f"{text}\n{line}".encode()
    open_note(note, name, signer.public_key)  # a faulty signer is found here, not by the peer
    return note


def open_note(data: bytes, name: str, *public_keys: bytes) -> str:
    """Parse and verify a note in one step, see :func:`parse_note` and :func:`verify_note`."""
    return verify_note(parse_note(data), name, *public_keys)


def verify_note(note: Note, name: str, *public_keys: bytes) -> str:
    """Return the text of a note that one of ``public_keys`` (raw Ed25519) signed as ``name``.

    Raises VerificationError: ``note-unsigned`` where none of them signed, ``note-bad-signature``
    where any signature that claims to be by one of them does not hold.
    """
    verified = False
    for public_key in public_keys:
        claim = (name, key_id(name, public_key))
        for line in note.signatures:
            if (line.name, line.key_id) == claim:
                _verify(public_key, line.signature, note.text.encode())
                verified = True
    if not verified:
        raise errors.VerificationError(
            NOTE_UNSIGNED, "the note has no signature by the expected key"
        )
    return note.text


def parse_note(data: bytes) -> Note:
    """Take a note apart. Raises VerificationError ``note-malformed``."""
    if len(data) > MAX_NOTE_BYTES:
        raise _malformed("it is too large")
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise _malformed("it is not UTF-8") from None
    if _UNFIT.search(whole):
        raise _malformed("it holds control characters")
    text, gap, tail = whole.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise _malformed("it has no signatures")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise _malformed("it has too many signatures")
    return Note(text + "\n", tuple(_parse_line(line) for line in lines))


def parse_signature_lines(data: bytes) -> tuple[NoteSignature, ...]:
    """Signature lines alone, as a witness answers: one at least, each ending in a newline."""
    return parse_note(b"x\n\n" + data).signatures


def encode_verifier_key(name: str, public_key: bytes, kind: int = ED25519) -> str:
    """``name+id+key``: how people hand each other the key of a log or a cosigner."""
    if not _is_name(name) or len(public_key) != PUBLIC_KEY_BYTES:
        raise errors.InputError(VERIFIER_KEY_MALFORMED, "this name or key has no such form")
    encoded = base64.b64encode(bytes([kind]) + public_key).decode()
    return f"{name}+{key_id(name, public_key, kind).hex()}+{encoded}"


def decode_verifier_key(text: str, kind: int = ED25519) -> tuple[str, bytes]:
    """Read a verifier key of this kind: name and raw public key. Raises InputError."""
    name, _, rest = text.partition("+")
    try:
        blob = _decode_base64(rest.partition("+")[2])
    except ValueError:
        blob = b""
    if len(blob) == 1 + PUBLIC_KEY_BYTES and blob[0] == kind and _is_name(name):
        public_key = blob[1:]
        if encode_verifier_key(name, public_key, kind) == text:
            return name, public_key
    raise errors.InputError(
        VERIFIER_KEY_MALFORMED, "a verifier key looks like psihash/log/<agency>+<id>+<key>"
    )


def _verify(public_key: bytes, signature: bytes, message: bytes) -> None:
    try:
        load_public(public_key).verify(signature, message)
    except InvalidSignature:
        raise errors.VerificationError(
            NOTE_BAD_SIGNATURE, "the note's signature by the expected key does not hold"
        ) from None


def _parse_line(line: str) -> NoteSignature:
    fields = line.removeprefix(_DASH).split(" ")
    if not line.startswith(_DASH) or len(fields) != 2 or not _is_name(fields[0]):
        raise _malformed("a signature line is not one")
    try:
        blob = _decode_base64(fields[1])
    except ValueError:
        raise _malformed("a signature is not in base64") from None
    if len(blob) <= KEY_ID_BYTES:
        raise _malformed("a signature is too short")
    return NoteSignature(fields[0], blob[:KEY_ID_BYTES], blob[KEY_ID_BYTES:])


def _decode_base64(text: str) -> bytes:
    """Standard base64 in its one canonical form. Raises ValueError."""
    data = base64.b64decode(text.encode("ascii"), validate=True)
    if base64.b64encode(data).decode() != text:
        raise binascii.Error("not canonical")
    return data


def _is_name(name: str) -> bool:
    return (
        0 < len(name) <= MAX_NAME_CHARACTERS
        and "+" not in name
        and not any(character.isspace() for character in name)
        and not _UNFIT.search(name)
    )


def _malformed(why: str) -> errors.VerificationError:
    return errors.VerificationError(NOTE_MALFORMED, f"the signed note is malformed: {why}")
