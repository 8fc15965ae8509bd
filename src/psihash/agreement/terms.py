"""The terms of an agreement: identical bytes that both sides sign.

``parse_terms`` is the one way in; its checks are the rules of docs/agreements.md, "Terms". The
agreement's id is the hex SHA-256 of the terms' bytes.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Final

from psihash import canonical, errors
from psihash.agreement import defaults
from psihash.agreement.approvals import Rules, parse_rules, rules_dict
from psihash.agreement.fields import Fields, bad, decode, distinct
from psihash.agreement.times import add_days
from psihash.agreement.vocabulary import DataSubject, HandlingCode, OpenedBy, PartyRole, Tlp
from psihash.terms import AlgorithmId, Learn, Rung, is_size_class

RECORDS_NEED_BOTH = errors.define(
    "records-need-both",
    "at rung records both sides come to know the items, so the agreement must let both learn",
)
NOT_A_PARTY = errors.define("not-a-party", "an agency is no party to the agreement")

TYPE: Final = "agreement-terms/1"
NONCE_BYTES: Final = 16
ANY_ENGINE: Final = "any"

_CARD: Final = re.compile(r"[A-Z2-7]{4}(?:-[A-Z2-7]{4}){9}")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
ENGINE_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?/[0-9]{1,4}")


@dataclass(frozen=True, slots=True)
class Party:
    """One side as its card said when the terms were written."""

    agency: str
    name: str
    country: str
    card: str
    """Fingerprint of the card, in the ten groups of four that cards print."""
    signing_key: bytes
    """Ed25519 public key, 32 bytes: the key that must sign these terms."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed. Times are RFC 3339 UTC text; texts are one line each.

    ``learn`` speaks of session roles: with ``initiator``, whoever asks learns. Mappings are by
    agency; a text of the side that did not write the terms may be empty, and its annex fills it.
    """

    nonce: bytes
    parties: tuple[Party, Party]
    """Proposer first."""
    legal_basis: dict[str, str]
    purpose: str
    case: dict[str, str]
    offence_category: str
    data_subjects: tuple[DataSubject, ...]
    algorithms: tuple[AlgorithmId, ...]
    engines: tuple[str, ...]
    """Engine ids, or ``("any",)``."""
    rung: Rung
    """The highest rung."""
    learn: Learn
    opened_by: OpenedBy
    max_size_class: int
    sessions_per_period: int
    elements_per_period: int
    period_days: int
    valid_from: str
    """First second in which a session may open."""
    valid_until: str
    """First second in which none may."""
    handling_code: HandlingCode
    handling_note: str
    """The restrictions in words; required with H3."""
    tlp: Tlp
    retention_days: int
    contacts: dict[str, str]
    minimum_items: int
    approvals: Rules
    """What decides each rung up to the highest."""

    @property
    def agencies(self) -> tuple[str, str]:
        return self.parties[0].agency, self.parties[1].agency

    def role_of(self, agency: str) -> PartyRole:
        """Raises RefusedError (``not-a-party``)."""
        for role, party in zip(PartyRole, self.parties, strict=True):
            if party.agency == agency:
                return role
        raise errors.RefusedError(NOT_A_PARTY, "the agency is no party to this agreement")

    def party(self, role: PartyRole) -> Party:
        return self.parties[0 if role is PartyRole.PROPOSER else 1]

    def to_bytes(self) -> bytes:
        """The bytes that both sides sign."""
        return canonical.encode(terms_dict(self))

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.to_bytes()).digest()

    @property
    def id(self) -> str:
        """64 hex digits: the agreement's id."""
        return self.digest.hex()


def terms_dict(terms: Terms) -> dict[str, Any]:
    """The JSON form. Enumerations are their words, bytes are hex."""
    return {
        "type": TYPE,
        "nonce": terms.nonce.hex(),
        "parties": [_party_dict(party) for party in terms.parties],
        "legal_basis": dict(terms.legal_basis),
        "purpose": terms.purpose,
        "case": dict(terms.case),
        "offence_category": terms.offence_category,
        "data_subjects": [word.value for word in terms.data_subjects],
        "algorithms": [word.value for word in terms.algorithms],
        "engines": list(terms.engines),
        "rung": terms.rung.value,
        "learn": terms.learn.value,
        "opened_by": terms.opened_by.value,
        "max_size_class": terms.max_size_class,
        "sessions_per_period": terms.sessions_per_period,
        "elements_per_period": terms.elements_per_period,
        "period_days": terms.period_days,
        "valid_from": terms.valid_from,
        "valid_until": terms.valid_until,
        "handling_code": terms.handling_code.value,
        "handling_note": terms.handling_note,
        "tlp": terms.tlp.value,
        "retention_days": terms.retention_days,
        "contacts": dict(terms.contacts),
        "minimum_items": terms.minimum_items,
        "approvals": rules_dict(terms.approvals),
    }


