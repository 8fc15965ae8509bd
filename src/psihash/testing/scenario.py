"""Realistic synthetic lists for two or more agencies, and the clear-text truth about them.

Everything follows from the seed. Files are written as a stream; the truth (which digests a
collection holds, what two agencies have in common) is computed anew from the same plan when it
is asked for, without reading a list, so it is an oracle that no parser of ours can mislead.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from psihash.terms import AlgorithmId, CollectionKind
from psihash.testing.items import PRIVATE, Item, Voice, make_item
from psihash.testing.recipes import Recipe, Tally
from psihash.testing.recipes_text import Griffeye, Hashdeep, Icse, Nsrl, Plain, Table
from psihash.testing.recipes_vics import Vics

_MD5, _SHA1, _SHA256 = AlgorithmId.MD5, AlgorithmId.SHA1, AlgorithmId.SHA256
_CASE, _SERIES, _LIBRARY = CollectionKind.CASE, CollectionKind.SERIES, CollectionKind.LIBRARY

RECIPES: Final[dict[str, Recipe]] = {
    recipe.name: recipe
    for recipe in (
        Vics("vics-2.0-us", "US", "Cases", _CASE, bom=False, newline="\n"),
        Vics("vics-2.0-uk", "UK", "Media", _LIBRARY, bom=True, newline="\n"),
        Vics("vics-2.0-default", "Default", "Media", _LIBRARY, bom=False, newline=""),
        Vics("vics-1.3", "", "Media", _LIBRARY, bom=True, newline="\r\n"),
        Icse("icse", "icse", ".csv", _LIBRARY, (_MD5, _SHA1), states_flags=True),
        Griffeye("griffeye", "griffeye", ".csv", _CASE, (_MD5, _SHA1, _SHA256), states_flags=True),
        Table("table", "csv", ".csv", _SERIES, (_MD5, _SHA256), states_flags=True),
        Hashdeep("hashdeep", "hashdeep", ".txt", _CASE, (_MD5, _SHA256)),
        Plain("plain-md5", "plain", ".txt", _CASE, (_MD5,)),
        Plain("plain-sha1", "plain", ".txt", _CASE, (_SHA1,)),
        Nsrl("nsrl", "nsrl-rds", ".txt", _LIBRARY, (_MD5, _SHA1)),
    )
}
"""Every kind of list that can be written."""

LAYOUTS: Final = (
    ("vics-2.0-us", "icse", "hashdeep", "plain-md5", "table"),
    ("vics-2.0-uk", "griffeye", "vics-1.3", "nsrl", "plain-sha1"),
    ("vics-2.0-default", "icse", "griffeye", "hashdeep", "plain-md5"),
)
"""Which lists an agency holds; the fourth agency begins again with the first row."""

_COUNTRIES: Final = (
    "nl", "de", "fr", "uk", "pl", "es", "it", "se", "no", "dk", "fi", "be", "at", "cz", "pt",
    "ro", "ie", "hu", "bg", "hr", "lt", "lv", "ee", "sk", "si", "lu", "mt", "gr", "cy", "ch",
)  # fmt: skip

MIN_ITEMS: Final = 10
MAX_AGENCIES: Final = len(_COUNTRIES)


@dataclass(frozen=True, slots=True)
class _Holdings:
    """One agency's items: ``total`` of them, the shared ones first, then mixed by a permutation."""

    seed: int
    voice: Voice
    shared: Sequence[int]
    total: int

    def item_at(self, position: int) -> Item:
        place = (self._stride() * position + self.seed) % self.total
        if place < len(self.shared):
            return make_item(self.seed, self.shared[place])
        return make_item(self.seed, PRIVATE * (self.voice.number + 1) + place)

    def _stride(self) -> int:
        stride = int(self.total * 0.618) | 1
        while math.gcd(stride, self.total) != 1:
            stride += 1
        return stride


@dataclass(frozen=True, slots=True)
class ListFile:
    """One written list, which is meant to become one collection."""

    path: Path
    collection: str
    recipe: Recipe
    tally: Tally
    holdings: _Holdings
    positions: range

    @property
    def format(self) -> str:
        return self.recipe.format

    @property
    def kind(self) -> CollectionKind:
        return self.recipe.kind

    @property
    def item_count(self) -> int:
        """Distinct items, the excluded ones not among them."""
        return len(self.positions)

    def items(self) -> Iterator[Item]:
        return (self.holdings.item_at(position) for position in self.positions)

    def digests(self, algorithm: AlgorithmId) -> set[bytes]:
        """The true digests of the collection: no refused row, no trivial content."""
        found = {
            item.digest(algorithm)
            for item in self.items()
            if algorithm in self.recipe.algorithms(item)
        }
        if algorithm is AlgorithmId.SHA1:
            found |= {i.other_sha1 for i in self.items() if self.recipe.sha1_conflict(i)}
        return found

    def coverage(self, algorithm: AlgorithmId) -> int:
        """How many items have a digest of this algorithm."""
        return sum(algorithm in self.recipe.algorithms(item) for item in self.items())

    def identified(self, algorithm: AlgorithmId) -> set[bytes]:
        """Digests of the items whose victim this list says is identified."""
        if not self.recipe.states_flags:
            return set()
        return {
            item.digest(algorithm)
            for item in self.items()
            if algorithm in self.recipe.algorithms(item)
            and self.holdings.voice.about(item).victim_identified
        }


