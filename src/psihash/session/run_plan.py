"""Which engine runs a session has, in which order, and their key pairs.

One run per algorithm; two where both sides learn and the engine lets only one side learn per run
(first the initiator receives, then the responder). The plan follows from the offer and the engine,
so both sides have the same. Where the engine publishes a key for each run, the initiator's keys go
with the offer and the responder's with the acceptance, and all of them stand in the transcript.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psihash import errors
from psihash.psi.engine import Engine, RunSecret
from psihash.terms import AlgorithmId, Learn, Rung, SessionRole

BAD_KEYS = errors.define(
    "bad-run-keys", "the peer's public keys for the engine's runs are too few or too many"
)


@dataclass(frozen=True, slots=True)
class Run:
    """One engine execution. ``receiver`` is the session role that learns, None for both."""

    number: int
    algorithm: AlgorithmId
    receiver: SessionRole | None


def plan(algorithms: Sequence[AlgorithmId], learn: Learn, both_in_one_run: bool) -> list[Run]:
    """The runs of a session, in their order; equal on both sides."""
    runs: list[Run] = []
    for algorithm in algorithms:
        for receiver in _receivers(learn, both_in_one_run):
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


def engine_rung(rung: Rung) -> Rung:
    """What an engine is asked for: ``records`` is a step on top of ``items``."""
    return Rung.ITEMS if rung is Rung.RECORDS else rung


class RunSecrets:
    """This side's secrets for all runs of a session. Each is given out once."""

    def __init__(
        self, engine: Engine, rung: Rung, learn: Learn, algorithms: Sequence[AlgorithmId]
    ) -> None:
        runs = plan(algorithms, learn, engine.properties.both_in_one_run)
        made = [engine.secret(engine_rung(rung)) for _ in runs]
        self._secrets = {number: each for number, each in enumerate(made) if each is not None}
        self.publics = tuple(secret.public for secret in self._secrets.values())
        """In the order of the runs; empty where the engine publishes none at this rung."""

    def check_peer(self, keys: Sequence[bytes]) -> None:
        """Raise ProtocolError unless the peer has one good key for each of ours."""
        if len(keys) != len(self._secrets):
            raise errors.ProtocolError(BAD_KEYS, "the peer's keys are not one for each run")
        for secret, key in zip(self._secrets.values(), keys, strict=True):
            secret.check_peer(key)

    def take(self, run: int) -> RunSecret | None:
        """The secret of a run. It is forgotten here: it lives as long as the run."""
        return self._secrets.pop(run, None)
