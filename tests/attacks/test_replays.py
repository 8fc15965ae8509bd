"""Replayed, altered, swapped and expired: agreements, approvals, openings and receipts.

``MATRIX`` says for each of the four which test plays it; what no other file plays stands here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from psihash.agreement.documents import Revocation
from psihash.node.agreeing import agreements, documents
from psihash.node.peering import contact
from psihash.session import messages as m
from psihash.session.initiator import Initiator
from psihash.terms import AlgorithmId, Rung, SessionRole
from psihash.testing.pump import pump
from tests.attacks.believers import Nodes, last_code, made
from tests.attacks.peers import altering, between, caught, overriding
from tests.attacks.test_clauses import is_a_test
from tests.node.keeping import SetClock
from tests.node.ladder import ECDH, entries
from tests.session.lists import bench
from tests.session.nodes import Homes, hold, meet, refused_codes, row

MD5 = AlgorithmId.MD5
ITEMS, RECORDS = Rung.ITEMS, Rung.RECORDS

MATRIX: dict[str, dict[str, tuple[str, ...]]] = {
    "agreement": {
        "replayed": ("test_replays::test_documents_shown_again_bring_no_agreement_back",),
        "altered": (
            "test_clauses::test_terms_with_one_word_changed_after_both_signed_are_another_agreement",
            "test_documents::test_every_changed_member_breaks_the_signature",
        ),
        "swapped": (
            "test_state::test_what_does_not_belong_is_refused",
            "test_clauses::test_an_annex_that_offers_something_else_ends_the_agreement",
            "test_downgrade::test_an_agreement_that_is_not_between_the_two_opens_nothing",
        ),
        "expired": ("test_clauses::test_after_the_last_second_nothing_opens",),
    },
    "approval": {
        "replayed": (
            "test_climbs::test_a_decision_allows_one_session",
            "test_one_operator::test_an_older_approval_does_not_serve_again",
        ),
        "altered": (
            "test_approvals::test_an_altered_member_never_holds",
            "test_decision::test_every_changed_member_is_noticed",
        ),
        "swapped": (
            "test_climbs::test_an_approval_that_is_not_one_is_refused_and_nothing_is_charged",
            "test_climbs::test_a_decision_about_something_else_is_refused",
        ),
        "expired": (
            "test_climbs::test_a_decision_that_nobody_made_is_refused",
            "test_one_operator::"
            "test_a_decision_that_expired_before_the_terms_were_signed_is_refused",
        ),
    },
    "opening of a session": {
        "replayed": (
            "test_g1_transcript::test_a_replayed_hello_opens_nothing",
            "test_g1_transcript::"
            "test_an_accept_and_all_that_follows_cannot_be_replayed_in_a_second_session",
        ),
        "altered": (
            "test_g1_transcript::test_a_hello_altered_on_its_way_is_refused",
            "test_g1_transcript::test_a_transcript_with_one_field_changed_does_not_verify",
        ),
        "swapped": (
            "test_g1_transcript::test_a_hello_on_another_channel_is_refused",
            "test_g1_transcript::test_a_signed_hello_that_names_other_identities_is_refused",
        ),
        "expired": (
            "test_downgrade::test_an_offer_outside_the_agreement_is_refused",
            "test_clauses::test_a_peer_that_draws_a_session_out_gets_nothing_after_the_end",
        ),
    },
    "opening of a commitment": {
        "replayed": (
            "test_f1_openings::test_an_older_root_of_ours_opens_nothing_because_its_leaves_are_ours",
        ),
        "altered": ("test_f1_openings::test_an_opening_with_anything_changed_does_not_hold",),
        "swapped": (
            "test_f1_openings::test_an_opening_belongs_to_its_token_owner_agreement_and_algorithm",
            "test_c1_forged_hits::test_guesses_that_were_not_committed_to_get_no_record",
        ),
        "expired": ("test_replays::test_openings_after_the_time_of_the_session_get_no_record",),
    },
    "receipt": {
        "replayed": ("test_replays::test_a_receipt_of_an_earlier_session_is_none_of_this_one",),
        "altered": (
            "test_receipts::test_a_receipt_that_says_something_else_is_refused",
            "test_receipts::test_a_receipt_that_is_no_receipt_is_refused",
        ),
        "swapped": (
            "test_receipts::test_our_own_receipt_sent_back_is_no_receipt",
            "test_receipts::test_a_receipt_under_another_signature_is_refused",
            "test_replays::test_a_receipt_of_another_agreement_is_nothing_to_climb_from",
        ),
        "expired": (
            "test_clause_bounds::"
            "test_a_peer_that_erases_nothing_keeps_what_it_had_and_gains_nothing",
        ),
    },
}


def test_the_tests_of_the_matrix_exist() -> None:
    for what, acts in MATRIX.items():
        assert set(acts) == {"replayed", "altered", "swapped", "expired"}, what
        for names in acts.values():
            for name in names:
                module, _, test = name.partition("::")
                assert is_a_test(module, test), name


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def two(homes: Homes, tmp_path: Path, clock: SetClock) -> Iterator[Nodes]:
    nodes = homes.open(tmp_path)
    for node, numbers in zip(nodes, (range(30), range(20, 50)), strict=True):
        node.clock = clock
        hold(node, "lists", [row(number, [MD5]) for number in numbers])
    yield nodes
    for node in nodes:
        node.close()


@pytest.mark.parametrize("which", [0, 1])
def test_documents_shown_again_bring_no_agreement_back(two: Nodes, which: int) -> None:
    """After the victim has revoked, the attacker shows everything that was signed once more; and
    leaves the revocation out of what it believes itself."""
    attacker, victim = two[which], two[1 - which]
    agreement = made(two)
    bodies = [agreement.terms.to_bytes(), *(each.to_bytes() for each in agreement.documents)]
    agreements.revoke(victim, agreement.id, "a test")
    contact.take(victim, attacker.agency, bodies)
    after = documents.load(victim, agreement.id)
    assert any(isinstance(each, Revocation) for each in after.documents)
    meeting = meet(attacker, victim, agreement, engine=ECDH)
    assert refused_codes(meeting) == ("agreement-revoked",) * 2
    assert [last_code(node) for node in two] == ["agreement-revoked"] * 2


@pytest.mark.parametrize("role", SessionRole)
def test_openings_after_the_time_of_the_session_get_no_record(
    two: Nodes, clock: SetClock, role: SessionRole
) -> None:
    """They hold, and come when the session's time is over: nothing is answered."""
    agreement = made(two, rung=RECORDS)
    meeting = meet(*two, agreement, engine=ECDH)
    place = 0 if role is SessionRole.INITIATOR else 1
    victim = meeting.parties[1 - place]
    real = victim._send_records

    def late() -> Iterator[bytes]:
        clock.forward(hours=2)
        yield from real()

    victim._send_records = late  # type: ignore[method-assign]
    assert refused_codes(meeting)[1 - place] == "session-timeout"
    told = [each["shared"]["what"] for each in entries(two[1 - place], "disclosure")]
    assert "records" not in told
    assert [last_code(node) for node in two] == ["session-timeout"] * 2


