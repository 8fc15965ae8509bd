"""The state of an agreement: a function of what is known and of the time, never of the order."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash import errors
from psihash.agreement import defaults
from psihash.agreement.documents import Offered, sign_document, verify_document
from psihash.agreement.file import read_file, write_file
from psihash.agreement.rules import check_parties
from psihash.agreement.state import Agreement
from psihash.agreement.status import Facts, Missing, Status, derive
from psihash.agreement.vocabulary import PartyRole
from psihash.terms import AlgorithmId, CollectionKind
from tests.agreement.assembling import assemble

BEFORE = "2025-12-31T23:59:59Z"
FIRST = "2026-01-01T00:00:00Z"
LAST = "2026-12-31T23:59:59Z"
AFTER = "2027-01-01T00:00:00Z"


def picture(agreement: Agreement, now: str) -> tuple[Any, ...]:
    """All that can be asked of an agreement."""
    agencies = agreement.terms.agencies
    return (
        agreement.state(now),
        agreement.revision,
        agreement.digest,
        [
            (
                agreement.annex(a),
                agreement.signature(a),
                agreement.case(a),
                agreement.legal_basis(a),
            )
            for a in agencies
        ],
        write_file(agreement),
    )


def test_how_an_agreement_comes_to_life(world: Any) -> None:
    terms = world.terms()
    nl, de = world.nl, world.de
    agreement = Agreement(terms)
    assert agreement.state(FIRST).status is Status.UNSIGNED
    steps = [
        (world.signature(terms, nl), Status.PROPOSED),
        (world.annex(terms, nl), Status.PROPOSED),
        (world.signature(terms, de), Status.PROPOSED),
        (world.annex(terms, de), Status.ACTIVE),
    ]
    missing = {Missing(a, what) for a in (nl, de) for what in ("signature", "annex")}
    assert set(agreement.state(FIRST).missing) == missing
    for document, status in steps:
        agreement = agreement.with_document(document)
        state = agreement.state(FIRST)
        kind = "annex" if "annex" in document.document.TYPE else "signature"
        missing.remove(Missing(document.document.author, kind))
        assert state.status is status
        assert set(state.missing) == missing
    assert agreement.case(nl) == "NL-2026-17"
    assert agreement.case(de) == "BKA 4711/26"
    assert agreement.legal_basis(de) == "BKAG § 26"
    assert agreement.revision == "1.1"
    assert agreement.peer_of(nl) == de


def test_time_opens_and_closes(active: Agreement) -> None:
    assert [active.state(now).status for now in (BEFORE, FIRST, LAST, AFTER)] == [
        Status.NOT_YET_VALID,
        Status.ACTIVE,
        Status.ACTIVE,
        Status.EXPIRED,
    ]
    with pytest.raises(errors.InputError):
        active.state("2026-06-01")


@pytest.mark.parametrize("now", [BEFORE, FIRST, LAST, AFTER])
def test_the_end_is_final(world: Any, active: Agreement, now: str) -> None:
    refused = active.with_document(world.refusal(active.terms, world.de))
    assert refused.state(now).status is Status.REFUSED
    for agency in (world.nl, world.de):
        revoked = refused.with_document(world.revocation(active.terms, agency))
        assert revoked.state(now).status is Status.REVOKED


def test_the_table_is_total_and_fails_closed() -> None:
    """Every combination of facts has a status, and only the right ones are active."""
    for values in itertools.product((False, True), repeat=7):
        facts = Facts(*values)
        good = facts.proposer_signed and facts.complete and facts.begun
        bad = facts.revoked or facts.refused or facts.over or facts.conflicted
        assert (derive(facts) is Status.ACTIVE) == (good and not bad)


def contradictory(world: Any) -> list[Any]:
    """Everything that can be said about one agreement, contradictions too."""
    terms = world.terms()
    offer = (Offered("c-" + "7" * 16, CollectionKind.LIBRARY, {AlgorithmId.MD5: 4096}),)
    return [
        *world.complete(terms),
        world.signature(terms, world.nl, decided="2026-02-01T00:00:00Z", actor="C. Other"),
        world.annex(terms, world.nl, revision=2),
        world.annex(terms, world.nl, revision=2, collections=offer),
        world.annex(terms, world.nl, revision=3, collections=offer),
        world.annex(terms, world.de, revision=2, case="BKA 5/26"),
        world.annex(terms, world.de, revision=2, case=""),
        world.refusal(terms, world.de),
        world.revocation(terms, world.nl),
    ]


@pytest.fixture(scope="module")
def all_documents(world: Any) -> list[Any]:
    return contradictory(world)


@given(st.data())
def test_order_of_arrival_does_not_matter(
    world: Any, all_documents: list[Any], data: st.DataObject
) -> None:
    terms = world.terms()
    known = data.draw(st.lists(st.integers(0, 11), unique=True))
    order = data.draw(st.permutations(known))
    again = data.draw(st.lists(st.sampled_from(known), max_size=3)) if known else []
    now = data.draw(st.sampled_from([BEFORE, FIRST, AFTER]))
    first = assemble(terms, [all_documents[place] for place in known])
    second = assemble(terms, [all_documents[place] for place in order + again])
    assert picture(first, now) == picture(second, now)


def test_every_order_of_the_four(world: Any) -> None:
    terms = world.terms()
    pictures = [
        picture(assemble(terms, order), FIRST)
        for order in itertools.permutations(world.complete(terms))
    ]
    assert all(one == pictures[0] for one in pictures)
    assert pictures[0][0].status is Status.ACTIVE


def test_a_known_document_changes_nothing(world: Any, active: Agreement) -> None:
    for document in world.complete(active.terms):
        assert active.with_document(document) is active


def test_two_annexes_of_one_revision_are_an_incident(world: Any, active: Agreement) -> None:
    terms = active.terms
    twin = active.with_document(world.annex(terms, world.de, case="another"))
    state = twin.state(FIRST)
    assert state.status is Status.CONFLICTED
    assert [(one.code, one.agency, one.revision) for one in state.incidents] == [
        ("annex-conflict", world.de, 1)
    ]
    assert twin.annex(world.de) is None
    healed = twin.with_document(world.annex(terms, world.de, revision=2))
    assert healed.state(FIRST).status is Status.ACTIVE
    assert healed.state(FIRST).incidents == state.incidents
    assert healed.revision == "1.2"


def test_an_older_annex_changes_nothing_in_force(world: Any) -> None:
    terms = world.terms()
    newer = world.annex(terms, world.de, revision=5)
    agreement = assemble(terms, [newer, world.annex(terms, world.de, revision=4)])
    assert agreement.annex(world.de) == newer.document


def test_what_does_not_belong_is_refused(world: Any) -> None:
    terms = world.terms()
    elsewhere = world.terms(purpose="Another purpose")
    agreement = Agreement(terms)
    stranger = replace(world.revocation(terms, world.nl).document, author=world.fr)
    for document, code in (
        (world.signature(elsewhere, world.nl), "document-misplaced"),
        (world.annex(elsewhere, world.nl), "document-misplaced"),
        (world.sign(stranger), "not-a-party"),
        (world.refusal(terms, world.nl), "document-misplaced"),
        (world.signature(terms, world.nl, role=PartyRole.OTHER), "document-misplaced"),
    ):
        with pytest.raises(errors.RefusedError) as caught:
            agreement.with_document(document)
        assert caught.value.code == code


def test_terms_are_signed_with_the_key_they_name(world: Any) -> None:
    """A later key of the author signs annexes and revocations, and not the terms."""
    terms = world.terms()
    later = world.keys[world.fr]

    def under_later_key(document: Any) -> Any:
        signed = world.sign(document, world.nl).document
        again = sign_document(replace(signed, signature=b""), later)
        return verify_document(again, world.nl, world.public(world.fr))

    agreement = Agreement(terms)
    with pytest.raises(errors.RefusedError) as caught:
        agreement.with_document(under_later_key(world.signature(terms, world.nl).document))
    assert caught.value.code == "agreement-key-differs"
    revoked = agreement.with_document(under_later_key(world.revocation(terms, world.nl).document))
    assert revoked.state(FIRST).status is Status.REVOKED


@pytest.mark.parametrize(
    "changes",
    [
        {"case": "another case"},
        {"legal_basis": "another law"},
        {"collections": {AlgorithmId.SHA256: 64}},
        {"collections": {AlgorithmId.MD5: 2048}},
    ],
)
def test_an_annex_stays_within_the_terms(world: Any, changes: dict[str, Any]) -> None:
    terms = world.terms(max_size_class=1024)
    if "collections" in changes:
        offered = Offered("c-" + "1" * 16, CollectionKind.CASE, changes["collections"])
        changes = {"collections": (offered,)}
    with pytest.raises(errors.RefusedError) as caught:
        Agreement(terms).with_document(world.annex(terms, world.nl, **changes))
    assert caught.value.code == "annex-outside-terms"


def test_no_side_without_a_legal_basis(world: Any) -> None:
    terms = world.terms()
    with pytest.raises(errors.RefusedError) as caught:
        Agreement(terms).with_document(world.annex(terms, world.de, legal_basis=""))
    assert caught.value.code == "annex-outside-terms"


def test_documents_enter_by_the_door_only(world: Any) -> None:
    terms = world.terms()
    with pytest.raises(TypeError):
        Agreement(terms, (world.annex(world.terms(purpose="x"), world.nl),))


def test_a_flood_is_bounded_and_does_not_keep_a_revocation_out(world: Any) -> None:
    terms = world.terms()
    agreement = Agreement(terms)
    for revision in range(1, defaults.MAX_DOCUMENTS_PER_AUTHOR + 1):
        agreement = agreement.with_document(world.annex(terms, world.de, revision=revision))
    with pytest.raises(errors.RefusedError) as caught:
        agreement.with_document(world.annex(terms, world.de, revision=999))
    assert caught.value.code == "agreement-full"
    assert agreement.with_document(world.annex(terms, world.de)) is agreement
    agreement = agreement.with_document(world.annex(terms, world.nl))
    agreement = agreement.with_document(world.revocation(terms, world.de))
    assert agreement.state(FIRST).status is Status.REVOKED


def test_digests_name_terms_and_annexes(world: Any, active: Agreement) -> None:
    assert len(active.digest) == 32
    assert active.digest != active.terms.digest
    assert active.digest != world.active(purpose="Another").digest
    later = active.with_document(world.annex(active.terms, world.nl, revision=2))
    assert later.digest == active.digest
    assert later.revision == "2.1"
    first, second = active.annex(world.nl), later.annex(world.nl)
    assert first is not None
    assert second is not None
    assert first.digest != second.digest


def test_a_file_carries_the_same_state(world: Any) -> None:
    agreement = assemble(world.terms(), contradictory(world))
    data = write_file(agreement)
    found, documents = read_file(data)
    read = assemble(
        found, [verify_document(d, d.author, world.public(d.author)) for d in documents]
    )
    assert picture(read, FIRST) == picture(agreement, FIRST)
    assert write_file(read) == data


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"type":"agreement-file/1"', b'"type":"agreement-file/2"'),
        (b'"terms":{', b'"terms":7,"x":{'),
        (b'{"documents":[', b'{"documents":[1,'),
        (b'{"documents":[', b'{"documents":[[],'),
        (b'{"documents":[', b'{"added":1,"documents":['),
        (b'"type":"agreement-annex/1"', b'"type":"agreement-terms/1"'),
        (b"Find the", b"Lose the\\n"),
        (b"{", b" {"),
    ],
)
def test_a_damaged_file_is_refused(active: Agreement, old: bytes, new: bytes) -> None:
    data = write_file(active)
    assert old in data
    with pytest.raises(errors.InputError) as caught:
        read_file(data.replace(old, new, 1))
    assert caught.value.code == "bad-document"


def test_a_file_with_other_terms_does_not_take_the_documents(active: Agreement, world: Any) -> None:
    data = write_file(active).replace(b"Find the victims", b"Find the suspect")
    terms, documents = read_file(data)
    for document in documents:
        verified = verify_document(document, document.author, world.public(document.author))
        with pytest.raises(errors.RefusedError) as caught:
            Agreement(terms).with_document(verified)
        assert caught.value.code == "document-misplaced"


def test_terms_must_describe_the_parties_as_known(world: Any) -> None:
    terms = world.terms()
    nl, de = world.party(world.nl), world.party(world.de)
    check_parties(terms, (nl, de))
    check_parties(terms, (de, replace(nl, name="Politie")))
    for known in (
        (nl, replace(de, signing_key=world.public(world.fr))),
        (nl, replace(de, card=nl.card)),
        (nl, replace(de, country="AT")),
        (nl, replace(de, agency=world.fr)),
        (nl, nl),
    ):
        with pytest.raises(errors.RefusedError) as caught:
            check_parties(terms, known)
        assert caught.value.code == "agreement-party-differs"
