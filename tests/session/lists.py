"""Small lists of digests for sessions in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from psihash.session.ports import Findings
from psihash.terms import AlgorithmId
from psihash.testing.holding import Lists
from psihash.testing.memory import Bench, MemoryJournal

MD5, SHA1, SHA256 = AlgorithmId.MD5, AlgorithmId.SHA1, AlgorithmId.SHA256


def digest(algorithm: AlgorithmId, number: int) -> bytes:
    return hashlib.new(algorithm.value, b"item %d" % number, usedforsecurity=False).digest()


def digests(algorithm: AlgorithmId, numbers: Iterable[int]) -> list[bytes]:
    return [digest(algorithm, number) for number in numbers]


def lists(**collections: Iterable[int]) -> Lists:
    """Collections of MD5s by item numbers."""
    return {name: {MD5: digests(MD5, numbers)} for name, numbers in collections.items()}


OURS = lists(alpha=range(30), beta=range(20, 50))
THEIRS = lists(gamma=range(25, 35), delta=range(100, 120))
COMMON = frozenset(digests(MD5, range(25, 35)))


def bench() -> Bench:
    """Two agencies with ten items in common."""
    return Bench.of(OURS, THEIRS)


def matched(
    journal: MemoryJournal, findings: Findings | None
) -> dict[AlgorithmId, int | frozenset[bytes] | None]:
    """What a side's findings say: digests where it knows them, else how many."""
    if findings is None:
        return {}
    found: dict[AlgorithmId, int | frozenset[bytes] | None] = {}
    for name, part in findings.by_algorithm.items():
        found[name] = part.count
        if part.rows is not None:
            own = journal.desk.own.own_set([name]).algorithms[name]
            found[name] = frozenset(row.tobytes() for row in own.digests[part.rows])
    return found
