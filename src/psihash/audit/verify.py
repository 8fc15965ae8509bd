"""Checking a log: that it is whole, unedited, and the one that its checkpoints speak of.

What :func:`verify_log` checks, in the order of the numbers in the code:

1. every checkpoint is signed by the log's key, and no two of one size differ;
2. every entry re-hashes to its leaf, and every part that is present to its commitment;
3. the entries are of this log and numbered from 0 without gaps;
4. time never goes back;
5. the tree over the entries has, at each checkpoint's size, that checkpoint's root;
6. no checkpoint reaches past the last entry.

What it cannot see: entries after the newest checkpoint that it was given (``unsigned``), and a
history that the agency shows to this verifier only. Checkpoints that others hold (``witnessed``)
are what exposes a log that was rolled back or rewritten and signed anew. Keys and witnessed
checkpoints must come from outside the log or bundle that is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from psihash import errors
from psihash.audit.checkpoint import (
    CHECKPOINT_WRONG_ORIGIN,
    VerifiedCheckpoint,
    open_checkpoint,
)
from psihash.audit.entry import ENTRY_CHANGED, Entry, StoredEntry, open_entry
from psihash.audit.merkle import (
    PROOF_INVALID,
    Frontier,
    verify_consistency,
    verify_inclusion,
)

ENTRY_MISSING = errors.define("entry-missing", "an entry was taken out of the log")
ENTRY_REORDERED = errors.define("entry-reordered", "an entry of the log stands in the wrong place")
ENTRY_BACKDATED = errors.define(
    "entry-backdated", "an entry of the log is dated before the one in front of it"
)
LOG_TRUNCATED = errors.define(
    "log-truncated", "the log ends before a checkpoint that it holds: its last entries were removed"
)
LOG_FORKED = errors.define(
    "log-forked", "the log's key signed two histories that contradict each other"
)
CHECKPOINT_ROLLED_BACK = errors.define(
    "checkpoint-rolled-back",
    "the log is an older state of itself: others hold a newer checkpoint of it",
)
CHECKPOINT_FORGED = errors.define(
    "checkpoint-forged", "a checkpoint of the log was not signed by its key, or was changed"
)
CHECKPOINT_MISSING = errors.define(
    "checkpoint-missing", "there is no checkpoint of the log, so nothing vouches for its entries"
)


class LogFault(errors.VerificationError):
    """A log does not hold. ``code`` names the cause.

    ``index`` is the number of the first bad entry, or of the bad checkpoint in the order given for
    ``checkpoint-forged``. Where only a checkpoint's root tells of the change, the bad entry lies in
    ``index <= seq < end``; else ``end`` is ``index + 1``. Entries before ``vouched`` agree with a
    signed checkpoint; from there on nothing vouches even for those before ``index``.
    """

    def __init__(
        self, code: str, message: str, index: int, end: int | None = None, vouched: int = 0
    ) -> None:
        super().__init__(code, message)
        self.index = index
        self.end = index + 1 if end is None else end
        self.vouched = vouched


_SEAL: Final = object()


@dataclass(frozen=True, slots=True)
class VerifiedLog:
    """A whole log. Only :func:`verify_log` can make one."""

    origin: str
    size: int
    root: bytes
    signed_size: int
    """Size of the newest checkpoint, own or witnessed; entries from here on have no signature."""
    witnessed_size: int
    """Size of the newest checkpoint that someone else holds; 0 for none."""
    checkpoints: int
    """How many sizes had a checkpoint; each was compared."""
    withheld_shared: int
    """Entries whose shared part is committed to but not here: erased or withheld."""
    withheld_local: int
    _seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            raise TypeError("verified logs come from verify_log")

    @property
    def unsigned(self) -> int:
        """How many entries follow the newest checkpoint."""
        return self.size - self.signed_size


@dataclass(frozen=True, slots=True)
class AcceptedCheckpoint:
    """A peer's head that extends the one we knew. Only :func:`check_peer_checkpoint` makes one."""

    checkpoint: VerifiedCheckpoint
    extends: int
    """Size of the checkpoint it was compared with; 0 at first contact."""
    _seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            raise TypeError("accepted checkpoints come from check_peer_checkpoint")


