"""The evidence of one session: the documents that go with its entries, and what they prove.

A signature counts only under a key of a trusted card, or of one that follows from it: the terms
and the cards in a bundle are its maker's word. Of an agency of which no card is trusted nothing is
proven, and its documents and receipts are counted apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from psihash import canonical, errors, limits
from psihash.agreement.document_model import TermsSignature
from psihash.agreement.documents import parse_document, verify_document
from psihash.agreement.terms import Terms, parse_terms
from psihash.audit.bundle_verify import VerifiedBundle
from psihash.audit.entry import Entry
from psihash.audit.event import Event
from psihash.audit.trust import reached
from psihash.identity.cards import Card, parse_card
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
CARD: Final = "card/"
_MAX_CARDS: Final = 64
_WORDS: Final = {"agreement_documents": "a document of its agreement", "receipts": "a receipt"}


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
    """The agreement's documents, the partner's cards that its signing keys can be followed by and,
    where they were not erased, both receipts."""
    agreement = node.stores.agreements.find(row.agreement)
    if agreement is not None:
        yield TERMS, agreement.terms
        for number, stored in enumerate(node.stores.agreements.documents(row.agreement)):
            yield f"agreement/{number}", stored.body
    for number, card in enumerate(_cards(node, row.peer)):
        yield f"{CARD}{number}", card
    if row.state != "completed" or row.erased is not None:
        return
    own, peer = (sealed.OWN_RECEIPT, row.role), (sealed.PEER_RECEIPT, row.role.other)
    for name, role in (own, peer):
        found = sealed.receipt(node, row.id, name)
        if found is not None:
            yield f"{RECEIPT}{role.value}", sealed.pack_receipt(found)


def _cards(node: Node, agency: str) -> list[bytes]:
    """The first card of each signing key that the peer has had, oldest first."""
    found = node.stores.peers.find(agency)
    if found is None:
        return []
    cards = [*(each.card for each in node.stores.peers.history(agency)), found.card]
    first: dict[bytes, bytes] = {}
    for card in cards:
        first.setdefault(parse_card(card).keys.signing, card)
    return list(first.values())[-_MAX_CARDS:]


def check(found: VerifiedBundle, facts: SessionFacts, trusted: Sequence[Card]) -> dict[str, Any]:
    """Hold a session bundle's documents against its entries and against each other; says what was
    checked. Raises VerificationError ``evidence-contradicts``."""
    by_name = {each.name: each.body for each in found.documents}
    keys = _Keys(trusted, [*found.header.cards, *_shown_cards(by_name)])
    check = _Check(by_name, facts, keys, found.header.origin.removeprefix("psihash/log/"))
    return check.run() | {"events": facts.events}


def _shown_cards(documents: Mapping[str, bytes]) -> list[Card]:
    try:
        return [parse_card(body) for name, body in documents.items() if name.startswith(CARD)]
    except errors.PsihashError:
        raise _contradicts("a card in it is malformed") from None


class _Keys:
    """Signing keys by agency: those that the trusted cards lead to."""

    def __init__(self, trusted: Sequence[Card], shown: Sequence[Card]) -> None:
        self._trusted, self._shown = trusted, shown

    def of(self, agency: str) -> list[bytes]:
        """Empty where no card of the agency is trusted."""
        cards = reached(agency, self._trusted, self._shown)
        return list(dict.fromkeys(card.keys.signing for card in cards))

    def said(self, agency: str) -> list[bytes]:
        """Those that the bundle alone names."""
        return [card.keys.signing for card in self._shown if card.agency == agency]


class _Check:
    """One bundle's evidence, and what of it was proven by whom."""

    def __init__(
        self, documents: Mapping[str, bytes], facts: SessionFacts, keys: _Keys, owner: str
    ) -> None:
        self._documents, self._facts, self._keys, self._owner = documents, facts, keys, owner
        self._signed_by: set[str] = set()
        self._unknown: set[str] = set()
        self._counts = {
            "agreement_documents": 0,
            "agreement_documents_unchecked": 0,
            "receipts": 0,
            "receipts_unchecked": 0,
        }

    def run(self) -> dict[str, Any]:
        terms = self._check_terms()
        self._check_documents(terms)
        self._check_receipts(terms)
        return {
            "agreement": None if terms is None else terms.id,
            **self._counts,
            "terms_signed_by": sorted(self._signed_by),
            "unknown_agencies": sorted(self._unknown),
        }

    def _check_terms(self) -> Terms | None:
        if TERMS not in self._documents:
            return None
        try:
            terms = parse_terms(self._documents[TERMS])
        except errors.PsihashError:
            raise _contradicts("its agreement's terms are malformed") from None
        opened = self._facts.opened
        if opened is not None and opened.get("agreement") != terms.id:
            raise _contradicts("its agreement is not the one that its opening names")
        sides = (self._owner,) if opened is None else map(self._side, SessionRole)
        if not {self._owner, *sides} <= set(terms.agencies):
            raise _contradicts("its agreement is not between the two sides of the session")
        for party in terms.parties:
            known = self._keys.of(party.agency)
            if known and party.signing_key not in known:
                raise _contradicts(
                    f"its agreement has a key of {party.agency} that is on no trusted card",
                    hint="where that agency changed its key since, trust the card of that time too",
                )
        return terms

    def _side(self, role: SessionRole) -> str:
        return str((self._facts.opened or {}).get(role.value))

    def _check_documents(self, terms: Terms | None) -> None:
        """Verify every document of the agreement."""
        for name, body in self._documents.items():
            if name == TERMS or not name.startswith("agreement/"):
                continue
            try:
                document = parse_document(body)
            except errors.PsihashError:
                raise _contradicts("a document of its agreement is malformed") from None
            if terms is None or document.agreement != terms.id:
                raise _contradicts("a document is of another agreement")
            if document.author not in terms.agencies:
                raise _contradicts("a document of its agreement is by neither party")
            verify = partial(verify_document, document, document.author)
            proven = self._count("agreement_documents", document.author, terms, verify)
            if proven and isinstance(document, TermsSignature):
                self._signed_by.add(document.author)

    def _check_receipts(self, terms: Terms | None) -> None:
        found: dict[SessionRole, Receipt] = {}
        for name, body in self._documents.items():
            if name.startswith(RECEIPT):
                try:
                    role = SessionRole(name.removeprefix(RECEIPT))
                except ValueError:
                    raise _contradicts("a receipt is of no side") from None
                found[role] = Receipt(body[64:], body[:64])
        for role, receipt in found.items():
            verify = partial(_verify_receipt, receipt)
            self._count("receipts", self._side(role), terms, verify)
            _check_receipt(role, receipt, self._facts)
        closed = self._facts.closed
        if len(found) == 2 and closed is not None:
            pair = receipt_id(found[SessionRole.INITIATOR], found[SessionRole.RESPONDER])
            if closed.get("receipt") != pair.hex():
                raise _contradicts("its receipts are not those that its closing names")

    def _count(
        self, what: str, agency: str, terms: Terms | None, verify: Callable[[bytes], object]
    ) -> bool:
        """Find the key that signed and count ``what``, apart where no card of the agency is trusted
        and the key is one that only the bundle names. Raises where no such key signed."""
        known = self._keys.of(agency)
        parties = () if terms is None else terms.parties
        named = [party.signing_key for party in parties if party.agency == agency]
        for key in known or [*named, *self._keys.said(agency)]:
            try:
                verify(key)
            except errors.VerificationError:
                continue
            self._counts[what if known else f"{what}_unchecked"] += 1
            self._unknown |= set() if known else {agency}
            return bool(known)
        raise _contradicts(f"{_WORDS[what]} is not signed by its side")


def _verify_receipt(receipt: Receipt, key: bytes) -> None:
    verify_signature(key, receipt)


def _check_receipt(role: SessionRole, receipt: Receipt, facts: SessionFacts) -> None:
    opened = facts.opened or {}
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


def _contradicts(why: str, hint: str = "") -> errors.VerificationError:
    return errors.VerificationError(
        EVIDENCE_CONTRADICTS, f"the evidence of the session does not hold: {why}", hint=hint
    )
