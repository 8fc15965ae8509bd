"""Verdicts as compact JSON text: equal verdicts have equal text."""

from __future__ import annotations

import json
from typing import Any

from psihash.hashset.model import EMPTY_VERDICT, Category, Dialect, Verdict
from psihash.storage.errors import damaged

_FLAGS = ("victim_identified", "offender_identified", "distributed")
_PLAIN = (*_FLAGS, "dated", "submissions", "country", "source")


def encode(verdict: Verdict) -> str | None:
    """The text of a verdict, or None for one that states nothing."""
    if verdict == EMPTY_VERDICT:
        return None
    body: dict[str, Any] = {}
    if verdict.category is not None:
        body["category"] = [verdict.category.dialect, verdict.category.code, verdict.category.label]
    if verdict.series:
        body["series"] = list(verdict.series)
    for name in _PLAIN:
        value = getattr(verdict, name)
        if value is not None:
            body[name] = value
    # ASCII only: PostgreSQL refuses NUL, and neither store takes a lone surrogate.
    return json.dumps(body, separators=(",", ":"), sort_keys=True)


def category_columns(verdict: Verdict) -> tuple[str | None, str | None]:
    """Dialect and category as the store compares them to find contradictions."""
    category = verdict.category
    if category is None:
        return None, None
    return category.dialect.value, clean(category.code or category.label.strip().casefold())


def decode(text: str) -> Verdict:
    """The verdict that :func:`encode` was given. Raises StorageError ``store-damaged``."""
    try:
        body = json.loads(text)
        category = body.pop("category", None)
        series = tuple(body.pop("series", ()))
        if category is not None:
            dialect, code, label = category
            category = Category(Dialect(dialect), code, label)
        return Verdict(category=category, series=series, **body)
    except (ValueError, TypeError, AttributeError):
        raise damaged("verdict") from None


def clean(text: str) -> str:
    """Text that both stores take: no NUL, no lone surrogates."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
