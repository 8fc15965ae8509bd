"""What a member gives to a centre arrives in parts, and is kept sealed until somebody decides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from psihash import errors
from psihash.agreement.request import RequestKind
from psihash.agreement.times import add_days
from psihash.audit.event import Event
from psihash.casework.contribution import Contribution, ContributionPart, GivenAs, PartContent
from psihash.casework.reading import parse
from psihash.identity import sealing
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
KEPT_DAYS: Final = 31
"""How long one that is not whole, or not decided, is kept: requests end a day before."""

_PURPOSE: Final = "taken-contribution-keys"
_HEAD: Final = -1
"""Number of the row that has the contribution itself."""
_OPEN: Final = (
    ContributionState.ARRIVING,
    ContributionState.WAITING,
    ContributionState.APPROVED,
)


def take(node: Node, document: Contribution) -> None:
    """Inside the transaction of the document; its parts follow. Raises RefusedError."""
    member = document.author
    if node.stores.central.setup() is None:
        raise errors.RefusedError(NO_CENTRE_HERE, "this agency is no centre")
    permits.check(node, member, document.agreement, member)
    _require_room(node, member)
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


def take_part(node: Node, document: ContributionPart) -> None:
    """One part, inside its transaction; with the last one an approver is asked."""
    row = node.stores.contributions.find_taken(document.author, document.contribution)
    if row is None:
        raise errors.RefusedError(PART_UNNAMED, "no contribution of this member names the part")
    if row.state is not ContributionState.ARRIVING:
        return  # it came before, and the member did not hear of it
    head = head_of(node, row)
    named = head.parts[document.number] if document.number < len(head.parts) else ""
    if named != document.content.digest or document.content.collection >= len(head.collections):
        raise errors.RefusedError(PART_UNNAMED, "the contribution names another part")
    here = node.stores.contributions.parts(row.member, row.id)
    if document.number in here:
        return
    _put(node, row, document.number, document.id, document.to_bytes())
    if len(here) < row.parts:  # the contribution itself is among them
        return
    subject = {"contribution": row.id, "agreement": row.agreement, "peer": row.member}
    asked = requests.file(
        node,
        RequestKind.TAKE_IN,
        subject,
        peer=row.member,
        agreement=row.agreement,
        by_peer=True,
    )
    node.stores.contributions.change_taken(row, state=ContributionState.WAITING, request=asked.id)


def drop_old(node: Node) -> int:
    """Let go of what never came whole, or what nobody decided; of how many contributions."""
    before = add_days(node.stamp(), -KEPT_DAYS)
    gone = 0
    for state in (ContributionState.ARRIVING, ContributionState.WAITING):
        for row in node.stores.contributions.all_taken(state=state):
            if row.received[:19] + "Z" > before:
                continue
            with node.stores.database.transaction():
                values = {"state": ContributionState.REFUSED, "decided": node.stamp()}
                node.stores.contributions.change_taken(row, **values, sealed_key=None)
                node.stores.contributions.erase_parts(row.member, row.id)
                node.record(Event.ERASURE, facts(row) | {"what": "contribution"})
            gone += 1
    return gone


def is_known(node: Node, document: Contribution) -> bool:
    """Whether it came before."""
    return node.stores.contributions.find_taken(document.author, document.id) is not None


def _require_room(node: Node, member: str) -> None:
    rows = node.stores.contributions.all_taken(member)
    day = add_days(node.stamp(), -1)
    if (
        sum(row.state in _OPEN for row in rows) >= OPEN_CONTRIBUTIONS
        or sum(row.received[:19] + "Z" >= day for row in rows) >= CONTRIBUTIONS_PER_DAY
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


def contents_of(node: Node, row: TakenRow) -> Iterator[PartContent]:
    key = _key(node, row)
    for number, (_, sealed) in node.stores.contributions.parts(row.member, row.id).items():
        if number == _HEAD:
            continue
        document = parse(sealing.open_sealed(key, sealed, _number(row, number)))
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
