"""Documents about hits on their way: written, sealed for the peer, opened and verified.

What a document says is kept sealed under its session's key and ends with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final, TypeVar

from psihash import errors
from psihash.agreement.decision import Approval
from psihash.agreement.terms import parse_terms
from psihash.agreement.times import add_days, whole_seconds
from psihash.casework import reading, sealed, words
from psihash.casework.documents import NONCE_BYTES, CaseDocument, VerifiedCase, verify
from psihash.identity import envelopes
from psihash.identity.card_model import Card
from psihash.identity.card_parser import parse_card
from psihash.node.node import Node
from psihash.node.peering.directory import known
from psihash.node.records import sealed as blobs

FOREIGN_ENVELOPE = errors.define(
    "foreign-envelope", "a sealed document is of another agency than the one that brings it, or "
    "for another than this one"
)  # fmt: skip

OUTBOX_PREFIX: Final = "case:"
"""What the outbox calls such a document, in front of its id."""

_D = TypeVar("_D", bound=CaseDocument)


def heading(node: Node, peer: str, days: int = words.LIFE_DAYS) -> dict[str, Any]:
    """The members that every document to ``peer`` has."""
    now = node.stamp()
    return {
        "author": node.agency,
        "recipient": peer,
        "nonce": node.rng(NONCE_BYTES).hex(),
        "issued": now,
        "expires": add_days(now, days),
    }


def sign(node: Node, document: _D) -> _D:
    return reading.sign(document, node.keys.signing)


def approved(node: Node, document: _D, approval: Approval) -> _D:
    """The same document with the decision of the person who lets it go, signed anew."""
    return sign(node, replace(document, approval=approval, signature=b""))


def post(node: Node, document: CaseDocument, session: str | None) -> None:
    """Leave a signed document for its recipient, closed to everybody else. Should it not have left
    by then, it ends with ``session``."""
    recipient = document.recipient
    row = node.stores.peers.get(recipient)
    body = closed(document, parse_card(row.card))
    node.stores.outbox.put(recipient, OUTBOX_PREFIX + document.id, body, node.stamp(), session)


def closed(document: CaseDocument, card: Card) -> bytes:
    """A document as it travels: sealed to the keys on its recipient's card."""
    context = sealed.context(document.author, document.recipient)
    envelope = envelopes.seal_to(card.keys, document.to_bytes(), context)
    return sealed.Sealed(document.author, document.recipient, envelope).to_bytes()


def open_from(node: Node, agency: str, body: bytes) -> VerifiedCase:
    """What the peer ``agency`` brought: opened, and proven to be its own word to us, in time.

    Raises InputError, RefusedError, ProtocolError or VerificationError.
    """
    outer = sealed.parse_sealed(body)
    if (outer.author, outer.recipient) != (agency, node.agency):
        raise errors.RefusedError(
            FOREIGN_ENVELOPE, "the sealed document is not from this peer to us"
        )
    context = sealed.context(agency, node.agency)
    content = envelopes.open_envelope(node.keys, outer.envelope, context)
    card = known(node.stores.peers.get(agency)).card.card
    document = reading.parse(content)
    return verify(document, agency, node.agency, card.keys.signing, node.stamp())


def keep(node: Node, session: str, document: CaseDocument) -> None:
    """Seal a document with the session that it is about."""
    blobs.put(node, session, OUTBOX_PREFIX + document.id, document.to_bytes())


def last_to_end(node: Node, sessions: Iterable[str]) -> str | None:
    """Of some sessions the one whose data are kept the longest; None where all are erased. What is
    about all of them ends with it."""
    ends = {}
    for row in (node.stores.sessions.get(each) for each in sessions):
        if row.erased is None:
            days = parse_terms(node.stores.agreements.get(row.agreement).terms).retention_days
            ends[row.id] = add_days(whole_seconds(row.closed or row.opened), days)
    return max(ends, key=ends.__getitem__, default=None)


def kept(node: Node, session: str, document: str) -> CaseDocument | None:
    """A document that was kept, by its id; None where there is none."""
    data = blobs.get(node, session, OUTBOX_PREFIX + document)
    return None if data is None else reading.parse(data)
