"""Signed documents: who wrote what, and nothing else passes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from psihash import canonical, errors, limits
from psihash.agreement import defaults
from psihash.agreement.documents import (
    Annex,
    Document,
    Offered,
    SignedDocument,
    VerifiedDocument,
    new_collection_id,
    parse_body,
    parse_document,
    sign_document,
    verify_document,
)
from psihash.identity import signatures
from psihash.terms import AlgorithmId, CollectionKind
from tests.agreement.assembling import assemble


@pytest.fixture(scope="module")
def documents(world: Any) -> list[Document]:
    terms = world.terms()
    return [
        world.signature(terms, world.nl).document,
        world.annex(terms, world.de).document,
        world.refusal(terms, world.de).document,
        world.revocation(terms, world.nl).document,
    ]


def verify_code(document: Document, author: str, key: bytes) -> str:
    with pytest.raises(errors.VerificationError) as caught:
        verify_document(document, author, key)
    return caught.value.code


def test_round_trip(documents: list[Document]) -> None:
    assert len({document.TYPE for document in documents}) == 4
    for document in documents:
        assert parse_document(document.to_bytes()) == document
        assert parse_body(document.to_bytes()) == document


def test_verification_binds_author_and_key(world: Any, documents: list[Document]) -> None:
    for document in documents:
        verify_document(document, document.author, world.public(document.author))
        assert verify_code(document, document.author, world.public(world.fr)) == "bad-signature"
        assert verify_code(document, world.fr, world.public(document.author)) == "wrong-author"
        assert verify_code(document, world.fr, world.public(world.fr)) == "wrong-author"


def test_every_changed_member_breaks_the_signature(world: Any, documents: list[Document]) -> None:
    other: dict[str, Any] = {
        "agreement": "00" * 32,
        "decided": "2026-03-02T12:00:00Z",
        "issued": "2026-03-02T12:00:00Z",
        "role": "other",
        "revision": 2,
        "collections": [{"id": "c-" + "0" * 16, "kind": "library", "classes": {"md5": 64}}],
    }
    for document in documents:
        body = json.loads(document.to_bytes())
        for member in body.keys() - {"type", "signature", "author"}:
            changed = canonical.encode(body | {member: other.get(member, "other")})
            forged = parse_document(changed)
            assert (
                verify_code(forged, document.author, world.public(document.author))
                == "bad-signature"
            )


def test_a_signature_of_another_context_does_not_pass(
    world: Any, documents: list[Document]
) -> None:
    for document in documents:
        for context in signatures.Context:
            if context is document.CONTEXT:
                continue
            wrong = signatures.sign(world.keys[document.author], context, document.signed_bytes())
            forged = replace(document, signature=wrong)
            assert (
                verify_code(forged, document.author, world.public(document.author))
                == "bad-signature"
            )


def test_proofs_cannot_be_made_by_hand(world: Any, documents: list[Document]) -> None:
    with pytest.raises(TypeError):
        VerifiedDocument(documents[0], world.public(world.nl), object())


def annex_with(world: Any, **changes: Any) -> bytes:
    body = json.loads(world.annex(world.terms(), world.de).document.to_bytes())
    return canonical.encode(body | changes)


COLLECTION: dict[str, Any] = {"id": "c-" + "0" * 16, "kind": "case", "classes": {"md5": 64}}


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "agreement-annex/2"},
        {"type": None},
        {"type": ["agreement-annex/1"]},
        {"author": ""},
        {"author": "a/b"},
        {"agreement": "AB" * 32},
        {"agreement": "ab" * 31},
        {"signature": ""},
        {"signature": "00" * 65},
        {"revision": 0},
        {"revision": 1001},
        {"revision": True},
        {"issued": "yesterday"},
        {"case": "a\tb"},
        {"legal_basis": None},
        {"extra": 1},
        {"collections": []},
        {"collections": {}},
        {"collections": [COLLECTION, COLLECTION]},
        {"collections": [COLLECTION | {"id": f"c-{i:016x}"} for i in range(257)]},
        {"collections": [COLLECTION | {"id": "Operation Nightfall"}]},
        {"collections": [COLLECTION | {"id": "c-" + "0" * 15}]},
        {"collections": [COLLECTION | {"kind": "folder"}]},
        {"collections": [COLLECTION | {"classes": {}}]},
        {"collections": [COLLECTION | {"classes": []}]},
        {"collections": [COLLECTION | {"classes": {"md5": 65}}]},
        {"collections": [COLLECTION | {"classes": {"md5": True}}]},
        {"collections": [COLLECTION | {"classes": {"md5": 0}}]},
        {"collections": [COLLECTION | {"classes": {"photodna": 64}}]},
        {"collections": [COLLECTION | {"name": "Operation Nightfall"}]},
        {"collections": ["c-" + "0" * 16]},
    ],
)
def test_a_bad_annex_is_refused(world: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(errors.InputError) as caught:
        parse_document(annex_with(world, **changes))
    assert caught.value.code == "bad-document"


@pytest.mark.parametrize("code", ["", "Bad", "bad code", "-bad", "bad-", "b" * 33, "a-" * 9 + "a"])
def test_a_refusal_code_is_a_plain_word(world: Any, code: str) -> None:
    body = json.loads(world.refusal(world.terms(), world.de).document.to_bytes())
    with pytest.raises(errors.InputError):
        parse_document(canonical.encode(body | {"code": code}))


def test_nobody_signs_what_nobody_would_read(world: Any) -> None:
    good = world.annex(world.terms(), world.de).document
    with pytest.raises(errors.InputError):
        sign_document(replace(good, revision=0), world.keys[world.de])


def test_every_member_is_needed(documents: list[Document]) -> None:
    for document in documents:
        body = json.loads(document.to_bytes())
        for member in body:
            short = {name: value for name, value in body.items() if name != member}
            with pytest.raises(errors.InputError):
                parse_document(canonical.encode(short))


@given(st.data())
def test_damage_never_verifies(world: Any, documents: list[Document], data: st.DataObject) -> None:
    document = data.draw(st.sampled_from(documents))
    good = document.to_bytes()
    place = data.draw(st.integers(0, len(good) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != good[place]))
    damaged = good[:place] + bytes([byte]) + good[place + 1 :]
    with pytest.raises(errors.PsihashError) as caught:
        verify_document(parse_document(damaged), document.author, world.public(document.author))
    assert caught.value.code in ("bad-document", "bad-signature", "wrong-author")


@given(st.binary(max_size=300))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(errors.InputError) as caught:
        parse_body(noise)
    assert caught.value.code == "bad-document"


def test_the_largest_annex_fits(world: Any) -> None:
    classes = dict.fromkeys(AlgorithmId, 2**24)
    collections = tuple(
        Offered(f"c-{i:016x}", CollectionKind.LIBRARY, classes)
        for i in range(limits.MAX_COLLECTIONS)
    )
    terms = world.terms(algorithms=list(AlgorithmId))
    text = "\U0001f50e" * defaults.MAX_TEXT
    made = world.annex(terms, world.de, collections=collections, case=text, legal_basis=text)
    assert assemble(terms, [made]).annex(world.de) == made.document


def test_ids_are_fresh_and_plain() -> None:
    key = Ed25519PrivateKey.generate().private_bytes_raw()
    assert new_collection_id(lambda n: key[:n]) == "c-" + key[:8].hex()


def test_the_base_is_no_document() -> None:
    with pytest.raises(TypeError):
        SignedDocument(author="nl-police", agreement="00" * 32).members()


def test_an_annex_says_no_name(world: Any) -> None:
    annex = world.annex(world.terms(), world.de).document
    assert isinstance(annex, Annex)
    (offered,) = json.loads(annex.to_bytes())["collections"]
    assert offered.keys() == {"id", "kind", "classes"}
