"""The engine runs of a session, one after the other, and what they found.

Each run's list is the side's tokens, the session's canaries and fresh dummies, up to the size
class, in an order of its own; at ``series`` every element carries a number too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from psihash import errors
from psihash.psi import encoding, series
from psihash.psi.engine import Engine, Items, Outcome, Party, Rng, RunTerms
from psihash.session.deal import Deal
from psihash.session.messages import EngineFrame
from psihash.session.own import OwnSet
from psihash.session.run_plan import Run, RunSecrets, engine_rung, plan
from psihash.terms import AlgorithmId, Role, SessionRole

WRONG_RUN = errors.define("wrong-run", "an engine frame names a run that is not the one under way")

CONTEXT_KIND = "session"


@dataclass(frozen=True, slots=True)
class Finding:
    """What this side found for one algorithm. None of it where this side does not learn."""

    count: int | None = None
    rows: npt.NDArray[np.int64] | None = None
    """Rows of the side's own digests that matched, in the order of their tokens."""
    pair_counts: dict[tuple[int, int], int] | None = None
    """Matches for each (own cell, peer's number); at ``series`` only."""
    pairs: bytes = b""
    """The engine's name for what matched, equal on both sides; empty where it has none."""


@dataclass(slots=True)
class Progress:
    """How far the runs are, for a progress bar: bytes in both directions."""

    runs: int = 0
    run: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    phase: str = "connecting"
    party: Party | None = None
    """The engine's side of the run under way."""

    @property
    def elements(self) -> tuple[int, int]:
        """(done, total) elements of the present run; (0, 0) outside a run."""
        party = self.party
        return (0, 0) if party is None else party.progress


class Runs:
    """Drives the engine parties of one side, one run after the other."""

    def __init__(
        self,
        role: SessionRole,
        deal: Deal,
        engine: Engine,
        own: OwnSet,
        rng: Rng,
        secrets: RunSecrets,
    ) -> None:
        self._role, self._deal, self._engine, self._own, self._rng = role, deal, engine, own, rng
        self._secrets = secrets
        self._binding = deal.transcript()
        self._plan = plan(deal.algorithms, deal.learn, engine.properties.both_in_one_run)
        self._at = 0
        self._party: Party | None = None
        self._mapping: npt.NDArray[np.int64] | None = None
        self._numbering: series.Numbering | None = None
        self.findings: dict[AlgorithmId, Finding] = {name: Finding() for name in deal.algorithms}
        self.progress = Progress(runs=len(self._plan))

    @property
    def finished(self) -> bool:
        return self._at == len(self._plan)

    def start(self) -> Iterator[EngineFrame]:
        """Begin the first run; yields what this side says unasked."""
        yield from self._begin()

    def receive(self, frame: EngineFrame) -> Iterator[EngineFrame]:
        """Take a frame of the peer; yields answers, and the opening of the next run."""
        if self.finished or frame.run != self._at or self._party is None:
            raise errors.ProtocolError(WRONG_RUN, "the frame belongs to no run that is under way")
        yield from self._numbered(self._party.receive(frame.body))
        yield from self._finish_if_done()

    def _begin(self) -> Iterator[EngineFrame]:
        if self.finished:
            return
        run = self._plan[self._at]
        self.progress.run = run.number + 1
        self._party = self.progress.party = self._make_party(run)
        yield from self._numbered(self._party.start())
        yield from self._finish_if_done()

    def _make_party(self, run: Run) -> Party:
        peer_keys = self._deal.keys_of(self._role.other)
        terms = RunTerms(
            context_kind=CONTEXT_KIND,
            context_id=self._deal.session,
            run=run.number,
            rung=engine_rung(self._deal.rung),
            learn=self._deal.learn,
            own_size=self._deal.size_class(self._role, run.algorithm),
            peer_size=self._deal.size_class(self._role.other, run.algorithm),
            binding=self._binding,
            peer_public=peer_keys[run.number] if peer_keys else b"",
        )
        receives = run.receiver is self._role or (
            run.receiver is None and self._role is SessionRole.INITIATOR
        )
        role = Role.RECEIVER if receives else Role.SENDER
        items, secret = self._list(run, terms.own_size), self._secrets.take(run.number)
        return self._engine.party(role, items, terms, self._rng, secret)

    def _list(self, run: Run, size: int) -> Items:
        """The padded list of a run; what its rows and numbers stand for is kept here."""
        own = self._own.algorithms[run.algorithm]
        canaries = encoding.canaries(self._deal.session, run.number)
        if own.cells is None:
            items, self._mapping = encoding.padded_list(own.tokens, size, canaries, self._rng)
        else:
            items, self._mapping, self._numbering = series.numbered_list(
                own.tokens, own.cells, size, canaries, self._rng
            )
        return items

    def _numbered(self, bodies: Iterator[bytes]) -> Iterator[EngineFrame]:
        for body in bodies:
            yield EngineFrame(self._at, body)

    def _finish_if_done(self) -> Iterator[EngineFrame]:
        if self._party is None or self._party.outcome is None:
            return
        run = self._plan[self._at]
        if run.receiver is None or run.receiver is self._role:
            self.findings[run.algorithm] = self._finding(run, self._party.outcome)
        # Dropping the party drops its secrets: the next run has fresh ones.
        self._party = self.progress.party = self._mapping = self._numbering = None
        self._at += 1
        yield from self._begin()

    def _finding(self, run: Run, outcome: Outcome) -> Finding:
        pairs = outcome.pairs or b""
        if self._numbering is not None:
            counts = series.real_pairs(outcome, self._numbering)
            return Finding(encoding.real_count(outcome), pair_counts=counts, pairs=pairs)
        if outcome.positions is None or self._mapping is None:
            return Finding(count=encoding.real_count(outcome))
        rows = encoding.real_positions(outcome, self._mapping)
        tokens = self._own.algorithms[run.algorithm].tokens[rows]
        order = np.lexsort(tokens.T[::-1])
        return Finding(count=len(rows), rows=rows[order], pairs=pairs)
