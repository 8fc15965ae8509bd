"""Hits: matched items of completed sessions and of watches, each unconfirmed until a person says
otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from psihash import errors
from psihash.audit.event import Event
from psihash.casework.hits import RESULT_KEY_BYTES, references
from psihash.casework.words import HitVerdict
from psihash.node import prefixes
from psihash.node.casework import said
from psihash.node.node import Node
from psihash.node.people.roles import use_case
from psihash.node.records import sealed
from psihash.node.running import sessions
from psihash.node.watching import finding, found_hits
from psihash.session.result import MatchedItem
from psihash.session.row_state import RowState
from psihash.storage.hits import HitDecision
from psihash.storage.sessions import SessionRow
from psihash.storage.watches import WatchRow
from psihash.terms import Rung

UNKNOWN_HIT = errors.define("unknown-hit", "a session has no hit with that reference")
AMBIGUOUS_HIT = errors.define("ambiguous-hit", "several hits begin with that reference")
NO_HITS = errors.define("no-hits", "a session has no matched items: its rung or side tells none")
NO_HITS_NAMED = errors.define("no-hits-named", "no hit was named, or hits were named beside --all")

UNCONFIRMED: Final = "unconfirmed"
_HIT: Final = prefixes.Kind(
    "hit of the session", UNKNOWN_HIT, AMBIGUOUS_HIT, "psihash hit list", least=4
)


@dataclass(frozen=True, slots=True)
class Hit:
    """A matched item under its references; the first one names it."""

    references: tuple[str, ...]
    item: MatchedItem
    quarantined: bool = False
    """It matches too much to mean much (:mod:`psihash.session.quarantine`)."""

    @property
    def reference(self) -> str:
        return self.references[0]


@dataclass(frozen=True, slots=True)
class HitView:
    """A hit as it is shown."""

    session: str
    peer: str
    reference: str
    status: str
    """``unconfirmed``, ``confirmed`` or ``rejected``."""
    corrected: list[str]
    """Ids of the peer's notices that it was wrongly listed or erased."""
    quarantined: bool
    """Left out of exports and of ``--all``: it stands in too many collections."""
    identified_there_open_here: bool
    digests: dict[str, str]
    matched_by: list[str]
    collections: list[str]
    peer_collections: list[str]
    decided: str | None
    decided_by: str | None
    reason: str | None


def completed(node: Node, peer: str | None = None) -> Iterator[SessionRow]:
    """Sessions whose result tells items and is still here, newest first."""
    for row in node.stores.sessions.all(peer=peer, state=RowState.COMPLETED):
        if row.erased is None and row.rung.height >= Rung.ITEMS.height:
            yield row


def of_session(node: Node, session: str) -> list[Hit]:
    """The hits of a completed session, by its full id; none where this side does not learn.

    An item of which it is not known which digest matched has no reference and is no hit: results
    that earlier versions sealed do not say it of items with several digests of one algorithm."""
    result = sessions.result(node, session)
    if not result.items and not result.quarantined:
        return []
    key = result_key(node, session)
    return [
        Hit(references(key, found_by), item, quarantined)
        for items, quarantined in ((result.items, False), (result.quarantined, True))
        for item in items
        if (found_by := item.found_by)
    ]


def result_key(node: Node, session: str) -> bytes:
    """The 32 bytes that both sides of a session name its hits with."""
    data = sealed.get(node, session, sealed.RESULT_KEY)
    if data is None:
        raise errors.StateError(sessions.NO_RESULT, "the session has no result")
    return data[:RESULT_KEY_BYTES]


@use_case("hit list")
def listing(node: Node, prefix: str | None, *, unconfirmed: bool = False) -> list[HitView]:
    """The hits of one session or watch, or of all. The look is recorded (LED Art. 25)."""
    rows = _all(node) if prefix is None else [_with_hits(node, prefix)]
    views: list[HitView] = []
    for row in rows:
        views += _views(node, row, _known(node, row))
        node.record(Event.CONSULTATION, _whose(row) | {"what": "hits"})
    return [view for view in views if not unconfirmed or view.status == UNCONFIRMED]


