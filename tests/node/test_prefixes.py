"""One rule for the beginnings of ids."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from psihash import errors
from psihash.node.prefixes import Kind

KIND = Kind("thing", "unknown-request", "ambiguous-request", "psihash inbox")
ROWS = [SimpleNamespace(id="ab" * 32), SimpleNamespace(id="ab" * 16 + "cd" * 16)]


def test_a_beginning_finds_the_one_it_fits() -> None:
    assert KIND.pick(ROWS[:1], " ABABAB ") is ROWS[0]
    assert KIND.pick(ROWS, ROWS[1].id) is ROWS[1]
    assert KIND.pick(["xyzxyz1", "other"], "xyzxyz", lambda each: [each]) == "xyzxyz1"


@pytest.mark.parametrize(
    ("prefix", "kind", "code"),
    [
        ("ababab", errors.InputError, "ambiguous-request"),
        ("ababa", errors.NotFoundError, "unknown-request"),
        ("", errors.NotFoundError, "unknown-request"),
        ("000000", errors.NotFoundError, "unknown-request"),
    ],
)
def test_what_fits_none_or_several_is_refused(
    prefix: str, kind: type[errors.PsihashError], code: str
) -> None:
    with pytest.raises(kind) as caught:
        KIND.pick(ROWS, prefix)
    assert caught.value.code == code
