"""Checkpoints: the signed head of a log, as https://c2sp.org/tlog-checkpoint says.

The text of the note has exactly three lines: origin, size, base64 root. Extension lines, which the
specification allows and advises against, are refused: nobody could audit them.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Final

from psihash import errors
from psihash.audit.merkle import EMPTY_ROOT, HASH_BYTES, MAX_TREE_SIZE
from psihash.audit.note import Signer, parse_note, sign_note, verify_note

CHECKPOINT_MALFORMED = errors.define(
    "checkpoint-malformed", "a checkpoint is not made as docs/audit-log.md says"
)
CHECKPOINT_WRONG_ORIGIN = errors.define(
    "checkpoint-wrong-origin", "a checkpoint is of another log than expected"
)

_TEXT: Final = re.compile(r"[^\n]+\n(?P<size>0|[1-9][0-9]{0,15})\n(?P<root>[A-Za-z0-9+/]{43}=)\n")

_SEAL: Final = object()


@dataclass(frozen=True, slots=True)
class VerifiedCheckpoint:
    """A head that the log's key signed. Only :func:`open_checkpoint` can make one."""

    origin: str
    size: int
    root: bytes
    note: bytes
    """The note as received, other signatures included."""
    _seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            raise TypeError("verified checkpoints come from open_checkpoint")


def sign_checkpoint(origin: str, size: int, root: bytes, signer: Signer) -> bytes:
    """The note that states ``size`` and ``root`` of the log ``origin``.

    The caller sees to it that nothing inconsistent was ever signed (:class:`psihash.audit.log.Log`
    does).
    """
    return sign_note(_text(origin, size, root), origin, signer)


def open_checkpoint(note: bytes, origin: str, *public_keys: bytes) -> VerifiedCheckpoint:
    """Verify a checkpoint of the log ``origin``: one of its raw Ed25519 keys must have signed it.

    More than one key is for a log whose key was changed. Raises VerificationError:
    ``note-malformed``, ``checkpoint-wrong-origin``, ``note-unsigned``, ``note-bad-signature`` or
    ``checkpoint-malformed``.
    """
    parsed = parse_note(note)
    # Before the signature, which another log's key made: so the cause gets its own name.
    if parsed.text.partition("\n")[0] != origin:
        raise errors.VerificationError(
            CHECKPOINT_WRONG_ORIGIN, "the checkpoint is of another log than expected"
        )
    text = verify_note(parsed, origin, *public_keys)
    match = _TEXT.fullmatch(text)
    if match is None:
        raise _malformed()
    size, root = int(match["size"]), base64.b64decode(match["root"])
    if size > MAX_TREE_SIZE or _text(origin, size, root) != text:
        raise _malformed()
    if size == 0 and root != EMPTY_ROOT:
        raise _malformed()
    return VerifiedCheckpoint(origin, size, root, note, _seal=_SEAL)


def _text(origin: str, size: int, root: bytes) -> str:
    if len(root) != HASH_BYTES:
        raise ValueError("a root has 32 bytes")
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def _malformed() -> errors.VerificationError:
    return errors.VerificationError(
        CHECKPOINT_MALFORMED, "the checkpoint does not have exactly origin, size and root"
    )
