"""A centre as its people see it: what it published, what members gave, and what they asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from psihash.central.layout import Part
from psihash.central.manifest import parse_manifest
from psihash.node.central import setting_up, taking_in
from psihash.node.central.setting_up import CentreStatus
from psihash.node.central.taking_in import Figures
from psihash.node.clock import milliseconds
from psihash.node.node import Node
from psihash.node.people.roles import use_case
from psihash.storage.central import EpochRow
from psihash.storage.central_pages import PublicationRow
from psihash.storage.central_runs import MemberUse
from psihash.storage.contributions import TakenRow

EPOCHS: Final = 24
PUBLICATIONS: Final = 60
CONTRIBUTIONS: Final = 50
_DAY: Final = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class EpochView:
    """An epoch; ``deltas`` counts what was published after its first set."""

    epoch: int
    state: str
    reason: str
    begun: str
    ended: str | None
    deltas: int


@dataclass(frozen=True, slots=True)
class PublicationView:
    """A publication as members see it: the rows of its lists have padding in them."""

    epoch: int
    delta: int
    published: str
    valid_until: str
    additions: int
    removals: int
    series: int
    manifest: str


@dataclass(frozen=True, slots=True)
class CentreView:
    """All of it, newest first. What is older than the constants above is counted alone."""

    status: CentreStatus
    epochs: list[EpochView]
    publications: list[PublicationView]
    contributions: list[TakenRow]
    contributions_total: int
    figures: Figures
    members: list[MemberUse]
    member_day: int
    """Elements that one member may ask for in 24 hours."""
    centre_day: int
    """The same for all of them together."""


def is_centre(node: Node) -> bool:
    """Whether this node publishes a set."""
    return node.stores.central.setup() is not None


@use_case("central show")
def overview(node: Node) -> CentreView:
    """Raises StateError ``no-central`` where this node is no centre."""
    status = setting_up.status(node)
    rows = node.stores.central.epochs()[::-1][:EPOCHS]
    found = node.stores.publications.of_epoch
    published = {row.epoch: found(node.agency, row.epoch) for row in rows}
    newest = [each for row in rows for each in reversed(published[row.epoch])][:PUBLICATIONS]
    taken = node.stores.contributions.all_taken()[::-1]
    return CentreView(
        status=status,
        epochs=[_epoch(row, published[row.epoch]) for row in rows],
        publications=list(_publications(newest)),
        contributions=taken[:CONTRIBUTIONS],
        contributions_total=len(taken),
        figures=taking_in.figures(node),
        members=node.stores.central_runs.use_since(milliseconds(node.now() - _DAY)),
        member_day=node.settings.central_member_elements,
        centre_day=node.settings.central_elements,
    )


def _epoch(row: EpochRow, published: list[PublicationRow]) -> EpochView:
    deltas = max(0, len(published) - 1)
    return EpochView(row.epoch, row.state, row.reason, row.created, row.ended, deltas)


def _publications(rows: list[PublicationRow]) -> Iterator[PublicationView]:
    for row in rows:
        manifest = parse_manifest(row.manifest)
        yield PublicationView(
            epoch=manifest.epoch,
            delta=manifest.delta,
            published=manifest.published,
            valid_until=manifest.valid_until,
            additions=manifest.lists[Part.ADDITIONS].count,
            removals=manifest.lists[Part.REMOVALS].count,
            series=manifest.lists[Part.SERIES].count,
            manifest=manifest.digest.hex(),
        )