@use_case("hit decide")
def decide(
    node: Node,
    prefix: str,
    wanted: Sequence[str],
    verdict: HitVerdict,
    reason: str,
    *,
    everything: bool = False,
) -> list[HitView]:
    """Confirm or reject hits, by the beginning of their references or all that are undecided.

    Raises InputError, NotFoundError ``unknown-hit``."""
    row = _with_hits(node, prefix)
    if everything is bool(wanted):
        raise errors.InputError(
            NO_HITS_NAMED, "name hits, or say --all", hint=f"run `psihash hit list {row.id[:12]}`"
        )
    known = _known(node, row)
    if everything:
        decided = node.stores.hits.of(row.id)
        chosen = [hit for hit in known if hit.reference not in decided and not hit.quarantined]
    else:
        chosen = find(known, wanted)
    who, now = node.actor, node.stamp()
    with node.stores.database.transaction():
        node.stores.hits.decide(
            HitDecision(row.id, hit.reference, verdict.value, who.name, who.role, now, reason)
            for hit in chosen
        )
        node.record(
            Event.HIT_DECIDED,
            _whose(row) | {"verdict": verdict.value, "hits": len(chosen)} | _why(node, row, reason),
        )
    touched = {hit.reference for hit in chosen}
    return [view for view in _views(node, row, known) if view.reference in touched]


def find(known: Sequence[Hit], wanted: Sequence[str]) -> list[Hit]:
    """Hits by the beginnings of their references, each once, in the order of ``wanted``."""
    found: dict[str, Hit] = {}
    for text in wanted:
        hit = _HIT.pick(known, text, lambda each: each.references)
        found[hit.reference] = hit
    return list(found.values())


def _all(node: Node) -> list[SessionRow | WatchRow]:
    standing = [row for row in node.stores.watches.all() if row.erased is None]
    return [*completed(node), *standing]


def _known(node: Node, row: SessionRow | WatchRow) -> list[Hit]:
    if isinstance(row, SessionRow):
        return of_session(node, row.id)
    return [Hit((held.reference,), item) for held, item in found_hits.of_watch(node, row)]


def _whose(row: SessionRow | WatchRow) -> dict[str, str]:
    """What the log calls it."""
    kind = "session" if isinstance(row, SessionRow) else "watch"
    return {kind: row.id, "peer": row.peer}


def _why(node: Node, row: SessionRow | WatchRow, reason: str) -> dict[str, str]:
    """What the log says of a reason. The text stands beside the decision and ends with it."""
    if not reason:
        return {}
    if isinstance(row, SessionRow):
        return said.logged(node, row.id, "hits", reason)
    return (
        {} if row.sealed_key is None else {said.LOGGED: found_hits.mac(node, row, "hits", reason)}
    )


def _with_hits(node: Node, prefix: str) -> SessionRow | WatchRow:
    if finding.is_watch(prefix):
        return finding.find(node, prefix)
    row = sessions.find(node, prefix)
    if row.rung.height < Rung.ITEMS.height:
        raise errors.StateError(
            NO_HITS,
            f"the rung '{row.rung.value}' tells no items",
            hint="hits come from the rungs items and records",
        )
    return row


def _views(node: Node, row: SessionRow | WatchRow, known: Sequence[Hit]) -> list[HitView]:
    decisions = node.stores.hits.of(row.id)
    notices = node.stores.corrections.of_session(row.id)
    return [
        _view(
            row,
            hit,
            decisions.get(hit.reference),
            list(
                dict.fromkeys(
                    notice.id
                    for reference in hit.references
                    for notice in notices.get(reference, [])
                    if notice.side == "receiver"
                )
            ),
        )
        for hit in known
    ]


def _view(
    row: SessionRow | WatchRow, hit: Hit, decision: HitDecision | None, corrected: list[str]
) -> HitView:
    item = hit.item
    return HitView(
        session=row.id,
        peer=row.peer,
        reference=hit.reference,
        status=UNCONFIRMED if decision is None else decision.verdict,
        corrected=corrected,
        quarantined=hit.quarantined,
        identified_there_open_here=item.identified_there_open_here,
        digests={name.value: text for name, text in item.digests.items()},
        matched_by=[name.value for name in item.matched_by],
        collections=list(item.collections),
        peer_collections=list(item.peer_collections),
        decided=None if decision is None else decision.decided,
        decided_by=None if decision is None else decision.actor,
        reason=None if decision is None else decision.reason,
    )
