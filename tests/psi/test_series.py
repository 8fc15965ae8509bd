"""Numbered lists: cells, padding, and pair counts against the lists in clear."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psihash.errors import InputError, ProtocolError
from psihash.psi import encoding
from psihash.psi.engine import Items, Outcome
from psihash.psi.engines.ecdh import EcdhEngine
from psihash.psi.series import MIN_CELL, Cells, make_cells, numbered_list, real_pairs
from psihash.terms import Learn, Rung, is_size_class
from tests.psi.contract import ECDH, name_of
from tests.psi.parties import CONTEXT_ID, Stream, join, run_terms, some_tokens
from tests.psi.pumping import pump_parties

CANARIES = encoding.canaries(CONTEXT_ID, 0)
Labels = dict[int, list[str]]
"""The series of each item, by its number."""

labels = st.dictionaries(
    st.integers(0, 60),
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=2, unique=True),
    max_size=50,
)


def side(named: Labels, seed: bytes) -> tuple[Cells, Items, dict[int, int]]:
    """Cells, the numbered list, and which cell each number stands for."""
    cells = make_cells(list(named.values()))
    rows = [some_tokens(range(n, n + 1)) for n in named]
    tokens = np.concatenate([np.empty((0, 32), dtype=np.uint8), *rows])
    items, mapping, numbering = numbered_list(
        tokens, cells, cells.padded_size, CANARIES, Stream(seed)
    )
    assert items.tags is not None
    for row, origin in enumerate(mapping):
        cell = numbering.cell_of[int(items.tags[row])]
        if origin >= 0:
            assert items.tokens[row].tobytes() == tokens[origin].tobytes()
            assert cell == cells.of[origin]
        elif origin == encoding.CANARY:
            assert cell == encoding.CANARY
        else:
            assert cell != encoding.CANARY
    return cells, items, numbering.cell_of


@pytest.mark.parametrize("engine", ECDH, ids=name_of)
@given(ours=labels, theirs=labels, learn=st.sampled_from([Learn.BOTH, Learn.INITIATOR]))
@settings(max_examples=12, deadline=None)
def test_pair_counts_are_those_of_the_lists_in_clear(
    engine: EcdhEngine, ours: Labels, theirs: Labels, learn: Learn
) -> None:
    (cells, mine, numbers), (others, yours, peers) = side(ours, b"a"), side(theirs, b"b")
    n, m = len(mine), len(yours)
    first, second = join(
        (engine, mine, run_terms(Rung.SERIES, n, m, learn=learn)),
        (engine, yours, run_terms(Rung.SERIES, m, n, learn=learn)),
    )
    pump_parties(first, second)
    place = {n: at for at, n in enumerate(ours)}
    expected = Counter(
        (int(cells.of[place[n]]), int(others.of[at])) for at, n in enumerate(theirs) if n in place
    )
    for party, own, peer, turned in (
        (first, numbers, peers, False),
        (second, peers, numbers, True),
    ):
        if party is first and learn is not Learn.BOTH:
            assert party.outcome == Outcome()
            continue
        assert party.outcome is not None
        assert encoding.real_count(party.outcome) == sum(expected.values())
        found = real_pairs(party.outcome, _numbering(own))
        by_cell = {(own_cell, peer[number]): count for (own_cell, number), count in found.items()}
        assert by_cell == {(b, a) if turned else (a, b): k for (a, b), k in expected.items()}
    if learn is Learn.BOTH:
        assert first.outcome is not None
        assert second.outcome is not None
        assert first.outcome.pairs == second.outcome.pairs is not None


def _numbering(cell_of: dict[int, int]):  # type: ignore[no-untyped-def]
    from psihash.psi.series import Numbering

    return Numbering(cell_of)


@given(named=labels)
@settings(max_examples=60)
def test_every_number_has_a_class_for_its_size(named: Labels) -> None:
    cells, items, cell_of = side(named, b"x")
    assert items.tags is not None
    shown: Counter[int] = Counter(items.tags.tolist())
    assert is_size_class(len(items))
    assert set(shown) == set(cell_of)
    loose = 0
    for number, cell in cell_of.items():
        if cell == encoding.DUMMY:
            loose += not is_size_class(shown[number])
        else:
            assert is_size_class(shown[number])
    assert loose <= 1, "only what is left over may have another size"
    sizes = Counter(cells.of.tolist())
    assert len(named) < MIN_CELL or all(count >= MIN_CELL for count in sizes.values())
    assert len({bytes(row) for row in items.tokens}) == len(items)


def test_small_cells_are_put_together() -> None:
    named = [["a"]] * 9 + [["b"]] * 3 + [["a", "b"]] * 2 + [["c"]] * 5
    cells = make_cells(named)
    assert sorted(map(sorted, cells.series)) == [["a"], ["a", "b"], ["c"]]
    assert sorted(Counter(cells.of.tolist()).values()) == [5, 5, 9]
    # One left over takes the smallest cell in.
    cells = make_cells([["a"]] * 9 + [["b"]] * 7 + [["c"]])
    assert sorted(map(sorted, cells.series)) == [["a"], ["b", "c"]]
    assert make_cells([["a"]] * 2).series == (frozenset("a"),)
    assert make_cells([]).series == ()


def test_a_list_that_does_not_fit_is_refused() -> None:
    tokens = some_tokens(range(10))
    cells = make_cells([["a"]] * 10)
    for wrong in (tokens[:9], tokens):
        size = cells.padded_size if wrong is not tokens else 100
        with pytest.raises(InputError):
            numbered_list(wrong, cells, size, CANARIES, Stream())


def test_wrong_results_are_noticed() -> None:
    cell_of = {1: 0, 2: encoding.CANARY, 3: encoding.DUMMY}
    good = Outcome(count=70, pair_counts={(1, 8): 6, (2, 9): 64})
    assert real_pairs(good, _numbering(cell_of)) == {(0, 8): 6}
    bad = {
        "psi-canary-missed": [
            {(1, 8): 6},
            {(1, 8): 6, (2, 9): 63},
            {(1, 8): 6, (2, 9): 63, (2, 8): 1},
            {(1, 9): 6, (2, 9): 64},
        ],
        "psi-dummy-matched": [{(3, 8): 1, (2, 9): 64}],
    }
    for code, wrong in bad.items():
        for counts in wrong:
            with pytest.raises(ProtocolError) as caught:
                real_pairs(replace(good, pair_counts=counts), _numbering(cell_of))
            assert caught.value.code == code
    with pytest.raises(InputError):
        real_pairs(Outcome(count=3), _numbering(cell_of))
