"""Cosignatures: another's word, with a time, that it saw a log grow to a checkpoint.

https://c2sp.org/tlog-cosignature, Ed25519 (v1)::

    signature line   — <cosigner's name> base64(key id || u64 timestamp || signature)
    key id           SHA-256(name || 0x0A || 0x04 || public key)[:4]
    signed message   "cosignature/v1\\ntime <timestamp>\\n" and the checkpoint's text

The cosigner states that at that time this was the largest head of the log that it had seen, and
that it extends every one that it saw before. The message does not name the cosigner, so a key
serves one cosigner only: ``keys.cosigning`` of its card, used for nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature

from psihash import errors
from psihash.audit.checkpoint import VerifiedCheckpoint
from psihash.audit.note import (
    COSIGNATURE,
    MAX_SIGNATURES,
    NoteSignature,
    Signer,
    key_id,
    parse_note,
    parse_signature_lines,
    signature_line,
)
from psihash.identity.signatures import SIGNATURE_BYTES, load_public
from psihash.terms import check_agency_id

COSIGNATURE_MALFORMED = errors.define(
    "cosignature-malformed", "a cosignature is not made as c2sp.org/tlog-cosignature says"
)
COSIGNATURE_BAD = errors.define(
    "cosignature-bad", "a cosignature by a known cosigner does not hold for the checkpoint"
)
COSIGNATURE_MISSING = errors.define(
    "cosignature-missing", "a checkpoint has no cosignature by the expected cosigner"
)

TIMESTAMP_BYTES: Final = 8
MAX_TIMESTAMP: Final = 2**63 - 1

_PREFIX: Final = "psihash/cosigner/"
_SEAL: Final = object()


def cosigner_name(agency: str) -> str:
    """The name under which an agency cosigns the logs of others."""
    return _PREFIX + check_agency_id(agency)


@dataclass(frozen=True, slots=True)
class Cosigner:
    """Someone whose cosignatures mean something here: name and raw Ed25519 key."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, self.public_key, COSIGNATURE)


@dataclass(frozen=True, slots=True)
class VerifiedCosignature:
    """A cosignature that holds. Only :func:`verify_cosignature` and its callers here make one."""

    cosigner: Cosigner
    origin: str
    size: int
    root: bytes
    timestamp: int
    """When it was made, by the cosigner's clock: seconds since 1970."""
    line: bytes
    """The signature line as it stands in a note, with its newline."""
    _seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            raise TypeError("verified cosignatures come from verify_cosignature")


def cosign(
    checkpoint: VerifiedCheckpoint, name: str, signer: Signer, timestamp: int
) -> VerifiedCosignature:
    """Cosign a checkpoint as ``name`` at ``timestamp`` (seconds since 1970).

    The caller has checked that it extends what was cosigned before, and has made that durable.
    """
    if not 0 < timestamp <= MAX_TIMESTAMP:
        raise ValueError("a timestamp is a positive 63-bit number")
    signature = signer.sign(_message(checkpoint, timestamp))
    stamped = timestamp.to_bytes(TIMESTAMP_BYTES, "big") + signature
    cosigner = Cosigner(name, signer.public_key)
    line = signature_line(name, cosigner.key_id, stamped).encode()
    # A faulty signer, or a name that no note can hold, is found here and not by the other side.
    return verify_cosignature(checkpoint, line, cosigner)


def verify_cosignature(
    checkpoint: VerifiedCheckpoint, line: bytes, cosigner: Cosigner
) -> VerifiedCosignature:
    """Verify one signature line over a checkpoint.

    Raises VerificationError: ``note-malformed``, ``cosignature-malformed``,
    ``cosignature-missing`` where it is another cosigner's, ``cosignature-bad``.
    """
    lines = parse_signature_lines(line)
    if len(lines) != 1:
        raise _malformed("it is not one line")
    found = lines[0]
    if (found.name, found.key_id) != (cosigner.name, cosigner.key_id):
        raise errors.VerificationError(
            COSIGNATURE_MISSING, "the signature line is not by the expected cosigner"
        )
    return _verify(checkpoint, found, cosigner)


def cosignatures(
    checkpoint: VerifiedCheckpoint, cosigners: Iterable[Cosigner]
) -> list[VerifiedCosignature]:
    """The cosignatures on a checkpoint's own note by any of ``cosigners``; lines by others are
    ignored. Raises VerificationError where one by a known cosigner does not hold."""
    known = {(each.name, each.key_id): each for each in cosigners}
    found = []
    for line in parse_note(checkpoint.note).signatures:
        cosigner = known.get((line.name, line.key_id))
        if cosigner is not None:
            found.append(_verify(checkpoint, line, cosigner))
    return found


def attach(note: bytes, lines: Sequence[bytes]) -> bytes:
    """The note with more signature lines behind its own; lines that it has are not repeated, and
    past the most that a note may have none is added."""
    present = {(line.name, line.key_id) for line in parse_note(note).signatures}
    for line in lines:
        for parsed in parse_signature_lines(line):
            if (parsed.name, parsed.key_id) in present or len(present) >= MAX_SIGNATURES:
                continue
            present.add((parsed.name, parsed.key_id))
            note += signature_line(parsed.name, parsed.key_id, parsed.signature).encode()
    return note


def _verify(
    checkpoint: VerifiedCheckpoint, line: NoteSignature, cosigner: Cosigner
) -> VerifiedCosignature:
    if len(line.signature) != TIMESTAMP_BYTES + SIGNATURE_BYTES:
        raise _malformed("it has the wrong length")
    timestamp = int.from_bytes(line.signature[:TIMESTAMP_BYTES], "big")
    # Zero would say nothing about the largest head seen: psihash has no use for such a line.
    if not 0 < timestamp <= MAX_TIMESTAMP:
        raise _malformed("its time is out of range")
    try:
        load_public(cosigner.public_key).verify(
            line.signature[TIMESTAMP_BYTES:], _message(checkpoint, timestamp)
        )
    except InvalidSignature:
        raise errors.VerificationError(
            COSIGNATURE_BAD, "a cosignature does not hold for this checkpoint"
        ) from None
    return VerifiedCosignature(
        cosigner,
        checkpoint.origin,
        checkpoint.size,
        checkpoint.root,
        timestamp,
        signature_line(line.name, line.key_id, line.signature).encode(),
        _seal=_SEAL,
    )


def _message(checkpoint: VerifiedCheckpoint, timestamp: int) -> bytes:
    text = parse_note(checkpoint.note).text
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()


def _malformed(why: str) -> errors.VerificationError:
    return errors.VerificationError(COSIGNATURE_MALFORMED, f"a cosignature is malformed: {why}")
