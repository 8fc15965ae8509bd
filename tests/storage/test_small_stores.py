"""Peers, agreements, sessions, ledger, leases and outbox, on both databases."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from psihash import errors
from psihash.identity.trust import PeerStatus
from psihash.storage.agreements import AgreementStore, OfferedCollection
from psihash.storage.database import Database
from psihash.storage.leases import Lease, LeaseStore
from psihash.storage.ledger import Charge, LedgerStore, Totals
from psihash.storage.outbox import OutboxStore
from psihash.storage.peers import PeerStore
from psihash.storage.sessions import SessionRow, SessionStore
from psihash.storage.times import normal
from psihash.terms import AlgorithmId, CollectionKind, Rung, SessionRole

from .lists import LATER, NOW


def _code(error: pytest.ExceptionInfo[errors.PsihashError]) -> str:
    return error.value.code


# --- times ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z"),
        ("2026-01-31T12:00:00.5Z", "2026-01-31T12:00:00.500Z"),
        ("2026-01-31T12:00:00.123456+00:00", "2026-01-31T12:00:00.123Z"),
    ],
)
def test_times_have_one_form(text: str, stored: str) -> None:
    assert normal(text) == stored
    assert normal(stored) == stored


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-02-30T00:00:00Z",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00:00+01:00",
        "2026-01-31T12:00:00",
        "2026-01-31T24:00:01Z",
        "2026-01-31T12:00:00Z\n",
        "\uff12026-01-31T12:00:00Z",
    ],
)
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(errors.InputError) as caught:
        normal(text)
    assert _code(caught) == "bad-store-time"


# --- peers ---------------------------------------------------------------------------------------


def test_peers(database: Database) -> None:
    peers = PeerStore(database)
    added = peers.add("nl", b"card 1", "AAAA", NOW)
    assert peers.get("nl") == added
    assert added.status is PeerStatus.ACTIVE
    with pytest.raises(errors.StateError) as exists:
        peers.add("nl", b"card 2", "BBBB", NOW)
    assert _code(exists) == "peer-exists"
    newer = peers.replace_card("nl", b"card 2", "BBBB", LATER, expected="AAAA")
    assert (newer.card, newer.fingerprint, newer.added, newer.changed) == (
        b"card 2", "BBBB", NOW, LATER,
    )  # fmt: skip
    with pytest.raises(errors.StateError) as moved:
        peers.replace_card("nl", b"card 3", "CCCC", LATER, expected="AAAA")
    assert _code(moved) == "peer-card-moved"
    assert [(c.card, c.fingerprint, c.superseded) for c in peers.history("nl")] == [
        (b"card 1", "AAAA", LATER)
    ]
    peers.add("de", b"card", "DDDD", NOW)
    assert peers.set_status("de", PeerStatus.REVOKED, LATER).status is PeerStatus.REVOKED
    assert [p.agency for p in peers.all()] == ["de", "nl"]
    assert [p.agency for p in peers.all(PeerStatus.ACTIVE)] == ["nl"]
    assert peers.find("fr") is None
    with pytest.raises(errors.NotFoundError) as unknown:
        peers.get("fr")
    assert _code(unknown) == "unknown-peer"
    with pytest.raises(errors.NotFoundError):
        peers.set_status("fr", PeerStatus.ACTIVE, NOW)
    with pytest.raises(errors.NotFoundError):
        peers.replace_card("fr", b"", "", NOW, expected="")


# --- agreements ----------------------------------------------------------------------------------


def test_agreements(database: Database) -> None:
    agreements = AgreementStore(database)
    row = agreements.add("a1", "nl", b"terms", "proposed", NOW)
    assert agreements.get("a1") == row
    with pytest.raises(errors.StateError) as exists:
        agreements.add("a1", "nl", b"other terms", "proposed", NOW)
    assert _code(exists) == "agreement-exists"
    assert agreements.set_status("a1", "active", LATER, expected="proposed").status == "active"
    with pytest.raises(errors.StateError) as moved:
        agreements.set_status("a1", "revoked", LATER, expected="proposed")
    assert _code(moved) == "agreement-moved"
    agreements.add("a2", "de", b"terms", "active", LATER)
    assert [a.id for a in agreements.all()] == ["a1", "a2"]
    assert [a.id for a in agreements.all(peer="de", status="active")] == ["a2"]
    assert agreements.find("a3") is None
    with pytest.raises(errors.NotFoundError) as unknown:
        agreements.add_document("a3", "annex", "nl", b"d" * 32, b"", NOW)
    assert _code(unknown) == "unknown-agreement"


def test_agreement_documents(database: Database) -> None:
    agreements = AgreementStore(database)
    agreements.add("a1", "nl", b"terms", "proposed", NOW)
    assert agreements.add_document("a1", "approval", "nl", b"1" * 32, b"one", NOW)
    assert not agreements.add_document("a1", "approval", "nl", b"1" * 32, b"one", LATER)
    assert agreements.add_document("a1", "approval", "de", b"1" * 32, b"one", NOW)
    assert agreements.add_document("a1", "annex", "nl", b"2" * 32, b"two", NOW)
    assert [d.body for d in agreements.documents("a1")] == [b"one", b"one", b"two"]
    (found,) = agreements.documents("a1", kind="approval", author="nl")
    assert (found.digest, found.added) == (b"1" * 32, NOW)


def test_offered_collections(database: Database) -> None:
    agreements = AgreementStore(database)
    agreements.add("a1", "nl", b"terms", "proposed", NOW)
    agreements.offer("a1", "op1", "case 7", CollectionKind.CASE)
    for opaque_id, collection in (("op1", "case 8"), ("op2", "case 7")):
        with pytest.raises(errors.StateError) as exists:
            agreements.offer("a1", opaque_id, collection, CollectionKind.CASE)
        assert _code(exists) == "offer-exists"
    assert agreements.offered("a1") == [
        OfferedCollection("a1", "op1", "case 7", CollectionKind.CASE)
    ]
    assert agreements.offered("a2") == []


# --- sessions ------------------------------------------------------------------------------------

SESSION = SessionRow("5e", "nl", "a1", SessionRole.INITIATOR, "offered", Rung.ITEMS, "ecdh/1", NOW)


def test_sessions(database: Database) -> None:
    sessions = SessionStore(database)
    sessions.add(SESSION)
    assert sessions.get("5e") == SESSION
    with pytest.raises(errors.StateError) as exists:
        sessions.add(SESSION)
    assert _code(exists) == "session-exists"
    sessions.set_state("5e", "running", expected="offered")
    with pytest.raises(errors.StateError) as moved:
        sessions.set_state("5e", "running", expected="offered")
    assert _code(moved) == "session-moved"
    other = replace(SESSION, id="6f", peer="de", opened=LATER, role=SessionRole.RESPONDER)
    sessions.add(other)
    assert [s.id for s in sessions.all()] == ["6f", "5e"]
    assert [s.id for s in sessions.all(limit=1)] == ["6f"]
    assert [s.id for s in sessions.all(state="running", peer="nl", agreement="a1")] == ["5e"]
    sessions.close("5e", "closed", "ok", LATER, b'{"count":3}')
    with pytest.raises(errors.StateError):
        sessions.close("5e", "aborted", "late", LATER)
    closed = sessions.get("5e")
    assert (closed.state, closed.outcome, closed.closed, closed.summary) == (
        "closed", "ok", LATER, b'{"count":3}',
    )  # fmt: skip
    assert [s.id for s in sessions.all(open_only=True)] == ["6f"]
    with pytest.raises(errors.NotFoundError) as unknown:
        sessions.set_state("77", "x", expected="y")
    assert _code(unknown) == "unknown-session"


def test_sealed_blobs_and_erasure(database: Database) -> None:
    sessions = SessionStore(database)
    sessions.add(SESSION)
    with pytest.raises(errors.StateError) as none:
        sessions.key("5e")
    assert _code(none) == "session-erased"
    sessions.put_key("5e", b"sealed key")
    with pytest.raises(errors.StateError):
        sessions.put_key("5e", b"another")
    assert sessions.key("5e") == b"sealed key"
    sessions.put_blob("5e", "result", b"1")
    sessions.put_blob("5e", "result", b"2")
    sessions.put_blob("5e", "frame/1", b"f" * 300_000)
    assert sessions.blob("5e", "result") == b"2"
    assert sessions.blob_names("5e") == ["frame/1", "result"]
    sessions.erase("5e", LATER)
    sessions.erase("5e", "2027-01-01T00:00:00Z")
    assert sessions.get("5e").erased == LATER
    assert sessions.blob_names("5e") == []
    for call in (
        lambda: sessions.key("5e"),
        lambda: sessions.put_key("5e", b"again"),
        lambda: sessions.put_blob("5e", "late", b""),
    ):
        with pytest.raises(errors.StateError) as erased:
            call()
        assert _code(erased) == "session-erased"


# --- ledger --------------------------------------------------------------------------------------

CHARGE = Charge("5e", "nl", "a1", "op1", AlgorithmId.MD5, 64, 2, NOW)


def test_ledger(database: Database) -> None:
    ledger = LedgerStore(database)
    assert ledger.totals(NOW) == Totals(0, 0, 0)
    ledger.charge(CHARGE)
    with pytest.raises(errors.StateError) as again:
        ledger.charge(replace(CHARGE, elements=1, time=LATER))
    assert _code(again) == "already-charged"
    ledger.charge(replace(CHARGE, algorithm=AlgorithmId.SHA1, runs=1))
    ledger.charge(replace(CHARGE, session="6f", opaque_id="op2", time=LATER, elements=2**40))
    ledger.charge(replace(CHARGE, session="70", agreement="a2", time="2025-12-31T23:59:59.9Z"))
    assert ledger.totals("2026-01-01T00:00:00Z") == Totals(2, 5, 128 + 2**40)
    assert ledger.totals("2026-01-01T00:00:00.001Z") == Totals(1, 2, 2**40)
    assert ledger.totals("2025-01-01T00:00:00Z", agreement="a2") == Totals(1, 2, 64)
    assert ledger.totals(NOW, peer="nl", agreement="a1", opaque_id="op1") == Totals(1, 3, 128)
    assert ledger.totals(NOW, peer="de") == Totals(0, 0, 0)
    assert [c.session for c in ledger.charges()] == ["70", "5e", "5e", "6f"]
    assert ledger.charges(agreement="a1", since=NOW)[0] == CHARGE
    with pytest.raises(ValueError):
        ledger.charge(replace(CHARGE, session="71", elements=-1))


# --- leases --------------------------------------------------------------------------------------


def _at(minute: int) -> str:
    return f"2026-01-01T00:{minute:02}:00Z"


def test_leases(database: Database) -> None:
    leases = LeaseStore(database)
    first = leases.acquire("job", "a", _at(0), _at(5))
    assert first == Lease("job", "a", 1, normal(_at(5)))
    assert leases.acquire("job", "b", _at(4), _at(9)) is None
    assert leases.acquire("other", "b", _at(4), _at(9)) is not None
    longer = leases.renew(first, _at(4), _at(8))
    assert leases.acquire("job", "b", _at(5), _at(9)) is None
    leases.check(longer, _at(7))
    with pytest.raises(errors.StateError) as expired:
        leases.check(longer, _at(8))
    assert _code(expired) == "lease-lost"
    with pytest.raises(errors.StateError):
        leases.renew(longer, _at(8), _at(20))
    taken = leases.acquire("job", "b", _at(8), _at(20))
    assert taken is not None
    assert taken.token == 2
    for call in (
        lambda: leases.renew(longer, _at(9), _at(30)),
        lambda: leases.check(first, _at(9)),
    ):
        with pytest.raises(errors.StateError):
            call()
    leases.release(longer)  # lost already: the new holder keeps it
    leases.check(taken, _at(9))
    leases.release(taken)
    again = leases.acquire("job", "a", _at(9), _at(10))
    assert again is not None
    assert again.token == 3
    assert leases.find("job") == again
    assert leases.find("none") is None


def test_the_same_holder_may_claim_again(database: Database) -> None:
    leases = LeaseStore(database)
    first = leases.acquire("job", "a", _at(0), _at(5))
    second = leases.acquire("job", "a", _at(1), _at(6))
    assert first is not None
    assert second is not None
    assert second.token == first.token + 1
    with pytest.raises(errors.StateError):
        leases.check(first, _at(1))


def test_one_of_many_gets_the_lease(database: Database) -> None:
    leases = LeaseStore(database)
    won: list[Lease] = []
    barrier = threading.Barrier(4)

    def race(holder: str) -> None:
        barrier.wait()
        lease = leases.acquire("job", holder, _at(0), _at(5))
        if lease is not None:
            won.append(lease)

    threads = [threading.Thread(target=race, args=(f"h{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


# --- outbox --------------------------------------------------------------------------------------


def test_outbox(database: Database) -> None:
    outbox = OutboxStore(database)
    first = outbox.put("nl", "annex", b"1", NOW)
    second = outbox.put("de", "annex", b"1", NOW)
    assert outbox.put("nl", "annex", b"1", LATER) == first
    assert [d.id for d in outbox.waiting()] == [first, second]
    outbox.delivered(first, NOW)
    outbox.delivered(first, LATER)
    assert outbox.waiting("nl") == []
    third = outbox.put("nl", "annex", b"1", LATER)
    assert third not in (first, second)
    assert outbox.remove_delivered(LATER) == 1
    assert [d.peer for d in outbox.waiting()] == ["de", "nl"]


def test_what_waits_can_be_replaced_and_removed_and_what_left_cannot(database: Database) -> None:
    outbox = OutboxStore(database)
    waits, left = (outbox.put("nl", f"case:{n}", b"old", NOW, "s1") for n in range(2))
    outbox.delivered(left, NOW)
    for number in (waits, left):
        outbox.replace(number, b"new")
    (found,) = outbox.waiting("nl")
    assert (found.id, found.body, found.session) == (waits, b"new", "s1")
    outbox.remove(waits)
    assert outbox.waiting() == []
