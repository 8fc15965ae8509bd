"""Two agencies with keys, authorities, certificates and cards, made once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pytest

from psihash.identity import authority, cards, keys
from psihash.identity.authority import CertificateAuthority
from psihash.identity.cards import Card, VerifiedCard
from psihash.identity.fingerprints import format_fingerprint
from psihash.identity.keys import KeyRing

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Agency:
    """An agency as a test needs it."""

    agency: str
    ring: KeyRing
    ca: CertificateAuthority
    leaf: bytes
    card: Card

    @property
    def verified(self) -> VerifiedCard:
        return cards.accept_card(self.card, format_fingerprint(self.card.fingerprint))


def make_agency(agency: str, name: str, country: str) -> Agency:
    ring = KeyRing.generate()
    ca = authority.make_ca(keys.new_p256_key(), agency, name, country, NOW)
    leaf = authority.issue_tls(ca, agency, ring.tls.public_key(), NOW)
    card = cards.make_card(
        ring.signing,
        ring.card_keys(f"psihash.internal/{agency}"),
        version=1,
        agency=agency,
        name=name,
        country=country,
        ca_pem=ca.pem,
        now=NOW,
        endpoint="node.example.org:7443",
        contact="victim identification, +31 20 000 0000",
    )
    return Agency(agency, ring, ca, leaf, card)


@pytest.fixture(scope="session")
def alpha() -> Agency:
    return make_agency("nl-police", "Politie Landelijke Eenheid", "NL")


@pytest.fixture(scope="session")
def beta() -> Agency:
    return make_agency("de-bka", "Bundeskriminalamt (Bilder gegen Gewalt, Größe)", "DE")
