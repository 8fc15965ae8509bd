"""The tree against published vectors and against RFC 6962's recursion written out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash import errors
from psihash.audit.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    MAX_TREE_SIZE,
    Frontier,
    StoredTree,
    leaf_hash,
    node_hash,
    root_of,
    split_hashes,
    verify_consistency,
    verify_inclusion,
)

# Leaves, roots and proofs of the Certificate Transparency reference implementation's tests
# (google/certificate-transparency merkletree/merkle_tree_test.cc), used by every RFC 6962 library.
CT_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
CT_ROOTS = [
    bytes.fromhex(text)
    for text in (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
NODE_0_4 = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
NODE_2_4 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
NODE_4_8 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
NODE_4_6 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
NODE_6_8 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
LEAF_0 = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
LEAF_1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
LEAF_4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
NODE_0_2 = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"

CT_INCLUSION = {
    (0, 1): [],
    (0, 8): [LEAF_1, NODE_2_4, NODE_4_8],
    (5, 8): [LEAF_4, NODE_6_8, NODE_0_4],
    (2, 3): [NODE_0_2],
    (1, 5): [LEAF_0, NODE_2_4, LEAF_4],
}
CT_CONSISTENCY = {
    (1, 1): [],
    (1, 8): [LEAF_1, NODE_2_4, NODE_4_8],
    (6, 8): [NODE_4_6, NODE_6_8, NODE_0_4],
    (2, 5): [NODE_2_4, LEAF_4],
}


def ct_tree() -> StoredTree:
    return StoredTree(b"".join(map(leaf_hash, CT_LEAVES)))


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, as written there."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = naive_split(len(leaves))
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_split(count: int) -> int:
    k = 1
    while 2 * k < count:
        k *= 2
    return k


def naive_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = naive_split(len(leaves))
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF of section 2.1.2."""
    if m == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = naive_split(len(leaves))
    if m <= k:
        return [*naive_subproof(m, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_subproof(m - k, leaves[k:], False), naive_root(leaves[:k])]


def some_leaves(count: int) -> list[bytes]:
    return [leaf_hash(b"%d" % number) for number in range(count)]


def flipped(data: bytes, bit: int = 0) -> bytes:
    return bytes([data[0] ^ 1 << bit]) + data[1:]


def test_roots_are_the_published_ones() -> None:
    frontier = Frontier()
    assert frontier.root() == CT_ROOTS[0] == EMPTY_ROOT
    for data, expected in zip(CT_LEAVES, CT_ROOTS[1:], strict=True):
        frontier.append(leaf_hash(data))
        assert frontier.root() == expected
    tree = ct_tree()
    assert [tree.root(size) for size in range(9)] == CT_ROOTS
    assert tree.size == 8


@pytest.mark.parametrize(("index", "size"), CT_INCLUSION)
def test_inclusion_proofs_are_the_published_ones(index: int, size: int) -> None:
    proof = ct_tree().inclusion_proof(index, size)
    assert [step.hex() for step in proof] == CT_INCLUSION[index, size]
    verify_inclusion(index, size, leaf_hash(CT_LEAVES[index]), proof, CT_ROOTS[size])


@pytest.mark.parametrize(("old", "size"), CT_CONSISTENCY)
def test_consistency_proofs_are_the_published_ones(old: int, size: int) -> None:
    proof = ct_tree().consistency_proof(old, size)
    assert [step.hex() for step in proof] == CT_CONSISTENCY[old, size]
    verify_consistency(old, CT_ROOTS[old], size, CT_ROOTS[size], proof)


def test_the_example_of_rfc_6962_section_2_1_3() -> None:
    a, b, c, d, e, f, j = leaves = some_leaves(7)
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, top = node_hash(g, h), node_hash(i, j)
    tree = StoredTree(b"".join(leaves))
    assert tree.root() == node_hash(k, top)
    assert tree.inclusion_proof(0) == [b, h, top]
    assert tree.inclusion_proof(3) == [c, g, top]
    assert tree.inclusion_proof(4) == [f, j, k]
    assert tree.inclusion_proof(6) == [i, k]
    assert tree.consistency_proof(3) == [c, d, g, top]
    assert tree.consistency_proof(4) == [top]
    assert tree.consistency_proof(6) == [i, j, k]


def test_every_proof_of_small_trees_is_the_recursive_one_and_verifies() -> None:
    leaves = some_leaves(34)
    tree = StoredTree(b"".join(leaves))
    for size in range(len(leaves) + 1):
        root = naive_root(leaves[:size])
        assert tree.root(size) == root
        for index in range(size):
            proof = tree.inclusion_proof(index, size)
            assert proof == naive_path(index, leaves[:size])
            verify_inclusion(index, size, leaves[index], proof, root)
        for old in range(1, size + 1):
            proof = tree.consistency_proof(old, size)
            assert proof == naive_subproof(old, leaves[:size], True)
            verify_consistency(old, naive_root(leaves[:old]), size, root, proof)
        verify_consistency(0, EMPTY_ROOT, size, root, [])


@given(st.integers(1, 3000), st.data())
def test_large_trees_against_the_recursion(size: int, data: st.DataObject) -> None:
    leaves = some_leaves(size)
    tree = StoredTree(b"".join(leaves))
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    assert tree.root() == root_of(b"".join(leaves)) == naive_root(leaves)
    assert tree.inclusion_proof(index) == naive_path(index, leaves)
    assert tree.consistency_proof(old) == naive_subproof(old, leaves, True)


@given(st.integers(1, 200), st.integers(1, 200))
def test_a_frontier_stopped_and_resumed_grows_the_same_tree(first: int, more: int) -> None:
    leaves = some_leaves(first + more)
    frontier = Frontier()
    frontier.extend(b"".join(leaves[:first]))
    resumed = Frontier.from_bytes(frontier.to_bytes())
    assert (resumed.size, resumed.root()) == (first, naive_root(leaves[:first]))
    resumed.extend(b"".join(leaves[first:]))
    assert (resumed.size, resumed.root()) == (first + more, naive_root(leaves))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(7),
        bytes(9),
        (1).to_bytes(8, "big"),
        (1).to_bytes(8, "big") + bytes(31),
        (1).to_bytes(8, "big") + bytes(33),
        (2).to_bytes(8, "big") + bytes(64),
        (MAX_TREE_SIZE + 1).to_bytes(8, "big") + bytes(32),
    ],
    ids=repr,
)
def test_a_damaged_frontier_is_refused(data: bytes) -> None:
    with pytest.raises(errors.InputError) as caught:
        Frontier.from_bytes(data)
    assert caught.value.code == "tree-malformed"


