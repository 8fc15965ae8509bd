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
from psihash.agreement.times import add_days, whole_seconds
from psihash.audit.event import Event
from psihash.casework import contribution_page
from psihash.casework.contribution import (
    Contribution,
    GivenAs,
    GivenCollection,
    Taken,
    named,
)
from psihash.node import leasing
from psihash.node.central import arriving, given
from psihash.node.central.labels import collection_of
from psihash.node.lists.importing import loggable
from psihash.node.node import Node
from psihash.node.people import requests
from psihash.node.people.request_kinds import Granted, Handler
from psihash.node.people.roles import use_case
from psihash.node.running.worker import INTERNAL
from psihash.storage.contributions import (
    CONTRIBUTION_MOVED,
    ContributionState,
    TakenCollection,
    TakenRow,
)
from psihash.storage.requests import RequestRow
from psihash.storage.times import normal
from psihash.terms import CollectionKind

LEASE: Final = "taking-in"
KEPT_DAYS: Final = 31
"""How long one that is not whole, not decided, or cannot be taken in, is kept: requests end a day
before."""
TAKING_IN_FAILED = errors.define(
    "taking-in-failed", "a contribution was approved, and the centre could not take it in"
)
_UNDECIDED: Final = (
    ContributionState.ARRIVING,
    ContributionState.WAITING,
    ContributionState.FAILED,
)

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
    said = (
        f"{row.member} gives {row.items:,} items in {row.new_collections:,} new collections and "
        f"{row.additions:,} additions. Taken in, they are published with the next delta."
    )
    code, tlp = head.handling.code, head.handling.tlp
    return [
        ("What is asked", said),
        ("In which collections, named by the member and counted here", _counted(node, row, head)),
        ("For which case", head.case or "none is stated"),
        ("What we may do with it", f"Handling code {code}: {code.meaning}. TLP:{tlp}."),
    ]


def _counted(node: Node, row: TakenRow, head: Contribution) -> str:
    """The collections as they really are; whoever made the page of a contribution that is not what
    it says must be able to refuse it."""
    try:
        counted = arriving.reviewed(node, row)
    except errors.RefusedError as fault:
        return f"IT IS NOT WHAT IT SAYS ({fault.code}): it can only be refused."
    ours = given.against(node, row)
    return "\n".join(
        f"{each.label}: {_where(node, row, each)}. {contribution_page.described(found)} "
        f"{given.described(held)}"
        for each, found, held in zip(head.collections, counted, ours, strict=True)
    )


def _known_as(node: Node, agreement: str, to: str) -> str | None:
    """Which collection of ours a member means; None where it is gone."""
    found = collection_of(node, to)
    if found is not None:
        return found
    for each in node.stores.agreements.offered(agreement):
        if to in (named(agreement, each.opaque_id), named(agreement, each.collection)):
            return each.collection
    return None


def _where(node: Node, row: TakenRow, each: GivenCollection) -> str:
    if each.given_as is GivenAs.NEW:
        return "a new collection"
    held = _known_as(node, row.agreement, each.to)
    return f"an addition to '{held}'" if held else "an addition to a collection that is gone"


def _check(node: Node, asked: RequestRow) -> None:
    arriving.reviewed(node, _waiting(node, asked))


def _agree(node: Node, granted: Granted) -> None:
    row = _waiting(node, granted.row)
    node.stores.contributions.change_taken(
        row, state=ContributionState.APPROVED, decided=node.stamp()
    )
    node.record(Event.CONTRIBUTION, arriving.facts(row) | {"step": "approved"})


def _decline(node: Node, asked: RequestRow, _reason: str) -> None:
    row = _waiting(node, asked)
    _ = node.keys
    arriving.let_go(node, row)


def _afterwards(node: Node, asked: RequestRow) -> None:
    finish(node)
    subject = requests.body(asked).subject
    row = node.stores.contributions.find_taken(str(subject["peer"]), str(subject["contribution"]))
    if row is not None and row.state is ContributionState.FAILED:
        raise errors.StateError(
            TAKING_IN_FAILED,
            "the contribution was approved, and could not be taken in",
            hint="`psihash central publish` tries again; the log names the cause",
        )


TAKE_IN: Final = Handler(
    page=_page,
    check=_check,
    on_approved=_agree,
    on_refused=_decline,
    afterwards=_afterwards,
)
"""Whether a centre takes in what a member gives."""


