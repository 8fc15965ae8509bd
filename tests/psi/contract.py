"""What the contract tests share: every installed engine at every rung that compares."""

from __future__ import annotations

import numpy as np
import pytest

from psihash.psi.encoding import Bytes2D
from psihash.psi.engine import Engine, Outcome
from psihash.psi.engines.ecdh import EcdhEngine
from psihash.psi.registry import default
from psihash.terms import Rung
from tests.psi.group_cases import GROUPS
from tests.psi.parties import common_rows, some_tokens

OTHERS = [engine for engine in default().installed() if not isinstance(engine, EcdhEngine)]
ECDH = [EcdhEngine(group) for group in GROUPS]
ENGINES: list[Engine] = [*ECDH, *OTHERS]


def name_of(engine: Engine) -> str:
    """The engine, and what it computes with."""
    return f"{engine.id} {engine.group.name}" if isinstance(engine, EcdhEngine) else engine.id


COMPARING = [
    pytest.param(engine, rung, id=f"{name_of(engine)}-{rung}")
    for engine in ENGINES
    for rung in (Rung.COUNT, Rung.ITEMS)
    if rung in engine.properties.rungs
]
every_engine = pytest.mark.parametrize("engine", ENGINES, ids=name_of)
every_rung = pytest.mark.parametrize(("engine", "rung"), COMPARING)


def check(outcome: Outcome | None, rung: Rung, mine: Bytes2D, theirs: Bytes2D) -> None:
    """Insist that the receiver's outcome is what the lists in clear say, and no more."""
    expected = common_rows(mine, theirs)
    assert outcome is not None
    assert outcome.count == len(expected)
    assert outcome.pair_counts is None
    if rung is Rung.COUNT:
        assert outcome.positions is None, "count reveals no positions"
    else:
        assert outcome.positions is not None
        assert outcome.positions.dtype == np.int64
        assert outcome.positions.tolist() == expected


SMALL = (some_tokens(range(20)), some_tokens(range(11, 31)))
"""A sender's and a receiver's list with nine elements in common."""
