"""What a completed session leaves for one that builds on it: see :mod:`psihash.session.climb`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from psihash.psi.series import Cells
from psihash.session.climb import Base
from psihash.session.deal import Deal
from psihash.session.messages import SetClass
from psihash.session.ports import Findings, Permit
from psihash.session.runs import Finding
from psihash.session.sharing import matched
from psihash.terms import AlgorithmId, Rung, SessionRole

_SMALL_PAIR: Final = 5
"""Below this a pair of series is told as "1 to 4", so a rule sees a one."""


def base_of(deal: Deal, permit: Permit, findings: Findings) -> Base:
    """What a completed session leaves for the next rung, on the side that ``findings`` are of."""
    role = findings.role
    own, peer = deal.classes if role is SessionRole.INITIATOR else deal.classes[::-1]
    return Base(
        rung=deal.rung,
        algorithms=deal.algorithms,
        own_roots=deal.roots_of(role),
        peer_roots=deal.roots_of(role.other),
        own_classes=own,
        peer_classes=peer,
        counts={
            name: part.count
            for name, part in findings.by_algorithm.items()
            if part.count is not None
        },
        largest_own=_largest_own(deal, permit, findings),
        plain_classes=_plain(deal, permit, peer),
    )


def _plain(deal: Deal, permit: Permit, peer: tuple[SetClass, ...]) -> tuple[SetClass, ...]:
    if deal.rung is not Rung.SERIES:
        return peer
    return () if permit.base is None else permit.base.plain_classes


def _largest_own(deal: Deal, permit: Permit, findings: Findings) -> int | None:
    if deal.rung is Rung.RECORDS or not findings.role.learns(deal.learn):
        return None  # above records there is nothing
    counts = [_in_one(name, part, permit) for name, part in findings.by_algorithm.items()]
    known = [count for count in counts if count is not None]
    return max(known) if len(known) == len(counts) else None


def _in_one(name: AlgorithmId, finding: Finding, permit: Permit) -> int | None:
    """The same for one algorithm."""
    own = permit.own
    if finding.pair_counts is not None:
        return _in_one_series(finding.pair_counts, own.algorithms[name].cells)
    if finding.rows is None:
        return finding.count if len(own.collections) == 1 else None
    digests = matched(own.algorithms[name].digests, finding.rows)
    counted: Counter[str] = Counter()
    # The same combinations come very often: each is looked at once.
    for names, count in Counter(own.holder.collections_of(name, digests)).items():
        for each in names:
            counted[each] += count
    return max(counted.values(), default=0)


def _in_one_series(pairs: Mapping[tuple[int, int], int], cells: Cells | None) -> int | None:
    """Over all numbers of the peer, however it cut them. A cell of several series is left out:
    which of them the matched items are in is not known."""
    if cells is None:
        return None
    counted: Counter[int] = Counter()
    for (cell, _), count in pairs.items():
        counted[cell] += count if count >= _SMALL_PAIR else min(count, 1)
    return max((n for cell, n in counted.items() if len(cells.series[cell]) == 1), default=0)
