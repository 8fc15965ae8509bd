"""One record of a VICS file: its fields as they arrive, and the row they make."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from psihash.hashset.digests import digest_or_reason
from psihash.hashset.formats import fields, names, verdicts
from psihash.hashset.formats.table import one_per_algorithm
from psihash.hashset.model import EMPTY_VERDICT, Dialect, Digest, Reason, Refusal, Row, Verdict
from psihash.terms import AlgorithmId

_MAX_HASHES: Final = 64
"""Hashes of one record; a record with more is refused."""

_ROLES: Final = {
    "category": "category",
    "series": "series",
    "victimidentified": "victim_identified",
    "offenderidentified": "offender_identified",
    "isdistributed": "distributed",
    "dateupdated": "dated",
    "precategorizationsource": "source",
    "mimetype": "media_type",
    "mediasize": "size",
    "contactorganization": "organization",
    "caseid": "case",
    "casenumber": "case",
}


@lru_cache(maxsize=1024)
def _role(key: str) -> str | None:
    return _ROLES.get(key) or ("hash" if names.algorithm_of(key) or names.other_kind(key) else None)


def dialect_of(context: str) -> Dialect:
    """The category dialect that a context URL names in the segment before ``$metadata``."""
    match = re.search(r"/([A-Za-z]{1,16})/\$metadata", context[:1024])
    segment = match[1].lower() if match else ""
    known = (Dialect.US, Dialect.UK, Dialect.DEFAULT, Dialect.CUSTOM)
    return next((dialect for dialect in known if dialect.value == segment), Dialect.UNKNOWN)


class Record:
    """The fields of one object that is a media record, or a case that holds some."""

    def __init__(self, depth: int, source: str | None) -> None:
        self.depth = depth
        self.source = source
        self.is_case = False
        self.words: dict[str, Any] = {}
        self.hashes: list[tuple[str, Any]] = []
        self.series: list[str] = []
        self.alternative: dict[str, Any] = {}

    def set(self, key: str, value: Any) -> None:
        role = _role(key) if len(key) <= names.MAX_NAME else None
        if role == "hash":
            self.add_hash(key, value)
        elif role:
            self.words[role] = value

    def add_hash(self, name: str, value: Any) -> None:
        if len(self.hashes) <= _MAX_HASHES:
            self.hashes.append((name, value))

    def end_alternative(self) -> None:
        name, value = self.alternative.get("hashname"), self.alternative.get("hashvalue")
        if isinstance(name, str) and name:
            self.add_hash(name, value)
        self.alternative = {}

    def row(self, number: int, dialect: Dialect) -> Row | Refusal | None:
        """The record as a row; None where it is a case and no item."""
        if self.is_case or ("case" in self.words and not self.hashes):
            return None
        hashes = self._hashes()
        if isinstance(hashes, Reason):
            return Refusal(hashes, number)
        digests, other = hashes
        if not digests:
            return Refusal(Reason.UNKNOWN_ALGORITHM if other else Reason.NO_DIGEST, number)
        media_type = fields.label(text_of(self.words.get("media_type")))
        size = fields.size(self.words.get("size"))
        return Row(digests, self._verdict(dialect), other, media_type, size)

    def _hashes(self) -> tuple[tuple[Digest, ...], tuple[tuple[str, str], ...]] | Reason:
        if len(self.hashes) > _MAX_HASHES:
            return Reason.BAD_RECORD
        found: list[Digest] = []
        other: dict[tuple[str, str], None] = {}
        for name, value in self.hashes:
            if value is None:
                continue
            algorithm = names.algorithm_of(name)
            if algorithm is None:
                text = fields.other_hash(value) if isinstance(value, str) else None
                if text:
                    other[(names.other_kind(name) or names.plain(name[:32]), text)] = None
                continue
            result = _digest(value, algorithm)
            if isinstance(result, Digest):
                found.append(result)
            elif result:
                return result
        digests = one_per_algorithm(found)
        return digests if isinstance(digests, Reason) else (digests, tuple(other))

    def _verdict(self, dialect: Dialect) -> Verdict | None:
        words = self.words
        series = [text_of(words.get("series")), *self.series]
        verdict = Verdict(
            category=verdicts.category(_code(words.get("category")), dialect),
            victim_identified=fields.flag(words.get("victim_identified")),
            offender_identified=fields.flag(words.get("offender_identified")),
            distributed=fields.flag(words.get("distributed")),
            series=fields.series("|".join(filter(None, series))),
            dated=fields.date(text_of(words.get("dated"))),
            source=fields.label(text_of(words.get("source"))),
        )
        if verdict == EMPTY_VERDICT:
            return None  # who keeps the case is no verdict by itself
        if self.source and not verdict.source:
            return replace(verdict, source=self.source)
        return verdict


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _code(value: Any) -> str:
    """A category's number or name; nothing where the value is neither."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text_of(value)


def _digest(value: Any, algorithm: AlgorithmId) -> Digest | Reason | None:
    if not isinstance(value, str):
        return Reason.BAD_RECORD
    if fields.is_absent(value):
        return None
    return digest_or_reason(value, algorithm)
