"""The evidence of one session: the documents that go with its entries, and what they prove."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from psihash import canonical, errors, limits
from psihash.agreement.documents import parse_document, verify_document
from psihash.agreement.terms import Terms, parse_terms
from psihash.audit.bundle import DocumentLine
from psihash.audit.entry import Entry
from psihash.audit.event import Event
from psihash.identity.cards import Card
from psihash.node.node import Node
from psihash.node.records import sealed
from psihash.session.messages import Receipt
from psihash.session.receipt import receipt_id, verify_signature
from psihash.storage.sessions import SessionRow
from psihash.terms import SessionRole

EVIDENCE_CONTRADICTS = errors.define(
    "evidence-contradicts", "a document of a session's evidence contradicts its log entries"
)

TERMS: Final = "agreement/terms"
RECEIPT: Final = "receipt/"


@dataclass
class SessionFacts:
    """What the entries of a session say; feed it every entry as it is verified."""

    opened: dict[str, Any] | None = None
    closed: dict[str, Any] | None = None
    events: list[str] = field(default_factory=list)

    def see(self, entry: Entry) -> None:
        self.events.append(entry.event.value)
        if entry.event is Event.SESSION_OPEN:
            self.opened = entry.shared_facts()
        elif entry.event is Event.SESSION_CLOSE:
            self.closed = entry.shared_facts()


def collect(node: Node, row: SessionRow) -> Iterator[tuple[str, bytes]]:
    """The agreement's documents and, where they were not erased, both receipts."""
    agreement = node.stores.agreements.find(row.agreement)
    if agreement is not None:
        yield TERMS, agreement.terms
        for number, stored in enumerate(node.stores.agreements.documents(row.agreement)):
            yield f"agreement/{number}", stored.body
    if row.state != "completed" or row.erased is not None:
        return
    own, peer = (sealed.OWN_RECEIPT, row.role), (sealed.PEER_RECEIPT, row.role.other)
    for name, role in (own, peer):
        found = sealed.receipt(node, row.id, name)
        if found is not None:
            yield f"{RECEIPT}{role.value}", sealed.pack_receipt(found)


def check(
    documents: Sequence[DocumentLine], facts: SessionFacts, cards: Sequence[Card]
) -> dict[str, Any]:
    """Hold a session bundle's documents against its entries and against each other; says what was
    checked. ``cards`` are trusted. Raises VerificationError ``evidence-contradicts``."""
    by_name = {each.name: each.body for each in documents}
    terms = _check_terms(by_name, facts)
    signed = _check_documents(by_name, terms)
    receipts = _check_receipts(by_name, facts, terms, cards)
    return {
        "agreement": None if terms is None else terms.id,
        "agreement_documents": signed,
        "receipts": receipts,
        "events": facts.events,
    }


def _check_terms(documents: Mapping[str, bytes], facts: SessionFacts) -> Terms | None:
    if TERMS not in documents:
        return None
    try:
        terms = parse_terms(documents[TERMS])
    except errors.PsihashError:
        raise _contradicts("its agreement's terms are malformed") from None
    if facts.opened is not None and facts.opened.get("agreement") != terms.id:
        raise _contradicts("its agreement is not the one that its opening names")
    return terms


def _check_documents(documents: Mapping[str, bytes], terms: Terms | None) -> int:
    """Verify every document of the agreement; how many there were."""
    count = 0
    for name, body in documents.items():
        if name == TERMS or not name.startswith("agreement/"):
            continue
        try:
            document = parse_document(body)
            keys = {} if terms is None else {p.agency: p.signing_key for p in terms.parties}
            verify_document(document, document.author, keys[document.author])
        except (errors.PsihashError, KeyError):
            raise _contradicts("a document of its agreement is not signed by a party") from None
        if terms is None or document.agreement != terms.id:
            raise _contradicts("a document is of another agreement")
        count += 1
    return count


def _check_receipts(
    documents: Mapping[str, bytes],
    facts: SessionFacts,
    terms: Terms | None,
    cards: Sequence[Card],
) -> int:
    found: dict[SessionRole, Receipt] = {}
    for name, body in documents.items():
        if name.startswith(RECEIPT):
            try:
                role = SessionRole(name.removeprefix(RECEIPT))
            except ValueError:
                raise _contradicts("a receipt is of no side") from None
            found[role] = Receipt(body[64:], body[:64])
    for role, receipt in found.items():
        _check_receipt(role, receipt, facts, terms, cards)
    if len(found) == 2 and facts.closed is not None:
        pair = receipt_id(found[SessionRole.INITIATOR], found[SessionRole.RESPONDER])
        if facts.closed.get("receipt") != pair.hex():
            raise _contradicts("its receipts are not those that its closing names")
    return len(found)


def _check_receipt(
    role: SessionRole,
    receipt: Receipt,
    facts: SessionFacts,
    terms: Terms | None,
    cards: Sequence[Card],
) -> None:
    opened = facts.opened or {}
    agency = opened.get(role.value)
    keys = [card.keys.signing for card in cards if card.agency == agency]
    if terms is not None:
        keys += [party.signing_key for party in terms.parties if party.agency == agency]
    for key in keys:
        try:
            verify_signature(key, receipt)
            break
        except errors.VerificationError:
            continue
    else:
        raise _contradicts("a receipt is not signed by its side")
    try:
        said = canonical.decode(receipt.body, max_bytes=limits.MAX_RECEIPT)
    except errors.InputError:
        raise _contradicts("a receipt is malformed") from None
    expected = {"role": role.value} | {
        name: opened.get(name) for name in ("session", "transcript", "rung", "learn", "engine")
    }
    if any(said.get(name) != value for name, value in expected.items()):
        raise _contradicts("a receipt says something else than the session's opening")
    if facts.closed is not None and said.get("counts") != facts.closed.get("counts"):
        raise _contradicts("a receipt has other counts than the session's closing")


def _contradicts(why: str) -> errors.VerificationError:
    return errors.VerificationError(
        EVIDENCE_CONTRADICTS, f"the evidence of the session does not hold: {why}"
    )
