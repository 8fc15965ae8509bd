"""What is true of the demo's two agencies in clear text, and the comparison with what they learned.

Results are the documents that the commands print; no part of psihash that made them is used here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from psihash.terms import AlgorithmId
from psihash_client.demo_agency import DemoAgency

ALGORITHMS: Final = (AlgorithmId.MD5, AlgorithmId.SHA1)
"""The demo matches by these."""

_HEAD: Final = 8
"""Bytes by which a digest is looked for before the whole of it is compared."""

Document = dict[str, Any]


@dataclass(frozen=True)
class Truth:
    """What one agency holds: every file has a number, which is the same at both agencies."""

    numbers: dict[AlgorithmId, dict[bytes, int]]
    """By algorithm: each digest, and the number of its file."""
    identified: set[int]
    """Files whose victim this agency has identified."""

    def common(self, other: Truth, name: AlgorithmId) -> set[bytes]:
        return self.numbers[name].keys() & other.numbers[name].keys()

    def matching(self, other: Truth) -> set[int]:
        """Files that both hold with a digest of the same algorithm."""
        return {self.numbers[n][digest] for n in ALGORITHMS for digest in self.common(other, n)}

    def files(self) -> set[int]:
        return {number for each in self.numbers.values() for number in each.values()}

    def alone(self, other: Truth) -> list[bytes]:
        """Digests that the other agency does not hold."""
        return [digest for n in ALGORITHMS for digest in self.numbers[n].keys() - other.numbers[n]]

    def first(self, other: Truth) -> set[int]:
        """Matching files whose victim the other agency has identified and this one has not."""
        return (self.matching(other) & other.identified) - self.identified

    def number(self, item: Document) -> int | None:
        """The file that an item of a result is; None if it is none of ours."""
        texts = {name: item["digests"].get(name.value) for name in ALGORITHMS}
        found = {self.numbers[n].get(bytes.fromhex(text)) for n, text in texts.items() if text}
        return found.pop() if len(found) == 1 else None


@dataclass(frozen=True)
class Side:
    """One agency: its program, the truth about it, and what two sessions told it."""

    agency: DemoAgency
    truth: Truth

    @property
    def id(self) -> str:
        return self.agency.id


@dataclass(frozen=True)
class Learned:
    """What one side learned: the results of the session at ``count`` and of that at ``records``."""

    count: Document
    records: Document

    def identified_there_open_here(self) -> list[Document]:
        return [item for item in self.records["items"] if item["identified_there_open_here"]]


class Checks:
    """What was compared with the truth so far."""

    def __init__(self) -> None:
        self.lines: list[tuple[bool, str]] = []

    def equal(self, what: str, found: object, expected: object) -> None:
        self.lines.append((found == expected, what))

    @property
    def good(self) -> bool:
        return all(good for good, _ in self.lines)


def check_learned(checks: Checks, side: Side, other: Side, learned: Learned) -> None:
    """Compare what a side learned with the truth: no more, no less, nothing else."""
    own, there = side.truth, other.truth
    numbers = {
        name.value: {"own": len(own.numbers[name]), "matched": len(own.common(there, name))}
        for name in ALGORITHMS
    }
    checks.equal(f"{side.id}, rung count: the numbers", learned.count["algorithms"], numbers)
    checks.equal(f"{side.id}, rung count: not one item", learned.count["items"], [])
    checks.equal(f"{side.id}, rung records: the numbers", learned.records["algorithms"], numbers)
    found = [own.number(item) for item in learned.records["items"]]
    good = set(found) == own.matching(there) and len(found) == len(set(found))
    checks.equal(f"{side.id}, rung records: which items, each once", good, True)
    checks.equal(
        f"{side.id}: how many items", learned.records["matched_items"], len(own.matching(there))
    )
    first = {own.number(item) for item in learned.identified_there_open_here()}
    what = f"{side.id}: which are identified at {other.id} and open here"
    checks.equal(what, first, own.first(there))


def search(folder: Path, digests: Sequence[bytes]) -> tuple[int, int]:
    """How often any of the digests stands in any file below, raw or as hex; bytes searched."""
    by_head: dict[bytes, list[bytes]] = {}
    for raw in digests:
        for form in (raw, raw.hex().encode(), raw.hex().upper().encode()):
            by_head.setdefault(form[:_HEAD], []).append(form)
    heads = np.frombuffer(b"".join(by_head), dtype=np.uint64)
    found = size = 0
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        data = path.read_bytes()
        size += len(data)
        for place in _places(data, heads):
            forms = by_head[data[place : place + _HEAD]]
            found += any(data.startswith(form, place) for form in forms)
    return found, size


def _places(data: bytes, heads: np.ndarray[Any, np.dtype[np.uint64]]) -> Iterator[int]:
    """Offsets at which one of the heads stands."""
    for shift in range(_HEAD):
        count = (len(data) - shift) // _HEAD
        if count > 0:
            words = np.frombuffer(data, dtype=np.uint64, offset=shift, count=count)
            for index in np.flatnonzero(np.isin(words, heads)):
                yield _HEAD * int(index) + shift
