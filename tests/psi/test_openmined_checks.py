"""The checks that points pass, by themselves."""

from __future__ import annotations

import secrets

import pytest

from psihash.errors import ProtocolError
from psihash.psi.engines import openmined_frames
from psihash.psi.engines.openmined_frames import ascending_order, is_ascending
from tests.psi import reference_p256 as ref
from tests.psi.hostile import BAD_POINTS, points, rows_of


@pytest.mark.parametrize("name", [name for name in BAD_POINTS if name != "not on the curve"])
def test_the_form_of_a_point_is_refused_before_its_arithmetic(name: str) -> None:
    good = points(3)
    openmined_frames.check_form(rows_of(good))
    for position in range(3):
        rows = rows_of([*good[:position], BAD_POINTS[name], *good[position + 1 :]])
        with pytest.raises(ProtocolError) as caught:
            openmined_frames.check_form(rows)
        assert caught.value.code == "psi-bad-point"


def test_every_x_below_the_prime_has_a_good_form() -> None:
    values = [0, 1, ref.P - 1, ref.P - 2, (2**32 - 1) << 224, 2**96 - 1]
    openmined_frames.check_form(rows_of([b"\x03" + x.to_bytes(32, "big") for x in values]))


def test_ascending_is_by_all_bytes() -> None:
    base = bytes([2]) + bytes(32)
    for position in range(33):
        higher = base[:position] + bytes([base[position] + 1]) + base[position + 1 :]
        assert is_ascending(rows_of([base, higher]))
        assert not is_ascending(rows_of([higher, base]))
    assert not is_ascending(rows_of([base, base]))
    assert is_ascending(rows_of([base]))
    assert is_ascending(rows_of([]))


def test_sorting_agrees_with_python_also_where_the_first_bytes_agree() -> None:
    same = [b"\x02" * 9 + secrets.token_bytes(24) for _ in range(50)]
    values = [*same, *(secrets.token_bytes(33) for _ in range(50))]
    values += [b"\xff" * 33, bytes(33), b"\xff" * 32 + b"\0"]
    ordered = rows_of(values)[ascending_order(rows_of(values))]
    assert [bytes(row) for row in ordered] == sorted(values)


def test_order_is_checked_across_the_blocks_of_a_long_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(openmined_frames, "_ROWS_AT_ONCE", 4)
    good = sorted(secrets.token_bytes(33) for _ in range(13))
    assert is_ascending(rows_of(good))
    for index in range(12):
        swapped = [*good[:index], good[index + 1], good[index], *good[index + 2 :]]
        assert not is_ascending(rows_of(swapped)), index