def parse_terms(data: bytes) -> Terms:
    """Terms from their canonical bytes. Raises InputError (``bad-document``) and, for a rung that
    does not fit who learns, RefusedError (``records-need-both``)."""
    fields = Fields(decode(data), "the terms")
    fields.constant("type", TYPE)
    parties = _parties(fields)
    agencies = (parties[0].agency, parties[1].agency)
    rung = fields.choice("rung", Rung)
    terms = Terms(
        nonce=fields.hexadecimal("nonce", NONCE_BYTES),
        parties=parties,
        legal_basis=fields.texts_by_agency("legal_basis", agencies),
        purpose=fields.text("purpose"),
        case=fields.texts_by_agency("case", agencies),
        offence_category=fields.text("offence_category", empty=True),
        data_subjects=fields.choices("data_subjects", DataSubject),
        algorithms=fields.choices("algorithms", AlgorithmId),
        engines=_engines(fields),
        rung=rung,
        learn=fields.choice("learn", Learn),
        opened_by=fields.choice("opened_by", OpenedBy),
        max_size_class=_size_class(fields),
        sessions_per_period=fields.integer("sessions_per_period", 1, defaults.MAX_SESSIONS),
        elements_per_period=fields.integer("elements_per_period", 1, defaults.MAX_ELEMENTS),
        period_days=fields.integer("period_days", 1, defaults.MAX_PERIOD_DAYS),
        valid_from=fields.time("valid_from"),
        valid_until=fields.time("valid_until"),
        handling_code=fields.choice("handling_code", HandlingCode),
        handling_note=fields.text("handling_note", empty=True),
        tlp=fields.choice("tlp", Tlp),
        retention_days=fields.integer("retention_days", 1, defaults.MAX_RETENTION_DAYS),
        contacts=fields.texts_by_agency("contacts", agencies),
        minimum_items=fields.integer("minimum_items", 1, defaults.MAX_ELEMENTS),
        approvals=parse_rules(fields.take("approvals"), rung, "the terms: approvals"),
    )
    fields.done()
    _check_together(terms)
    return terms


def _party_dict(party: Party) -> dict[str, str]:
    return {
        "agency": party.agency,
        "name": party.name,
        "country": party.country,
        "card": party.card,
        "signing_key": party.signing_key.hex(),
    }


def _parties(fields: Fields) -> tuple[Party, Party]:
    first, second = (_party(value) for value in fields.sequence("parties", 2, 2))
    if first.agency == second.agency or first.signing_key == second.signing_key:
        raise bad("the terms: an agency cannot agree with itself")
    return first, second


def _party(value: Any) -> Party:
    fields = Fields(value, "a party")
    party = Party(
        agency=fields.agency("agency"),
        name=fields.text("name", limit=defaults.MAX_NAME),
        country=fields.matching("country", _COUNTRY),
        card=fields.matching("card", _CARD),
        signing_key=fields.hexadecimal("signing_key", 32),
    )
    fields.done()
    return party


def _engines(fields: Fields) -> tuple[str, ...]:
    raw = fields.sequence("engines", 1, defaults.MAX_ENGINES)
    if raw == [ANY_ENGINE]:
        return (ANY_ENGINE,)
    if not all(isinstance(name, str) and ENGINE_ID.fullmatch(name) for name in raw):
        raise bad("the terms: engines is neither engine ids nor 'any' alone")
    return distinct(tuple(raw), "the terms: engines")


def _size_class(fields: Fields) -> int:
    value = fields.integer("max_size_class", 1, defaults.MAX_ELEMENTS)
    if not is_size_class(value):
        raise bad("the terms: max_size_class is no size class")
    return value


def _check_together(terms: Terms) -> None:
    """Rules over more than one member."""
    if terms.rung is Rung.RECORDS and terms.learn is not Learn.BOTH:
        raise errors.RefusedError(
            RECORDS_NEED_BOTH, "rung records needs learn both: both sides come to know the items"
        )
    if not terms.legal_basis[terms.agencies[0]]:
        raise bad("the terms: the proposer states no legal basis")
    if terms.handling_code is HandlingCode.H3 and not terms.handling_note:
        raise bad("the terms: handling code H3 needs a handling_note")
    if terms.minimum_items > terms.max_size_class:
        raise bad("the terms: minimum_items is larger than max_size_class")
    try:
        latest = add_days(terms.valid_from, defaults.MAX_VALID_DAYS)
    except errors.InputError:
        raise bad("the terms: valid_from lies outside the calendar") from None
    if not terms.valid_from < terms.valid_until <= latest:
        raise bad("the terms: they are valid for no time at all or for more than five years")
