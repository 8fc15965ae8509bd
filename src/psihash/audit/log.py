"""Appending to the log and speaking for it: entries, checkpoints, proofs.

Everything durable goes through the port :class:`LogStore`. Its head moves by compare-and-swap, so
that several processes may append to one log; each entry, its leaf hash and the new head become
durable in one step or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from psihash import errors
from psihash.audit.checkpoint import VerifiedCheckpoint, open_checkpoint, sign_checkpoint
from psihash.audit.entry import Entry, Rng, StoredEntry, build_entry, check_time, open_entry
from psihash.audit.event import Event
from psihash.audit.merkle import HASH_BYTES, Frontier, StoredTree
from psihash.audit.note import Signer

LOG_CONTENDED = errors.define(
    "log-contended", "other processes kept appending to the log; nothing was recorded"
)
LOG_DAMAGED = errors.define(
    "log-damaged",
    "the stored log contradicts itself or a checkpoint that was signed; nothing more is signed",
)
LOG_NO_SUCH_SIZE = errors.define("log-no-such-size", "the log does not have that many entries")

_MAX_ATTEMPTS: Final = 256
"""Each lost round means that another process appended, so this many in a row is a fault."""

_CHUNK: Final = 65_536
"""Leaf hashes read at a time: 2 MiB."""


@dataclass(frozen=True, slots=True)
class LogHead:
    """Where the log ends: the number of entries and :meth:`Frontier.to_bytes` at that size."""

    size: int
    frontier: bytes


EMPTY_HEAD: Final = LogHead(0, Frontier().to_bytes())
"""The head of a log without entries: what a store returns before the first append."""


class LogStore(Protocol):
    """Where one log is kept. Entries are numbered from 0 without gaps; none ever changes."""

    def head(self) -> LogHead:
        """The committed head; :data:`EMPTY_HEAD` for a new log."""

    def append(self, expected_size: int, entry: Entry, new_frontier: bytes) -> bool:
        """In one atomic, durable step store ``entry`` as number ``expected_size`` and move the
        head to ``(expected_size + 1, new_frontier)``. False, and nothing changed, where the
        head's size is no longer ``expected_size``."""

    def entries(self, start: int, stop: int) -> Iterator[StoredEntry]:
        """The entries ``start <= seq < stop`` in ascending order; parts that were erased are
        None. Ends early where the log does. Where a row is gone, yields those behind it all the
        same, so that verification can tell a gap from an end."""

    def leaf_hashes(self, start: int, stop: int) -> bytes:
        """The leaf hashes of ``start <= seq < stop``, 32 bytes each, joined."""

    def save_checkpoint(self, size: int, note: bytes) -> None:
        """Keep a signed checkpoint durably. A second one of the same size replaces nothing: the
        first stays."""

    def checkpoint(self, size: int | None) -> bytes | None:
        """The checkpoint kept for ``size``, or the one of the largest size for None."""


