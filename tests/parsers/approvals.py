"""Parsers of what lets a session run: rules in terms, and approvals."""

from __future__ import annotations

import functools
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash import canonical
from psihash.agreement import session_approval
from psihash.agreement.approvals import AGREED, parse_rules, rule_from_words, rules_dict
from psihash.agreement.session_approval import By, Expected, SessionApproval
from psihash.identity.signatures import public_bytes
from psihash.terms import Rung
from tests.agreement.people import SESSION
from tests.parsers.parser import Parser

_AGREEMENT, _SESSION, _NOW = "ab" * 32, b"\x33" * 32, "2026-03-01T12:00:00Z"


@functools.cache
def _key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)


def _rules() -> list[bytes]:
    words = {Rung.COUNT: "agreed", Rung.SERIES: "person", Rung.ITEMS: "20-of-series"}
    rules = {rung: rule_from_words(text) for rung, text in words.items()}
    return [canonical.encode(rules_dict(rules))]


def _approvals() -> list[bytes]:
    draft = SessionApproval("nl", _AGREEMENT, Rung.ITEMS, "", By.RULE, "agreed", _NOW)
    return [session_approval.sign(draft, _SESSION, _key())]


def _verified(data: bytes) -> object:
    expected = Expected(
        agency="nl",
        session=_SESSION,
        subject=replace(SESSION, agreement=_AGREEMENT, rung=Rung.ITEMS),
        rule=AGREED,
        possible=None,
        roster=None,
        now=_NOW,
    )
    return session_approval.verify(data, public_bytes(_key()), expected)


PARSERS = (
    Parser(
        "rules of rungs",
        ("agreement.approvals.parse_rules",),
        _rules,
        lambda data: parse_rules(canonical.decode(data, max_bytes=1 << 20), Rung.ITEMS, "rules"),
    ),
    Parser(
        "approval of a session",
        ("agreement.session_approval.parse", "agreement.session_approval.verify"),
        _approvals,
        _verified,
    ),
)
