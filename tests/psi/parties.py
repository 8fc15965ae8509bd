"""Small makers for the tests of engines: lists, terms, and a pair of parties."""

from __future__ import annotations

import hashlib

import numpy as np

from psihash.psi.encoding import Bytes2D
from psihash.psi.engine import Engine, Items, Outcome, Party, RunTerms
from psihash.terms import Learn, Role, Rung
from tests.psi.pumping import Tamper, Trace, pump_parties

CONTEXT_ID = bytes(range(32))


def token_rows(values: list[bytes]) -> Bytes2D:
    """Tokens (n, 32) from 32-byte values."""
    return np.frombuffer(b"".join(values), dtype=np.uint8).reshape(-1, 32)


def some_tokens(names: range) -> Bytes2D:
    """One fixed token for each number: lists made of overlapping ranges overlap so."""
    return token_rows([hashlib.sha256(b"%d" % name).digest() for name in names])


class Stream:
    """A deterministic random source for tests."""

    def __init__(self, seed: bytes = b"") -> None:
        self._seed = seed
        self._calls = 0

    def __call__(self, count: int) -> bytes:
        self._calls += 1
        return hashlib.shake_256(self._seed + b"/%d" % self._calls).digest(count)


def run_terms(rung: Rung, own: int, peer: int, run: int = 0, kind: str = "session") -> RunTerms:
    return RunTerms(kind, CONTEXT_ID, run, rung, Learn.BOTH, own, peer)


def make_pair(
    engine: Engine, rung: Rung, sender: Bytes2D, receiver: Bytes2D
) -> tuple[Party, Party]:
    """The sender's and the receiver's side of one run over the two lists."""
    n, m = len(sender), len(receiver)
    return (
        engine.party(Role.SENDER, Items(sender), run_terms(rung, n, m), Stream(b"s")),
        engine.party(Role.RECEIVER, Items(receiver), run_terms(rung, m, n), Stream(b"r")),
    )


def run_pair(
    engine: Engine,
    rung: Rung,
    sender: Bytes2D,
    receiver: Bytes2D,
    tamper: Tamper | None = None,
) -> tuple[Outcome | None, Outcome | None, Trace]:
    a, b = make_pair(engine, rung, sender, receiver)
    trace = pump_parties(a, b, tamper)
    return a.outcome, b.outcome, trace


def common_rows(mine: Bytes2D, theirs: Bytes2D) -> list[int]:
    """The oracle in clear: rows of ``mine`` that stand in ``theirs``, ascending."""
    known = set(map(bytes, theirs))
    return [index for index, row in enumerate(mine) if bytes(row) in known]
