"""Synthetic items: everything about one follows from a seed and an index, nothing from a picture.

The digests of an item are those of a short text that names the seed and the index, so they belong
together as a real file's do. Every choice (is a SHA-1 stated, how many entries ...) is drawn from
the item's own pseudo-random bytes; so a list can be written, and its clear-text truth computed
again later, without keeping either in memory.
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass
from typing import Final

from psihash.terms import AlgorithmId

PRIVATE: Final = 10**9
"""Indices below this are shared items; agency k's own begin at (k + 1) times this."""

CATEGORIES: Final = 5
"""Category numbers drawn: 0 to 4."""

COUNTRIES: Final = ("BR", "DE", "FR", "NL", "PH", "PL", "RO", "TH", "US", None, None)
"""Likely countries of a series; most series have none."""


class Draw(enum.IntEnum):
    """Which of an item's pseudo-random bytes decides what. Two bytes each."""

    SHA1 = 0
    SHA256 = 1
    ENTRIES = 2
    VERDICT_ENTRY = 3
    CONFLICT = 4
    CASE = 5
    CATEGORY = 6
    DISSENT = 7
    FLAG = 8
    OFFENDER = 9
    DISTRIBUTED = 10
    SIZE = 11
    NAME = 12
    DATE = 13
    OTHER_HASH = 14
    SUBMISSIONS = 15


@dataclass(frozen=True, slots=True)
class Item:
    """One synthetic file."""

    index: int
    content: bytes
    noise: bytes
    """64 pseudo-random bytes."""

    def draw(self, what: Draw, sides: int) -> int:
        """A number from 0 to ``sides`` - 1, always the same for this item."""
        return int.from_bytes(self.noise[2 * what : 2 * what + 2], "big") % sides

    def digest(self, algorithm: AlgorithmId) -> bytes:
        return hashlib.new(algorithm.value, self.content, usedforsecurity=False).digest()

    @property
    def other_sha1(self) -> bytes:
        """A second SHA-1 beside the same MD5, as a collision or a damaged export would give."""
        return hashlib.sha1(b"another file, " + self.content, usedforsecurity=False).digest()


def make_item(seed: int, index: int) -> Item:
    content = f"psihash synthetic item {seed}/{index}".encode()
    return Item(index, content, hashlib.sha512(b"noise of " + content).digest())


@dataclass(frozen=True, slots=True)
class Statement:
    """What one agency says about an item, before a list's format says it in its own way."""

    category: int
    victim_identified: bool | None
    offender_identified: bool | None
    distributed: bool | None
    series: str
    country: str | None
    dated_ms: int
    """Milliseconds since 1970."""
    submissions: int


@dataclass(frozen=True, slots=True)
class Voice:
    """One agency's way of judging: its number, how many there are, and how long a series is."""

    number: int
    agencies: int
    series_size: int

    def about(self, item: Item) -> Statement:
        series = item.index // self.series_size
        return Statement(
            category=self._category(item),
            victim_identified=self._victim(item, series),
            offender_identified=(None, False, True)[item.draw(Draw.OFFENDER, 3)],
            distributed=(None, False, True)[item.draw(Draw.DISTRIBUTED, 3)],
            series=self._label(series),
            country=COUNTRIES[series % len(COUNTRIES)],
            dated_ms=1_500_000_000_000 + item.draw(Draw.DATE, 65_536) * 3_000_017,
            submissions=1 + item.draw(Draw.SUBMISSIONS, 40),
        )

    def _category(self, item: Item) -> int:
        """Agencies mostly agree: one item in twenty is judged otherwise by every second one."""
        dissent = item.draw(Draw.DISSENT, 20) == 0 and self.number % 2 == 1
        return (item.draw(Draw.CATEGORY, CATEGORIES) + dissent) % CATEGORIES

    def _victim(self, item: Item, series: int) -> bool | None:
        """A shared series is identified by at most one agency, and the others say no or nothing."""
        if item.index < PRIVATE:
            identified = (series + 1) % (self.agencies + 1) == self.number
        else:
            identified = series % 4 == 0
        return True if identified else (None, False)[item.draw(Draw.FLAG, 2)]

    def _label(self, series: int) -> str:
        """Every second shared series has another number at each agency."""
        own = 1_000 * self.number if series % 2 else 0
        return f"Series {(series + own) % 10_000:04d}"
