"""Commitments: leaves that only grow, and roots that never go back."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from psihash import errors
from psihash.storage.commitments import (
    CHUNK_LEAVES,
    CommitmentKey,
    CommitmentStore,
    PeerRoot,
    RootRow,
)
from psihash.storage.database import Database
from psihash.terms import AlgorithmId

from .lists import LATER, NOW

KEY = CommitmentKey("a1", "op1", AlgorithmId.MD5)


def _leaves(start: int, stop: int) -> tuple[bytes, list[bytes | None]]:
    hashes = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(start, stop))
    digests = [None if n % 3 == 0 else hashlib.md5(b"%d" % n).digest() for n in range(start, stop)]
    return hashes, digests


@pytest.mark.parametrize(
    "cuts",
    [
        [5],
        [1, 2, 3],
        [CHUNK_LEAVES],
        [CHUNK_LEAVES - 1, CHUNK_LEAVES, CHUNK_LEAVES + 1],
        [7, 3 * CHUNK_LEAVES + 9, 3 * CHUNK_LEAVES + 10],
    ],
)
def test_leaves_come_back(database: Database, cuts: list[int]) -> None:
    store = CommitmentStore(database)
    store.create(KEY, b"sealed", NOW)
    store.create(replace(KEY, opaque_id="op2"), b"other", NOW)
    size = 0
    for cut in cuts:
        assert store.append(KEY, size, *_leaves(size, cut), b"root %d" % cut, LATER)
        size = cut
    hashes, digests = _leaves(0, size)
    chunks = list(store.chunks(KEY))
    assert [c.start for c in chunks] == list(range(0, size, CHUNK_LEAVES))
    assert b"".join(c.leaf_hashes for c in chunks) == hashes == store.leaf_hashes(KEY)
    assert [d for c in chunks for d in c.digests] == digests
    assert store.chunk(KEY, 0) == chunks[0]
    assert store.get(KEY).size == size
    assert store.roots(KEY) == [RootRow(cut, b"root %d" % cut, LATER) for cut in cuts]
    assert list(store.chunks(replace(KEY, opaque_id="op2"))) == []


def test_a_lost_swap_changes_nothing(database: Database) -> None:
    store = CommitmentStore(database)
    store.create(KEY, b"sealed", NOW)
    assert store.append(KEY, 0, *_leaves(0, 4), b"root", NOW)
    for stale in (0, 3, 5):
        assert not store.append(KEY, stale, *_leaves(0, 4), b"other", NOW)
    assert store.leaf_hashes(KEY) == _leaves(0, 4)[0]
    assert [r.root for r in store.roots(KEY)] == [b"root"]


def test_bad_leaves_are_a_bug(database: Database) -> None:
    store = CommitmentStore(database)
    store.create(KEY, b"sealed", NOW)
    for hashes, digests in ((b"x" * 31, [None]), (b"x" * 32, [b"short"]), (b"", [])):
        with pytest.raises(ValueError):
            store.append(KEY, 0, hashes, digests, b"root", NOW)
    assert store.get(KEY).size == 0


def test_unknown_and_existing(database: Database) -> None:
    store = CommitmentStore(database)
    for call in (
        lambda: store.get(KEY),
        lambda: store.append(KEY, 0, *_leaves(0, 1), b"root", NOW),
        lambda: store.chunk(KEY, 0),
        lambda: list(store.chunks(KEY)),
    ):
        with pytest.raises(errors.NotFoundError) as unknown:
            call()
        assert unknown.value.code == "unknown-commitment"
    store.create(KEY, b"sealed", NOW)
    with pytest.raises(errors.StateError) as exists:
        store.create(KEY, b"sealed", NOW)
    assert exists.value.code == "commitment-exists"


def test_forgetting_digests_keeps_the_leaves(database: Database) -> None:
    store = CommitmentStore(database)
    store.create(KEY, b"sealed", NOW)
    hashes, digests = _leaves(0, CHUNK_LEAVES + 10)
    store.append(KEY, 0, hashes, digests, b"root", NOW)
    erased = {d for d in (digests[1], digests[2], digests[CHUNK_LEAVES + 1]) if d is not None}
    assert store.forget(KEY, erased) == len(erased)
    assert store.forget(KEY, erased) == 0
    kept = [d for chunk in store.chunks(KEY) for d in chunk.digests]
    assert kept == [None if d in erased else d for d in digests]
    assert store.leaf_hashes(KEY) == hashes


def test_erasing_keeps_the_roots(database: Database) -> None:
    store = CommitmentStore(database)
    store.create(KEY, b"sealed", NOW)
    store.append(KEY, 0, *_leaves(0, 4), b"root", NOW)
    store.erase("a1")
    assert store.find(KEY) is None
    assert [r.root for r in store.roots(KEY)] == [b"root"]


def test_peer_roots_only_move_forward(database: Database) -> None:
    store = CommitmentStore(database)
    assert store.peer_root("a1", "de", "op9", AlgorithmId.MD5) is None
    root = PeerRoot("a1", "de", "op9", AlgorithmId.MD5, 64, b"r" * 32)
    store.save_peer_root(root)
    store.save_peer_root(root)
    for bad in (replace(root, size=63), replace(root, root=b"x" * 32)):
        with pytest.raises(errors.VerificationError) as caught:
            store.save_peer_root(bad)
        assert caught.value.code == "peer-root-not-newer"
    larger = replace(root, size=76, root=b"q" * 32)
    store.save_peer_root(larger)
    assert store.peer_root("a1", "de", "op9", AlgorithmId.MD5) == larger
    assert store.peer_root("a1", "de", "op9", AlgorithmId.SHA1) is None
