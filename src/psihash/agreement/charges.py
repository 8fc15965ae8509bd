"""What a session costs in the ledger.

Every run puts both lists in, padded to their size classes, so a run of one algorithm is charged
the sum of both classes, in full: a peer that changed its software can use each place of its list
for a guess, and the count of hits does not show it. ``both`` takes two runs with an engine that
lets one side learn at a time, and both are charged. All rungs cost the same, because at ``count``
and ``series`` a dishonest peer can learn as much as at ``items``. Both sides compute the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from psihash.agreement.documents import Annex
from psihash.agreement.times import add_days
from psihash.terms import AlgorithmId, Learn

Classes = Mapping[AlgorithmId, int]
"""Size class of one side's padded list, by algorithm."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One row of the ledger."""

    owner: str
    collection: str
    """Opaque id of the owner's annex."""
    algorithm: AlgorithmId
    elements: int
    """This collection's share of the size class, times the runs. The shares of one owner and
    algorithm add up to the class exactly."""
    runs: int


@dataclass(frozen=True, slots=True)
class Charges:
    rows: tuple[Charge, ...]
    runs: int
    """Engine runs of the whole session."""

    @property
    def elements(self) -> int:
        """What is held against ``elements_per_period``."""
        return sum(row.elements for row in self.rows)


@dataclass(frozen=True, slots=True)
class Usage:
    """What the ledger holds for this agreement since :func:`period_start`."""

    sessions: int
    elements: int


def runs_per_algorithm(learn: Learn, both_in_one_run: bool) -> int:
    return 2 if learn is Learn.BOTH and not both_in_one_run else 1


def charge(
    sides: tuple[tuple[Annex, Classes], tuple[Annex, Classes]],
    learn: Learn,
    *,
    both_in_one_run: bool,
) -> Charges:
    """The charges of one session: for each side its annex in force and the classes of its lists.

    Every algorithm of the classes must be offered in the annex (``check_session`` sees to it).
    """
    runs = runs_per_algorithm(learn, both_in_one_run)
    rows = tuple(
        Charge(annex.author, collection, algorithm, runs * elements, runs)
        for annex, classes in sorted(sides, key=lambda side: side[0].author)
        for algorithm in sorted(classes)
        for collection, elements in _shares(annex, algorithm, classes[algorithm])
    )
    return Charges(rows, runs * len(sides[0][1]))


def charge_asker(annex: Annex, classes: Classes) -> Charges:
    """The charges of a run in which one side asks and the other, which answers anybody alike, puts
    no list in: the asker's classes, once. ``annex`` is the asker's, in force."""
    rows = tuple(
        Charge(annex.author, collection, algorithm, elements, 1)
        for algorithm in sorted(classes)
        for collection, elements in _shares(annex, algorithm, classes[algorithm])
    )
    return Charges(rows, len(classes))


def period_start(now: str, period_days: int) -> str:
    """Charges from this time on count. The period slides: there is no day of reset to wait for."""
    return add_days(now, -period_days)


def _shares(annex: Annex, algorithm: AlgorithmId, total: int) -> list[tuple[str, int]]:
    """Divide ``total`` over the collections by their classes, exactly (largest remainder)."""
    weights = sorted(
        (offered.id, offered.classes[algorithm])
        for offered in annex.collections
        if algorithm in offered.classes
    )
    whole = sum(weight for _, weight in weights)
    shares = {name: total * weight // whole for name, weight in weights}
    by_remainder = sorted(weights, key=lambda pair: (-(total * pair[1] % whole), pair[0]))
    for name, _ in by_remainder[: total - sum(shares.values())]:
        shares[name] += 1
    return list(shares.items())
