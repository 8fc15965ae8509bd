"""What was contributed, in numbers: to centres by us, and to this node by members."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from psihash.casework.contribution import GivenAs
from psihash.export.statistics import Contributed
from psihash.node.central import taking_in
from psihash.node.node import Node
from psihash.storage.contributions import ContributionRow, ContributionState
from psihash.storage.times import normal

GIVEN: Final = "contributions given"
TAKEN_IN: Final = "contributions taken in"

_NEW, _ADDITIONS, _ITEMS = "new collections", "additions", "items"


@dataclass(frozen=True, slots=True)
class ContributionFigure:
    """One number of one peer and agreement."""

    peer: str
    agreement: str
    group: str
    what: str
    number: int


@dataclass(frozen=True, slots=True)
class ContributionFigures:
    figures: tuple[ContributionFigure, ...]
    lines: tuple[Contributed, ...]
    """One for each direction in which there was anything."""


def count(node: Node, peer: str | None, since: str | None) -> ContributionFigures:
    """What was taken in at ``since`` (RFC 3339) or later."""
    given = [
        row
        for row in node.stores.contributions.all()
        if row.state is ContributionState.TAKEN
        and peer in (None, row.peer)
        and (since is None or (row.answered or "") >= normal(since))
    ]
    return ContributionFigures(
        (*_given(given), *_taken(node, peer, since)),
        tuple(each for each in (_ours(given), _theirs(node, peer, since)) if each is not None),
    )


def _given(rows: list[ContributionRow]) -> Iterator[ContributionFigure]:
    for row in rows:
        numbers = {_NEW: row.new_collections, _ADDITIONS: row.additions, _ITEMS: row.items}
        for what, number in numbers.items():
            yield ContributionFigure(row.peer, row.agreement, GIVEN, what, number)


def _taken(node: Node, peer: str | None, since: str | None) -> Iterator[ContributionFigure]:
    """Items: those that the centre did not have."""
    rows = {
        (row.member, row.id): row
        for row in node.stores.contributions.all_taken(peer)
        if row.decided is not None and (since is None or row.decided >= normal(since))
    }
    for each in node.stores.contributions.collections(peer):
        row = rows.get((each.member, each.id))
        if row is not None:
            what = _NEW if each.kind == GivenAs.NEW.value else _ADDITIONS
            yield ContributionFigure(each.member, row.agreement, TAKEN_IN, what, 1)
            yield ContributionFigure(each.member, row.agreement, TAKEN_IN, _ITEMS, each.added)


def _ours(rows: list[ContributionRow]) -> Contributed | None:
    if not rows:
        return None
    return Contributed(
        given=True,
        new_collections=sum(row.new_collections for row in rows),
        added_to=sum(row.additions for row in rows),
        agencies=len({row.peer for row in rows}),
    )


def _theirs(node: Node, peer: str | None, since: str | None) -> Contributed | None:
    found = taking_in.figures(node, since, peer)
    if not found.contributions:
        return None
    return Contributed(
        given=False,
        new_collections=found.new_collections,
        added_to=found.added_to,
        agencies=found.members,
    )
