"""What a node checks at each step of a session, over real stores: nothing goes on that may not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from psihash import errors
from psihash.agreement.document_model import Annex
from psihash.agreement.documents import new_collection_id, sign_document, verify_document
from psihash.agreement.status import Status
from psihash.identity import signatures
from psihash.identity.cards import card_json, make_card
from psihash.identity.fingerprints import format_fingerprint
from psihash.node.agreeing import agreements, documents
from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.node.peering import contact, peers
from psihash.node.running import sessions
from psihash.session.row_state import RowState
from psihash.terms import AlgorithmId, Rung
from psihash.testing.pump import pump
from tests.session.nodes import Homes, NodeMeeting, agree, hold, meet, row

MD5 = (AlgorithmId.MD5,)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Homes:
    return Homes.make(tmp_path_factory.mktemp("homes"))


@pytest.fixture
def two(homes: Homes, tmp_path: Path) -> tuple[Node, Node]:
    one, other = homes.open(tmp_path)
    hold(one, "ours", [row(number, MD5) for number in range(20)])
    hold(other, "theirs", [row(number, MD5) for number in range(10, 30)])
    return one, other


def events(node: Node) -> list[str]:
    return [entry["event"] for entry in auditing.show(node)]


def stop_at(meeting: NodeMeeting, node: Node, step: str, action: object) -> None:
    """Call ``action`` just before a step of the node's journal."""
    party = meeting.parties[meeting.nodes.index(node)]
    journal = party._setting.journal
    original = getattr(journal, step)

    def before(*args: object, **more: object) -> object:
        action()  # type: ignore[operator]
        return original(*args, **more)

    setattr(journal, step, before)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("step", ["opened", "disclosing"])
def test_an_agreement_revoked_in_the_middle_discloses_nothing_more(
    two: tuple[Node, Node], which: int, step: str
) -> None:
    agreement = agree(*two, ["ours"], ["theirs"], rung=Rung.RECORDS)
    meeting = meet(*two, agreement)
    node = two[which]
    stop_at(meeting, node, step, lambda: agreements.revoke(node, agreement.id, "a test"))
    pump(meeting.pair)
    assert meeting.codes[which] == "agreement-revoked"
    revoked = events(node).index("agreement-revoked")
    assert not {"disclosure", "session-close", "session-open"} & set(events(node)[revoked:])


def test_an_agreement_revoked_before_acceptance_opens_nothing(two: tuple[Node, Node]) -> None:
    agreement = agree(*two, ["ours"], ["theirs"])
    meeting = meet(*two, agreement)
    agreements.revoke(two[0], agreement.id, "a test")
    pump(meeting.pair)
    assert meeting.codes[0] == "agreement-revoked"
    assert two[0].stores.ledger.totals("2000-01-01T00:00:00Z").sessions == 0


@pytest.mark.parametrize("which", [0, 1])
def test_a_cancelled_session_discloses_nothing_more(two: tuple[Node, Node], which: int) -> None:
    agreement = agree(*two, ["ours"], ["theirs"], rung=Rung.RECORDS)
    meeting = meet(*two, agreement)
    node = two[which]

    def cancel() -> None:
        session = meeting.parties[which].session
        assert session is not None
        node.stores.sessions.set_state(
            session.hex(), RowState.CANCELLING, expected=RowState.RUNNING
        )

    stop_at(meeting, node, "disclosing", cancel)
    pump(meeting.pair)
    assert meeting.codes[which] == "session-cancelled"
    assert "disclosure" not in events(node)