def verify_log(
    entries: Iterable[StoredEntry],
    checkpoints: Iterable[bytes],
    origin: str,
    keys: Sequence[bytes],
    *,
    witnessed: Iterable[bytes] = (),
    visit: Callable[[Entry], None] | None = None,
) -> VerifiedLog:
    """Verify a whole log in one pass and bounded memory. Raises :class:`LogFault`.

    ``checkpoints`` are the notes the log itself kept, ``witnessed`` those of it that others hold,
    ``keys`` its raw public keys, former ones too. ``visit`` sees each entry once it re-hashed; what
    it saw counts only if this function returns.
    """
    anchors = _Anchors(origin, keys, checkpoints, witnessed)
    walk = LogWalk(origin)
    remaining = iter(entries)
    for stored in remaining:
        entry = walk.take(stored, remaining)
        signed = anchors.root_at(walk.size)
        if signed is not None:
            walk.compare(signed)
        if visit is not None:
            visit(entry)
    walk.close(anchors.own_size, anchors.witnessed_size)
    return VerifiedLog(
        origin=origin,
        size=walk.size,
        root=walk.root(),
        signed_size=max(anchors.own_size, anchors.witnessed_size),
        witnessed_size=anchors.witnessed_size,
        checkpoints=len(anchors),
        withheld_shared=walk.withheld_shared,
        withheld_local=walk.withheld_local,
        _seal=_SEAL,
    )


def check_included(
    stored: StoredEntry, proof: Sequence[bytes], checkpoint: VerifiedCheckpoint
) -> Entry:
    """Verify one entry of a peer's log, shown with its inclusion proof under a checkpoint.

    Raises VerificationError: what :func:`open_entry` and :func:`verify_inclusion` raise, and
    ``checkpoint-wrong-origin`` where the entry is of another log.
    """
    entry = open_entry(stored)
    if entry.origin != checkpoint.origin:
        raise errors.VerificationError(
            CHECKPOINT_WRONG_ORIGIN, "the entry is of another log than the checkpoint"
        )
    verify_inclusion(entry.seq, checkpoint.size, entry.leaf_hash, proof, checkpoint.root)
    return entry


def check_peer_checkpoint(
    previous: VerifiedCheckpoint | None, new: VerifiedCheckpoint, proof: Sequence[bytes]
) -> AcceptedCheckpoint:
    """Check that ``new`` extends ``previous``, the newest checkpoint of that log known here.

    With ``previous`` None, at first contact, anything is accepted and ``proof`` must be empty.
    Raises VerificationError: ``checkpoint-wrong-origin``, ``checkpoint-rolled-back``,
    ``proof-malformed``, and ``log-forked`` where the two contradict each other or the proof does
    not connect them. The caller makes the new head durable before acting on it.
    """
    if previous is None:
        verify_consistency(0, Frontier().root(), new.size, new.root, proof)
        return AcceptedCheckpoint(new, 0, _seal=_SEAL)
    if previous.origin != new.origin:
        raise errors.VerificationError(
            CHECKPOINT_WRONG_ORIGIN, "the two checkpoints are of different logs"
        )
    if new.size < previous.size:
        raise errors.VerificationError(
            CHECKPOINT_ROLLED_BACK,
            f"the log had {previous.size} entries before and now says it has {new.size}",
        )
    try:
        verify_consistency(previous.size, previous.root, new.size, new.root, proof)
    except errors.VerificationError as error:
        if error.code != PROOF_INVALID:
            raise
        raise errors.VerificationError(
            LOG_FORKED,
            f"the log of {new.size} entries does not extend the {previous.size} known before",
        ) from None
    return AcceptedCheckpoint(new, previous.size, _seal=_SEAL)


class _Anchors:
    """The roots that the log's key signed, by size (obligation 1)."""

    def __init__(
        self,
        origin: str,
        keys: Sequence[bytes],
        own: Iterable[bytes],
        witnessed: Iterable[bytes],
    ) -> None:
        self._roots: dict[int, bytes] = {}
        self.own_size = self._add(origin, keys, own)
        self.witnessed_size = self._add(origin, keys, witnessed)
        if not self._roots:
            raise LogFault(CHECKPOINT_MISSING, "there is no checkpoint of the log", 0)

    def _add(self, origin: str, keys: Sequence[bytes], notes: Iterable[bytes]) -> int:
        newest = 0
        for number, note in enumerate(notes):
            try:
                checkpoint = open_checkpoint(note, origin, *keys)
            except errors.VerificationError as error:
                raise LogFault(CHECKPOINT_FORGED, f"checkpoint {number}: {error}", number) from None
            size = checkpoint.size
            if self._roots.setdefault(size, checkpoint.root) != checkpoint.root:
                raise LogFault(LOG_FORKED, f"two signed heads of size {size} differ", 0, size)
            newest = max(newest, size)
        return newest

    def __len__(self) -> int:
        return len(self._roots)

    def root_at(self, size: int) -> bytes | None:
        return self._roots.get(size)


