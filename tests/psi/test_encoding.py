"""Tokens, elements, canaries and the padded list against their definitions written out."""

from __future__ import annotations

import hashlib
import math
import os
from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash import bulk
from psihash.errors import InputError, ProtocolError
from psihash.psi import encoding
from psihash.psi.engine import Outcome
from psihash.terms import AlgorithmId
from tests.psi.parties import CONTEXT_ID, Stream, some_tokens, token_rows


def prefixed(part: bytes) -> bytes:
    return len(part).to_bytes(8, "big") + part


@pytest.mark.parametrize("algorithm", list(AlgorithmId))
def test_a_token_is_the_hash_of_its_length_prefixed_parts(algorithm: AlgorithmId) -> None:
    raw = os.urandom(algorithm.digest_bytes)
    text = prefixed(b"psihash/token/1") + prefixed(algorithm.value.encode()) + prefixed(raw)
    assert encoding.token(algorithm, raw) == hashlib.sha256(text).digest()


def test_the_vectors_of_the_documentation() -> None:
    raw = bytes.fromhex("d41d8cd98f00b204e9800998ecf8427e")
    token = encoding.token(AlgorithmId.MD5, raw)
    assert token.hex() == TOKEN_VECTOR
    assert encoding.element("session", CONTEXT_ID, 0, token).hex() == ELEMENT_VECTOR
    assert bytes(encoding.canaries(CONTEXT_ID, 0)[0]).hex() == CANARY_VECTOR


TOKEN_VECTOR = "f2316ed79f49759faaa4f7a5dfd619fa95f6c05e95b5a80a640b0919cd603528"
ELEMENT_VECTOR = "f37ea425f24ff1e6f388a86cf123a8f13b4cf4a09ebfb15dad6678754259fd6a"
CANARY_VECTOR = "2395faa664e55022177427115a78a4e45dac99b13c4400b8fbf072bac0223fff"


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=20))
def test_many_tokens_are_the_same_as_one_by_one(raws: list[bytes]) -> None:
    rows = np.frombuffer(b"".join(raws), dtype=np.uint8).reshape(-1, 16)
    expected = [encoding.token(AlgorithmId.MD5, raw) for raw in raws]
    assert [bytes(row) for row in encoding.tokens(AlgorithmId.MD5, rows)] == expected


def test_blocks_of_rows_join_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = some_tokens(range(23))
    whole = encoding.elements("epoch", CONTEXT_ID, 3, rows)
    monkeypatch.setattr(bulk, "native", None)
    monkeypatch.setattr(bulk, "_ROWS_AT_ONCE", 5)
    assert np.array_equal(encoding.elements("epoch", CONTEXT_ID, 3, rows), whole)
    assert [bytes(row) for row in whole] == [
        encoding.element("epoch", CONTEXT_ID, 3, bytes(row)) for row in rows
    ]


def test_zero_bytes_at_the_end_count() -> None:
    tokens = [b"\1" + bytes(31), b"\1\0\1" + bytes(29), bytes(32), b"\1" * 31 + b"\0"]
    assert (
        len({bytes(r) for r in encoding.elements("session", CONTEXT_ID, 0, token_rows(tokens))})
        == 4
    )
    md5 = np.array([[1] + [0] * 15, [1, 0, 1] + [0] * 13, [0] * 16], dtype=np.uint8)
    assert len({bytes(row) for row in encoding.tokens(AlgorithmId.MD5, md5)}) == 3


def test_a_row_of_a_larger_table_may_be_a_view() -> None:
    table = np.frombuffer(os.urandom(320), dtype=np.uint8).reshape(10, 32)
    view = table[::2, ::-1]
    copied = np.ascontiguousarray(view)
    first = encoding.elements("session", CONTEXT_ID, 0, view)
    assert np.array_equal(first, encoding.elements("session", CONTEXT_ID, 0, copied))


def test_nothing_carries_over_from_one_context_to_another() -> None:
    token = bytes(some_tokens(range(1))[0])
    other = bytes(reversed(CONTEXT_ID))
    made = {
        encoding.element(kind, context, run, token)
        for kind in ("session", "epoch", "taskforce")
        for context in (CONTEXT_ID, other)
        for run in (0, 1)
    }
    assert len(made) == 12
    same_raw = bytes(32)
    assert encoding.token(AlgorithmId.SHA256, same_raw) != token


@pytest.mark.parametrize("raw", [b"", bytes(15), bytes(17), bytes(32)])
def test_a_digest_of_another_length_is_refused(raw: bytes) -> None:
    with pytest.raises(InputError, match="16 bytes"):
        encoding.token(AlgorithmId.MD5, raw)


@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((3, 20), dtype=np.uint8),
        np.zeros((3, 16), dtype=np.int8),
        np.zeros(16, dtype=np.uint8),
        np.zeros((1, 3, 16), dtype=np.uint8),
    ],
)
def test_rows_of_another_shape_are_refused(rows: np.ndarray) -> None:
    with pytest.raises(InputError, match="rows of 16"):
        encoding.tokens(AlgorithmId.MD5, rows)


@pytest.mark.parametrize(
    ("context_id", "run"),
    [(b"", 0), (bytes(31), 0), (bytes(33), 0), (bytes(32), -1), (bytes(32), 2**63)],
)
def test_a_context_out_of_range_is_refused(context_id: bytes, run: int) -> None:
    with pytest.raises(InputError):
        encoding.element("session", context_id, run, bytes(32))
    with pytest.raises(InputError):
        encoding.canaries(context_id, run)


