"""What a member gives to a centre arrives in parts, and is kept sealed until somebody decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from psihash import errors
from psihash.agreement.request import RequestKind
from psihash.agreement.times import add_days, whole_seconds
from psihash.audit.event import Event
from psihash.casework.contribution import (
    Contribution,
    ContributionAnswer,
    ContributionPart,
    GivenAs,
    PartContent,
    Taken,
)
from psihash.casework.contribution_review import Reviewed, review
from psihash.casework.reading import parse
from psihash.identity import sealing
from psihash.node.casework import case_documents
from psihash.node.central import permits
from psihash.node.node import Node
from psihash.node.people import requests
from psihash.storage.contributions import ContributionState, TakenRow

NO_CENTRE_HERE = errors.define(
    "no-centre-here", "a contribution came to an agency that is no centre"
)
TOO_MANY_CONTRIBUTIONS = errors.define(
    "too-many-contributions",
    "more contributions of one member wait, or came in a day, than are kept",
)
PART_UNNAMED = errors.define(
    "part-unnamed", "a part of a contribution is not among those that the contribution names"
)
TAKEN_GONE = errors.define("taken-gone", "the contribution does not wait for a decision any more")

OPEN_CONTRIBUTIONS: Final = 3
"""Of one member, that arrive or wait: each may be 70 MB."""
CONTRIBUTIONS_PER_DAY: Final = 20
_PURPOSE: Final = "taken-contribution-keys"
_HEAD: Final = -1
"""Number of the row that has the contribution itself."""
_OPEN: Final = (
    ContributionState.ARRIVING,
    ContributionState.WAITING,
    ContributionState.APPROVED,
    ContributionState.FAILED,
)


def permit(node: Node, document: Contribution) -> None:
    """Raise RefusedError unless the member may give something now."""
    if node.stores.central.setup() is None:
        raise errors.RefusedError(NO_CENTRE_HERE, "this agency is no centre")
    permits.check(node, document.author, document.agreement, document.author)
    _require_room(node, document.author)


def take(node: Node, document: Contribution) -> None:
    """Inside the transaction of the document, after :func:`permit`; its parts follow."""
    member = document.author
    key = sealing.new_key()
    outer = node.storage_key(_PURPOSE)
    row = TakenRow(
        member=member,
        id=document.id,
        agreement=document.agreement,
        state=ContributionState.ARRIVING,
        request=None,
        received=node.stamp(),
        new_collections=document.count(GivenAs.NEW),
        additions=document.count(GivenAs.ADDITION),
        items=document.items,
        parts=len(document.parts),
        sealed_key=sealing.seal(outer, key, _context(member, document.id, "key")),
    )
    node.stores.contributions.add_taken(row)
    _put(node, row, _HEAD, document.id, document.to_bytes())
    node.record(Event.CONTRIBUTION, facts(row) | {"step": "arriving", "case": document.case})


@dataclass(frozen=True, slots=True)
class LastPart:
    """With this part all of its contribution is here, and was counted."""

    fault: errors.RefusedError | None
    """Why the contribution is refused."""


def last_part(node: Node, document: ContributionPart) -> LastPart | None:
    """Count the contribution that this part makes whole; None where it makes none. Call it before
    the transaction: a large one takes a while."""
    row = node.stores.contributions.find_taken(document.author, document.contribution)
    if row is None or row.state is not ContributionState.ARRIVING:
        return None
    missing = set(range(row.parts)) - node.stores.contributions.part_numbers(row.member, row.id)
    if missing != {document.number} or not _is_named(head_of(node, row), document):
        return None
    return _counted(node, row, document)


def take_part(
    node: Node, document: ContributionPart, last: LastPart | None
) -> errors.RefusedError | None:
    """One part, inside its transaction; with the last one an approver is asked. ``last`` is what
    :func:`last_part` found. Returns why the contribution was refused, where it was: raise it when
    the transaction has committed, because that is kept. Raises RefusedError ``part-unnamed``."""
    contributions = node.stores.contributions
    row = contributions.find_taken(document.author, document.contribution)
    if row is None:
        raise errors.RefusedError(PART_UNNAMED, "no contribution of this member names the part")
    if row.state is not ContributionState.ARRIVING:
        return None  # it came before, and the member did not hear of it
    if not _is_named(head_of(node, row), document):
        raise errors.RefusedError(PART_UNNAMED, "the contribution names another part")
    here = contributions.part_numbers(row.member, row.id)
    if document.number in here:
        return None
    _put(node, row, document.number, document.id, document.to_bytes())
    if len(here) < row.parts:  # the contribution itself is among them
        return None
    # Where another part was taken at the same moment, nobody has counted yet.
    fault = (last or _counted(node, row)).fault
    if fault is not None:
        let_go(node, row, fault.code)
        return fault
    subject = {"contribution": row.id, "agreement": row.agreement, "peer": row.member}
    asked = requests.file(
        node,
        RequestKind.TAKE_IN,
        subject,
        peer=row.member,
        agreement=row.agreement,
        by_peer=True,
    )
    contributions.change_taken(row, state=ContributionState.WAITING, request=asked.id)
    return None


def reviewed(node: Node, row: TakenRow) -> tuple[Reviewed, ...]:
    """What is in a contribution that is here, counted; one for each collection. Raises RefusedError
    ``contribution-miscounted``."""
    return review(head_of(node, row), contents_of(node, row))


def let_go(node: Node, row: TakenRow, code: str = "") -> None:
    """Refused, here and for the member; nothing of it is kept."""
    node.stores.contributions.change_taken(
        row, state=ContributionState.REFUSED, decided=node.stamp(), sealed_key=None
    )
    node.stores.contributions.erase_parts(row.member, row.id)
    answer(node, row, Taken.REFUSED, code)


def answer(node: Node, row: TakenRow, step: Taken, code: str = "") -> None:
    """Log what became of it, and tell the member."""
    why = {"code": code} if code else {}
    node.record(Event.CONTRIBUTION, facts(row) | {"step": step.value} | why)
    document = case_documents.sign(
        node,
        ContributionAnswer(
            **case_documents.heading(node, row.member), contribution=row.id, step=step
        ),
    )
    case_documents.post(node, document, None)


def _is_named(head: Contribution, document: ContributionPart) -> bool:
    named = head.parts[document.number] if document.number < len(head.parts) else ""
    return named == document.content.digest and document.content.collection < len(head.collections)


def _counted(node: Node, row: TakenRow, last: ContributionPart | None = None) -> LastPart:
    try:
        review(head_of(node, row), contents_of(node, row, last))
    except errors.RefusedError as fault:
        return LastPart(fault)
    return LastPart(None)


def is_known(node: Node, document: Contribution) -> bool:
    """Whether it came before."""
    return node.stores.contributions.find_taken(document.author, document.id) is not None


def _require_room(node: Node, member: str) -> None:
    rows = node.stores.contributions.all_taken(member)
    day = add_days(node.stamp(), -1)
    if (
        sum(row.state in _OPEN for row in rows) >= OPEN_CONTRIBUTIONS
        or sum(whole_seconds(row.received) >= day for row in rows) >= CONTRIBUTIONS_PER_DAY
    ):
        raise errors.RefusedError(TOO_MANY_CONTRIBUTIONS, "this member has given enough for now")


def _put(node: Node, row: TakenRow, number: int, document: str, body: bytes) -> None:
    sealed = sealing.seal(_key(node, row), body, _context(row.member, row.id, str(number)))
    node.stores.contributions.put_part(row.member, row.id, number, document, sealed)


def head_of(node: Node, row: TakenRow) -> Contribution:
    _, sealed = node.stores.contributions.parts(row.member, row.id)[_HEAD]
    document = parse(sealing.open_sealed(_key(node, row), sealed, _number(row, _HEAD)))
    if not isinstance(document, Contribution):
        raise AssertionError("the first document of a contribution is the contribution")
    return document


def contents_of(
    node: Node, row: TakenRow, more: ContributionPart | None = None
) -> Iterator[PartContent]:
    """What the parts hold, in their order; ``more`` is one that is not kept yet."""
    key = _key(node, row)
    bodies = {
        number: sealed
        for number, (_, sealed) in node.stores.contributions.parts(row.member, row.id).items()
        if number != _HEAD
    }
    for number in sorted(bodies.keys() | ({more.number} if more else set())):
        if more is not None and number == more.number:
            yield more.content
            continue
        document = parse(sealing.open_sealed(key, bodies[number], _number(row, number)))
        if isinstance(document, ContributionPart):
            yield document.content


def _key(node: Node, row: TakenRow) -> bytes:
    if row.sealed_key is None:
        raise errors.StateError(TAKEN_GONE, "the contribution is not here any more")
    outer = node.storage_key(_PURPOSE)
    return sealing.open_sealed(outer, row.sealed_key, _context(row.member, row.id, "key"))


def _number(row: TakenRow, number: int) -> bytes:
    return _context(row.member, row.id, str(number))


def _context(member: str, contribution: str, name: str) -> bytes:
    return f"psihash/taken-contribution/1 {member} {contribution} {name}".encode()


def facts(row: TakenRow) -> dict[str, Any]:
    return {
        "document": row.id,
        "peer": row.member,
        "agreement": row.agreement,
        "new_collections": row.new_collections,
        "additions": row.additions,
        "items": row.items,
    }
