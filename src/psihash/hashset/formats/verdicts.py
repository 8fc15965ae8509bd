"""From the words of a row's fields to a verdict."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from psihash.hashset.formats import fields
from psihash.hashset.model import EMPTY_VERDICT, Category, Dialect, Verdict

_NUMBER: Final = re.compile(r"([0-9]{1,6})(?:\.0{1,6})?")
_NATIONAL: Final = (Dialect.US, Dialect.UK, Dialect.DEFAULT, Dialect.CUSTOM)
_DIALECTS: Final = {dialect.value: dialect for dialect in Dialect}


def from_words(words: Mapping[str, str]) -> Verdict | None:
    """The verdict that the roles (see :mod:`names`) state, or None where they state nothing."""
    verdict = Verdict(
        category=_category(words),
        victim_identified=fields.flag(words.get("victim_identified")),
        offender_identified=fields.flag(words.get("offender_identified")),
        distributed=fields.flag(words.get("distributed")),
        series=fields.series(words.get("series", "")),
        dated=fields.date(words.get("dated", "")),
        submissions=fields.submissions(words.get("submissions")),
        country=fields.country(words.get("country", "")),
        source=fields.label(words.get("source", "")),
    )
    return None if verdict == EMPTY_VERDICT else verdict


def _category(words: Mapping[str, str]) -> Category | None:
    if "category" in words:
        dialect = _DIALECTS.get(words.get("dialect", "").strip().lower())
        return category(words["category"], dialect, words.get("category_label", ""))
    return baseline(words.get("baseline", ""))


def category(text: str, dialect: Dialect | None = None, label: str = "") -> Category | None:
    """A number keeps its dialect, or ``unknown``; words are ``text`` unless it is stated."""
    name = fields.label(text)
    if name is None or fields.is_absent(name):
        return None
    more = fields.label(label) or ""
    number = _NUMBER.fullmatch(name)
    if number:
        return Category(dialect or Dialect.UNKNOWN, str(int(number[1])), more)
    if dialect is Dialect.ICSE:
        return baseline(name)
    return Category(dialect if dialect in _NATIONAL else Dialect.TEXT, "", name)


def baseline(text: str) -> Category | None:
    """ICSE's category. Its three spellings of a boolean must not look like three categories."""
    value = fields.flag(text)
    if value is None:
        return None
    return Category(Dialect.ICSE, "yes" if value else "no", "baseline" if value else "not baseline")
