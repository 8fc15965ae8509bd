"""Small makers for the tests of engines: lists, terms, and a pair of parties."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from psihash.psi.encoding import Bytes2D
from psihash.psi.engine import Engine, Items, Outcome, Party, RunTerms
from psihash.terms import Learn, Role, Rung
from tests.psi.pumping import Tamper, Trace, pump_parties

CONTEXT_ID = bytes(range(32))
BINDING = bytes(range(100, 132))


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


def run_terms(
    rung: Rung,
    own: int,
    peer: int,
    run: int = 0,
    kind: str = "session",
    learn: Learn = Learn.INITIATOR,
) -> RunTerms:
    """Terms of a run in which the receiver learns, or both sides."""
    return RunTerms(kind, CONTEXT_ID, run, rung, learn, own, peer, binding=BINDING)


def lone_party(engine: Engine, role: Role, items: Items, terms: RunTerms) -> Party:
    """One side of a run whose other side is nobody."""
    own, peer = engine.secret(terms.rung), engine.secret(terms.rung)
    if peer is not None:
        terms = replace(terms, peer_public=peer.public)
    return engine.party(role, items, terms, Stream(), own)


def join(
    sender: tuple[Engine, Items, RunTerms], receiver: tuple[Engine, Items, RunTerms]
) -> tuple[Party, Party]:
    """Both sides of one run, each with the other's public key if the engines have any."""
    sides = (Role.SENDER, *sender), (Role.RECEIVER, *receiver)
    secrets = [engine.secret(terms.rung) for _, engine, _, terms in sides]
    publics = [b"" if secret is None else secret.public for secret in secrets]
    first, second = (
        engine.party(
            role, items, replace(terms, peer_public=publics[1 - at]), Stream(b"%d" % at), secret
        )
        for at, ((role, engine, items, terms), secret) in enumerate(
            zip(sides, secrets, strict=True)
        )
    )
    return first, second


def make_pair(
    engine: Engine,
    rung: Rung,
    sender: Bytes2D,
    receiver: Bytes2D,
    learn: Learn = Learn.INITIATOR,
) -> tuple[Party, Party]:
    """The sender's and the receiver's side of one run over the two lists."""
    n, m = len(sender), len(receiver)
    return join(
        (engine, Items(sender), run_terms(rung, n, m, learn=learn)),
        (engine, Items(receiver), run_terms(rung, m, n, learn=learn)),
    )


def run_pair(
    engine: Engine,
    rung: Rung,
    sender: Bytes2D,
    receiver: Bytes2D,
    tamper: Tamper | None = None,
    learn: Learn = Learn.INITIATOR,
) -> tuple[Outcome | None, Outcome | None, Trace]:
    a, b = make_pair(engine, rung, sender, receiver, learn)
    trace = pump_parties(a, b, tamper)
    return a.outcome, b.outcome, trace


def common_rows(mine: Bytes2D, theirs: Bytes2D) -> list[int]:
    """The oracle in clear: rows of ``mine`` that stand in ``theirs``, ascending."""
    known = set(map(bytes, theirs))
    return [index for index, row in enumerate(mine) if bytes(row) in known]
