"""What left this agency, to whom, and what the recipient may do with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from psihash import errors
from psihash.agreement.terms import parse_terms
from psihash.audit.event import Event, LedOperation
from psihash.node.node import Node
from psihash.node.oversight.session_list import Filter, days
from psihash.node.people.roles import use_case
from psihash.storage import register
from psihash.storage.log_index import RESULT
from psihash.storage.register import DisclosureSum

EVENTS: Final = tuple(event for event in Event if event.led_operation is LedOperation.DISCLOSURE)
KINDS: Final = (
    "results",
    "labels",
    "records",
    "follow-up",
    "contribution",
    "central set",
    "files",
)
NO_CODE: Final = "none"
"""Where no agreement speaks: statistics and lists that were written to a file."""
HERE: Final = "own file"
"""Recipient of what was written to a file here."""
MEMBERS: Final = "all members"
"""Recipient of what a centre publishes."""


_WITHOUT_PEER: Final = {"files": HERE, "central set": MEMBERS}


@dataclass(frozen=True, slots=True)
class Disclosed:
    """One line: how often, and of how many matches, records or hits in all."""

    handling: str
    kind: str
    recipient: str
    times: int
    number: int


@use_case("oversight")
def summed(node: Node, wanted: Filter) -> list[Disclosed]:
    """Sums by handling code, kind and recipient, strictest code first. Of the filter the days and
    the peer count."""
    with node.stores.database.reading():
        return _summed(node, wanted)


def _summed(node: Node, wanted: Filter) -> list[Disclosed]:
    since, until = days(wanted)
    found: dict[tuple[str, str, str], list[int]] = {}
    code = cache(lambda agreement: _code(node, agreement))
    for each in register.disclosures(node.stores.database, EVENTS, since, until):
        kind = _kind(each)
        if kind is None or (wanted.peer and each.peer != wanted.peer):
            continue
        handling = each.handling or code(each.agreement)
        recipient = _WITHOUT_PEER.get(kind) or each.recipient or each.peer or ""
        sums = found.setdefault((handling, kind, recipient), [0, 0])
        sums[0] += each.times
        sums[1] += each.number
    ordered = sorted(found, key=lambda key: (key[0] == NO_CODE, _down(key[0]), key[1:]))
    return [Disclosed(*key, *found[key]) for key in ordered]


def _kind(each: DisclosureSum) -> str | None:
    match each.event:
        case Event.SESSION_RECEIPT.value:
            return "results" if each.what == RESULT else None
        case Event.DISCLOSURE.value:
            return each.what if each.what in KINDS else "records"
        case Event.FOLLOW_UP.value:
            return None if each.recipient is None else "follow-up"
        case Event.CONTRIBUTION.value:
            # Ours when it left; what a centre takes in leaves nobody.
            return None if each.recipient is None else "contribution"
        case Event.CENTRAL_PUBLISHED.value:
            return "central set"
        case Event.EXPORT.value:
            return "files"
    raise AssertionError("every event that discloses has a kind")


def _code(node: Node, agreement: str | None) -> str:
    row = None if agreement is None else node.stores.agreements.find(agreement)
    if row is None:
        return NO_CODE
    try:
        return parse_terms(row.terms).handling_code.value
    except errors.PsihashError:
        return NO_CODE


def _down(code: str) -> int:
    """H3 before H0."""
    return -int(code[1:]) if code[1:].isdigit() else 0
