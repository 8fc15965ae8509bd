"""What decides a rung: the agreement itself, a person, or a number of matches in what it builds on.

The terms hold one rule for each rung up to the highest. Every side applies it for itself.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from psihash.agreement import defaults
from psihash.agreement.fields import Fields, bad, one_of
from psihash.terms import Rung


class Kind(enum.StrEnum):
    """What a rule asks for."""

    AGREED = "agreed"
    """Nothing more: who signed the terms has approved every session at this rung."""
    PERSON = "person"
    """A decision of a person about this very session."""
    SERIES = "series"
    """Enough matches in one collection or series of one's own in the session that this one builds
    on; else a person."""
    ITEMS = "items"
    """The same with all matches of that session."""


_THRESHOLDS: Final = (Kind.SERIES, Kind.ITEMS)
_WORDS: Final = re.compile(r"([1-9][0-9]{0,15})-of-(series|items)")


@dataclass(frozen=True, slots=True)
class RungRule:
    """The rule of one rung. ``at_least`` is 0 where no number is asked for."""

    kind: Kind
    at_least: int = 0

    @property
    def is_threshold(self) -> bool:
        return self.kind in _THRESHOLDS

    @property
    def words(self) -> str:
        """``agreed``, ``person``, ``20-of-series``: on the command line, in approvals and the
        log."""
        return f"{self.at_least}-of-{self.kind.value}" if self.is_threshold else self.kind.value

    @property
    def value(self) -> str | dict[str, Any]:
        """The form in the terms."""
        if self.is_threshold:
            return {"at_least": self.at_least, "of": self.kind.value}
        return self.kind.value

    def met_by(self, largest_own: int | None, matched: int | None) -> bool:
        """Whether the rule itself allows a session, by what this side learned in the session that
        it builds on: the most matches in one collection or series of its own, and all of them; None
        where there is no such session, or where this side did not learn it."""
        if self.kind is Kind.AGREED:
            return True
        shown = {Kind.SERIES: largest_own, Kind.ITEMS: matched}.get(self.kind)
        return shown is not None and shown >= self.at_least

    def possible_with(self, matched: int) -> bool:
        """Whether the other side can have met the rule where so many matched in all. How many of
        them are in one collection there is its own word, and decides on its side alone."""
        return self.met_by(matched, matched)


AGREED: Final = RungRule(Kind.AGREED)
PERSON: Final = RungRule(Kind.PERSON)

Rules = dict[Rung, RungRule]
"""One rule for each rung up to the highest."""


def all_agreed(highest: Rung) -> Rules:
    """The default: the agreement is the approval."""
    return dict.fromkeys(rungs_up_to(highest), AGREED)


def rungs_up_to(highest: Rung) -> list[Rung]:
    return [rung for rung in Rung if rung.height <= highest.height]


def complete(given: Mapping[Rung, RungRule], highest: Rung) -> Rules:
    """The rules that were given, and ``agreed`` for all other rungs. A rung above the highest
    stays in, for the parser to refuse."""
    return all_agreed(highest) | dict(given)


def rule_from_words(text: str) -> RungRule:
    """The inverse of :attr:`RungRule.words`. Raises InputError."""
    found = _WORDS.fullmatch(text)
    if found:
        return _threshold(int(found[1]), Kind(found[2]), "an approval rule")
    if text in (Kind.AGREED, Kind.PERSON):
        return RungRule(Kind(text))
    raise bad("an approval rule is 'agreed', 'person', 'N-of-series' or 'N-of-items'")


def rules_dict(rules: Rules) -> dict[str, Any]:
    return {rung.value: rule.value for rung, rule in rules.items()}


def parse_rules(value: Any, highest: Rung, what: str) -> Rules:
    """Exactly one rule for each rung up to ``highest``. Raises InputError (``bad-document``)."""
    fields = Fields(value, what)
    rules = {rung: _parse(fields.take(rung.value), what) for rung in rungs_up_to(highest)}
    fields.done()
    if rules[Rung.COUNT].is_threshold:
        raise bad(f"{what}: nothing stands below count that its rule could go by")
    return rules


def _parse(value: Any, what: str) -> RungRule:
    if not isinstance(value, dict):
        kind = one_of(value, Kind, what)
        if kind in _THRESHOLDS:
            raise bad(f"{what}: a number of matches needs at_least and of")
        return RungRule(kind)
    fields = Fields(value, what)
    at_least = fields.integer("at_least", 1, defaults.MAX_ELEMENTS)
    kind = fields.choice("of", Kind)
    fields.done()
    return _threshold(at_least, kind, what)


def _threshold(at_least: int, kind: Kind, what: str) -> RungRule:
    if kind not in _THRESHOLDS or not 1 <= at_least <= defaults.MAX_ELEMENTS:
        raise bad(f"{what}: a number of matches is of series or of items")
    return RungRule(kind, at_least)
