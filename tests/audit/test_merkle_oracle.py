"""The tree against another library, pymerkle (an RFC 9162 tree; test-only), on random trees."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree
from pymerkle import verify_consistency as oracle_consistency
from pymerkle import verify_inclusion as oracle_inclusion

from psihash.audit.merkle import StoredTree, leaf_hash, verify_consistency, verify_inclusion

LEAVES = st.lists(st.binary(max_size=40), min_size=1, max_size=70)


def trees(leaves: list[bytes]) -> tuple[StoredTree, InmemoryTree]:
    oracle = InmemoryTree(algorithm="sha256")
    for leaf in leaves:
        oracle.append_entry(leaf)
    return StoredTree(b"".join(leaf_hash(leaf) for leaf in leaves)), oracle


@settings(deadline=None)
@given(LEAVES)
def test_roots_agree_at_every_size(leaves: list[bytes]) -> None:
    ours, oracle = trees(leaves)
    for size in range(1, len(leaves) + 1):
        assert ours.root(size) == oracle.get_root(size)


@settings(deadline=None)
@given(LEAVES, st.data())
def test_inclusion_proofs_are_the_same_and_verify_on_both_sides(
    leaves: list[bytes], data: st.DataObject
) -> None:
    ours, oracle = trees(leaves)
    size = data.draw(st.integers(1, len(leaves)))
    index = data.draw(st.integers(0, size - 1))
    theirs = oracle.prove_inclusion(index + 1, size)
    base, root = leaf_hash(leaves[index]), ours.root(size)
    assert theirs.path == [base, *ours.inclusion_proof(index, size)]
    verify_inclusion(index, size, base, theirs.path[1:], root)
    oracle_inclusion(base, root, theirs)


@settings(deadline=None)
@given(LEAVES, st.data())
def test_consistency_holds_on_both_sides(leaves: list[bytes], data: st.DataObject) -> None:
    """The library's proofs have a form of their own, so each side checks its own between the
    other's roots."""
    ours, oracle = trees(leaves)
    size = data.draw(st.integers(1, len(leaves)))
    old = data.draw(st.integers(1, size))
    theirs = oracle.prove_consistency(old, size)
    oracle_consistency(ours.root(old), ours.root(size), theirs)
    proof = ours.consistency_proof(old, size)
    verify_consistency(old, ours.root(old), size, ours.root(size), proof)
