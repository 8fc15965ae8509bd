"""Writing bundles: lines as bytes, one after the other, closed by a seal of the log's key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from psihash.audit.bundle import (
    CheckpointLine,
    DocumentLine,
    EntryLine,
    Header,
    entry_line,
    header_lines,
    line,
    seal_text,
)
from psihash.audit.entry import StoredEntry
from psihash.audit.note import Signer, sign_note


@dataclass(frozen=True, slots=True)
class Written:
    """What a bundle came to hold."""

    entries: int
    checkpoints: int
    bytes: int


class BundleWriter:
    """Makes the lines of one bundle. Pass everything through :meth:`write`, in order, then
    :meth:`close`; hand each result on as it comes."""

    def __init__(self, header: Header, signer: Signer) -> None:
        self._header, self._signer = header, signer
        self._digest = hashlib.sha256()
        self._entries = self._checkpoints = self._bytes = 0

    def begin(self) -> bytes:
        return self._counted(b"".join(header_lines(self._header)))

    def write(self, part: EntryLine | CheckpointLine | DocumentLine) -> bytes:
        match part:
            case EntryLine(stored, proof):
                self._entries += 1
                return self._counted(entry_line(stored, proof))
            case CheckpointLine(note, proof):
                self._checkpoints += 1
                joined = None if proof is None else b"".join(proof)
                return self._counted(line("checkpoint", note, joined))
            case DocumentLine(name, body):
                return self._counted(line("document", name, body))

    def close(self) -> bytes:
        text = seal_text(self._header.origin, self._entries, self._digest.digest())
        note = sign_note(text, self._header.origin, self._signer)
        return self._counted(line("seal", self._entries, note))

    @property
    def written(self) -> Written:
        return Written(self._entries, self._checkpoints, self._bytes)

    def _counted(self, data: bytes) -> bytes:
        self._digest.update(data)
        self._bytes += len(data)
        return data


def whole_log(
    start: int,
    entries: Iterable[StoredEntry],
    checkpoints: Mapping[int, bytes],
    earlier: Sequence[tuple[bytes, Sequence[bytes]]] = (),
) -> Iterator[EntryLine | CheckpointLine]:
    """Entries from ``start`` on, each checkpoint behind the last entry that it covers; in front of
    them checkpoints of less than ``start`` with consistency proofs to the tree of that size."""
    for note, proof in earlier:
        yield CheckpointLine(note, tuple(proof))
    size = start
    if size in checkpoints:
        yield CheckpointLine(checkpoints[size], None)
    for stored in entries:
        yield EntryLine(stored, None)
        size += 1
        if size in checkpoints:
            yield CheckpointLine(checkpoints[size], None)


def selection(
    head: bytes,
    earlier: Sequence[tuple[bytes, Sequence[bytes]]],
    entries: Iterable[tuple[StoredEntry, Sequence[bytes]]],
    documents: Iterable[tuple[str, bytes]] = (),
) -> Iterator[EntryLine | CheckpointLine | DocumentLine]:
    """Some entries with inclusion proofs under ``head``, and earlier heads with consistency
    proofs to it."""
    yield CheckpointLine(head, None)
    for note, proof in earlier:
        yield CheckpointLine(note, tuple(proof))
    for stored, proof in entries:
        yield EntryLine(stored, tuple(proof))
    for name, body in documents:
        yield DocumentLine(name, body)
