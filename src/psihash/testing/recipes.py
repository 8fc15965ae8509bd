"""What a list recipe is: how one kind of list is written, and what is true of what it wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final, Protocol

from psihash.hashset.model import Reason
from psihash.terms import AlgorithmId, CollectionKind
from psihash.testing.items import Draw, Item, Statement

Entry = tuple[Item, Statement]

EMPTY_MD5: Final = "d41d8cd98f00b204e9800998ecf8427e"
EMPTY_SHA1: Final = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
EMPTY_SHA256: Final = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ZERO_MD5: Final = "0" * 32

DEFECT_EVERY: Final = 5_000
"""Damaged rows come after the first entry and then after every so many."""

NAMES: Final = ("Küche", "été à la mer", "IMG", "señal, copia", "Ålesund 2", "DSC", "Übung;alt")
"""Beginnings of file names: Latin-1 letters, commas and semicolons, as in real paths."""


@dataclass(slots=True)
class Tally:
    """What a correct import of the written list must report."""

    rows: int = 0
    """All rows, the refused and the excluded ones too."""
    refusals: Counter[Reason] = field(default_factory=Counter)
    excluded: set[str] = field(default_factory=set)
    """Hex digests of trivial contents in the list: items that must not take part."""
    conflicts_sha1: int = 0
    conflicts_category: int = 0

    def refuse(self, reason: Reason) -> None:
        self.rows += 1
        self.refusals[reason] += 1

    def exclude(self, digest: str) -> None:
        self.rows += 1
        self.excluded.add(digest)


class Recipe(Protocol):
    """One kind of list."""

    @property
    def name(self) -> str: ...

    @property
    def format(self) -> str:
        """The name under which psihash reads it."""

    @property
    def suffix(self) -> str: ...

    @property
    def kind(self) -> CollectionKind: ...

    @property
    def states_flags(self) -> bool:
        """Whether the list says that a victim is identified."""

    def algorithms(self, item: Item, /) -> Sequence[AlgorithmId]:
        """Which of the item's digests the list states."""

    def sha1_conflict(self, item: Item, /) -> bool:
        """Whether the list states a second SHA-1 beside the item's MD5."""

    def write(self, stream: BinaryIO, entries: Iterable[Entry]) -> Tally:
        """Write the list, one entry after another."""


def damage_after(position: int) -> bool:
    return position % DEFECT_EVERY == 0


def md5(item: Item) -> str:
    return item.digest(AlgorithmId.MD5).hex()


def sha1(item: Item) -> str:
    return item.digest(AlgorithmId.SHA1).hex()


def sha256(item: Item) -> str:
    return item.digest(AlgorithmId.SHA256).hex()


def spelled(item: Item, text: str) -> str:
    """The digest in capitals, except on one item in ten."""
    return text if item.draw(Draw.CASE, 10) == 0 else text.upper()


def bad_md5(item: Item, length: int) -> str:
    """Hex of the wrong length, made from noise so that it is the cut of no real digest."""
    return (item.noise.hex() * 2)[:length]


def size(item: Item) -> int:
    return 1_000 + item.draw(Draw.SIZE, 65_536) * 97


def file_name(item: Item) -> str:
    return f"{NAMES[item.draw(Draw.NAME, len(NAMES))]}_{item.index % 100_000:05d}.jpg"


def is_video(item: Item) -> bool:
    return item.draw(Draw.SIZE, 8) == 0