def test_lengths_and_numbers_are_checked() -> None:
    tree = StoredTree(b"".join(some_leaves(5)))
    for bad in (
        lambda: StoredTree(bytes(33)),
        lambda: split_hashes(bytes(31)),
        lambda: root_of(bytes(1)),
        lambda: Frontier().append(bytes(31)),
        lambda: tree.root(6),
        lambda: tree.root(-1),
        lambda: tree.inclusion_proof(5),
        lambda: tree.inclusion_proof(-1),
        lambda: tree.inclusion_proof(4, 4),
        lambda: tree.consistency_proof(6),
        lambda: tree.consistency_proof(-1),
        lambda: tree.consistency_proof(4, 3),
    ):
        with pytest.raises(errors.InputError):
            bad()


def test_a_full_tree_does_not_grow() -> None:
    full = MAX_TREE_SIZE.to_bytes(8, "big") + bytes(HASH_BYTES * MAX_TREE_SIZE.bit_count())
    with pytest.raises(errors.InputError):
        Frontier.from_bytes(full).append(bytes(32))


def wrong_inclusions(
    index: int, size: int, leaf: bytes, proof: list[bytes], root: bytes
) -> Iterator[tuple[int, int, bytes, list[bytes], bytes]]:
    """Every way to get one field of a proof wrong."""
    for other in range(-1, size + 1):
        if other != index:
            yield other, size, leaf, proof, root
    yield index, size, flipped(leaf, 7), proof, root
    yield index, size, leaf, proof, flipped(root)
    yield index, size, leaf[:-1], proof, root
    yield index, size, leaf, proof, root + b"\0"
    yield index, size, leaf, [*proof, leaf], root
    yield index, size, leaf, [leaf, *proof], root
    for at in range(len(proof)):
        yield index, size, leaf, proof[:at] + proof[at + 1 :], root
        yield index, size, leaf, [*proof[:at], flipped(proof[at]), *proof[at + 1 :]], root
        yield index, size, leaf, [*proof[:at], proof[at][1:], *proof[at + 1 :]], root
        yield index, size, leaf, [*proof[:at], proof[at], *proof[at:]], root
    for at in range(len(proof) - 1):
        swapped = [*proof[:at], proof[at + 1], proof[at], *proof[at + 2 :]]
        yield index, size, leaf, swapped, root


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 13])
def test_no_inclusion_proof_with_a_wrong_field_passes(size: int) -> None:
    leaves = some_leaves(size)
    tree = StoredTree(b"".join(leaves))
    for index in range(size):
        right = (index, size, leaves[index], tree.inclusion_proof(index), tree.root())
        verify_inclusion(*right)
        for wrong in wrong_inclusions(*right):
            with pytest.raises(errors.VerificationError) as caught:
                verify_inclusion(*wrong)
            assert caught.value.code in {"proof-malformed", "proof-invalid"}


