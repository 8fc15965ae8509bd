"""Every clause stops what it names, both sides agree, and the ledger's arithmetic is exact."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash import errors
from psihash.agreement.charges import Usage, charge, period_start, runs_per_algorithm
from psihash.agreement.documents import Offered
from psihash.agreement.rules import PermittedSession, check_session, largest_classes
from psihash.agreement.state import Agreement
from psihash.agreement.vocabulary import OpenedBy
from psihash.terms import SIZE_CLASSES, AlgorithmId, CollectionKind, Learn, Rung
from tests.agreement.assembling import assemble

MD5, SHA1, SHA256 = AlgorithmId.MD5, AlgorithmId.SHA1, AlgorithmId.SHA256
NONE = Usage(0, 0)


def refusal(agreement: Agreement, request: Any, now: str, usage: Usage = NONE) -> str:
    with pytest.raises(errors.RefusedError) as caught:
        check_session(agreement, request, usage, now)
    return caught.value.code


def test_a_session_as_agreed_is_permitted(world: Any, active: Agreement) -> None:
    permitted = check_session(active, world.request(active), NONE, world.now)
    assert permitted.agreement == active.id
    assert permitted.agreement_digest == active.digest
    assert permitted.revision == "1.1"
    assert permitted.valid_until == "2027-01-01T00:00:00Z"
    # both, by two runs, of two lists of 1024
    assert permitted.charges.elements == 2 * (1024 + 1024)
    assert permitted.charges.runs == 2


def test_the_proof_cannot_be_made_by_hand(world: Any, active: Agreement) -> None:
    real = check_session(active, world.request(active), NONE, world.now)
    with pytest.raises(TypeError):
        PermittedSession(
            real.agreement,
            real.agreement_digest,
            real.revision,
            real.request,
            real.charges,
            real.valid_until,
            object(),
        )


def test_both_sides_come_to_the_same_costs(world: Any, active: Agreement) -> None:
    ours = check_session(active, world.request(active), NONE, world.now)
    theirs = check_session(active, world.request(active, world.de), NONE, world.now)
    assert ours.charges == theirs.charges


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"opener": "fr-ofmin"}, "not-a-party"),
        ({"rung": Rung.RECORDS}, "clause-rung"),
        ({"learn": Learn.INITIATOR}, "clause-learn"),
        ({"learn": Learn.RESPONDER}, "clause-learn"),
        ({"engine": "ecdh-ristretto255/1"}, "clause-engine"),
        ({"engine": "any"}, "clause-engine"),
        ({"algorithms": ()}, "clause-algorithm"),
        ({"algorithms": (MD5, MD5)}, "clause-algorithm"),
        ({"algorithms": (MD5, SHA256)}, "clause-algorithm"),
        ({"own_classes": {MD5: 4096}}, "clause-size"),
        ({"peer_classes": {MD5: 4096}}, "clause-size"),
        ({"own_items": {MD5: 9}}, "clause-minimum"),
        ({"own_items": {SHA1: 1000}}, "clause-minimum"),
        ({"own_items": {}}, "clause-minimum"),
        ({"own_added": {MD5: 1}}, "clause-minimum"),
        ({"own_added": {MD5: 9}}, "clause-minimum"),
        ({"own_case": ""}, "clause-case"),
        ({"own_case": "NL-2026-18"}, "clause-case"),
        ({"peer_case": ""}, "clause-case"),
        ({"peer_case": "BKA 1"}, "clause-case"),
        ({"own_annex": bytes(32)}, "annex-mismatch"),
        ({"peer_annex": b""}, "annex-mismatch"),
        ({"own_classes": {}}, "annex-mismatch"),
        ({"own_classes": {MD5: 1024, SHA1: 512}}, "annex-mismatch"),
        ({"peer_classes": {SHA1: 512}}, "annex-mismatch"),
        ({"peer_classes": {MD5: 2048}}, "annex-mismatch"),
        ({"peer_classes": {MD5: 1000}}, "annex-mismatch"),
        ({"peer_classes": {MD5: 0}}, "annex-mismatch"),
        ({"peer_classes": {MD5: -64}}, "annex-mismatch"),
        ({"own_items": {MD5: 1025}}, "annex-outgrown"),
    ],
)
def test_the_code_names_the_clause(world: Any, changes: dict[str, Any], code: str) -> None:
    agreement = world.active(
        rung=Rung.ITEMS,
        engines=("openmined-p256/1",),
        max_size_class=2048,
        minimum_items=10,
    )
    check_session(agreement, world.request(agreement), NONE, world.now)
    assert refusal(agreement, replace(world.request(agreement), **changes), world.now) == code


def test_an_outsider_checks_nothing(world: Any, active: Agreement) -> None:
    request = replace(world.request(active), own=world.fr)
    assert refusal(active, request, world.now) == "not-a-party"


@pytest.mark.parametrize("added", [None, {}, {MD5: 0}, {MD5: 10}, {MD5: 1000}])
def test_additions_at_or_above_the_minimum_pass(world: Any, added: Any) -> None:
    agreement = world.active(minimum_items=10)
    check_session(agreement, world.request(agreement, own_added=added), NONE, world.now)


@pytest.mark.parametrize(
    ("opened_by", "opener", "allowed"),
    [
        (OpenedBy.EITHER, "nl-police", True),
        (OpenedBy.EITHER, "de-bka", True),
        (OpenedBy.PROPOSER, "nl-police", True),
        (OpenedBy.PROPOSER, "de-bka", False),
        (OpenedBy.OTHER, "nl-police", False),
        (OpenedBy.OTHER, "de-bka", True),
    ],
)
def test_who_may_open(world: Any, opened_by: OpenedBy, opener: str, allowed: bool) -> None:
    agreement = world.active(opened_by=opened_by)
    for own in (world.nl, world.de):
        request = world.request(agreement, own, opener=opener)
        if allowed:
            check_session(agreement, request, NONE, world.now)
        else:
            assert refusal(agreement, request, world.now) == "clause-opener"


def test_any_engine_means_any(world: Any, active: Agreement) -> None:
    request = world.request(active, engine="ecdh-ristretto255/1", both_in_one_run=True)
    permitted = check_session(active, request, NONE, world.now)
    assert permitted.charges.elements == 1024 + 1024


@pytest.mark.parametrize("rung", list(Rung))
def test_all_rungs_cost_the_same(world: Any, active: Agreement, rung: Rung) -> None:
    permitted = check_session(active, world.request(active, rung=rung), NONE, world.now)
    assert permitted.charges.elements == 4096


@pytest.mark.parametrize("side", ["own_classes", "peer_classes"])
def test_at_series_the_terms_alone_bound_the_padded_list(world: Any, side: str) -> None:
    agreement = world.active(max_size_class=131072)
    for size, code in ((131072, None), (155872, "clause-size"), (131071, "annex-mismatch")):
        request = world.request(agreement, rung=Rung.SERIES, **{side: {MD5: size}})
        if code is None:
            permitted = check_session(agreement, request, NONE, world.now)
            assert permitted.charges.elements == 2 * (1024 + size)
        else:
            assert refusal(agreement, request, world.now) == code
        above = refusal(agreement, replace(request, rung=Rung.ITEMS), world.now)
        assert above in {"annex-mismatch", "annex-outgrown", "clause-size"}


def test_an_agreement_that_is_not_active_permits_nothing(world: Any, active: Agreement) -> None:
    terms = active.terms
    signed = [world.signature(terms, agency) for agency in (world.nl, world.de)]
    annexes = [world.annex(terms, agency) for agency in (world.nl, world.de)]
    cases = [
        ([], world.now, "agreement-unsigned"),
        ([signed[1], *annexes], world.now, "agreement-unsigned"),
        ([signed[0], *annexes], world.now, "agreement-unsigned"),
        ([*signed, annexes[0]], world.now, "agreement-not-active"),
        ([*signed, *annexes], "2025-12-31T23:59:59Z", "agreement-not-yet-valid"),
        ([*signed, *annexes], "2027-01-01T00:00:00Z", "agreement-expired"),
        ([*signed, *annexes, world.refusal(terms, world.de)], world.now, "agreement-refused"),
        ([*signed, *annexes, world.revocation(terms, world.de)], world.now, "agreement-revoked"),
        (
            [*signed, *annexes, world.annex(terms, world.de, case="x")],
            world.now,
            "annex-conflict",
        ),
    ]
    for documents, now, code in cases:
        agreement = assemble(terms, documents)
        request = world.request(active)
        assert refusal(agreement, request, now) == code


def test_a_superseded_annex_is_not_in_force(world: Any, active: Agreement) -> None:
    later = active.with_document(world.annex(active.terms, world.de, revision=2))
    assert refusal(later, world.request(active), world.now) == "annex-mismatch"
    check_session(later, world.request(later), NONE, world.now)


def test_hidden_cases_may_stay_hidden_from_the_peer_only(world: Any) -> None:
    terms = world.terms(case={})
    documents = [
        *(world.signature(terms, agency) for agency in (world.nl, world.de)),
        *(world.annex(terms, agency, case="") for agency in (world.nl, world.de)),
    ]
    agreement = assemble(terms, documents)
    check_session(
        agreement, world.request(agreement, own_case="NL-2026-17", peer_case=""), NONE, world.now
    )
    check_session(
        agreement, world.request(agreement, own_case="NL-1", peer_case="BKA 9"), NONE, world.now
    )
    assert refusal(agreement, world.request(agreement), world.now) == "clause-case"


def test_one_id_in_both_annexes_is_refused(world: Any) -> None:
    terms = world.terms()
    same = (Offered("c-" + "5" * 16, CollectionKind.CASE, {MD5: 1024}),)
    documents = [
        *(world.signature(terms, agency) for agency in (world.nl, world.de)),
        *(world.annex(terms, agency, collections=same) for agency in (world.nl, world.de)),
    ]
    agreement = assemble(terms, documents)
    assert refusal(agreement, world.request(agreement), world.now) == "annex-mismatch"


def test_budgets_end_exactly(world: Any) -> None:
    agreement = world.active(sessions_per_period=3, elements_per_period=10_000)
    request = world.request(agreement)
    check_session(agreement, request, Usage(2, 10_000 - 4096), world.now)
    assert refusal(agreement, request, world.now, Usage(3, 0)) == "clause-sessions"
    assert refusal(agreement, request, world.now, Usage(2, 10_000 - 4095)) == "clause-elements"


def test_an_empty_annex_class_is_a_mismatch(world: Any) -> None:
    terms = world.terms()
    annex = world.annex(
        terms, world.nl, collections=(Offered("c-" + "3" * 16, CollectionKind.CASE, {SHA1: 64}),)
    ).document
    with pytest.raises(errors.RefusedError) as caught:
        largest_classes(annex, (MD5,))
    assert caught.value.code == "annex-mismatch"
    assert largest_classes(annex, (SHA1,)) == {SHA1: 64}


def test_the_largest_class_is_capped(world: Any) -> None:
    terms = world.terms(max_size_class=SIZE_CLASSES[-1])
    offered = tuple(
        Offered(f"c-{i:016x}", CollectionKind.LIBRARY, {MD5: SIZE_CLASSES[-1]}) for i in range(3)
    )
    annex = world.annex(terms, world.nl, collections=offered).document
    assert largest_classes(annex, (MD5,)) == {MD5: SIZE_CLASSES[-1]}


_class = st.sampled_from(SIZE_CLASSES[:60])


@given(st.data())
def test_shares_add_up_to_what_was_on_the_wire(world: Any, data: st.DataObject) -> None:
    """Over any collections: rows sum to runs times both classes, and no share is negative."""
    terms = world.terms()
    sides = []
    for agency in (world.nl, world.de):
        offered = tuple(
            Offered(f"c-{i:016x}", CollectionKind.CASE, classes)
            for i, classes in enumerate(
                data.draw(
                    st.lists(
                        st.dictionaries(st.sampled_from([MD5, SHA1]), _class, min_size=1),
                        min_size=1,
                        max_size=6,
                    )
                )
            )
        )
        annex = world.annex(terms, agency, collections=offered).document
        held = sorted({name for one in offered for name in one.classes})
        sides.append((annex, {name: data.draw(_class) for name in held}))
    common = sides[0][1].keys() & sides[1][1].keys()
    pair = tuple((annex, {a: size for a, size in c.items() if a in common}) for annex, c in sides)
    learn = data.draw(st.sampled_from(list(Learn)))
    one_run = data.draw(st.booleans())
    charges = charge(pair, learn, both_in_one_run=one_run)  # type: ignore[arg-type]
    runs = runs_per_algorithm(learn, one_run)
    assert charges.elements == runs * sum(sum(c.values()) for _, c in pair)
    assert charges.runs == runs * len(common)
    assert all(row.elements >= 0 and row.runs == runs for row in charges.rows)
    for annex, classes in pair:
        for name, size in classes.items():
            mine = [r for r in charges.rows if (r.owner, r.algorithm) == (annex.author, name)]
            assert sum(row.elements for row in mine) == runs * size
    assert charge(pair[::-1], learn, both_in_one_run=one_run) == charges  # type: ignore[arg-type]


def test_runs() -> None:
    assert runs_per_algorithm(Learn.BOTH, False) == 2
    assert runs_per_algorithm(Learn.BOTH, True) == 1
    assert runs_per_algorithm(Learn.INITIATOR, False) == 1
    assert runs_per_algorithm(Learn.RESPONDER, True) == 1


def test_the_period_slides() -> None:
    assert period_start("2026-03-01T12:00:00Z", 30) == "2026-01-30T12:00:00Z"
