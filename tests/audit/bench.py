"""A log in memory, and keys and randomness that repeat."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash.audit.entry import Entry, StoredEntry
from psihash.audit.event import Event
from psihash.audit.log import EMPTY_HEAD, Log, LogHead

ORIGIN = "psihash/log/nl-police"
TIME = "2026-01-01T00:00:00.000Z"


class SeedSigner:
    """An Ed25519 key from a seed byte."""

    def __init__(self, seed: int) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)

    @property
    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


class CountingRng:
    """Distinct bytes for each call, the same in every run."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, count: int) -> bytes:
        self.calls += 1
        return hashlib.shake_128(self.calls.to_bytes(8, "big")).digest(count)


@dataclass
class MemoryStore:
    """A LogStore whose fields tests may damage, and whose head tests may move behind its back."""

    rows: list[StoredEntry] = field(default_factory=list)
    notes: dict[int, bytes] = field(default_factory=dict)
    at: LogHead = EMPTY_HEAD
    before_append: Callable[[], object] | None = None

    def head(self) -> LogHead:
        return self.at

    def append(self, expected_size: int, entry: Entry, new_frontier: bytes) -> bool:
        hook, self.before_append = self.before_append, None
        if hook is not None:
            hook()
        if self.at.size != expected_size:
            return False
        self.rows.append(entry.withhold())
        self.at = LogHead(expected_size + 1, new_frontier)
        return True

    def entries(self, start: int, stop: int) -> Iterator[StoredEntry]:
        yield from self.rows[start:stop]

    def leaf_hashes(self, start: int, stop: int) -> bytes:
        return b"".join(row.leaf_hash for row in self.rows[start:stop])

    def save_checkpoint(self, size: int, note: bytes) -> None:
        self.notes.setdefault(size, note)

    def checkpoint(self, size: int | None) -> bytes | None:
        if size is None:
            size = max(self.notes, default=-1)
        return self.notes.get(size)


@dataclass
class Bench:
    """A log, its store and its key."""

    store: MemoryStore
    log: Log
    signer: SeedSigner
    origin: str = ORIGIN
    time: str = TIME

    def again(self) -> Log:
        """The same log in another process."""
        return Log(self.store, ORIGIN, self.signer, CountingRng())

    def fill(self, count: int, note: str = "") -> None:
        for _ in range(count):
            self.log.append(
                Event.SESSION_OPEN, {"rung": "items", "note": note}, {"actor": "jan"}, TIME
            )


def make_log_bench() -> Bench:
    """A new, empty log under the key of seed 1."""
    store, signer = MemoryStore(), SeedSigner(1)
    return Bench(store, Log(store, ORIGIN, signer, CountingRng()), signer)