def wrong_consistencies(
    old: int, old_root: bytes, size: int, root: bytes, proof: list[bytes]
) -> Iterator[tuple[int, bytes, int, bytes, list[bytes]]]:
    yield old, flipped(old_root), size, root, proof
    yield old, old_root, size, flipped(root), proof
    yield old, old_root[1:], size, root, proof
    yield old, old_root, size, root, [*proof, root]
    yield old, old_root, size, root, [old_root, *proof]
    yield size + 1, old_root, size, root, proof
    yield -1, old_root, size, root, proof
    yield 0, old_root, size, root, proof
    for at in range(len(proof)):
        yield old, old_root, size, root, proof[:at] + proof[at + 1 :]
        yield old, old_root, size, root, [*proof[:at], flipped(proof[at]), *proof[at + 1 :]]
    for at, (one, two) in enumerate(pairwise(proof)):
        yield old, old_root, size, root, [*proof[:at], two, one, *proof[at + 2 :]]


def test_no_consistency_proof_with_a_wrong_field_passes() -> None:
    leaves = some_leaves(14)
    tree = StoredTree(b"".join(leaves))
    for size in range(1, 15):
        for old in range(1, size + 1):
            right = (old, tree.root(old), size, tree.root(size), tree.consistency_proof(old, size))
            verify_consistency(*right)
            for wrong in wrong_consistencies(*right):
                with pytest.raises(errors.VerificationError) as caught:
                    verify_consistency(*wrong)
                assert caught.value.code in {"proof-malformed", "proof-invalid"}


def test_an_empty_proof_connects_no_two_trees() -> None:
    with pytest.raises(errors.VerificationError) as caught:
        verify_consistency(3, bytes(32), 5, bytes(32), [])
    assert caught.value.code == "proof-malformed"


def test_a_proof_between_other_sizes_proves_nothing() -> None:
    tree = StoredTree(b"".join(some_leaves(20)))
    for old in range(1, 20):
        proof = tree.consistency_proof(old, 20)
        for other in range(1, 20):
            if other != old:
                with pytest.raises(errors.VerificationError):
                    verify_consistency(other, tree.root(old), 20, tree.root(20), proof)


def test_a_rewritten_history_cannot_be_connected() -> None:
    leaves = some_leaves(20)
    rewritten = StoredTree(b"".join([*leaves[:5], flipped(leaves[5]), *leaves[6:]]))
    honest = StoredTree(b"".join(leaves))
    for old in range(6, 20):
        for proof in (rewritten.consistency_proof(old), honest.consistency_proof(old)):
            with pytest.raises(errors.VerificationError) as caught:
                verify_consistency(old, honest.root(old), 20, rewritten.root(), proof)
            assert caught.value.code == "proof-invalid"


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=8), st.integers(), st.integers())
def test_random_proofs_never_pass_or_crash(proof: list[bytes], index: int, size: int) -> None:
    tree = StoredTree(b"".join(some_leaves(9)))
    with pytest.raises(errors.VerificationError):
        verify_inclusion(index, size, bytes(32), proof, tree.root())
    with pytest.raises(errors.VerificationError):
        verify_consistency(index, bytes(32), size, tree.root(), proof)
