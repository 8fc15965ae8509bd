"""A centre takes in what a member gives: it arrives in parts, an approver decides, and then each
collection goes into the holdings, with its provenance.

The decision commits alone. What follows is done collection by collection, each with its own entry
in the log and its own commit; whatever was cut is done by the next look of the schedule, or before
the next publication, and nothing is done twice.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from psihash import errors
from psihash.agreement.page import Section
from psihash.audit.event import Event
from psihash.casework.contribution import (
    ContributionAnswer,
    GivenAs,
    GivenCollection,
    Taken,
)
from psihash.node import leasing
from psihash.node.casework import case_documents
from psihash.node.central import arriving
from psihash.node.central.labels import collection_of
from psihash.node.lists.importing import loggable
from psihash.node.node import Node
from psihash.node.people import requests
from psihash.node.people.request_kinds import Granted, Handler
from psihash.node.people.roles import use_case
from psihash.storage.contributions import ContributionState, TakenCollection, TakenRow
from psihash.storage.requests import RequestRow
from psihash.storage.times import normal
from psihash.terms import CollectionKind

LEASE: Final = "taking-in"

_FORMAT: Final = "contribution/1"


@dataclass(frozen=True, slots=True)
class Figures:
    """What members gave that was taken in. A collection that is new and was added to later counts
    as new."""

    members: int
    contributions: int
    new_collections: int
    added_to: int
    """Collections of the centre that got additions."""
    items: int
    """Items that were not in these collections before."""


def _waiting(node: Node, asked: RequestRow) -> TakenRow:
    subject = requests.body(asked).subject
    row = node.stores.contributions.find_taken(str(subject["peer"]), str(subject["contribution"]))
    if row is None or row.state is not ContributionState.WAITING:
        raise errors.StateError(arriving.TAKEN_GONE, "the contribution waits for no decision")
    return row


def _page(node: Node, asked: RequestRow) -> list[Section]:
    row = _waiting(node, asked)
    head = arriving.head_of(node, row)
    lines = [
        f"{each.label}: {each.items:,} items, {_where(node, each)}" for each in head.collections
    ]
    said = (
        f"{row.member} gives {row.items:,} items in {row.new_collections:,} new collections and "
        f"{row.additions:,} additions. Taken in, they are published with the next delta."
    )
    code, tlp = head.handling.code, head.handling.tlp
    return [
        ("What is asked", said),
        ("In which collections, by the member's words", "\n".join(lines)),
        ("For which case", head.case or "none is stated"),
        ("What we may do with it", f"Handling code {code}: {code.meaning}. TLP:{tlp}."),
    ]


def _where(node: Node, each: GivenCollection) -> str:
    if each.given_as is GivenAs.NEW:
        return "a new collection"
    held = collection_of(node, each.to)
    return f"an addition to '{held}'" if held else "an addition to a collection that is gone"


def _check(node: Node, asked: RequestRow) -> None:
    _waiting(node, asked)


def _agree(node: Node, granted: Granted) -> None:
    row = _waiting(node, granted.row)
    node.stores.contributions.change_taken(
        row, state=ContributionState.APPROVED, decided=node.stamp()
    )
    node.record(Event.CONTRIBUTION, arriving.facts(row) | {"step": "approved"})


def _decline(node: Node, asked: RequestRow, _reason: str) -> None:
    row = _waiting(node, asked)
    _ = node.keys
    node.stores.contributions.change_taken(
        row, state=ContributionState.REFUSED, decided=node.stamp(), sealed_key=None
    )
    node.stores.contributions.erase_parts(row.member, row.id)
    _answer(node, row, Taken.REFUSED)


def _afterwards(node: Node, _asked: RequestRow) -> None:
    finish(node)


TAKE_IN: Final = Handler(
    page=_page,
    check=_check,
    on_approved=_agree,
    on_refused=_decline,
    afterwards=_afterwards,
)
"""Whether a centre takes in what a member gives."""


def finish(node: Node) -> int:
    """Take in whatever was approved; how many contributions. Of several processes one does it."""
    waiting = _approved(node)
    if not waiting:
        return 0
    try:
        lease = leasing.acquire(node, LEASE)
    except errors.StateError:
        return 0
    try:
        return sum(1 for row in _approved(node) if _take_in(node, row))
    finally:
        node.stores.leases.release(lease)


@use_case("statistics")
def report(node: Node, since: str | None = None) -> Figures:
    """What ``psihash central contributions`` says. Raises InputError ``bad-store-time``."""
    return figures(node, since)


def figures(node: Node, since: str | None = None) -> Figures:
    """What members gave, of what was decided at ``since`` (RFC 3339) or later."""
    rows = {
        (row.member, row.id)
        for row in node.stores.contributions.all_taken()
        if row.decided is not None and (since is None or row.decided >= normal(since))
    }
    given = [
        each for each in node.stores.contributions.collections() if (each.member, each.id) in rows
    ]
    new = {each.collection for each in given if each.kind == GivenAs.NEW.value}
    return Figures(
        members=len({each.member for each in given}),
        contributions=len({(each.member, each.id) for each in given}),
        new_collections=len(new),
        added_to=len({each.collection for each in given} - new),
        items=sum(each.added for each in given),
    )


def sentence(found: Figures) -> str:
    """As a centre reports it."""
    new, members = found.new_collections, found.members
    return (
        f"{new:,} new collection{'' if new == 1 else 's'}, additions to {found.added_to:,}, "
        f"from {members:,} member{'' if members == 1 else 's'}"
    )


def _approved(node: Node) -> list[TakenRow]:
    return node.stores.contributions.all_taken(state=ContributionState.APPROVED)


def _take_in(node: Node, row: TakenRow) -> bool:
    head = arriving.head_of(node, row)
    done = {each.number for each in node.stores.contributions.collections(row.member, row.id)}
    for number, given in enumerate(head.collections):
        if number not in done:
            _import(node, row, number, given)
    with node.stores.database.transaction():
        node.stores.contributions.change_taken(row, state=ContributionState.TAKEN, sealed_key=None)
        node.stores.contributions.erase_parts(row.member, row.id)
        _answer(node, row, Taken.TAKEN)
    return True


def _import(node: Node, row: TakenRow, number: int, given: GivenCollection) -> None:
    """One collection, its statistics, its provenance and its entry: all of it or nothing."""
    name, kind, given_as = _target(node, row, given)
    now = node.stamp()
    run = node.stores.holdings.begin_import(name, kind, replace=False, dry_run=False, now=now)
    source = f"contribution {row.id[:12]} of {row.member}"
    size = 0
    try:
        for content in arriving.contents_of(node, row):
            if content.collection == number:
                run.add(list(content.items(row.member)))
                size += len(content.rows)
        digest = hashlib.sha256(f"{row.member} {row.id} {number}".encode()).hexdigest()
        with node.stores.database.transaction():
            report = run.finish(source, digest, size, _FORMAT)
            node.stores.contributions.put_collections(
                [
                    TakenCollection(
                        row.member,
                        row.id,
                        number,
                        name,
                        given_as.value,
                        report.items,
                        report.items_new,
                    )
                ]
            )
            if given_as is GivenAs.NEW:
                node.stores.central.publish_too(name)
            event = Event.COLLECTION if given_as is GivenAs.NEW else Event.ALTERATION
            node.record(
                event,
                {
                    "collection": loggable(name),
                    "kind": kind.value,
                    "replace": False,
                    "source": source,
                    "format": _FORMAT,
                    "peer": row.member,
                    "rows": report.rows,
                    "items": report.items,
                    "items_new": report.items_new,
                    "excluded": report.exclusions,
                },
            )
    finally:
        run.abandon()


def _target(
    node: Node, row: TakenRow, given: GivenCollection
) -> tuple[str, CollectionKind, GivenAs]:
    """Where it goes: the collection that it adds to, as long as that is there, or one of its own
    under the member's label."""
    held = {info.name: info.kind for info in node.stores.holdings.collections()}
    if given.given_as is GivenAs.ADDITION:
        name = collection_of(node, given.to)
        if name is not None and name in held:
            return name, held[name], GivenAs.ADDITION
    label = given.label if loggable(given.label) == given.label else row.id[:12]
    name = f"{label} ({row.member})"
    ours = {each.collection for each in node.stores.contributions.collections(row.member)}
    if name in held and name not in ours:
        name = f"{label} ({row.member}, {row.id[:12]})"
    if name in held:
        return name, held[name], GivenAs.ADDITION
    return name, given.kind, GivenAs.NEW


def _answer(node: Node, row: TakenRow, step: Taken) -> None:
    node.record(Event.CONTRIBUTION, arriving.facts(row) | {"step": step.value})
    document = case_documents.sign(
        node,
        ContributionAnswer(
            **case_documents.heading(node, row.member), contribution=row.id, step=step
        ),
    )
    case_documents.post(node, document, None)