def test_canaries_are_64_distinct_tokens_that_change_with_context_and_run() -> None:
    seen = [
        bytes(row)
        for context in (CONTEXT_ID, bytes(32))
        for run in (0, 1)
        for row in encoding.canaries(context, run)
    ]
    assert len(set(seen)) == len(seen) == 4 * 64
    again = [bytes(row) for row in encoding.canaries(CONTEXT_ID, 0)]
    assert again == seen[:64]


def test_every_order_is_equally_likely() -> None:
    rng, draws = Stream(b"orders"), 24_000
    seen = Counter(tuple(encoding.permutation(4, rng).tolist()) for _ in range(draws))
    assert set(seen) == set(permutations(range(4)))
    expected = draws / 24
    chi_squared = sum((n - expected) ** 2 / expected for n in seen.values())
    # 23 degrees of freedom: above 64 once in 10^5 sources, and this source is fixed.
    assert chi_squared < 64


def test_an_order_uses_all_of_a_long_list() -> None:
    order = encoding.permutation(10_000, Stream())
    assert sorted(order.tolist()) == list(range(10_000))
    fixed = int(np.count_nonzero(order == np.arange(10_000)))
    assert fixed < 10
    drift = float(np.abs(order - np.arange(10_000)).mean())
    assert math.isclose(drift, 10_000 / 3, rel_tol=0.05)
    assert order.dtype == np.int64


def test_a_draw_with_equal_keys_is_thrown_away() -> None:
    answers = [bytes(24), bytes(16) + b"\1" * 8, bytes([3] * 8 + [1] * 8 + [2] * 8)]
    order = encoding.permutation(3, lambda n: answers.pop(0))
    assert order.tolist() == [1, 2, 0]
    assert answers == []


@pytest.mark.parametrize("count", [0, 1])
def test_an_order_of_nothing_much(count: int) -> None:
    assert encoding.permutation(count, os.urandom).tolist() == list(range(count))


def test_a_source_that_runs_dry_is_refused() -> None:
    with pytest.raises(InputError, match="too few"):
        encoding.dummies(3, lambda n: bytes(n - 1))


@given(st.integers(0, 40), st.integers(0, 64), st.integers(0, 30))
def test_a_padded_list_holds_everything_once_and_says_where(n: int, c: int, d: int) -> None:
    tokens, canaries = some_tokens(range(n)), encoding.canaries(CONTEXT_ID, 0)[:c]
    items, mapping = encoding.padded_list(tokens, n + c + d, canaries, Stream())
    assert len(items) == len(mapping) == n + c + d
    assert len({bytes(row) for row in items.tokens}) == n + c + d
    for row, origin in zip(items.tokens, mapping.tolist(), strict=True):
        if origin >= 0:
            assert bytes(row) == bytes(tokens[origin])
        elif origin == encoding.CANARY:
            assert bytes(row) in {bytes(canary) for canary in canaries}
        else:
            assert origin == encoding.DUMMY
    assert sorted(mapping[mapping >= 0].tolist()) == list(range(n))
    assert Counter(mapping[mapping < 0].tolist()) == Counter({-2: c, -1: d})


def test_a_padded_list_is_in_another_order_each_time() -> None:
    tokens, canaries = some_tokens(range(100)), encoding.canaries(CONTEXT_ID, 0)
    first, _ = encoding.padded_list(tokens, 200, canaries, os.urandom)
    second, _ = encoding.padded_list(tokens, 200, canaries, os.urandom)
    assert not np.array_equal(first.tokens, second.tokens)


def test_a_size_that_is_too_small_is_refused() -> None:
    with pytest.raises(InputError, match="padded size"):
        encoding.padded_list(some_tokens(range(10)), 73, encoding.canaries(CONTEXT_ID, 0), Stream())


def padded() -> np.ndarray:
    tokens = some_tokens(range(10))
    return encoding.padded_list(tokens, 90, encoding.canaries(CONTEXT_ID, 0), Stream())[1]


def test_positions_come_back_as_indices_of_the_tokens() -> None:
    mapping = padded()
    hit = np.flatnonzero((mapping == encoding.CANARY) | np.isin(mapping, [7, 2, 9]))
    outcome = Outcome(count=len(hit), positions=hit)
    assert encoding.real_positions(outcome, mapping).tolist() == [2, 7, 9]
    assert encoding.real_count(outcome) == 3


def test_a_missing_canary_fails_the_run() -> None:
    mapping = padded()
    hit = np.flatnonzero((mapping == encoding.CANARY) | (mapping == 4))
    lost = np.delete(hit, np.flatnonzero(mapping[hit] == encoding.CANARY)[0])
    with pytest.raises(ProtocolError) as caught:
        encoding.real_positions(Outcome(count=len(lost), positions=lost), mapping)
    assert caught.value.code == encoding.CANARY_MISSED
    with pytest.raises(ProtocolError) as caught:
        encoding.real_count(Outcome(count=63))
    assert caught.value.code == encoding.CANARY_MISSED
    assert encoding.real_count(Outcome(count=64)) == 0


def test_a_dummy_that_matches_fails_the_run() -> None:
    mapping = padded()
    hit = np.flatnonzero(mapping < 0)[np.newaxis].ravel()
    with pytest.raises(ProtocolError) as caught:
        encoding.real_positions(Outcome(count=len(hit), positions=hit), mapping)
    assert caught.value.code == encoding.DUMMY_MATCHED


def test_a_side_that_learns_nothing_has_no_result_to_read() -> None:
    with pytest.raises(InputError):
        encoding.real_count(Outcome())
    with pytest.raises(InputError):
        encoding.real_positions(Outcome(count=70), padded())
