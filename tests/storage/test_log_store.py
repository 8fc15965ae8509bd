"""The log in the database, under the real log of :mod:`psihash.audit`."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash import errors
from psihash.audit.entry import log_origin, open_entry
from psihash.audit.event import Event
from psihash.audit.log import EMPTY_HEAD, Log, LogStore
from psihash.audit.merkle import Frontier, leaf_hash
from psihash.storage.checkpoints import PeerCheckpoint, PeerCheckpointStore
from psihash.storage.database import Database
from psihash.storage.log import DatabaseLogStore
from psihash.storage.peers import PeerStore

from .lists import NOW

ORIGIN = log_origin("nl-police")


class _Signer:
    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
        self.public_key = self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


def _log(store: LogStore) -> Log:
    return Log(store, ORIGIN, _Signer(), os.urandom)


def _append(log: Log, number: int) -> None:
    log.append(Event.CONFIG_CHANGE, None, {"reason": f"test {number}"}, NOW)


def test_append_and_read_back(database: Database) -> None:
    store = DatabaseLogStore(database)
    assert store.head() == EMPTY_HEAD
    assert list(store.entries(0, 10)) == []
    assert store.leaf_hashes(0, 10) == b""
    log = _log(store)
    for number in range(7):
        _append(log, number)
    entries = [open_entry(stored) for stored in store.entries(0, 100)]
    assert [entry.seq for entry in entries] == list(range(7))
    assert store.leaf_hashes(2, 5) == b"".join(leaf_hash(e.header) for e in entries[2:5])
    assert [open_entry(e).seq for e in store.entries(3, 5)] == [3, 4]
    frontier = Frontier()
    for entry in entries:
        frontier.append(entry.leaf_hash)
    assert (store.head().size, store.head().frontier) == (7, frontier.to_bytes())


def test_a_lost_swap_changes_nothing(database: Database) -> None:
    store = DatabaseLogStore(database)
    log = _log(store)
    _append(log, 0)
    head = store.head()
    (entry,) = (open_entry(stored) for stored in store.entries(0, 1))
    for stale in (0, 2, 7):
        assert store.append(stale, entry, b"other") is False
    assert store.head() == head
    assert len(list(store.entries(0, 10))) == 1


def test_reading_in_batches(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psihash.storage.log._BATCH", 3)
    store = DatabaseLogStore(database)
    log = _log(store)
    for number in range(8):
        _append(log, number)
    assert [open_entry(e).seq for e in store.entries(1, 8)] == list(range(1, 8))
    assert [open_entry(e).seq for e in store.entries(6, 99)] == [6, 7]


def test_checkpoints(database: Database) -> None:
    store = DatabaseLogStore(database)
    assert store.checkpoint(None) is None
    for size in (3, 10, 7):
        store.save_checkpoint(size, b"note %d" % size)
    store.save_checkpoint(7, b"another")
    assert store.checkpoint(7) == b"note 7"
    assert store.checkpoint(8) is None
    assert store.checkpoint(None) == b"note 10"
    assert store.checkpoints() == [(3, b"note 3"), (7, b"note 7"), (10, b"note 10")]


def test_erased_bodies_leave_the_leaves(database: Database) -> None:
    store = DatabaseLogStore(database)
    log = _log(store)
    for _ in range(6):
        log.append(Event.SESSION_OPEN, {"session": "a"}, {"reason": "test"}, NOW)
    store.erase_bodies([(0, 2), (3, 4)])
    entries = [open_entry(stored) for stored in store.entries(0, 6)]
    assert [entry.local is None for entry in entries] == [True, True, False, True, False, False]
    for entry in entries:
        parts = (entry.shared, entry.shared_blind, entry.local, entry.local_blind)
        assert len({part is None for part in parts}) == 1
    assert [open_entry(stored).seq for stored in store.with_bodies(5)] == [2, 4]
    log.checkpoint()


def test_entry_and_state_change_commit_together(database: Database) -> None:
    store = DatabaseLogStore(database)
    log, peers = _log(store), PeerStore(database)

    def add(agency: str, *, fail: bool) -> None:
        with database.transaction():
            peers.add(agency, b"card", "print", NOW)
            log.append(Event.PEER_ADDED, None, {"peer": agency}, NOW)
            if fail:
                raise ValueError

    add("nl", fail=False)
    with pytest.raises(ValueError):
        add("de", fail=True)
    assert [peer.agency for peer in peers.all()] == ["nl"]
    assert store.head().size == 1
    log.checkpoint()


def test_threads_append_at_once(database: Database) -> None:
    store = DatabaseLogStore(database)
    failures: list[Exception] = []

    def work() -> None:
        try:
            log = _log(store)
            for number in range(10):
                _append(log, number)
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [open_entry(e).seq for e in store.entries(0, 99)] == list(range(40))
    _log(store).checkpoint()


_APPENDER = """
import os, sys
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psihash.audit.entry import log_origin
from psihash.audit.event import Event
from psihash.audit.log import Log
from psihash.storage.database import Database
from psihash.storage.log import DatabaseLogStore
class Signer:
    public_key = b"0" * 32
    def sign(self, message): raise AssertionError
store = DatabaseLogStore(Database.open(sys.argv[1], spool=Path(sys.argv[2])))
log = Log(store, log_origin("nl-police"), Signer(), os.urandom)
while True:
    log.append(Event.CONFIG_CHANGE, None, {"reason": "test"}, "2026-01-01T00:00:00.000Z")
    print("done", flush=True)
"""


def test_killed_processes_lose_nothing_they_acknowledged(
    store_url: str, reopen: Callable[[], Database], tmp_path: Path
) -> None:
    store = DatabaseLogStore(reopen())
    command = [sys.executable, "-c", _APPENDER, store_url, str(tmp_path)]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    acknowledged = 0
    for child in children:
        assert child.stdout is not None
        acknowledged += len(list(itertools.islice(child.stdout, 20)))
    for child in children:
        child.kill()
        rest, _ = child.communicate()
        acknowledged += rest.count(b"done\n")
    size = store.head().size
    assert acknowledged <= size <= acknowledged + 2
    assert [open_entry(e).seq for e in store.entries(0, size + 1)] == list(range(size))
    _log(store).checkpoint()


def test_peer_checkpoints_only_move_forward(database: Database) -> None:
    store = PeerCheckpointStore(database)
    first = PeerCheckpoint("psihash/log/de", 5, b"r" * 32, b"note")
    store.save(first)
    cosigned = PeerCheckpoint("psihash/log/de", 5, b"r" * 32, b"note with cosignature")
    store.save(cosigned)
    assert store.latest("psihash/log/de") == cosigned
    for bad in (
        PeerCheckpoint("psihash/log/de", 4, b"r" * 32, b"older"),
        PeerCheckpoint("psihash/log/de", 5, b"x" * 32, b"fork"),
    ):
        with pytest.raises(errors.VerificationError) as caught:
            store.save(bad)
        assert caught.value.code == "checkpoint-not-newer"
    later = PeerCheckpoint("psihash/log/de", 9, b"q" * 32, b"later")
    store.save(later)
    store.save(PeerCheckpoint("psihash/log/at", 0, b"e" * 32, b"at"))
    assert [c.origin for c in store.all()] == ["psihash/log/at", "psihash/log/de"]
    assert store.latest("psihash/log/de") == later
    assert store.latest("psihash/log/fr") is None
