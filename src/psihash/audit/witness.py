"""A witness of logs, as https://c2sp.org/tlog-witness says: what one call means, without HTTP.

The request of ``add-checkpoint`` is ``old <size>``, the lines of a consistency proof in base64, an
empty line, and a checkpoint. The checks come in this order, each with its own answer:

1. the request is well-formed, the proof has at most 63 hashes, the old size is not larger than the
   checkpoint's: else 400;
2. the origin is one that the witness is configured with: else 404;
3. one of the origin's keys signed the checkpoint: else 403;
4. the old size is that of the latest checkpoint cosigned: else 409 with that size, as
   ``text/x.tlog.size``;
5. of two heads of one size the roots are equal: else 409, and the two are kept as evidence;
6. the consistency proof holds: else 422;
7. the head and the cosignature are durable, in one step with check 4: then 200 with the line.

What is durable lies behind the port :class:`WitnessStore`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from psihash import errors
from psihash.audit.checkpoint import (
    CHECKPOINT_MALFORMED,
    VerifiedCheckpoint,
    open_checkpoint,
)
from psihash.audit.cosignature import cosign
from psihash.audit.merkle import EMPTY_ROOT, HASH_BYTES, MAX_TREE_SIZE, verify_consistency
from psihash.audit.note import MAX_NOTE_BYTES, NOTE_MALFORMED, Signer, parse_note

WITNESS_REQUEST_MALFORMED = errors.define(
    "witness-request-malformed", "a request to a witness is not made as c2sp.org/tlog-witness says"
)

MAX_PROOF_LINES: Final = 63
MAX_REQUEST_BYTES: Final = MAX_NOTE_BYTES + 4096
SIZE_TYPE: Final = "text/x.tlog.size"
TEXT_TYPE: Final = "text/plain; charset=utf-8"

_OLD: Final = re.compile(rb"old (?P<size>0|[1-9][0-9]{0,15})")
_HASH: Final = re.compile(rb"[A-Za-z0-9+/]{43}=")

__all__ = [
    "MAX_REQUEST_BYTES",
    "SIZE_TYPE",
    "AddRequest",
    "Answer",
    "Cosigned",
    "Witness",
    "WitnessStore",
    "encode_request",
    "parse_request",
]


@dataclass(frozen=True, slots=True)
class Cosigned:
    """The latest head of one log that a witness cosigned."""

    size: int
    root: bytes
    note: bytes
    line: bytes


@dataclass(frozen=True, slots=True)
class AddRequest:
    """What was asked: nothing in it is verified."""

    old_size: int
    proof: tuple[bytes, ...]
    note: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body and media type of the HTTP response."""

    status: int
    body: bytes = b""
    media_type: str = TEXT_TYPE


class WitnessStore(Protocol):
    """Where a witness keeps the heads that it cosigned."""

    def cosigned(self, origin: str) -> Cosigned | None:
        """The latest head of that log; None where none was ever cosigned."""

    def advance(self, origin: str, expected_size: int | None, new: Cosigned) -> bool:
        """In one atomic, durable step replace the latest head; False, and nothing changed, where
        its size is no longer ``expected_size`` (None: there was none)."""

    def keep_evidence(self, origin: str, held: bytes, shown: bytes) -> None:
        """Keep two signed notes that contradict each other. Safe to repeat."""


class Witness:
    """Cosigns the logs it is configured with. ``logs`` are the raw keys by origin."""

    def __init__(
        self, name: str, signer: Signer, logs: Mapping[str, Sequence[bytes]], store: WitnessStore
    ) -> None:
        self._name, self._signer, self._store = name, signer, store
        self._logs = {origin: tuple(keys) for origin, keys in logs.items()}

    @property
    def origins(self) -> list[str]:
        return sorted(self._logs)

    def add_checkpoint(self, body: bytes, timestamp: int) -> Answer:
        """Answer one request; ``timestamp`` is the clock in seconds since 1970. Raises what the
        store raises, and nothing else."""
        try:
            request = parse_request(body)
            origin = parse_note(request.note).text.partition("\n")[0]
        except errors.VerificationError:
            return Answer(400, b"malformed request\n")
        keys = self._logs.get(origin)
        if keys is None:
            return Answer(404, b"unknown log\n")
        try:
            checkpoint = open_checkpoint(request.note, origin, *keys)
        except errors.VerificationError as error:
            if error.code in (CHECKPOINT_MALFORMED, NOTE_MALFORMED):
                return Answer(400, b"malformed checkpoint\n")
            return Answer(403, b"no signature by a known key of the log\n")
        if request.old_size > checkpoint.size:
            return Answer(400, b"the old size is the larger one\n")
        return self._judge(request, checkpoint, timestamp)

    def _judge(self, request: AddRequest, new: VerifiedCheckpoint, timestamp: int) -> Answer:
        held = self._store.cosigned(new.origin)
        held_size = 0 if held is None else held.size
        if held is not None and held.size == new.size and held.root != new.root:
            # Two heads of one size: whatever the caller says about the old size, this is a fork.
            self._store.keep_evidence(new.origin, held.note, new.note)
            return _conflict(held_size)
        if request.old_size != held_size:
            return _conflict(held_size)
        old_root = EMPTY_ROOT if held is None else held.root
        try:
            verify_consistency(held_size, old_root, new.size, new.root, request.proof)
        except errors.VerificationError:
            return Answer(422, b"the consistency proof does not hold\n")
        line = cosign(new, self._name, self._signer, timestamp).line
        kept = Cosigned(new.size, new.root, new.note, line)
        if not self._store.advance(new.origin, None if held is None else held.size, kept):
            moved = self._store.cosigned(new.origin)
            return _conflict(0 if moved is None else moved.size)
        return Answer(200, line)


def parse_request(body: bytes) -> AddRequest:
    """Take the body of ``add-checkpoint`` apart. Raises VerificationError
    ``witness-request-malformed``."""
    if len(body) > MAX_REQUEST_BYTES:
        raise _malformed("it is too large")
    head, gap, note = body.partition(b"\n\n")
    lines = head.split(b"\n")
    match = _OLD.fullmatch(lines[0])
    if not gap or match is None or note.startswith(b"\n"):
        raise _malformed("it does not begin with the old size and end with a checkpoint")
    old_size = int(match["size"])
    if len(lines) - 1 > MAX_PROOF_LINES or old_size > MAX_TREE_SIZE:
        raise _malformed("its proof or size is too large")
    return AddRequest(old_size, tuple(_hash(line) for line in lines[1:]), note)


def encode_request(old_size: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """The body of ``add-checkpoint``."""
    lines = [f"old {old_size}", *(base64.b64encode(each).decode() for each in proof), "", ""]
    return "\n".join(lines).encode() + note


def _hash(line: bytes) -> bytes:
    if not _HASH.fullmatch(line):
        raise _malformed("a line of its proof is not a hash")
    try:
        value = base64.b64decode(line, validate=True)
    except binascii.Error:
        raise _malformed("a line of its proof is not a hash") from None
    if len(value) != HASH_BYTES or base64.b64encode(value) != line:
        raise _malformed("a line of its proof is not a hash")
    return value


def _conflict(size: int) -> Answer:
    return Answer(409, f"{size}\n".encode(), SIZE_TYPE)


def _malformed(why: str) -> errors.VerificationError:
    return errors.VerificationError(
        WITNESS_REQUEST_MALFORMED, f"the request to the witness is malformed: {why}"
    )