@dataclass(frozen=True, slots=True)
class Agency:
    """One agency and its lists."""

    id: str
    files: tuple[ListFile, ...]

    def digests(self, algorithm: AlgorithmId) -> set[bytes]:
        """The union over all its collections."""
        return set[bytes]().union(*(file.digests(algorithm) for file in self.files))

    def identified(self, algorithm: AlgorithmId) -> set[bytes]:
        return set[bytes]().union(*(file.identified(algorithm) for file in self.files))


@dataclass(frozen=True, slots=True)
class Scenario:
    """All agencies, and what is true between them."""

    seed: int
    agencies: tuple[Agency, ...]

    def common(self, one: int, other: int, algorithm: AlgorithmId) -> set[bytes]:
        """The digests that two agencies (by number, from 0) both hold: the right answer."""
        return self.agencies[one].digests(algorithm) & self.agencies[other].digests(algorithm)

    def identified_there_open_here(
        self, here: int, there: int, algorithm: AlgorithmId = AlgorithmId.MD5
    ) -> set[bytes]:
        """Of the common digests, those whose victim only the other agency has identified."""
        known_there = self.agencies[there].identified(algorithm)
        known_here = self.agencies[here].identified(algorithm)
        return (self.common(here, there, algorithm) & known_there) - known_here

    def summary(self) -> dict[str, Any]:
        """Counts only, as JSON: what ``python -m psihash.testing.lists`` prints."""
        return {
            "seed": self.seed,
            "agencies": [
                {"id": agency.id, "files": [_file_summary(file) for file in agency.files]}
                for agency in self.agencies
            ],
            "common": [
                {
                    "agencies": [self.agencies[one].id, self.agencies[other].id],
                    **{
                        algorithm.value: len(self.common(one, other, algorithm))
                        for algorithm in (_MD5, _SHA1, _SHA256)
                    },
                }
                for one, other in combinations(range(len(self.agencies)), 2)
            ],
        }


def _file_summary(file: ListFile) -> dict[str, Any]:
    return {
        "path": f"{file.path.parent.name}/{file.path.name}",
        "format": file.format,
        "collection": file.collection,
        "kind": file.kind.value,
        "rows": file.tally.rows,
        "items": file.item_count,
        "refusals": {reason.value: n for reason, n in sorted(file.tally.refusals.items())},
        "excluded": len(file.tally.excluded),
        "conflicts_sha1": file.tally.conflicts_sha1,
        "conflicts_category": file.tally.conflicts_category,
    }


def generate(
    directory: Path,
    seed: int,
    *,
    agencies: int = 2,
    items: int | Sequence[int] = 1_000,
    overlap: float = 0.1,
    layouts: Sequence[Sequence[str]] = LAYOUTS,
) -> Scenario:
    """Write every agency's lists under ``directory``/<agency id>/ and return the truth.

    ``items``: distinct items per agency, or one number for each (unbalanced sets). ``overlap``:
    shared items as a share of the smallest agency. With two agencies both hold all of them; with
    more, every fifth is held by all and the others by one pair each. ``layouts``: names from
    :data:`RECIPES`, one row per agency, repeated as needed.
    """
    counts = [items] * agencies if isinstance(items, int) else list(items)
    if not 2 <= agencies <= MAX_AGENCIES or len(counts) != agencies:
        raise ValueError(f"from 2 to {MAX_AGENCIES} agencies, and one number of items for each")
    if min(counts) < MIN_ITEMS or not 0 <= overlap <= 1:
        raise ValueError(f"at least {MIN_ITEMS} items an agency, and an overlap from 0 to 1")
    shared = round(min(counts) * overlap)
    series_size = max(1, min(25, shared // 4))
    made = []
    for number, total in enumerate(counts):
        voice = Voice(number, agencies, series_size)
        holdings = _Holdings(seed, voice, _shared_by(number, agencies, shared), total)
        folder = directory / f"{_COUNTRIES[number]}-police"
        folder.mkdir(parents=True, exist_ok=True)
        made.append(_write_agency(folder, holdings, layouts[number % len(layouts)]))
    return Scenario(seed, tuple(made))


def _shared_by(number: int, agencies: int, shared: int) -> Sequence[int]:
    if agencies == 2:
        return range(shared)
    pairs = list(combinations(range(agencies), 2))
    return [i for i in range(shared) if i % 5 == 0 or number in pairs[i // 5 % len(pairs)]]


def _write_agency(folder: Path, holdings: _Holdings, layout: Sequence[str]) -> Agency:
    files = []
    for number, name in enumerate(layout):
        recipe = RECIPES[name]
        start = holdings.total * number // len(layout)
        stop = holdings.total * (number + 1) // len(layout)
        # One item in twenty of a list also stands in the one before it.
        positions = range(max(0, start - (stop - start) // 20), stop)
        path = folder / f"{number + 1}-{name}{recipe.suffix}"
        with path.open("wb") as stream:
            entries = (
                (item, holdings.voice.about(item)) for item in map(holdings.item_at, positions)
            )
            tally = recipe.write(stream, entries)
        files.append(ListFile(path, f"{number + 1}-{name}", recipe, tally, holdings, positions))
    return Agency(folder.name, tuple(files))