def test_a_checkpoint_that_fails_at_the_end_leaves_no_result_on_either_side(
    two: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    agreement = agree(*two, ["ours"], ["theirs"])
    meeting = meet(*two, agreement)
    responder = two[1]
    real = responder.log.checkpoint

    def fail() -> bytes:
        if "session-close" in events(responder):
            raise errors.StorageError("disk-full", "the disk is full")
        return real()

    monkeypatch.setattr(responder.log, "checkpoint", fail)
    pump(meeting.pair)
    session = meeting.parties[1].session
    assert session is not None
    row_ = responder.stores.sessions.get(session.hex())
    assert row_.state == "aborted"
    assert sessions.show(responder, session.hex())[1] is None
    assert "session-close" not in events(responder)


def test_two_sessions_cannot_fork_what_is_known_of_a_tree(two: tuple[Node, Node]) -> None:
    """Both offers are checked against the same root; only one may move it."""
    agreement = agree(*two, ["ours"], ["theirs"])
    first, second = meet(*two, agreement), meet(*two, agreement)
    offers = []
    for meeting in (first, second):
        asking, asked = meeting.parties
        (hello,) = asking.start()  # type: ignore[attr-defined]
        (reply,) = asked.receive(hello)
        (offer,) = asking.receive(reply)
        (accept,) = asked.receive(offer)
        offers.append(accept)
    (confirm,) = first.parties[0].receive(offers[0])
    list(first.parties[1].receive(confirm))
    with pytest.raises(errors.StateError) as caught:
        list(second.parties[0].receive(offers[1]))
    assert caught.value.code in ("trees-moved", "commitment-race")


def test_an_annex_that_swaps_collections_is_an_incident(two: tuple[Node, Node]) -> None:
    one, other = two
    agreement = agree(one, other, ["ours"], ["theirs"])
    held = agreement.annex(one.agency)
    assert held is not None
    swapped = tuple(replace(offered, id=new_collection_id(one.rng)) for offered in held.collections)
    annex = sign_document(
        replace(held, revision=2, collections=swapped, signature=b""), one.keys.signing
    )
    codes = contact.take(other, one.agency, [annex.to_bytes()])
    assert codes == [""], "it is kept as evidence"
    after = documents.load(other, agreement.id)
    assert after.state(other.stamp()).status is Status.CONFLICTED
    assert [incident.code for incident in after.incidents()] == ["annex-swapped"]
    assert "incident" in events(other)


def test_an_annex_may_grow_but_not_shrink(two: tuple[Node, Node]) -> None:
    one, other = two
    agreement = agree(one, other, ["ours"], ["theirs"])
    held = agreement.annex(one.agency)
    assert held is not None
    public = signatures.public_bytes(one.keys.signing)

    def with_classes(revision: int, factor: float) -> Annex:
        collections = tuple(
            replace(each, classes={name: int(size * factor) for name, size in each.classes.items()})
            for each in held.collections
        )
        changed = replace(held, revision=revision, collections=collections, signature=b"")
        return sign_document(changed, one.keys.signing)

    grown = with_classes(2, 2)
    bigger = agreement.with_document(verify_document(grown, one.agency, public))
    assert bigger.state(one.stamp()).status is Status.ACTIVE
    shrunk = with_classes(3, 1)
    smaller = bigger.with_document(verify_document(shrunk, one.agency, public))
    assert smaller.state(one.stamp()).status is Status.CONFLICTED


def test_a_card_cannot_name_another_agencys_log(two: tuple[Node, Node]) -> None:
    one, other = two
    keys = replace(other.card.keys, log_origin=one.card.keys.log_origin)
    card = make_card(
        other.keys.signing,
        keys,
        version=2,
        agency=other.agency,
        name=other.card.name,
        country=other.card.country,
        ca_pem=other.card.ca_pem,
        now=other.now(),
    )
    assert contact.take(one, other.agency, [card.encoded]) == ["foreign-log"]
    with pytest.raises(errors.VerificationError) as caught:
        peers.add(one, json.dumps(card_json(card)).encode(), format_fingerprint(card.fingerprint))
    assert caught.value.code == "foreign-log"


def test_only_the_peers_own_signature_empties_the_outbox(two: tuple[Node, Node]) -> None:
    one, other = two
    agreement = agree(one, other, ["ours"], ["theirs"])
    agreements.revoke(one, agreement.id, "a test")
    ((_, body),) = contact.outgoing(one, other.agency)
    forged = contact.acknowledge(one, [body])  # signed, but not by the peer
    with pytest.raises(errors.VerificationError):
        contact.confirm_signed(one, other.card, forged)
    assert contact.outgoing(one, other.agency)


def test_an_offer_that_is_refused_appends_nothing_to_our_trees(two: tuple[Node, Node]) -> None:
    one, other = two
    agreement = agree(one, other, ["ours"], ["theirs"], sessions_per_period=1)
    meet(one, other, agreement).results()
    hold(other, "theirs", [row(number, MD5) for number in range(200, 206)])
    meeting = meet(one, other, agreement)
    before = [commitment_sizes(other, agreement.id)]
    pump(meeting.pair)
    assert meeting.codes[1] == "clause-sessions"
    assert [commitment_sizes(other, agreement.id)] == before


def commitment_sizes(node: Node, agreement: str) -> list[int]:
    from psihash.storage.commitments import CommitmentKey

    keys = [
        CommitmentKey(agreement, each.opaque_id, AlgorithmId.MD5)
        for each in node.stores.agreements.offered(agreement)
    ]
    return [node.stores.commitments.get(key).size for key in keys]


def test_what_was_removed_leaves_the_commitments_at_the_next_session(
    two: tuple[Node, Node],
) -> None:
    from psihash.storage.commitments import CommitmentKey

    one, other = two
    agreement = agree(one, other, ["ours"], ["theirs"])
    meet(one, other, agreement).results()
    run = one.stores.holdings.begin_import(
        "ours",
        one.stores.holdings.collection("ours").kind,
        replace=True,
        dry_run=False,
        now=one.stamp(),
    )
    run.add([row(number, MD5) for number in range(5, 20)])
    run.finish("rows of a test", "1" * 64, 0, "rows")
    result, _ = meet(one, other, agreement).results()
    assert result.matched_items == 10
    (offered,) = one.stores.agreements.offered(agreement.id)
    key = CommitmentKey(agreement.id, offered.opaque_id, AlgorithmId.MD5)
    kept = {digest.tobytes() for digest in one.stores.commitments.leaves(key).digests}
    assert kept == {row(number, MD5).digests[0].raw for number in range(5, 20)}


def test_the_minimum_counts_what_is_new_and_the_peer_hears_no_cause(
    two: tuple[Node, Node],
) -> None:
    """One new item between two sessions would be isolated by their difference."""
    one, other = two
    from unittest import mock

    from psihash.agreement import proposal

    real = proposal.build_terms

    def five(*args: object, **more: object) -> object:
        return real(*args, **more, minimum_items=5)  # type: ignore[arg-type]

    with mock.patch.object(agreements, "build_terms", five):
        agreement = agree(one, other, ["ours"], ["theirs"])
    meet(one, other, agreement).results()
    hold(other, "theirs", [row(500, MD5)])
    again = meet(one, other, agreement)
    pump(again.pair)
    assert again.codes == ("declined", "clause-minimum")
    refused = [entry for entry in auditing.show(other) if entry["event"] == "session-refused"]
    assert refused[-1]["local"]["code"] == "clause-minimum"
