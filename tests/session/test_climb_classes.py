"""How long the peer's lists may be from rung to rung."""

from __future__ import annotations

import pytest

from psihash import errors
from psihash.session.climb import Base, check_classes
from psihash.session.messages import SetClass
from psihash.terms import AlgorithmId, Rung

MD5 = AlgorithmId.MD5


def base(rung: Rung, size: int, plain: int | None) -> Base:
    """What a session at ``rung`` left; ``plain``: the class without room for series numbers."""
    plain_classes = () if plain is None else (SetClass(MD5, plain),)
    classes = (SetClass(MD5, size),)
    made = Base(rung, (MD5,), (), (), classes, classes, {}, None, plain_classes)
    again = Base.from_json(made.to_json())
    assert again == made
    return again


@pytest.mark.parametrize(
    ("before", "rung", "size", "fits"),
    [
        (base(Rung.COUNT, 64, 64), Rung.ITEMS, 64, True),
        (base(Rung.COUNT, 64, 64), Rung.ITEMS, 80, False),
        (base(Rung.COUNT, 64, 64), Rung.SERIES, 1024, True),
        (base(Rung.COUNT, 1024, 1024), Rung.SERIES, 64, False),
        # Up by way of series: what was shown at count still holds.
        (base(Rung.SERIES, 1024, 64), Rung.ITEMS, 64, True),
        (base(Rung.SERIES, 1024, 64), Rung.ITEMS, 80, False),
        (base(Rung.SERIES, 1024, 64), Rung.ITEMS, 1024, False),
        # Nothing was shown below series: it bounds what comes after.
        (base(Rung.SERIES, 1024, None), Rung.ITEMS, 1024, True),
        (base(Rung.SERIES, 1024, None), Rung.ITEMS, 1280, False),
        (base(Rung.ITEMS, 64, 64), Rung.RECORDS, 80, False),
    ],
)
def test_a_list_is_not_widened_on_the_way_up(
    before: Base, rung: Rung, size: int, fits: bool
) -> None:
    if fits:
        check_classes(before, rung, [SetClass(MD5, size)])
        return
    with pytest.raises(errors.RefusedError) as caught:
        check_classes(before, rung, [SetClass(MD5, size)])
    assert caught.value.code == "not-a-climb"
