"""Verifying a bundle: with anchors from outside it, in one pass and bounded memory.

What :func:`verify_bundle` checks, in the order of the numbers in the code:

1. the agency's cards in the bundle follow from a card or key that is trusted, keys signed in their
   order, and the newest checkpoint and the seal are by the present one;
2. every checkpoint is signed by a key of the log, and every cosignature by a known cosigner holds;
3. every entry re-hashes, each part that is present matches its commitment;
4. kind ``log``: entries are numbered without gaps, time never goes back, and at each checkpoint the
   tree over them has its root, which earlier checkpoints are proven to lead to;
   other kinds: each entry is proven to be in the tree of the newest checkpoint, in ascending order,
   and each older checkpoint to be of the same history;
5. kind ``peer``: no entry shows a local part; kind ``session``: each entry that tells is of it;
6. heads that others hold agree, those that the bundle reaches without exception
   (:mod:`psihash.audit.held`);
7. the seal: the log's key signed these very lines, and no entry is younger than the bundle.

What it cannot see is told in :class:`VerifiedBundle`: entries without a signature, parts that were
erased or withheld, who did not cosign.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from psihash import errors
from psihash.audit.bundle import (
    CheckpointLine,
    DocumentLine,
    EntryLine,
    Kind,
    Line,
    Reader,
    SealLine,
    Source,
    malformed,
)
from psihash.audit.bundle_state import BundleState, CosignedBy, VerifiedBundle
from psihash.audit.checkpoint import VerifiedCheckpoint
from psihash.audit.entry import ENTRY_CHANGED, Entry, StoredEntry
from psihash.audit.merkle import Frontier, verify_consistency
from psihash.audit.trust import KeyHistory, Trust
from psihash.audit.verify import (
    CHECKPOINT_MISSING,
    ENTRY_REORDERED,
    LOG_FORKED,
    LogFault,
    LogWalk,
    check_included,
)

__all__ = ["CosignedBy", "VerifiedBundle", "verify_bundle"]


def verify_bundle(
    source: Source, trust: Trust, visit: Callable[[Entry], None] | None = None
) -> VerifiedBundle:
    """Verify a bundle and say what it holds. Raises VerificationError, :class:`LogFault` among
    them, with the cause. ``visit`` sees each entry once it re-hashed; what it saw counts only if
    this function returns."""
    reader = Reader(source)
    header = reader.header()
    history = KeyHistory(header.origin, trust, header.cards)  # obligation 1
    state = BundleState(header, history, trust, visit)
    lines = reader.lines()
    check = _Whole(state) if header.kind is Kind.LOG else _Selected(state)
    seal = check.run(lines)
    return state.finish(check.head, check.entries, check.unsigned, seal, check.walk)


class _Whole:
    """Obligations 3 and 4 for a log from some entry on."""

    def __init__(self, state: BundleState) -> None:
        self._state = state
        header = state.header
        try:
            start = Frontier.from_bytes(header.frontier)
        except errors.InputError:
            raise malformed("the tree that it starts from is not one") from None
        if start.size != header.start or (header.since is None and header.start):
            raise malformed("the tree that it starts from is of another size")
        if header.peer is not None or header.session is not None:
            raise malformed("a whole log is not of one peer or session")
        self._start, self._start_root = header.start, start.root()
        self.walk = LogWalk(header.origin, start)
        self._head: VerifiedCheckpoint | None = None
        self._earlier = 0
        self._fork: LogFault | None = None
        self.entries = 0

    @property
    def head(self) -> VerifiedCheckpoint:
        if self._head is None:
            raise LogFault(CHECKPOINT_MISSING, "the bundle has no checkpoint", 0)
        return self._head

    @property
    def unsigned(self) -> int:
        return self.walk.size - self.head.size

    def run(self, lines: Iterator[Line]) -> SealLine:
        walk, own = self.walk, 0
        self._compare_held()
        for line in lines:
            match line:
                case EntryLine(stored, proof):
                    if proof is not None:
                        raise malformed("an entry has a proof that it does not need")
                    entry = walk.take(stored, _entries(lines))
                    self.entries += 1
                    self._compare_held()
                    self._state.saw(entry)
                case CheckpointLine(note, None):
                    own = self._checkpoint(note)
                case CheckpointLine(note, proof):
                    self._before_start(note, proof or ())
                case DocumentLine():
                    self._state.document(line)
                case SealLine():
                    walk.close(own, 0)
                    if self._fork is not None:
                        raise self._fork
                    return line
        raise AssertionError("the reader ends with the seal")

    def _compare_held(self) -> None:
        """Obligation 6, at every size: the bundle's maker chooses where checkpoints stand."""
        for root in self._state.held.roots(self.walk.size):
            self.walk.compare(root)

    def _before_start(self, note: bytes, proof: tuple[bytes, ...]) -> None:
        """A checkpoint of before the first entry, proven to lead to the tree that it starts from.
        Whether that tree is the log's own is known when the entries led to a signed root."""
        if self.entries or self._head is not None:
            raise malformed("a checkpoint has a proof that it does not need")
        opened = self._state.checkpoint(note, 0, newest=True)
        if not self._earlier < opened.size < self._start:
            raise malformed("a checkpoint stands in the wrong place")
        self._earlier = opened.size
        try:
            verify_consistency(opened.size, opened.root, self._start, self._start_root, proof)
        except errors.VerificationError as error:
            self._fork = self._fork or _fork(opened.size, self._start, error)

    def _checkpoint(self, note: bytes) -> int:
        walk = self.walk
        opened = self._state.checkpoint(note, walk.size, newest=True)
        if opened.size < walk.size or (self._head is not None and opened.size <= self._head.size):
            raise LogFault(
                ENTRY_REORDERED,
                f"the checkpoint of size {opened.size} stands behind entry {walk.size - 1}",
                opened.size,
            )
        self._head = opened
        if opened.size == walk.size:
            walk.compare(opened.root)
        # Else entries before it are missing: the next entry's number tells, or the end does.
        return opened.size


