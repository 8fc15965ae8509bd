"""The clauses of the terms that a session is held against, one function each.

A refusal's code begins with ``clause-``. The order of the table is part of the protocol, so that
both sides name the same first cause; ``clause-minimum`` alone rests on what one side knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from psihash import errors
from psihash.agreement.charges import Charges, Classes, Usage
from psihash.agreement.state import Agreement
from psihash.agreement.terms import ANY_ENGINE, Terms
from psihash.terms import AlgorithmId, Learn, Rung

CLAUSE_OPENER = errors.define("clause-opener", "the agreement does not let this side open sessions")
CLAUSE_RUNG = errors.define("clause-rung", "the rung is above the highest that was agreed")
CLAUSE_LEARN = errors.define("clause-learn", "who is to learn differs from the agreement")
CLAUSE_ENGINE = errors.define("clause-engine", "the agreement does not allow this engine")
CLAUSE_ALGORITHM = errors.define(
    "clause-algorithm", "an algorithm is not in the agreement, or none is asked for"
)
CLAUSE_CASE = errors.define(
    "clause-case", "the case reference is missing or differs from the agreement"
)
CLAUSE_SIZE = errors.define("clause-size", "a set is above the largest size class agreed")
CLAUSE_MINIMUM = errors.define(
    "clause-minimum",
    "one's own set, or what was added to it, is below the agreed minimum",
    private=True,
)
CLAUSE_SESSIONS = errors.define("clause-sessions", "the sessions agreed for the period are used up")
CLAUSE_ELEMENTS = errors.define(
    "clause-elements", "the elements agreed for the period do not suffice for this session"
)


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """A session as one side sees it. ``own`` and ``peer`` change places on the other side."""

    own: str
    """The agency that checks."""
    opener: str
    """The agency that opened the session, hence its initiator."""
    rung: Rung
    learn: Learn
    engine: str
    both_in_one_run: bool
    """The engine's property of that name."""
    algorithms: tuple[AlgorithmId, ...]
    own_classes: Classes
    peer_classes: Classes
    own_case: str
    """Never empty: no session without a case (Regulation (EU) 2024/982 Art. 33)."""
    peer_case: str
    """May be empty where the agreement states none: the peer keeps it to itself."""
    own_annex: bytes
    """Digest of this side's annex as the peer holds it, from the offer."""
    peer_annex: bytes
    own_items: Mapping[AlgorithmId, int]
    """Distinct digests in this side's true set. Never leaves the agency."""
    own_added: Mapping[AlgorithmId, int] | None = None
    """How many of them no earlier session under the agreement had; None if there was none."""


def check_clauses(terms: Terms, request: SessionRequest) -> None:
    """Raise RefusedError with the code of the first clause that says no."""
    for check in _CLAUSES:
        check(terms, request)


def check_early(terms: Terms, request: SessionRequest) -> None:
    """The clauses that need no sets: before any work is done for a session."""
    for check in _EARLY:
        check(terms, request)


def _opener(terms: Terms, request: SessionRequest) -> None:
    if not terms.opened_by.allows(terms.role_of(request.opener)):
        raise errors.RefusedError(CLAUSE_OPENER, "this side may not open a session")


def _rung(terms: Terms, request: SessionRequest) -> None:
    if request.rung.height > terms.rung.height:
        raise errors.RefusedError(
            CLAUSE_RUNG, f"the agreement allows rung {terms.rung.value} at most"
        )


def _learn(terms: Terms, request: SessionRequest) -> None:
    # Exactly as agreed: even a narrower answer shifts who gives and who gets.
    if request.learn is not terms.learn:
        raise errors.RefusedError(CLAUSE_LEARN, f"the agreement says learn {terms.learn.value}")


def _engine(terms: Terms, request: SessionRequest) -> None:
    if terms.engines != (ANY_ENGINE,) and request.engine not in terms.engines:
        raise errors.RefusedError(CLAUSE_ENGINE, "the agreement does not allow this engine")


def _algorithms(terms: Terms, request: SessionRequest) -> None:
    asked = request.algorithms
    if not asked or len(set(asked)) != len(asked) or not set(asked) <= set(terms.algorithms):
        raise errors.RefusedError(
            CLAUSE_ALGORITHM, f"the agreement allows {', '.join(terms.algorithms)}, each once"
        )


def _sizes(terms: Terms, request: SessionRequest) -> None:
    for classes in (request.own_classes, request.peer_classes):
        if any(size > terms.max_size_class for size in classes.values()):
            raise errors.RefusedError(
                CLAUSE_SIZE, f"the agreement allows {terms.max_size_class} elements a set at most"
            )


def _minimum(terms: Terms, request: SessionRequest) -> None:
    """Our own set only: what the peer hides under its padding cannot be seen.

    An addition counts by itself, because the difference between two sessions isolates it. An
    algorithm of which our lists hold no digest is no small set: many lists state MD5 alone.
    """
    nothing = not any(request.own_items.get(algorithm, 0) for algorithm in request.algorithms)
    for algorithm in request.algorithms:
        count = request.own_items.get(algorithm, 0)
        added = count if request.own_added is None else request.own_added.get(algorithm, 0)
        if nothing or 0 < count < terms.minimum_items or 0 < added < terms.minimum_items:
            raise errors.RefusedError(
                CLAUSE_MINIMUM,
                f"our set, or what is new in it, has fewer than {terms.minimum_items} "
                f"{algorithm.value} digests",
                hint="offer more collections together",
            )


_Clause = Callable[[Terms, SessionRequest], None]
_EARLY: Final[tuple[_Clause, ...]] = (_opener, _rung, _learn, _engine, _algorithms)
_CLAUSES: Final[tuple[_Clause, ...]] = (*_EARLY, _sizes, _minimum)


def check_cases(agreement: Agreement, request: SessionRequest) -> None:
    """Each side's case is the one that the agreement names, where it names one."""
    peer = agreement.peer_of(request.own)
    if not request.own_case:
        raise errors.RefusedError(CLAUSE_CASE, "a session needs our case reference")
    for agency, given in ((request.own, request.own_case), (peer, request.peer_case)):
        if agreement.case(agency) not in ("", given):
            raise errors.RefusedError(CLAUSE_CASE, "the agreement is for another case")


def check_budget(terms: Terms, usage: Usage, charges: Charges) -> None:
    """The period still holds one more session of this cost."""
    if usage.sessions + 1 > terms.sessions_per_period:
        raise errors.RefusedError(
            CLAUSE_SESSIONS,
            f"{terms.sessions_per_period} sessions in {terms.period_days} days are used up",
        )
    if usage.elements + charges.elements > terms.elements_per_period:
        raise errors.RefusedError(
            CLAUSE_ELEMENTS,
            f"this session costs {charges.elements} elements; of {terms.elements_per_period} in "
            f"{terms.period_days} days {usage.elements} are used",
        )
