"""What a completed session leaves for one that builds on it: see :mod:`psihash.session.climb`."""

from __future__ import annotations

from collections import Counter
from typing import Final

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
        largest_pair=_largest_pair(deal, permit, findings),
        plain_classes=_plain(deal, permit, peer),
    )


def _plain(deal: Deal, permit: Permit, peer: tuple[SetClass, ...]) -> tuple[SetClass, ...]:
    if deal.rung is not Rung.SERIES:
        return peer
    return () if permit.base is None else permit.base.plain_classes


def _largest_pair(deal: Deal, permit: Permit, findings: Findings) -> int | None:
    if deal.rung is Rung.RECORDS or not findings.role.learns(deal.learn):
        return None  # above records there is nothing
    counts = [
        _pair_in(name, part, permit, findings) for name, part in findings.by_algorithm.items()
    ]
    known = [count for count in counts if count is not None]
    return max(known) if len(known) == len(counts) else None


def _pair_in(name: AlgorithmId, finding: Finding, permit: Permit, findings: Findings) -> int | None:
    """The same for one algorithm."""
    if finding.pair_counts is not None:
        largest = max(finding.pair_counts.values(), default=0)
        return largest if largest >= _SMALL_PAIR else min(largest, 1)
    alone = len(permit.peer_collections) == 1
    if finding.rows is None:
        return finding.count if alone and len(permit.own.collections) == 1 else None
    labels = findings.labels.get(name)
    if labels is None and not (alone or not len(finding.rows)):
        return None
    digests = matched(permit.own.algorithms[name].digests, finding.rows)
    here = permit.own.holder.collections_of(name, digests)
    there = labels or [tuple(permit.peer_collections)] * len(digests)
    # The same combinations come very often: pairs are counted for each of them once.
    combinations = Counter(zip(here, there, strict=True))
    pairs: Counter[tuple[str, str]] = Counter()
    for (own, peer), count in combinations.items():
        for one in own:
            for other in peer:
                pairs[one, other] += count
    return max(pairs.values(), default=0)
