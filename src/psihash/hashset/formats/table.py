"""From a record's fields to a row, by a plan of what each column means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from psihash.hashset.digests import digest_or_reason
from psihash.hashset.formats import fields, names
from psihash.hashset.model import Digest, Reason, Refusal, Row, Verdict
from psihash.terms import AlgorithmId

_MAX_CACHED_VERDICTS: Final = 16_384
_MAX_CACHED_KEY: Final = 512
"""Characters of the words behind a verdict that is worth caching."""

Verdicts = tuple[Verdict | None, tuple[Verdict, ...]]
"""A row's own verdict, and those of other databases that it quotes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to take from each record. Numbers are positions of columns, from 0."""

    width: int
    digests: tuple[tuple[int, AlgorithmId | None], ...]
    """Columns of digests; None where the number of digits decides."""
    other: tuple[tuple[int, str], ...] = ()
    size: int | None = None
    media_type: int | None = None
    algorithm: int | None = None
    """The column that names the algorithm of a digest column that does not."""
    verdict: tuple[int, ...] = ()
    judge: Callable[[tuple[str, ...]], Verdicts] = field(default=lambda _: (None, ()))
    """From the fields in the columns ``verdict`` to the verdicts."""
    free_text: int | None = None
    """A column that may hold unquoted separators: surplus fields belong to it, if the size is not
    a number where it stands."""

    def columns(self) -> set[int]:
        read = {index for index, _ in self.digests} | {index for index, _ in self.other}
        single = {self.size, self.media_type, self.algorithm} - {None}
        return read | {index for index in single if index is not None} | set(self.verdict)


def plan_columns(
    column_names: Sequence[str], any_hash: AlgorithmId | None = None
) -> tuple[tuple[tuple[int, AlgorithmId | None], ...], tuple[tuple[int, str], ...]]:
    """The digest columns, in the order of AlgorithmId, and the columns of other hashes.

    ``any_hash`` is the algorithm of a column that is called only "hash".
    """
    order = {algorithm: index for index, algorithm in enumerate(AlgorithmId)}
    stated = [(i, a) for i, name in enumerate(column_names) if (a := names.algorithm_of(name))]
    unstated = [(i, any_hash) for i, name in enumerate(column_names) if names.is_any_hash(name)]
    other = [(i, kind) for i, name in enumerate(column_names) if (kind := names.other_kind(name))]
    # Beside columns that state their algorithm, one called "hash" may hold anything.
    digests: list[tuple[int, AlgorithmId | None]] = [*stated] or [*unstated]
    digests.sort(key=lambda pair: len(order) if pair[1] is None else order[pair[1]])
    return tuple(digests), tuple(other)


def roles(column_names: Sequence[str]) -> dict[str, int]:
    """The first column of each role."""
    found: dict[str, int] = {}
    for index, name in enumerate(column_names):
        role = names.role_of(name)
        if role:
            found.setdefault(role, index)
    return found


class RowBuilder:
    """Turns records into rows by a plan. Holds no more than a cache of verdicts."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        read = plan.columns()
        unread = set(range(plan.width)) - read
        # Surplus fields come from separators in unquoted text. They are harmless if all that
        # is read stands left of the first column that could hold such text.
        self._surplus_is_harmless = bool(unread) and max(read) < min(unread)
        stated = [algorithm for _, algorithm in plan.digests]
        self._one_each = None not in stated and len(set(stated)) == len(stated)
        self._verdicts: dict[tuple[str, ...], Verdicts] = {}

    def build(self, line: int, values: list[str]) -> Row | Refusal:
        plan = self._plan
        if len(values) != plan.width and not self._fit(values):
            return Refusal(Reason.BAD_RECORD, line)
        digests = self._digests(values)
        if isinstance(digests, Reason):
            return Refusal(digests, line)
        other: tuple[tuple[str, str], ...] = ()
        if plan.other:
            pairs = ((kind, fields.other_hash(values[index])) for index, kind in plan.other)
            other = tuple([(kind, text) for kind, text in pairs if text])
        if not digests:
            return Refusal(Reason.UNKNOWN_ALGORITHM if other else Reason.NO_DIGEST, line)
        verdict, further = self._verdict(values) if plan.verdict else (None, ())
        media = None if plan.media_type is None else fields.label(values[plan.media_type])
        size = None if plan.size is None else fields.size(values[plan.size])
        return Row(digests, verdict, other, media, size, further)

    def _fit(self, values: list[str]) -> bool:
        """Bring a record to the header's width; False where it cannot be known what is what."""
        surplus = len(values) - self._plan.width
        if surplus < 0:
            values.extend([""] * -surplus)
            return True
        at, size = self._plan.free_text, self._plan.size
        if at is not None and size is not None and fields.size(values[size]) is None:
            del values[at + 1 : at + 1 + surplus]
            return True
        while surplus and not values[-1].strip():
            values.pop()
            surplus -= 1
        return not surplus or self._surplus_is_harmless

    def _digests(self, values: list[str]) -> tuple[Digest, ...] | Reason:
        found: list[Digest] = []
        for index, algorithm in self._plan.digests:
            text = values[index]
            if not text:
                continue
            if algorithm is None and self._plan.algorithm is not None:
                named = self._named(values[self._plan.algorithm])
                if isinstance(named, Reason):
                    return named
                algorithm = named
            result = digest_or_reason(text, algorithm)
            if type(result) is Digest:
                found.append(result)
            elif not fields.is_absent(text):
                return result if isinstance(result, Reason) else Reason.BAD_CHARACTERS
        return tuple(found) if self._one_each else one_per_algorithm(found)

    @staticmethod
    def _named(text: str) -> AlgorithmId | Reason | None:
        if fields.is_absent(text):
            return None
        return names.algorithm_of(text) or Reason.UNKNOWN_ALGORITHM

    def _verdict(self, values: list[str]) -> Verdicts:
        key = tuple([values[index] for index in self._plan.verdict])
        known = self._verdicts.get(key)
        if known is None:
            known = self._plan.judge(key)
            if len(self._verdicts) >= _MAX_CACHED_VERDICTS:
                self._verdicts.clear()
            if sum(map(len, key)) <= _MAX_CACHED_KEY:
                self._verdicts[key] = known
        return known


def one_per_algorithm(found: Iterable[Digest]) -> tuple[Digest, ...] | Reason:
    """In the order of AlgorithmId; two different digests of one algorithm make a bad record."""
    by_algorithm: dict[AlgorithmId, Digest] = {}
    for digest in found:
        if by_algorithm.setdefault(digest.algorithm, digest) != digest:
            return Reason.BAD_RECORD
    return tuple([by_algorithm[each] for each in AlgorithmId if each in by_algorithm])
