"""Figures of climbs: all rungs of one are about the same sets, so their matches count once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from psihash.node.records import figures
from psihash.storage.kept import Figure
from psihash.storage.sessions import SessionRow


def once(rows: Iterable[SessionRow], found: Iterable[Figure]) -> Iterator[Figure]:
    """The figures, with one of matched items for each climb: the largest, which is the nearest to
    the truth, since each is the least number that a rung tells."""
    climbs = _climbs(rows)
    best: dict[str, Figure] = {}
    for figure in found:
        if figure.kind != figures.MATCHED:
            yield figure
            continue
        climb = climbs[figure.session]
        if climb not in best or figure.number > best[climb].number:
            best[climb] = figure
    yield from best.values()


def _climbs(rows: Iterable[SessionRow]) -> dict[str, str]:
    """The first step of each session's climb, by session: its receipt, also where the step itself
    is not among the rows; a session that led nowhere stands for itself."""
    rows = list(rows)
    before = {row.receipt: row.previous for row in rows if row.receipt}
    found = {}
    for row in rows:
        at = row.receipt or row.id
        seen = {at}
        last = row.previous if row.receipt is None else before[at]
        while last is not None and last not in seen:
            at = last
            seen.add(at)
            last = before.get(at)
        found[row.id] = at
    return found
