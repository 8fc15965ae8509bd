"""Options that click has no type for: several names after one option, and shared words.

``--collection A B``, ``--collection A --collection B`` and ``--collection=A --collection=B`` all
name A and B. What follows such an option up to the next option belongs to it, so arguments stand
in front of it.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from psihash.terms import AlgorithmId, Rung, parse_algorithm

if TYPE_CHECKING:
    from psihash.agreement.approvals import RungRule


class ManyOption(click.Option):
    """An option that may be repeated and takes several values each time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["multiple"] = True
        super().__init__(*args, **kwargs)


class Command(click.Command):
    """A command whose :class:`ManyOption` options take several values at once."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        many = [name for each in self.params if isinstance(each, ManyOption) for name in each.opts]
        spread, took_more = _spread(args, many)
        try:
            return super().parse_args(ctx, spread)
        except click.MissingParameter as missing:
            if took_more and isinstance(missing.param, click.Argument):
                raise click.MissingParameter(
                    f"Put it in front of {many[0]}, which takes all names after it.",
                    ctx,
                    missing.param,
                ) from None
            raise


def _spread(args: Iterable[str], many: Iterable[str]) -> tuple[list[str], bool]:
    """Write ``--x A B`` as ``--x A --x B``; also whether any option took more than one value."""
    names = frozenset(many)
    spread: list[str] = []
    current: str | None = None
    values = 0
    took_more = False
    rest = iter(args)
    for word in rest:
        if word == "--":
            return [*spread, word, *rest], took_more
        if word.startswith("-"):
            if current is not None and not values:
                raise click.BadOptionUsage(current, f"Option '{current}' requires an argument.")
            spread.append(word)
            current, values = (word if word in names else None), 0
            continue
        if current is not None and values:
            spread.append(current)
            took_more = True
        values += 1
        spread.append(word)
    return spread, took_more


def words(kind: type[enum.StrEnum]) -> click.Choice[str]:
    """The values of one of our word lists, in any case."""
    return click.Choice([member.value for member in kind], case_sensitive=False)


def algorithms(
    _ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]
) -> tuple[AlgorithmId, ...]:
    """Callback: ``md5``, ``MD5,SHA-1`` and repetitions of both. Raises InputError ``bad-term``."""
    names = [part for value in values for part in value.split(",") if part.strip()]
    return tuple(dict.fromkeys(parse_algorithm(name) for name in names))


def approval_rules(
    _ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]
) -> dict[Rung, RungRule]:
    """Callback: ``records=person``, ``items=20-of-series``; each rung once. Raises a usage error,
    or InputError ``bad-document`` for a rule that is none."""
    from psihash.agreement.approvals import rule_from_words

    rules: dict[Rung, RungRule] = {}
    for value in values:
        word, _, rule = value.strip().lower().partition("=")
        if word not in list(Rung) or not rule or Rung(word) in rules:
            raise click.BadParameter(
                f"'{value}' is not RUNG=RULE with a rung of {', '.join(Rung)}, each once."
            )
        rules[Rung(word)] = rule_from_words(rule)
    return rules


class Hours(click.FloatRange):
    """A number of hours. The range alone lets ``nan`` through, which is in no order with others."""

    name = "hours"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        hours = float(super().convert(value, param, ctx))
        if math.isnan(hours):
            self.fail(f"{value!r} is no number of hours.", param, ctx)
        return hours


def path(text: str) -> Path:
    """A file or directory that the caller named, ``~`` resolved."""
    return Path(text).expanduser()
