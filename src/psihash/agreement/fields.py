"""Strict reading of document members. Whatever is not expected, exactly, is refused.

Messages name our member names only, never what stood in them: that may come from a peer.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from psihash import canonical, errors, terms
from psihash.agreement import defaults
from psihash.agreement.times import parse_time

BAD_DOCUMENT = errors.define(
    "bad-document",
    "an agreement document is not canonical, is too large, or has a missing, unknown or bad member",
)

Choice = TypeVar("Choice", bound=enum.StrEnum)

_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that hide text or show it in another order than it was signed in."""


def bad(reason: str) -> errors.InputError:
    return errors.InputError(BAD_DOCUMENT, reason)


def decode(data: bytes, *, max_bytes: int = defaults.MAX_DOCUMENT_BYTES) -> dict[str, Any]:
    """Canonical bytes to an object. Raises InputError."""
    try:
        return canonical.decode(data, max_bytes=max_bytes)
    except errors.InputError as error:
        raise bad(error.message) from None


class Fields:
    """One object of a document, emptied member by member; ``done`` insists that none is left."""

    def __init__(self, value: Any, what: str) -> None:
        if not isinstance(value, dict):
            raise bad(f"{what} is not an object")
        self._left: dict[str, Any] = dict(value)
        self._what = what

    def take(self, name: str) -> Any:
        try:
            return self._left.pop(name)
        except KeyError:
            raise bad(f"{self._what} lacks the member {name}") from None

    def maybe(self, name: str) -> Any:
        """The member, or None where it is absent. Null is not absent: it would be a second way to
        write one document."""
        if name in self._left and self._left[name] is None:
            raise bad(f"{self._what}: {name} is null")
        return self._left.pop(name, None)

    def done(self) -> None:
        if self._left:
            raise bad(f"{self._what} has an unknown member")

    def constant(self, name: str, expected: str) -> None:
        if self.take(name) != expected:
            raise bad(f"{self._what}: {name} must be {expected}")

    def string(self, name: str) -> str:
        value = self.take(name)
        if not isinstance(value, str):
            raise bad(f"{self._what}: {name} is not text")
        return value

    def text(self, name: str, *, empty: bool = False, limit: int = defaults.MAX_TEXT) -> str:
        """A text for people: one line, trimmed, without characters that hide or reorder."""
        return check_text(self.string(name), f"{self._what}: {name}", empty=empty, limit=limit)

    def matching(self, name: str, pattern: re.Pattern[str]) -> str:
        value = self.string(name)
        if not pattern.fullmatch(value):
            raise bad(f"{self._what}: {name} has a form that is not allowed")
        return value

    def hexadecimal(self, name: str, size: int) -> bytes:
        """``size`` bytes in lower-case hex."""
        value = self.string(name)
        if len(value) != 2 * size or not _HEX.fullmatch(value):
            raise bad(f"{self._what}: {name} is not {2 * size} lower-case hex digits")
        return bytes.fromhex(value)

    def integer(self, name: str, low: int, high: int) -> int:
        value = self.take(name)
        if type(value) is not int or not low <= value <= high:
            raise bad(f"{self._what}: {name} is not a number from {low} to {high}")
        return value

    def choice(self, name: str, kind: type[Choice]) -> Choice:
        return one_of(self.take(name), kind, f"{self._what}: {name}")

    def time(self, name: str) -> str:
        value = self.string(name)
        try:
            parse_time(value)
        except errors.InputError:
            raise bad(f"{self._what}: {name} is not a time like 2026-01-01T00:00:00Z") from None
        return value

    def agency(self, name: str) -> str:
        try:
            return terms.check_agency_id(self.string(name))
        except errors.InputError:
            raise bad(f"{self._what}: {name} is not an agency id") from None

    def sequence(self, name: str, low: int, high: int) -> list[Any]:
        value = self.take(name)
        if not isinstance(value, list) or not low <= len(value) <= high:
            raise bad(f"{self._what}: {name} is not a list of {low} to {high} entries")
        return value

    def choices(self, name: str, kind: type[Choice]) -> tuple[Choice, ...]:
        """A list of distinct words, at least one."""
        raw = self.sequence(name, 1, len(kind))
        return distinct(
            tuple(one_of(value, kind, f"{self._what}: {name}") for value in raw),
            f"{self._what}: {name}",
        )

    def texts_by_agency(self, name: str, agencies: tuple[str, str]) -> dict[str, str]:
        """A text, possibly empty, for each of the two agencies and nobody else."""
        inner = Fields(self.take(name), f"{self._what}: {name}")
        texts = {agency: inner.text(agency, empty=True) for agency in agencies}
        inner.done()
        return texts


_HEX: Final = re.compile(r"[0-9a-f]*")
_Item = TypeVar("_Item")


def one_of(value: Any, kind: type[Choice], what: str) -> Choice:
    if isinstance(value, str):
        try:
            return kind(value)
        except ValueError:
            pass
    raise bad(f"{what} is none of {', '.join(kind)}")


def distinct(values: tuple[_Item, ...], what: str) -> tuple[_Item, ...]:
    if len(set(values)) != len(values):
        raise bad(f"{what} has an entry twice")
    return values


def check_text(
    value: str, what: str, *, empty: bool = False, limit: int = defaults.MAX_TEXT
) -> str:
    if not value and not empty:
        raise bad(f"{what} is empty")
    if len(value) > limit:
        raise bad(f"{what} is longer than {limit} characters")
    if value != value.strip():
        raise bad(f"{what} begins or ends with a space")
    if any(unicodedata.category(character) in _HIDDEN for character in value):
        raise bad(f"{what} has characters that cannot be shown")
    return value


def check_size_classes(value: Any, what: str) -> dict[terms.AlgorithmId, int]:
    """An object of algorithm to size class, at least one. Raises InputError."""
    if not isinstance(value, Mapping) or not value:
        raise bad(f"{what} names no algorithm")
    classes = {}
    for name, size in value.items():
        if type(size) is not int or not terms.is_size_class(size):
            raise bad(f"{what} has a number that is no size class")
        classes[one_of(name, terms.AlgorithmId, what)] = size
    return classes
