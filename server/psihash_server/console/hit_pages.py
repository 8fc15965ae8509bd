"""Hits on a page: of a result or of a watch, those that press first; and the decision on them."""

from __future__ import annotations

from dataclasses import dataclass

from psihash import errors
from psihash.casework.words import HitVerdict
from psihash.node.casework import hits
from psihash.node.casework.hits import HitView
from psihash_server.console.visit import BAD_FIELD, Visit

ROWS = 50


@dataclass(frozen=True, slots=True)
class Hits:
    """One page of them. ``ticked`` and ``reason``: what a form had that was not taken."""

    rows: list[HitView]
    total: int
    undecided: int
    confirmed: int
    page: int
    more: bool
    ticked: list[str]
    reason: str


def shown(visit: Visit, owner: str) -> Hits | None:
    """The hits of a session or watch. The look is recorded; None for whom it is not."""
    if not visit.may("hit list"):
        return None
    listed = sorted(
        hits.listing(visit.node, owner),
        key=lambda each: (each.status != hits.UNCONFIRMED, not each.identified_there_open_here),
    )
    page = visit.number("page") or 0
    return Hits(
        rows=listed[page * ROWS : (page + 1) * ROWS],
        total=len(listed),
        undecided=sum(each.status == hits.UNCONFIRMED for each in listed),
        confirmed=sum(each.status == HitVerdict.CONFIRMED for each in listed),
        page=page,
        more=(page + 1) * ROWS < len(listed),
        ticked=visit.fields("hit"),
        reason=visit.written("reason"),
    )


def decide(visit: Visit, owner: str) -> None:
    """Confirm or reject the hits that were ticked, or all that nobody decided. Raises InputError,
    NotFoundError ``unknown-hit``."""
    verdict = visit.choice("verdict", HitVerdict)
    if verdict is None:
        raise errors.InputError(BAD_FIELD, "say confirmed or rejected")
    hits.decide(
        visit.node,
        owner,
        visit.fields("hit"),
        verdict,
        visit.field("reason", required=True, most=1_000),
        everything=visit.field("everything") == "yes",
    )