@pytest.mark.parametrize("role", SessionRole)
def test_a_receipt_of_an_earlier_session_is_none_of_this_one(role: SessionRole) -> None:
    """Signed by the peer, about the same lists, with the same counts: and of another session."""
    place = list(SessionRole).index(role)
    made_ = bench()
    first = made_.meet(ITEMS)
    pump(first.pair)
    receipts = first.journals[place].receipts
    assert receipts is not None
    old = m.Receipt(receipts[0].body, receipts[0].signature)

    def again(self: object) -> m.Receipt:
        del self
        return old

    meeting = between(made_, ITEMS, role, lambda base: overriding(base, _make_receipt=again))
    assert caught(meeting, role.other) == "bad-receipt"


def test_a_receipt_of_another_agreement_is_nothing_to_climb_from(two: Nodes) -> None:
    first, second = made(two), made(two)
    count = meet(*two, first, Rung.COUNT, engine=ECDH).results()[0]
    receipt = bytes.fromhex(count.receipt)

    def naming(body: m.Sealed) -> m.Sealed:
        return replace(body, previous_receipt=receipt) if isinstance(body, m.Offer) else body

    meeting = meet(*two, second, ITEMS, engine=ECDH, initiator=altering(Initiator, naming))
    assert refused_codes(meeting)[1] == "unknown-previous"
    assert [last_code(node) for node in two] == ["unknown-previous"] * 2
