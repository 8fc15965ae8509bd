"""Small lists for the store tests: digests by name, rows, one-line imports."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from psihash.hashset.model import (
    Category,
    Dialect,
    Digest,
    ImportReport,
    Refusal,
    Row,
    Verdict,
)
from psihash.storage.holdings import Holdings
from psihash.terms import AlgorithmId, CollectionKind

NOW = "2026-01-01T00:00:00.000Z"
LATER = "2026-01-02T00:00:00.000Z"
MD5, SHA1, SHA224, SHA256, SHA384, SHA512 = AlgorithmId


def digest(algorithm: AlgorithmId, name: object) -> Digest:
    """The digest of an imaginary file."""
    noise = hashlib.sha512(f"{algorithm}/{name}".encode()).digest()
    return Digest(algorithm, noise[: algorithm.digest_bytes])


def row(name: object, *algorithms: AlgorithmId, verdict: Verdict | None = None) -> Row:
    """A row that states some digests of one imaginary file."""
    ordered = [a for a in AlgorithmId if a in algorithms]
    return Row(tuple(digest(a, name) for a in ordered), verdict)


def category(code: str, dialect: Dialect = Dialect.UK) -> Verdict:
    return Verdict(category=Category(dialect, code))


def take_in(
    holdings: Holdings,
    collection: str,
    rows: Iterable[Row | Refusal],
    *,
    sha256: str = "ab" * 32,
    replace: bool = False,
    dry_run: bool = False,
    now: str = NOW,
    kind: CollectionKind = CollectionKind.CASE,
) -> ImportReport:
    run = holdings.begin_import(collection, kind, replace=replace, dry_run=dry_run, now=now)
    try:
        run.add(rows)
        return run.finish("list.txt", sha256, 1, "plain")
    finally:
        run.abandon()


def exclude(
    holdings: Holdings, reason: str, rows: Iterable[Row | Refusal], *, dry_run: bool = False
) -> ImportReport:
    run = holdings.begin_exclusion_import(reason, dry_run=dry_run, now=NOW)
    run.add(rows)
    return run.finish("nsrl.txt", "cd" * 32, 1, "plain")