class _Selected:
    """Obligations 3 to 5 for chosen entries with proofs."""

    def __init__(self, state: BundleState) -> None:
        self._state = state
        header = state.header
        wanted = header.peer if header.kind is Kind.PEER else header.session
        if wanted is None or header.start or Frontier().to_bytes() != header.frontier:
            raise malformed("it does not say whose entries it holds")
        self._head: VerifiedCheckpoint | None = None
        self._last = -1
        self._time = ""
        self.entries = 0
        self.unsigned = 0
        self.walk = None

    @property
    def head(self) -> VerifiedCheckpoint:
        if self._head is None:
            raise LogFault(CHECKPOINT_MISSING, "the bundle has no checkpoint", 0)
        return self._head

    def run(self, lines: Iterator[Line]) -> SealLine:
        for line in lines:
            match line:
                case CheckpointLine(note, proof):
                    self._checkpoint(note, proof)
                case EntryLine(stored, proof):
                    self._entry(stored, proof)
                case DocumentLine():
                    self._state.document(line)
                case SealLine():
                    self.head  # noqa: B018 - there must be one
                    return line
        raise AssertionError("the reader ends with the seal")

    def _checkpoint(self, note: bytes, proof: tuple[bytes, ...] | None) -> None:
        if self.entries or (proof is None) != (self._head is None):
            raise malformed("a checkpoint stands in the wrong place")
        opened = self._state.checkpoint(note, 0, newest=False)
        if self._head is None or proof is None:
            self._head = opened
            return
        head = self._head
        try:
            verify_consistency(opened.size, opened.root, head.size, head.root, proof)
        except errors.VerificationError as error:
            raise _fork(opened.size, head.size, error) from None

    def _entry(self, stored: StoredEntry, proof: tuple[bytes, ...] | None) -> None:
        number, state = self.entries, self._state
        if proof is None:
            raise malformed("an entry has no proof")
        try:
            entry = check_included(stored, proof, self.head)
        except errors.VerificationError as error:
            raise LogFault(ENTRY_CHANGED, f"entry line {number}: {error}", number) from None
        if entry.seq <= self._last or entry.time < self._time:
            raise LogFault(ENTRY_REORDERED, f"entry {entry.seq} stands at the wrong place", number)
        self._last, self._time = entry.seq, entry.time
        self._check_belongs(entry)
        self.entries += 1
        state.erased_shared += entry.has_shared and entry.shared is None
        state.erased_local += entry.has_local and entry.local is None
        state.saw(entry)

    def _check_belongs(self, entry: Entry) -> None:
        """Obligation 5."""
        header = self._state.header
        if header.kind is Kind.PEER and (entry.local is not None or not entry.has_shared):
            raise malformed("it shows what is not for a peer")
        if header.kind is Kind.SESSION:
            told = [facts for facts in (entry.shared_facts(), entry.local_facts()) if facts]
            if told and not any(facts.get("session") == header.session for facts in told):
                raise malformed("an entry is of another session")


def _fork(earlier: int, later: int, why: errors.VerificationError) -> LogFault:
    return LogFault(
        LOG_FORKED,
        f"the heads of sizes {earlier} and {later} are not of one log: {why}",
        0,
        later,
    )


def _entries(lines: Iterator[Line]) -> Iterator[StoredEntry]:
    """The entries that follow, to name what is wrong with one's place."""
    try:
        for line in lines:
            if isinstance(line, EntryLine):
                yield line.stored
    except errors.VerificationError:
        return
