"""Commitments: leaves that only grow, and roots that never go back."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from psihash import errors
from psihash.storage.commitments import (
    CHUNK_LEAVES,
    CommitmentKey,
    CommitmentStore,
    Leaves,
    PeerRoot,
    RootRow,
)
from psihash.storage.database import Database
from psihash.terms import AlgorithmId

from .lists import LATER, NOW

KEY = CommitmentKey("a1", "op1", AlgorithmId.MD5)


def _leaves(start: int, stop: int) -> Leaves:
    hashes = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(start, stop))
    real = np.arange(start, stop) % 3 != 0
    raws = b"".join(hashlib.md5(b"%d" % n).digest() for n in range(start, stop) if n % 3)
    return Leaves(hashes, real, np.frombuffer(raws, dtype=np.uint8).reshape(-1, 16))


def _same(one: Leaves, other: Leaves) -> bool:
    arrays = ((one.real, other.real), (one.digests, other.digests))
    return one.hashes == other.hashes and all(np.array_equal(a, b) for a, b in arrays)


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
        assert store.append(KEY, size, _leaves(size, cut), b"root %d" % cut, LATER)
        size = cut
    chunks = list(store.chunks(KEY))
    assert all(len(chunk) == CHUNK_LEAVES for chunk in chunks[:-1])
    assert _same(Leaves.joined(chunks), _leaves(0, size))
    assert _same(store.leaves(KEY), _leaves(0, size))
    assert _same(store.chunk(KEY, 0), chunks[0])
    assert store.get(KEY).size == size
    assert store.roots(KEY) == [RootRow(cut, b"root %d" % cut, LATER) for cut in cuts]
    assert list(store.chunks(replace(KEY, opaque_id="op2"))) == []


def test_a_lost_swap_changes_nothing(database: Database) -> None:
    store = CommitmentStore(database)
    store.create(KEY, b"sealed", NOW)
    assert store.append(KEY, 0, _leaves(0, 4), b"root", NOW)
    for stale in (0, 3, 5):
        assert not store.append(KEY, stale, _leaves(0, 4), b"other", NOW)
    assert _same(store.leaves(KEY), _leaves(0, 4))
    assert [r.root for r in store.roots(KEY)] == [b"root"]


def test_bad_leaves_are_a_bug(database: Database) -> None:
    store = CommitmentStore(database)
    store.create(KEY, b"sealed", NOW)
    one = np.ones(1, dtype=np.bool_)
    for hashes, real, digests in (
        (b"x" * 31, ~one, np.empty((0, 16), np.uint8)),
        (b"x" * 32, one, np.empty((0, 16), np.uint8)),
        (b"x" * 32, one, np.zeros((1, 5), np.uint8)),
        (b"", one[:0], np.empty((0, 16), np.uint8)),
    ):
        with pytest.raises(ValueError):
            store.append(KEY, 0, Leaves(hashes, real, digests), b"root", NOW)
    assert store.get(KEY).size == 0


def test_unknown_and_existing(database: Database) -> None:
    store = CommitmentStore(database)
    for call in (
        lambda: store.get(KEY),
        lambda: store.append(KEY, 0, _leaves(0, 1), b"root", NOW),
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
    leaves = _leaves(0, CHUNK_LEAVES + 10)
    store.append(KEY, 0, leaves, b"root", NOW)
    places = np.array([0, 1, CHUNK_LEAVES - CHUNK_LEAVES // 3])
    erased = leaves.digests[places]
    assert store.forget(KEY, erased) == len(erased)
    assert store.forget(KEY, erased) == 0
    kept = leaves.real.copy()
    kept[np.flatnonzero(leaves.real)[places]] = False
    expected = Leaves(leaves.hashes, kept, np.delete(leaves.digests, places, axis=0))
    assert _same(store.leaves(KEY), expected)


def test_erasing_keeps_the_roots(database: Database) -> None:
    store = CommitmentStore(database)
    store.create(KEY, b"sealed", NOW)
    store.append(KEY, 0, _leaves(0, 4), b"root", NOW)
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
