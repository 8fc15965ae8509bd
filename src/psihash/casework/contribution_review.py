"""What really is in a contribution, counted, once all of it is here.

The contribution says how many items each collection has, and a person decides by that. So what is
there must be just that many, and no item may come again and again with ever more said of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from psihash import errors
from psihash.casework.contribution import MAX_LABELS, Contribution, PartContent
from psihash.hashset.model import Verdict

CONTRIBUTION_MISCOUNTED = errors.define(
    "contribution-miscounted",
    "the parts of a contribution do not hold what it says: another number of items, a digest twice "
    "in a collection, or more labels of one digest than are taken",
)

_NO_SERIES: Final = 1
"""Labels of an item without series: the one of its collection."""


@dataclass(slots=True)
class Reviewed:
    """One collection, as counted. No digest stands in two of its items."""

    items: int = 0
    identified: int = 0
    not_identified: int = 0
    series: int = 0
    """Different ones."""


def review(written: Contribution, contents: Iterable[PartContent]) -> tuple[Reviewed, ...]:
    """Count what ``contents``, all parts in their order, hold; one for each collection. Raises
    RefusedError ``contribution-miscounted``."""
    found = tuple(Reviewed() for _ in written.collections)
    labels: dict[bytes, int] = {}
    here: set[bytes] = set()
    series: set[str] = set()
    place = -1
    for content in contents:
        if not place <= content.collection < len(found):
            raise _refused("its parts are not in the order of its collections")
        if content.collection != place:
            place = content.collection
            here.clear()
            series.clear()
        _count(found[place], content, here, series)
        _bound(content, labels)
    if any(
        each.items != given.items for each, given in zip(found, written.collections, strict=True)
    ):
        raise _refused("it holds another number of items than it says")
    return found


def labels_of(verdict: Verdict) -> int:
    """With how many labels a digest stands by it."""
    return max(_NO_SERIES, len(verdict.series))


def _count(counted: Reviewed, content: PartContent, here: set[bytes], series: set[str]) -> None:
    for digests, number in content.rows:
        said = content.verdicts[number]
        counted.items += 1
        counted.identified += said.victim_identified is True
        counted.not_identified += said.victim_identified is False
        series.update(said.series)
        for key in _keys(digests, content):
            if key in here:
                raise _refused("a collection of it has a digest twice")
            here.add(key)
    counted.series = len(series)


def _bound(content: PartContent, labels: dict[bytes, int]) -> None:
    for digests, number in content.rows:
        more = labels_of(content.verdicts[number])
        for key in _keys(digests, content):
            labels[key] = labels.get(key, 0) + more
            if labels[key] > MAX_LABELS:
                raise _refused("it says too much of one digest")


def _keys(digests: tuple[str, ...], content: PartContent) -> list[bytes]:
    """Algorithm and digest in one."""
    return [
        f"{name.value}:".encode() + bytes.fromhex(text)
        for name, text in zip(content.algorithms, digests, strict=True)
        if text
    ]


def _refused(reason: str) -> errors.RefusedError:
    return errors.RefusedError(CONTRIBUTION_MISCOUNTED, f"the contribution is refused: {reason}")