def drop_old(node: Node) -> int:
    """Let go of what never came whole, what nobody decided, or what could not be taken in, and tell
    the member; of how many contributions."""
    before = add_days(node.stamp(), -KEPT_DAYS)
    gone = 0
    for state in _UNDECIDED:
        for row in node.stores.contributions.all_taken(state=state):
            if whole_seconds(row.received) > before:
                continue
            _ = node.keys
            with node.stores.database.transaction():
                arriving.let_go(node, row)
                node.record(Event.ERASURE, arriving.facts(row) | {"what": "contribution"})
            gone += 1
    return gone


def finish(node: Node, *, again: bool = False) -> int:
    """Take in whatever was approved; how many contributions. Of several processes one does it. One
    that cannot be taken in is logged, and left, so that it holds up no other; ``again``: those that
    were left before too."""
    if not _approved(node, again=again):
        return 0
    try:
        lease = leasing.acquire(node, LEASE)
    except errors.StateError:
        return 0
    try:
        return sum(1 for row in _approved(node, again=again) if _try_to_take_in(node, row))
    finally:
        leasing.give_back(node, lease)


@use_case("statistics")
def report(node: Node, since: str | None = None) -> Figures:
    """What ``psihash central contributions`` says. Raises InputError ``bad-store-time``."""
    return figures(node, since)


def figures(node: Node, since: str | None = None, member: str | None = None) -> Figures:
    """What members gave, or one, of what was decided at ``since`` (RFC 3339) or later."""
    rows = {
        (row.member, row.id)
        for row in node.stores.contributions.all_taken(member)
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


def _approved(node: Node, *, again: bool) -> list[TakenRow]:
    states = (ContributionState.APPROVED, *((ContributionState.FAILED,) if again else ()))
    return [row for each in states for row in node.stores.contributions.all_taken(state=each)]


def _try_to_take_in(node: Node, row: TakenRow) -> bool:
    try:
        _take_in(node, row)
    except (errors.StorageError, errors.UnavailableError):
        raise  # a full disk or a locked store is nothing of the contribution's
    except errors.PsihashError as error:
        if error.code != CONTRIBUTION_MOVED:
            _fail(node, row, error.code)
        return False
    except Exception as fault:  # noqa: BLE001 - its text could hold anything; the log has its kind
        _fail(node, row, INTERNAL, type(fault).__name__)
        return False
    return True


def _fail(node: Node, row: TakenRow, code: str, kind: str = "") -> None:
    """Mark it, so that it is tried again when a person publishes and not with every look."""
    why = {"step": "failed", "code": code} | ({"kind": kind} if kind else {})
    with node.stores.database.transaction():
        node.stores.contributions.change_taken(row, state=ContributionState.FAILED)
        node.record(Event.CONTRIBUTION, arriving.facts(row) | why)


def _take_in(node: Node, row: TakenRow) -> None:
    head = arriving.head_of(node, row)
    done = {each.number for each in node.stores.contributions.collections(row.member, row.id)}
    for number, collection in enumerate(head.collections):
        if number not in done:
            _import(node, row, number, collection)
    with node.stores.database.transaction():
        node.stores.contributions.change_taken(row, state=ContributionState.TAKEN, sealed_key=None)
        node.stores.contributions.erase_parts(row.member, row.id)
        arriving.answer(node, row, Taken.TAKEN)


def _import(node: Node, row: TakenRow, number: int, collection: GivenCollection) -> None:
    """One collection, its statistics, its provenance and its entry: all of it or nothing."""
    name, kind, given_as = _target(node, row, collection)
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
    node: Node, row: TakenRow, collection: GivenCollection
) -> tuple[str, CollectionKind, GivenAs]:
    """Where it goes: the collection that it adds to, as long as that is there, or one of its own
    under the member's label."""
    held = {info.name: info.kind for info in node.stores.holdings.collections()}
    if collection.given_as is GivenAs.ADDITION:
        name = _known_as(node, row.agreement, collection.to)
        if name is not None and name in held:
            return name, held[name], GivenAs.ADDITION
    fit = loggable(collection.label) == collection.label and collection.label.isprintable()
    label = collection.label if fit else row.id[:12]
    name = f"{label} ({row.member})"
    ours = {each.collection for each in node.stores.contributions.collections(row.member)}
    if name in held and name not in ours:
        name = f"{label} ({row.member}, {row.id[:12]})"
    if name in held:
        return name, held[name], GivenAs.ADDITION
    return name, collection.kind, GivenAs.NEW
