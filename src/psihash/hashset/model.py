"""What a list holds: digests, verdicts, rows; and what an import reports.

A *row* is one line or record of a list, as read. Rows of one item are grouped by the store
(item identity: MD5, else SHA-1, else the first other digest); nothing a row says is dropped.
"""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from psihash.terms import AlgorithmId


class Digest(NamedTuple):
    """A digest is its algorithm and its raw bytes, however it was spelled."""

    algorithm: AlgorithmId
    raw: bytes


class Dialect(enum.StrEnum):
    """Whose category numbers these are. 0 means opposite things in two of them."""

    US = "us"
    UK = "uk"
    DEFAULT = "default"
    CUSTOM = "custom"
    ICSE = "icse"
    TEXT = "text"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Category:
    """A verdict's category. ``code`` is the number as written, or empty; ``label`` free text."""

    dialect: Dialect
    code: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one row says about its item. ``None`` is "not stated", never "no"."""

    category: Category | None = None
    victim_identified: bool | None = None
    offender_identified: bool | None = None
    distributed: bool | None = None
    series: tuple[str, ...] = ()
    """Series labels; many to many."""
    dated: str | None = None
    """When the verdict was given or updated: RFC 3339 date or time in UTC, or None."""
    submissions: int | None = None
    """How often the item was submitted (ICSE), a measure of how well known it is."""
    country: str | None = None
    """Likely country of the series, ISO 3166-1 alpha-2, where the list states it."""
    source: str | None = None
    """Who categorised: agency or pre-categorisation source, as the list names it."""


EMPTY_VERDICT = Verdict()


@dataclass(frozen=True, slots=True)
class Row:
    """One good row: at least one matchable digest."""

    digests: tuple[Digest, ...]
    """Matchable digests, at most one per algorithm, in the order of :class:`AlgorithmId`."""
    verdict: Verdict | None = None
    other: tuple[tuple[str, str], ...] = ()
    """Other hashes (``photodna``, ``pdq``, ``crc32`` ...): kept and shown, refused for matching."""
    media_type: str | None = None
    size: int | None = None
    """Size of the file in bytes, where the list states it."""
    further: tuple[Verdict, ...] = ()
    """Verdicts of other databases that the row quotes, each with its ``source``."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that could not be used. ``reason`` is a stable code, see :class:`Reason`."""

    reason: Reason
    line: int
    """Line or record number in the source, from 1."""


class Reason(enum.StrEnum):
    """Why a row was refused. Shown with its count at the end of an import."""

    NO_DIGEST = "no-digest"
    BAD_LENGTH = "bad-length"
    BAD_CHARACTERS = "bad-characters"
    UNKNOWN_ALGORITHM = "unknown-algorithm"
    BAD_RECORD = "bad-record"
    TOO_LONG = "too-long"


@dataclass(slots=True)
class ImportReport:
    """What an import did. ``psihash import`` prints it; a dry run has the same figures."""

    source_name: str = ""
    source_sha256: str = ""
    """SHA-256 of the file's bytes, hex."""
    source_bytes: int = 0
    format: str = ""
    rows: int = 0
    """Rows read, the refused ones too."""
    items: int = 0
    """Distinct items that the file's good rows describe, after exclusions."""
    items_new: int = 0
    """Of those, the ones that were not in the collection before."""
    items_removed: int = 0
    """Items that ``--replace`` took out of the collection."""
    coverage: Counter[AlgorithmId] = field(default_factory=Counter)
    """Items of this file that have a digest of each algorithm."""
    other_coverage: Counter[str] = field(default_factory=Counter)
    """Items that carry a hash of a kind that cannot be matched."""
    refusals: Counter[Reason] = field(default_factory=Counter)
    refusal_examples: dict[Reason, list[int]] = field(default_factory=dict)
    """The first line numbers of each reason, at most five."""
    exclusions: int = 0
    """Items left out because they are on the exclusion list (empty file, NSRL, ...)."""
    conflicts_sha1: int = 0
    """Items whose MD5 stands beside more than one SHA-1."""
    conflicts_category: int = 0
    """Items with more than one category in one dialect."""
    dry_run: bool = False
    unchanged: bool = False
    """The same file was imported into this collection before, and nothing has changed."""