class LogWalk:
    """The tree as it grows entry by entry, and what was found on the way.

    ``start`` is the tree over the entries that are not looked at, for a log shown from some entry
    on: the roots compared later cover them too.
    """

    def __init__(self, origin: str, start: Frontier | None = None) -> None:
        self._origin = origin
        self._tree = Frontier() if start is None else start
        self._time = ""
        self._vouched = 0  # size of the newest checkpoint that the entries lead to
        self._earlier: LogFault | None = None
        self.withheld_shared = 0
        self.withheld_local = 0

    @property
    def size(self) -> int:
        return self._tree.size

    def root(self) -> bytes:
        return self._tree.root()

    def take(self, stored: StoredEntry, following: Iterator[StoredEntry]) -> Entry:
        """The next entry; ``following`` are those behind it, to name what is wrong with its
        place. Raises :class:`LogFault`."""
        index = self._tree.size
        try:
            entry = open_entry(stored)  # obligation 2
        except errors.VerificationError as error:
            raise self._fault(ENTRY_CHANGED, f"entry {index}: {error}") from None
        self._check_place(entry, following)
        if entry.time < self._time:  # obligation 4
            raise self._fault(ENTRY_BACKDATED, f"entry {index} is dated before entry {index - 1}")
        self._time = entry.time
        self.withheld_shared += entry.has_shared and entry.shared is None
        self.withheld_local += entry.has_local and entry.local is None
        self._tree.append(entry.leaf_hash)
        return entry

    def compare(self, signed: bytes) -> None:
        """Obligation 5: ``signed`` is the root that the key signed for the present size. After a
        difference the walk goes on, because a later checkpoint that does agree shows who is at
        fault: then the key itself signed both histories."""
        size, earlier = self._tree.size, self._earlier
        if signed != self._tree.root():
            self._earlier = earlier or LogFault(
                ENTRY_CHANGED,
                f"an entry from {self._vouched} on, before {size}, was changed",
                self._vouched,
                size,
                self._vouched,
            )
        elif earlier is None:
            self._vouched = size
        else:
            raise LogFault(
                LOG_FORKED,
                f"the signed heads of sizes {earlier.end} and {size} contradict each other",
                earlier.index,
                earlier.end,
                earlier.vouched,
            )

    def close(self, own: int, witnessed: int) -> None:
        """After the last entry: the largest sizes that the log signed, and that others hold."""
        size = self._tree.size
        if self._earlier is not None:
            raise self._earlier
        if size < own:  # obligation 6
            raise self._fault(LOG_TRUNCATED, f"the log ends at {size}; it was signed at {own}", own)
        if size < witnessed:
            raise self._fault(
                CHECKPOINT_ROLLED_BACK, f"the log ends at {size}; others saw {witnessed}", witnessed
            )

    def _check_place(self, entry: Entry, following: Iterator[StoredEntry]) -> None:
        """Obligation 3."""
        index = self._tree.size
        if entry.origin != self._origin:
            raise self._fault(ENTRY_CHANGED, f"entry {index} belongs to another log")
        if entry.seq == index:
            return
        if entry.seq < index or _comes_later(index, following):
            raise self._fault(ENTRY_REORDERED, f"entry {entry.seq} stands at {index}")
        raise self._fault(ENTRY_MISSING, f"entry {index} is missing")

    def _fault(self, code: str, message: str, end: int | None = None) -> LogFault:
        """What is wrong at the present place, or what was wrong before."""
        fault = LogFault(code, message, self._tree.size, end, self._vouched)
        return self._earlier or fault


def _comes_later(index: int, following: Iterator[StoredEntry]) -> bool:
    for stored in following:
        try:
            if open_entry(stored).seq == index:
                return True
        except errors.VerificationError:
            continue
    return False
