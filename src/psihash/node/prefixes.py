"""Finding one of many by the beginning of its id, as a person types it: one rule everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from psihash import errors

LEAST: Final = 6
"""Characters that must be given, so that a slip of the finger does not choose."""

_Found = TypeVar("_Found")


def plain(prefix: str) -> str:
    """The beginning of an id as ids are written."""
    return prefix.strip().lower()


@dataclass(frozen=True, slots=True)
class Kind:
    """What is looked for: its noun, the codes of both refusals, the command that lists it."""

    noun: str
    unknown: str
    ambiguous: str
    listing: str
    least: int = LEAST

    def pick(
        self,
        known: Iterable[_Found],
        prefix: str,
        ids: Callable[[_Found], Iterable[str]] = lambda row: (row.id,),  # type: ignore[attr-defined]
    ) -> _Found:
        """The one that has an id which begins with ``prefix``; case and white space around it do
        not matter. Raises NotFoundError or InputError with the codes of this kind."""
        text = plain(prefix)
        if len(text) < self.least:
            raise errors.NotFoundError(
                self.unknown,
                f"the beginning of the {self.noun}'s id is too short",
                hint=f"give at least {self.least} characters; `{self.listing}` has them",
            )
        found = [each for each in known if any(name.startswith(text) for name in ids(each))]
        if not found:
            raise errors.NotFoundError(
                self.unknown, f"no {self.noun} begins so", hint=f"run `{self.listing}`"
            )
        if len(found) > 1:
            raise errors.InputError(
                self.ambiguous, f"several {self.noun}s begin so; give more of it"
            )
        return found[0]
