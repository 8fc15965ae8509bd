"""docs/agreements.md is complete, and its example holds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash.agreement import session_approval, vocabulary
from psihash.agreement.documents import (
    Annex,
    Refusal,
    Revocation,
    TermsSignature,
    parse_document,
    sign_document,
    verify_document,
)
from psihash.agreement.session_approval import By, SessionApproval
from psihash.agreement.status import Status
from psihash.agreement.terms import parse_terms, terms_dict
from psihash.terms import Rung

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "agreements.md").read_text(encoding="utf-8")
NOT_ON_THE_WIRE = {"bad-time"}

SESSION_APPROVAL = SessionApproval("nl", "", Rung.COUNT, "", By.RULE, "agreed", "")


def test_every_code_is_explained() -> None:
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "src" / "psihash" / "agreement").glob("*.py")
    )
    codes = set(re.findall(r'errors\.define\(\s*"([a-z-]+)"', source))
    assert len(codes) > 25
    assert {code for code in codes - NOT_ON_THE_WIRE if f"`{code}`" not in PAGE} == set()


def test_every_member_and_word_is_explained(world: Any) -> None:
    terms = world.terms()
    annex = world.annex(terms, world.de).document
    words = {*terms_dict(terms), *terms_dict(terms)["parties"][0], *Status}
    for document in (annex, world.refusal(terms, world.de).document):
        words |= document.members().keys()
    words |= annex.members()["collections"][0].keys()
    for kind in (vocabulary.DataSubject, vocabulary.OpenedBy, vocabulary.Tlp):
        words |= set(kind)
    words |= SESSION_APPROVAL._members().keys() | {session_approval.TYPE, *session_approval.By}
    for signed in (TermsSignature, Annex, Refusal, Revocation):
        words |= {signed.TYPE, signed.CONTEXT.value}
    assert {str(word) for word in words if f"`{word}`" not in PAGE} == set()


def test_the_example_holds() -> None:
    terms_line, signature_line = re.findall(r"^    (\{.*\})$", PAGE, re.MULTILINE)
    (identity,) = re.findall(r"^    ([0-9a-f]{64})$", PAGE, re.MULTILINE)
    terms = parse_terms(terms_line.encode())
    assert terms.id == identity
    document = parse_document(signature_line.encode())
    assert document.agreement == identity
    proposer = terms.parties[0]
    verify_document(document, proposer.agency, proposer.signing_key)
    key = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
    assert sign_document(document, key) == document
