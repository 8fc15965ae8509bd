"""The engine runs of a session: which ones, in which order, and what they found.

One run per algorithm; two where both sides learn and the engine lets only one side learn per run
(first the initiator receives, then the responder). Runs come one after the other. Each run's list
is the side's tokens, the session's canaries and fresh dummies, up to the size class, in an order
of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from psihash import errors
from psihash.psi import encoding
from psihash.psi.engine import Engine, Outcome, Party, Rng, RunTerms
from psihash.session.deal import Deal
from psihash.session.messages import EngineFrame
from psihash.session.own import OwnSet
from psihash.terms import AlgorithmId, Learn, Role, Rung, SessionRole

WRONG_RUN = errors.define("wrong-run", "an engine frame names a run that is not the one under way")

CONTEXT_KIND = "session"


@dataclass(frozen=True, slots=True)
class Run:
    """One engine execution. ``receiver`` is the session role that learns, None for both."""

    number: int
    algorithm: AlgorithmId
    receiver: SessionRole | None


@dataclass(frozen=True, slots=True)
class Finding:
    """What this side found for one algorithm. None of it where this side does not learn."""

    count: int | None = None
    rows: npt.NDArray[np.int64] | None = None
    """Rows of the side's own digests that matched, in the order of their tokens."""


@dataclass(slots=True)
class Progress:
    """How far the runs are, for a progress bar: frames and bytes in both directions."""

    runs: int = 0
    run: int = 0
    frames_sent: int = 0
    frames_received: int = 0
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


def plan(deal: Deal, both_in_one_run: bool) -> list[Run]:
    """The runs of a session, in their order; equal on both sides."""
    runs: list[Run] = []
    for algorithm in deal.algorithms:
        for receiver in _receivers(deal.learn, both_in_one_run):
            runs.append(Run(len(runs), algorithm, receiver))
    return runs


def _receivers(learn: Learn, both_in_one_run: bool) -> list[SessionRole | None]:
    if learn is Learn.INITIATOR:
        return [SessionRole.INITIATOR]
    if learn is Learn.RESPONDER:
        return [SessionRole.RESPONDER]
    if both_in_one_run:
        return [None]
    return [SessionRole.INITIATOR, SessionRole.RESPONDER]


class Runs:
    """Drives the engine parties of one side, one run after the other."""

    def __init__(
        self, role: SessionRole, deal: Deal, engine: Engine, own: OwnSet, rng: Rng
    ) -> None:
        self._role, self._deal, self._engine, self._own, self._rng = role, deal, engine, own, rng
        self._plan = plan(deal, engine.properties.both_in_one_run)
        self._at = 0
        self._party: Party | None = None
        self._mapping: npt.NDArray[np.int64] | None = None
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
        own_size = self._deal.size_class(self._role, run.algorithm)
        peer_size = self._deal.size_class(self._role.other, run.algorithm)
        items, self._mapping = encoding.padded_list(
            self._own.algorithms[run.algorithm].tokens,
            own_size,
            encoding.canaries(self._deal.session, run.number),
            self._rng,
        )
        terms = RunTerms(
            context_kind=CONTEXT_KIND,
            context_id=self._deal.session,
            run=run.number,
            rung=Rung.ITEMS if self._deal.rung is Rung.RECORDS else self._deal.rung,
            learn=self._deal.learn,
            own_size=own_size,
            peer_size=peer_size,
        )
        receives = run.receiver is self._role or (
            run.receiver is None and self._role is SessionRole.INITIATOR
        )
        return self._engine.party(
            Role.RECEIVER if receives else Role.SENDER, items, terms, self._rng
        )

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
        self._party = self.progress.party = self._mapping = None
        self._at += 1
        yield from self._begin()

    def _finding(self, run: Run, outcome: Outcome) -> Finding:
        if outcome.positions is None or self._mapping is None:
            return Finding(count=encoding.real_count(outcome))
        rows = encoding.real_positions(outcome, self._mapping)
        tokens = self._own.algorithms[run.algorithm].tokens[rows]
        order = np.lexsort(tokens.T[::-1])
        return Finding(count=len(rows), rows=rows[order])
