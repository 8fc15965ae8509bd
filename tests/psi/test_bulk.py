"""The native and the plain way to hash many rows agree, and so do lookups with Python's sets."""

from __future__ import annotations

import hashlib
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash import bulk
from psihash.audit import merkle
from psihash.session.commitment import LeafContext, batch_leaves
from psihash.terms import AlgorithmId

needs_native = pytest.mark.skipif(bulk.native is None, reason="psihash-native is not installed")


def some_rows(count: int, width: int = 32) -> bulk.Bytes2D:
    return bulk.rows(os.urandom(count * width), width)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "native", None)


@pytest.mark.parametrize("width", [16, 20, 32, 64])
@pytest.mark.parametrize("count", [0, 1, 70_000])
def test_rows_are_hashed_with_their_length(plain: None, count: int, width: int) -> None:
    values = some_rows(count, width)
    hashed = bulk.hash_rows(b"prefix", values)
    assert hashed.shape == (count, 32)
    for row in (0, count - 1) if count else ():
        framed = b"prefix" + width.to_bytes(8, "big") + values[row].tobytes()
        assert hashed[row].tobytes() == hashlib.sha256(framed).digest()


@needs_native
@pytest.mark.parametrize("count", [0, 1, 5, 1000])
def test_native_hashes_the_same(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    values, real = some_rows(count), np.arange(count) % 3 > 0
    context = LeafContext("nl-police", bytes(32), AlgorithmId.MD5)

    def hashed() -> tuple[bytes, bytes]:
        leaves = batch_leaves(context, b"s" * 32, 77, values, real)
        return bulk.hash_rows(b"a prefix", values).tobytes(), leaves

    native = hashed()
    monkeypatch.setattr(bulk, "native", None)
    assert hashed() == native


@needs_native
@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 100, 4097])
def test_native_trees_are_the_same(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    leaves = some_rows(count).tobytes()
    sizes = sorted({0, 1, count // 2, max(0, count - 1), count} & set(range(count + 1)))

    def proofs() -> list[object]:
        tree = merkle.StoredTree(leaves)
        return [
            [tree.root(size) for size in sizes],
            [tree.consistency_proof(size) for size in sizes],
            [tree.inclusion_proof(size) for size in sizes if size < count],
        ]

    native = proofs()
    monkeypatch.setattr(bulk, "native", None)
    assert proofs() == native


@pytest.mark.parametrize("use_plain", [False, True])
@pytest.mark.parametrize("count", [0, 1, 65_535, 65_536, 65_537, 200_001])
def test_the_root_by_blocks_is_the_root(
    monkeypatch: pytest.MonkeyPatch, use_plain: bool, count: int
) -> None:
    if use_plain:
        monkeypatch.setattr(bulk, "native", None)
    leaves = some_rows(count).tobytes()
    frontier = merkle.Frontier()
    frontier.extend(leaves)
    assert merkle.root_of(leaves) == frontier.root()


_ROW = st.binary(min_size=4, max_size=4)
"""Short rows, so that equal ones and equal beginnings come up."""


@given(st.sets(_ROW), st.sets(_ROW))
def test_membership_and_union_are_those_of_sets(ours: set[bytes], others: set[bytes]) -> None:
    one, other = (bulk.rows(b"".join(sorted(each)), 4) for each in (ours, others))
    found = bulk.is_in(one, other)
    assert [row in others for row in sorted(ours)] == found.tolist()
    union = bulk.sorted_union([one, other], 4)
    assert [row.tobytes() for row in union] == sorted(ours | others)
    assert bulk.sorted_union([], 4).shape == (0, 4)
    listed = bulk.rows(bytearray(b"".join([*ours, *others, *ours])), 4)
    assert [row.tobytes() for row in bulk.sorted_distinct(listed)] == sorted(ours | others)


_TAIL = st.binary(min_size=1, max_size=1)
_ALIKE = st.builds(lambda head, tail: head * 8 + tail * 24, st.sampled_from([b"a", b"b"]), _TAIL)


@given(st.sets(_ALIKE))
def test_places_are_found_also_where_rows_begin_alike(values: set[bytes]) -> None:
    listed = sorted(values)
    places = bulk.Places(bulk.rows(b"".join(listed), 32), np.arange(len(listed)) * 10)
    for number, value in enumerate(listed):
        assert places.find(value) == number * 10
    assert places.find(b"c" * 32) is None
    assert places.find(b"a" * 8 + bytes(24)) in (None, *range(0, 10 * len(listed), 10))
