"""The reader that all lists with a header line share (CSV and its relatives).

A format says what its header looks like and what its columns mean (a ``Plan``); this module finds
the header and the separator and turns records into rows. What is tolerated: a ``sep=`` line, lines
before the header, a header behind ``#``, a repeated header, blank records, comment lines, empty
columns at the end, and rows that end early.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Final, NamedTuple

from psihash import errors
from psihash.hashset.digests import digest_or_reason
from psihash.hashset.formats import names
from psihash.hashset.formats.base import NOT_A_LIST
from psihash.hashset.formats.records import SEPARATORS, Numbered, numbered_lines, records, split
from psihash.hashset.formats.table import Plan, RowBuilder
from psihash.hashset.formats.text import head_lines
from psihash.hashset.model import Digest, Reason, Refusal, Row

MAX_PREAMBLE: Final = 10
"""Lines before the header that are passed over (titles, the name of a tool)."""

MAX_COLUMNS: Final = 1_000
_SAMPLE: Final = 100
"""Rows looked at to recognise a list."""

_OTHER_TEXT: Final = ("{", "[", "<")
"""JSON and markup have lines that name a hash too."""


class Header(NamedTuple):
    """A header line."""

    separator: str
    names: list[str]


@dataclass(frozen=True, slots=True)
class Delimited:
    """A format with a header line."""

    name: str
    title: str
    suffixes: tuple[str, ...]
    example: str
    confidence: Callable[[Sequence[str]], int]
    """From the column names to the confidence, 0 to 100."""
    plan: Callable[[Sequence[str]], Plan]
    """From the column names to the plan; raises InputError ``not-a-list``."""
    must_hold_rows: bool = False
    """Whether the header alone is too little to know the format by."""

    def sniff(self, head: bytes) -> int:
        found = head_lines(head)
        if "".join(found).lstrip()[:1] in _OTHER_TEXT:
            return 0
        header = best_header(enumerate(found))
        if header is None:
            return 0
        confidence = self.confidence(header.names)
        if confidence and self.must_hold_rows and not self._holds_rows(found, header):
            return 0
        return confidence

    def _holds_rows(self, found: list[str], header: Header) -> bool:
        """Whether what follows the header is a good row, or has its columns, or is nothing."""
        seen = list(islice(self._read(iter(enumerate(found, 1))), _SAMPLE))
        if not seen or any(isinstance(row, Row) for row in seen):
            return True
        width = len(header.names)
        below = [split(line, header.separator) for line in found[:_SAMPLE]]
        return width > 1 and sum(len(each) >= width for each in below) * 2 > len(below)

    def read(self, stream: BinaryIO) -> Iterator[Row | Refusal]:
        return self._read(numbered_lines(stream))

    def _read(self, numbered: Iterator[Numbered]) -> Iterator[Row | Refusal]:
        preamble = list(islice(numbered, MAX_PREAMBLE))
        header = best_header(preamble)
        if header is None or not self.confidence(header.names):
            raise errors.InputError(
                NOT_A_LIST,
                f"the first {MAX_PREAMBLE} lines hold no header of the format {self.name}",
                hint="leave out --format to let the content decide",
            )
        plan = self.plan(header.names)
        start = next(i for i, (_, text) in enumerate(preamble) if header_in(text) == header)
        rest = _chain(preamble[start + 1 :], numbered)
        yield from _rows(rest, header, plan)


def _chain(first: Sequence[Numbered], then: Iterator[Numbered]) -> Iterator[Numbered]:
    yield from first
    yield from then


def best_header(numbered: Iterable[Numbered]) -> Header | None:
    """The line among the first ones that names the most columns; None where none names a hash."""
    best: Header | None = None
    most = 0
    for _, text in islice(numbered, MAX_PREAMBLE):
        header = header_in(text)
        if header and (score := _known(header.names)) > most:
            best, most = header, score
    return best


def header_in(text: str | Reason) -> Header | None:
    """``text`` as a header, with the separator under which it names the most columns."""
    if isinstance(text, Reason) or len(text) > MAX_COLUMNS * names.MAX_NAME:
        return None
    text = text.lstrip("# ")
    best: Header | None = None
    most = (0, 0)
    for separator in SEPARATORS:
        found = [name.strip() for name in split(text, separator)]
        while found and not found[-1]:
            found.pop()
        if len(found) > MAX_COLUMNS:
            continue
        score = (_known(found), len(found))
        if score[0] and score > most:
            best, most = Header(separator, found), score
    if best and any(isinstance(digest_or_reason(name, None), Digest) for name in best.names):
        return None
    return best


def _known(column_names: Sequence[str]) -> int:
    """How many columns have a name that says something; 0 where none is a hash or an export's."""
    hashes = sum(map(is_hash_column, column_names))
    others = sum(names.role_of(name) is not None for name in column_names)
    if not hashes:
        return others + 1 if _says_more(column_names) else 0
    return hashes + others


def _says_more(column_names: Sequence[str]) -> bool:
    """Whether an export without hashes can be told apart, so that the error can say so."""
    return bool(_WITHOUT_HASHES & names.plain_set(column_names))


_WITHOUT_HASHES: Final = names.plain_set(
    ("hashset_id", "Visual Copies", "Binary Copies", "Can File Be Opened?")
)


def is_hash_column(name: str) -> bool:
    return bool(names.algorithm_of(name) or names.other_kind(name) or names.is_any_hash(name))


def _rows(numbered: Iterator[Numbered], header: Header, plan: Plan) -> Iterator[Row | Refusal]:
    builder = RowBuilder(plan)
    build = builder.build
    first_names = header.names[0]
    width = plan.width
    for record in records(numbered, header.separator):
        if isinstance(record, Refusal):
            yield record
            continue
        line, values = record
        if values[0] == first_names and [v.strip() for v in values[:width]] == header.names:
            continue
        row = build(line, values)
        if type(row) is Refusal and (values[0].startswith("#") or not any(map(str.strip, values))):
            continue
        yield row
