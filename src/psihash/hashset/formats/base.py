"""What every list format is, and the errors that reading a list can raise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final, Protocol

from psihash import errors
from psihash.hashset.model import Refusal, Row

UNKNOWN_FORMAT = errors.define("unknown-format", "a file is not a list in any format psihash reads")
NOT_A_LIST = errors.define("not-a-list", "a file is not a usable list of the stated format")
TRUNCATED_LIST = errors.define(
    "truncated-list", "a list breaks off, or stops being well-formed, before its end"
)

SNIFF_BYTES: Final = 65_536
"""How much of a file :func:`psihash.hashset.formats.sniff` wants to see."""

SURE: Final = 100
"""Confidence where a format announces itself by a name or magic of its own."""


class Format(Protocol):
    """One list format. Instances hold no state: one object reads any number of streams."""

    @property
    def name(self) -> str:
        """What ``--format`` takes."""

    @property
    def title(self) -> str:
        """What people call it."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Usual file name endings; shown to people and never used to decide."""

    @property
    def example(self) -> str:
        """A small complete list, with good rows only."""

    def sniff(self, head: bytes) -> int:
        """How surely a file that begins with ``head`` is of this format: 0 (not) to 100."""

    def read(self, stream: BinaryIO) -> Iterator[Row | Refusal]:
        """All rows in order, in bounded memory.

        Raises InputError ``not-a-list`` where the stream is not of this format at all and
        ``truncated-list`` after the last good record of one that breaks off.
        """
