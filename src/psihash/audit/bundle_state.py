"""What the checks of a bundle gather on their way, and the bundle that came to hold.

Used by :mod:`psihash.audit.bundle_verify` alone, which numbers the obligations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from psihash import errors
from psihash.audit.bundle import (
    BUNDLE_CHANGED,
    MAX_DOCUMENTS,
    DocumentLine,
    Header,
    Kind,
    SealLine,
    malformed,
    seal_text,
)
from psihash.audit.checkpoint import VerifiedCheckpoint
from psihash.audit.cosignature import Cosigner, cosignatures
from psihash.audit.entry import Entry
from psihash.audit.held import HeldCount, HeldHeads
from psihash.audit.note import open_note, parse_note
from psihash.audit.trust import KEY_HISTORY_FORGED, KeyHistory, Trust
from psihash.audit.verify import CHECKPOINT_FORGED, LogFault, LogWalk

BUNDLE_BACKDATED = errors.define(
    "bundle-backdated", "a bundle says that it was made before the last of its own entries"
)

_SEAL: Final = object()
MAX_DOCUMENT_BYTES: Final = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CosignedBy:
    """The largest head that one cosigner vouches for."""

    name: str
    size: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class VerifiedBundle:
    """A bundle that holds. Only :func:`verify_bundle` makes one."""

    header: Header
    size: int
    """Size of the newest checkpoint, that everything is proven under."""
    root: bytes
    entries: int
    checkpoints: int
    unsigned: int
    """Entries behind the newest checkpoint; only the bundle's seal vouches for them."""
    erased_shared: int
    """Entries whose shared part was erased or withheld."""
    erased_local: int
    cosigned: tuple[CosignedBy, ...]
    unknown_cosigners: tuple[str, ...]
    """Names on checkpoints that nothing trusted speaks of; at most 64."""
    held: HeldCount
    """How far it was held against the heads that others hold."""
    made: str
    """The earliest time at which it can have been made: what it says, or what is held tells."""
    first_time: str | None
    last_time: str | None
    keys: int
    """Keys that the log has had, as far as the trusted cards lead."""
    documents: tuple[DocumentLine, ...]
    """Not checked here."""
    _seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            raise TypeError("verified bundles come from verify_bundle")


class BundleState:
    """What both ways of checking have in common."""

    def __init__(
        self,
        header: Header,
        history: KeyHistory,
        trust: Trust,
        visit: Callable[[Entry], None] | None,
    ) -> None:
        self.header, self.history, self.visit = header, history, visit
        self.cosigners = trust.all_cosigners(header.origin)
        self._names = {(each.name, each.key_id) for each in self.cosigners}
        self._by: dict[Cosigner, CosignedBy] = {}
        self._unknown: set[str] = set()
        self.first_time: str | None = None
        self.last_time: str | None = None
        self.checkpoints = 0
        self.documents: list[DocumentLine] = []
        self._document_bytes = 0
        self.held = HeldHeads(history, trust)
        self.erased_shared = 0
        self.erased_local = 0

    def checkpoint(self, note: bytes, index: int, *, newest: bool) -> VerifiedCheckpoint:
        """Obligations 2 and 6. ``newest`` where it is newer than all that came before."""
        try:
            opened = self.history.open_next(note) if newest else self.history.open(note)
            for found in cosignatures(opened, self.cosigners):
                best = self._by.get(found.cosigner)
                if best is None or best.size < found.size:
                    name = found.cosigner.name
                    self._by[found.cosigner] = CosignedBy(name, found.size, found.timestamp)
        except errors.VerificationError as error:
            if error.code == KEY_HISTORY_FORGED:
                raise
            raise LogFault(
                CHECKPOINT_FORGED, f"checkpoint {self.checkpoints}: {error}", index
            ) from None
        self.checkpoints += 1
        for line in parse_note(note).signatures:
            known = line.name == opened.origin or (line.name, line.key_id) in self._names
            if not known and len(self._unknown) < 64:
                self._unknown.add(line.name)
        self.held.compare(opened.size, opened.root)
        return opened

    def saw(self, entry: Entry) -> None:
        self.first_time = self.first_time or entry.time
        self.last_time = entry.time
        if self.visit is not None:
            self.visit(entry)

    def document(self, line: DocumentLine) -> None:
        self._document_bytes += len(line.body)
        names = {each.name for each in self.documents}
        if (
            self.header.kind is not Kind.SESSION
            or len(self.documents) >= MAX_DOCUMENTS
            or self._document_bytes > MAX_DOCUMENT_BYTES
            or line.name in names
        ):
            raise malformed("it has documents that do not belong there")
        self.documents.append(line)

    def finish(
        self,
        head: VerifiedCheckpoint,
        entries: int,
        unsigned: int,
        seal: SealLine,
        walk: LogWalk | None,
    ) -> VerifiedBundle:
        self._check_seal(seal, entries)
        self.history.require_present(head.note)
        if self.last_time is not None and self.last_time > self.header.made:
            raise errors.VerificationError(
                BUNDLE_BACKDATED,
                f"the bundle says that it was made {self.header.made}, and has an entry of"
                f" {self.last_time}",
            )
        made = self.held.earliest(self.header.made)
        held = self.held.finish(head.size + unsigned, made)  # obligation 6
        return VerifiedBundle(
            header=self.header,
            size=head.size,
            root=head.root,
            entries=entries,
            checkpoints=self.checkpoints,
            unsigned=unsigned,
            erased_shared=self.erased_shared if walk is None else walk.withheld_shared,
            erased_local=self.erased_local if walk is None else walk.withheld_local,
            cosigned=tuple(sorted(self._by.values(), key=lambda each: (-each.size, each.name))),
            unknown_cosigners=tuple(sorted(self._unknown)),
            held=held,
            made=made,
            first_time=self.first_time,
            last_time=self.last_time,
            keys=len(self.history.keys),
            documents=tuple(self.documents),
            _seal=_SEAL,
        )

    def _check_seal(self, seal: SealLine, entries: int) -> None:
        """Obligation 7."""
        if seal.entries != entries:
            raise errors.VerificationError(
                BUNDLE_CHANGED, "the bundle does not have as many entries as it was sealed with"
            )
        try:
            text = open_note(seal.note, self.header.origin, *self.history.keys)
        except errors.VerificationError:
            raise errors.VerificationError(
                BUNDLE_CHANGED, "the bundle's seal is not by the log's key"
            ) from None
        if text != seal_text(self.header.origin, entries, seal.digest):
            raise errors.VerificationError(
                BUNDLE_CHANGED, "the bundle's lines are not those that were sealed"
            )
        self.history.require_present(seal.note)
