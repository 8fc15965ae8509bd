"""Which engines this installation has, and which one a session uses.

Engines do not know each other; this is the one place that knows them all. Their order here is the
order of preference of ``auto``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from psihash import errors
from psihash.psi import groups
from psihash.psi.engine import RUNG_NOT_SERVED, Engine
from psihash.psi.engines import openmined_library
from psihash.psi.engines.ecdh import ENGINE_ID as ECDH_ID
from psihash.psi.engines.ecdh import EcdhEngine
from psihash.psi.engines.openmined import OpenminedEngine
from psihash.terms import Learn, Rung

ENGINE_MISSING = errors.define(
    "engine-missing", "an engine is not installed here, or not at the peer"
)
ENGINE_NOT_ALLOWED = errors.define(
    "engine-not-allowed", "the agreement does not allow any engine that both sides have"
)

AUTO: Final = "auto"
"""What an operator asks for to have the first engine that fits."""


class Registry:
    """Engines in order of preference, and why known ones are absent."""

    def __init__(self, engines: Sequence[Engine], missing: Mapping[str, str] | None = None) -> None:
        self._engines = {engine.id: engine for engine in engines}
        self._missing = MappingProxyType(dict(missing or {}))

    def installed(self) -> tuple[Engine, ...]:
        """The engines that can be used here, the preferred one first."""
        return tuple(self._engines.values())

    @property
    def missing(self) -> Mapping[str, str]:
        """Ids of known engines that cannot be used here, each with the reason in words."""
        return self._missing

    def get(self, engine_id: str) -> Engine:
        """The engine with this id. Raises UnavailableError ``engine-missing``."""
        engine = self._engines.get(engine_id)
        if engine is None:
            reason = self._missing.get(engine_id, "it is not part of this version")
            raise errors.UnavailableError(
                ENGINE_MISSING, f"the engine asked for is not installed here: {reason}"
            )
        return engine

    def choose(
        self,
        rung: Rung,
        learn: Learn,
        allowed: Collection[str],
        peer: Collection[str],
        requested: str = AUTO,
    ) -> Engine:
        """The first engine that is asked for, serves the rung, that both have and may use.

        ``allowed`` are the ids in the agreement, ``peer`` those that the peer says it has,
        ``requested`` is :data:`AUTO` or a :func:`short_name`. Raises RefusedError
        ``rung-not-served`` or ``engine-not-allowed``, or UnavailableError ``engine-missing``;
        the first of these that applies names the real obstacle.
        """
        engines = [e for e in self.installed() if requested in (AUTO, short_name(e.id))]
        if not engines:
            raise errors.UnavailableError(ENGINE_MISSING, self._not_here(requested))
        engines = [e for e in engines if serves(e, rung)]
        if not engines:
            raise errors.RefusedError(
                RUNG_NOT_SERVED, f"no installed engine serves the rung '{rung}'"
            )
        if rung is Rung.RECORDS and learn is not Learn.BOTH:
            # The owner must check the asker's openings, and so learns the items too.
            raise errors.RefusedError(
                RUNG_NOT_SERVED, "the rung 'records' is served only where both sides learn"
            )
        engines = [e for e in engines if e.id in peer]
        if not engines:
            raise errors.UnavailableError(
                ENGINE_MISSING, "the peer has none of the engines that would serve here"
            )
        engines = [e for e in engines if e.id in allowed]
        if not engines:
            raise errors.RefusedError(
                ENGINE_NOT_ALLOWED, "the agreement allows none of the engines that both sides have"
            )
        return engines[0]

    def _not_here(self, requested: str) -> str:
        for engine_id, reason in self._missing.items():
            if requested == short_name(engine_id):
                return f"the engine '{requested}' is not installed here: {reason}"
        names = ", ".join(short_name(e.id) for e in self.installed()) or "none"
        return f"the engine asked for is not installed here; installed: {names}"


def default(group: str = "") -> Registry:
    """What this installation has, the fastest first. ``group`` asks for one implementation of the
    group by name. Loads the engines' native libraries, so not at start-up."""
    engines: list[Engine] = []
    missing: dict[str, str] = {}
    try:
        engines.append(EcdhEngine(groups.best(group)))
    except errors.UnavailableError as error:
        missing[ECDH_ID] = error.message
    openmined = OpenminedEngine()
    reason = openmined_library.available()
    if reason is None:
        engines.append(openmined)
    else:
        missing[openmined.id] = reason
    return Registry(engines, missing)


def short_name(engine_id: str) -> str:
    """What an operator calls an engine: ``openmined`` for ``openmined-p256/1``."""
    return engine_id.partition("-")[0]


def serves(engine: Engine, rung: Rung) -> bool:
    """Whether an engine can do what a rung needs; ``records`` is a step on top of ``items``."""
    return (Rung.ITEMS if rung is Rung.RECORDS else rung) in engine.properties.rungs
