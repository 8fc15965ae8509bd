"""Two agencies, their keys, and short ways to make terms and documents."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash.agreement.clauses import SessionRequest
from psihash.agreement.documents import (
    Annex,
    Document,
    Offered,
    Refusal,
    Revocation,
    TermsSignature,
    VerifiedDocument,
    sign_document,
    verify_document,
)
from psihash.agreement.proposal import build_terms
from psihash.agreement.state import Agreement
from psihash.agreement.terms import Party, Terms
from psihash.agreement.vocabulary import PartyRole
from psihash.terms import AlgorithmId, CollectionKind, Learn, Rung
from tests.agreement.assembling import assemble

NOW = "2026-03-01T12:00:00Z"
MD5 = AlgorithmId.MD5
SHA1 = AlgorithmId.SHA1


class World:
    """``nl`` proposes, ``de`` is the other, ``fr`` is nobody."""

    now = NOW
    nl = "nl-police"
    de = "de-bka"
    fr = "fr-ofmin"

    def __init__(self) -> None:
        self.keys = {
            agency: Ed25519PrivateKey.from_private_bytes(hashlib.sha256(agency.encode()).digest())
            for agency in (self.nl, self.de, self.fr)
        }

    def public(self, agency: str) -> bytes:
        return self.keys[agency].public_key().public_bytes_raw()

    def party(self, agency: str) -> Party:
        card = "-".join([agency[:2].upper() * 2] * 10)
        return Party(agency, f"Police of {agency}", agency[:2].upper(), card, self.public(agency))

    def terms(self, **changes: Any) -> Terms:
        fixed: dict[str, Any] = {
            "purpose": "Find the victims that both sides hold material of",
            "legal_basis": {self.nl: "Wpg art. 17a"},
            "case": {self.nl: "NL-2026-17"},
            "rung": Rung.RECORDS,
            "now": "2026-01-01T00:00:00Z",
            "rng": lambda n: bytes(range(n)),
        }
        return build_terms(self.party(self.nl), self.party(self.de), **(fixed | changes))

    def sign(self, document: Document, signer: str | None = None) -> VerifiedDocument:
        signer = signer or document.author
        signed = sign_document(document, self.keys[signer])
        return verify_document(signed, signer, self.public(signer))

    def signature(self, terms: Terms, agency: str, **changes: Any) -> VerifiedDocument:
        role = PartyRole.PROPOSER if agency == self.nl else PartyRole.OTHER
        document = TermsSignature(
            author=agency, agreement=terms.id, role=role, decided=NOW, actor="A. Approver"
        )
        return self.sign(replace(document, **changes))

    def annex(self, terms: Terms, agency: str, **changes: Any) -> VerifiedDocument:
        name = "c-" + hashlib.sha256(agency.encode()).hexdigest()[:16]
        document = Annex(
            author=agency,
            agreement=terms.id,
            revision=1,
            collections=(Offered(name, CollectionKind.CASE, {MD5: 1024, SHA1: 512}),),
            case="" if agency == self.nl else "BKA 4711/26",
            legal_basis="" if agency == self.nl else "BKAG § 26",
            issued=NOW,
        )
        return self.sign(replace(document, **changes))

    def refusal(self, terms: Terms, agency: str) -> VerifiedDocument:
        return self.sign(
            Refusal(
                author=agency,
                agreement=terms.id,
                code="no-legal-basis",
                reason="Not for this offence",
                decided=NOW,
                actor="B. Approver",
            )
        )

    def revocation(self, terms: Terms, agency: str) -> VerifiedDocument:
        return self.sign(
            Revocation(
                author=agency, agreement=terms.id, reason="Closed", decided=NOW, actor="A. Approver"
            )
        )

    def complete(self, terms: Terms) -> list[VerifiedDocument]:
        """Everything that makes an agreement active."""
        return [
            make(terms, agency)
            for make in (self.signature, self.annex)
            for agency in (self.nl, self.de)
        ]

    def active(self, **changes: Any) -> Agreement:
        terms = self.terms(**changes)
        return assemble(terms, self.complete(terms))

    def request(self, agreement: Agreement, own: str | None = None, **changes: Any) -> Any:
        """A session by nl at rung items on MD5 alone, as ``own`` (nl by default) sees it."""
        own = own or self.nl
        peer = agreement.peer_of(own)
        annexes = [agreement.annex(agency) for agency in (own, peer)]
        digests = [annex.digest if annex else b"" for annex in annexes]
        request = SessionRequest(
            own=own,
            opener=self.nl,
            rung=Rung.ITEMS,
            learn=Learn.BOTH,
            engine="openmined-p256/1",
            both_in_one_run=False,
            algorithms=(MD5,),
            own_classes={MD5: 1024},
            peer_classes={MD5: 1024},
            own_case=agreement.case(own),
            peer_case=agreement.case(peer),
            own_annex=digests[0],
            peer_annex=digests[1],
            own_items={MD5: 1000},
        )
        return replace(request, **changes)


@pytest.fixture(scope="session")
def world() -> World:
    return World()


@pytest.fixture(scope="session")
def active(world: World) -> Agreement:
    return world.active()