class Log:
    """One agency's log, to append to and to speak for.

    ``origin`` is :func:`~psihash.audit.entry.log_origin` of the agency. ``former_keys`` are the raw
    public keys that signed checkpoints of this log before ``signer`` did.
    """

    def __init__(
        self,
        store: LogStore,
        origin: str,
        signer: Signer,
        rng: Rng,
        former_keys: Sequence[bytes] = (),
    ) -> None:
        self._store = store
        self._origin = origin
        self._signer = signer
        self._rng = rng
        self._keys = (signer.public_key, *former_keys)
        # What this process has re-hashed so far, so that each checkpoint checks only what is new.
        self._checked = Frontier()

    @property
    def origin(self) -> str:
        return self._origin

    def append(
        self,
        event: Event,
        shared: Mapping[str, Any] | None,
        local: Mapping[str, Any],
        time: str,
    ) -> Entry:
        """Record an event durably and return its entry.

        ``time`` is the caller's clock as ``2026-01-31T23:59:59.999Z``; where that lies before the
        last entry's time, the last entry's stands, because time in a log never goes back. Raises
        StateError or InputError for what has no place in a log, ``log-contended``, ``log-damaged``,
        and what the store raises. Nothing is recorded then, but for a store that failed after it
        had committed.
        """
        check_time(time)
        for _ in range(_MAX_ATTEMPTS):
            head = self._store.head()
            frontier = _frontier(head)
            entry = build_entry(
                self._origin,
                head.size,
                self._not_before(head, time),
                event,
                shared,
                local,
                self._rng,
            )
            frontier.append(entry.leaf_hash)
            if self._store.append(head.size, entry, frontier.to_bytes()):
                return entry
        raise errors.StorageError(
            LOG_CONTENDED, "other processes kept appending to the log; nothing was recorded"
        )

    def checkpoint(self) -> bytes:
        """Sign the present head and return the note, which is durable by then.

        Re-hashes what was appended since the last call and refuses (``log-damaged``) to sign a head
        that does not extend what was signed before: two such notes would convict this agency of
        forking its log.
        """
        # In this order: a checkpoint that another process signs in between is past our head.
        signed = self._last_signed()
        head = self._store.head()
        frontier = self._recheck(signed, head)
        note = sign_checkpoint(self._origin, head.size, frontier.root(), self._signer)
        self._store.save_checkpoint(head.size, note)
        return note

    def tree(self, size: int | None = None) -> StoredTree:
        """The tree over the first ``size`` entries, or all, for many proofs at once."""
        held = self._store.head().size
        size = held if size is None else size
        if not 0 <= size <= held:
            raise errors.InputError(LOG_NO_SUCH_SIZE, "the log is not that long")
        return StoredTree(b"".join(self._leaf_chunks(0, size)))

    def inclusion(self, seq: int, size: int) -> list[bytes]:
        """Proof that entry ``seq`` is in the log of ``size`` entries (of a checkpoint)."""
        return self.tree(size).inclusion_proof(seq)

    def consistency(self, old_size: int, size: int | None = None) -> list[bytes]:
        """Proof that the log of ``size`` entries, or the present one, extends that of
        ``old_size``."""
        return self.tree(size).consistency_proof(old_size)

    def _not_before(self, head: LogHead, time: str) -> str:
        if head.size == 0:
            return time
        last = list(self._store.entries(head.size - 1, head.size))
        if len(last) != 1:
            raise _damaged("its last entry is missing")
        try:
            # Only the header counts here; a part may have been erased, even while we look.
            entry = open_entry(last[0].withhold(shared=True, local=True))
        except errors.VerificationError:
            raise _damaged("its last entry was changed") from None
        if (entry.origin, entry.seq) != (self._origin, head.size - 1):
            raise _damaged("its last entry is not the one that belongs there")
        return max(time, entry.time)

    def _last_signed(self) -> VerifiedCheckpoint | None:
        note = self._store.checkpoint(None)
        if note is None:
            return None
        try:
            return open_checkpoint(note, self._origin, *self._keys)
        except errors.VerificationError:
            raise _damaged("its last checkpoint was changed") from None

    def _recheck(self, signed: VerifiedCheckpoint | None, head: LogHead) -> Frontier:
        """Re-hash the leaves up to ``head``, passing through ``signed``."""
        frontier = Frontier.from_bytes(self._checked.to_bytes())
        if signed is not None:
            if signed.size > head.size:
                raise _damaged("it ends before a checkpoint that was signed")
            if frontier.size <= signed.size:
                self._grow(frontier, signed.size)
                if frontier.root() != signed.root:
                    raise _damaged("it does not lead to the last checkpoint")
        self._grow(frontier, head.size)
        if frontier.to_bytes() != head.frontier:
            raise _damaged("its head does not follow from its entries")
        self._checked = frontier
        return frontier

    def _grow(self, frontier: Frontier, size: int) -> None:
        for chunk in self._leaf_chunks(frontier.size, size):
            frontier.extend(chunk)

    def _leaf_chunks(self, start: int, stop: int) -> Iterator[bytes]:
        for at in range(start, stop, _CHUNK):
            end = min(at + _CHUNK, stop)
            chunk = self._store.leaf_hashes(at, end)
            if len(chunk) != (end - at) * HASH_BYTES:
                raise _damaged("entries are missing")
            yield chunk


def _frontier(head: LogHead) -> Frontier:
    try:
        frontier = Frontier.from_bytes(head.frontier)
    except errors.InputError:
        raise _damaged("its head is malformed") from None
    if frontier.size != head.size:
        raise _damaged("its head contradicts itself")
    return frontier


def _damaged(why: str) -> errors.VerificationError:
    return errors.VerificationError(
        LOG_DAMAGED, f"the stored log is damaged: {why}", hint="run `psihash audit verify`"
    )
