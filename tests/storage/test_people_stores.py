"""Operators, log-ins, rosters and requests on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from psihash import errors
from psihash.storage.database import Database
from psihash.storage.operators import Invitation, OperatorRow, OperatorStore
from psihash.storage.requests import RequestRow, RequestState, RequestStore
from psihash.storage.rosters import RosterStore

T1 = "2026-03-01T12:00:00.000Z"
T2 = "2026-03-02T12:00:00.000Z"
T3 = "2026-03-03T12:00:00.000Z"
ADA = OperatorRow(
    "op-0000000000000001", "ada", ("admin", "analyst"), "active", "$2b$", b"public", b"sealed", T1
)


def request(number: int, key: str = "k", created: str = T1) -> RequestRow:
    return RequestRow(
        f"{number:064x}", "session", key, "be", "a", b"body", None, RequestState.PENDING, created
    )


def code(caught: pytest.ExceptionInfo[errors.PsihashError]) -> str:
    return caught.value.code


def test_operators_are_kept_by_id_and_name(database: Database) -> None:
    store = OperatorStore(database)
    assert not store.any()
    store.add(ADA)
    assert store.any()
    assert store.find(ADA.id) == store.named("ada") == ADA
    assert store.find("op-x") is None
    with pytest.raises(errors.StateError) as caught:
        store.add(replace(ADA, id="op-2"))
    assert code(caught) == "operator-exists"
    store.set_password(ADA.id, "$new", b"other")
    store.set_status(ADA.id, "disabled")
    store.set_failures(ADA.id, 3, "2026-03-01T12:00:30Z")
    (held,) = store.all()
    assert held == replace(
        ADA,
        password_hash="$new",
        sealed_key=b"other",
        status="disabled",
        failures=3,
        locked_until="2026-03-01T12:00:30.000Z",
    )
    store.remove(ADA.id)
    assert store.all() == []


def test_one_invitation_of_a_name(database: Database) -> None:
    store = OperatorStore(database)
    first = Invitation("eve", "op-1", ("analyst", "auditor"), "$2b$a", T1, T2)
    store.invite(first)
    assert store.invitation("eve") == first
    assert store.lock_invitation("eve") == first
    store.set_invitation_failures("eve", 3, "2026-03-01T12:00:30Z")
    held = store.invitation("eve")
    assert held is not None
    assert (held.failures, held.locked_until) == (3, "2026-03-01T12:00:30.000Z")
    second = replace(first, operator="op-2", code_hash="$2b$b")
    store.invite(second)
    assert store.invitations() == [second]
    assert store.uninvite("eve")
    assert not store.uninvite("eve")
    assert store.invitation("eve") is None
    assert store.lock_invitation("eve") is None


def test_new_credentials_end_the_lock(database: Database) -> None:
    store = OperatorStore(database)
    store.add(replace(ADA, failures=4, locked_until=T2))
    store.set_credentials(ADA.id, "joined", "$new", b"other public", b"other sealed")
    assert store.find(ADA.id) == replace(
        ADA,
        status="joined",
        password_hash="$new",
        public_key=b"other public",
        sealed_key=b"other sealed",
    )


def test_log_ins_end(database: Database) -> None:
    store = OperatorStore(database)
    store.add(ADA)
    store.log_in(b"one", ADA.id, T1, T2)
    store.log_in(b"two", ADA.id, T1, T3)
    found = store.login(b"one")
    assert found is not None
    assert (found.operator, found.expires) == (ADA.id, T2)
    store.log_in(b"three", ADA.id, T2, T3)
    assert store.login(b"one") is None, "what has expired goes"
    store.log_out(b"two")
    assert store.login(b"two") is None
    store.log_out_all(ADA.id)
    assert store.login(b"three") is None


def test_a_roster_only_grows_at_its_end(database: Database) -> None:
    store = RosterStore(database)
    store.append("nl", 0, b"zero", T1)
    store.append("nl", 1, b"one", T1)
    store.append("be", 0, b"theirs", T1)
    assert store.bodies("nl") == [b"zero", b"one"]
    assert store.bodies("be") == [b"theirs"]
    assert store.bodies("fr") == []
    for number in (0, 1, 3):
        with pytest.raises(errors.StateError) as caught:
            store.append("nl", number, b"other", T1)
        assert code(caught) == "roster-moved"
    assert store.bodies("nl") == [b"zero", b"one"]


def test_a_request_is_decided_once(database: Database) -> None:
    store = RequestStore(database)
    store.add(request(1))
    store.decide(request(1).id, RequestState.APPROVED, T2, b"signed", "because")
    held = store.find(request(1).id)
    assert held == replace(
        request(1), state=RequestState.APPROVED, decided=T2, decision=b"signed", reason="because"
    )
    for state in (RequestState.REFUSED, RequestState.APPROVED):
        with pytest.raises(errors.StateError) as caught:
            store.decide(request(1).id, state, T3, None, "")
        assert code(caught) == "request-moved"
    with pytest.raises(errors.StateError):
        store.decide(request(2).id, RequestState.APPROVED, T3, None, "")
    assert store.find(request(2).id) is None


def test_requests_are_listed_by_state_and_subject(database: Database) -> None:
    store = RequestStore(database)
    for number, key, created in ((1, "a", T2), (2, "a", T1), (3, "b", T3)):
        store.add(request(number, key, created))
    assert [row.id for row in store.all()] == [request(n).id for n in (2, 1, 3)]
    assert [row.id for row in store.about("a", RequestState.PENDING)] == [
        request(n).id for n in (1, 2)
    ]
    store.decide(request(2).id, RequestState.EXPIRED, T3, None, "")
    assert [row.id for row in store.all(RequestState.EXPIRED)] == [request(2).id]
    assert [row.id for row in store.about("a", RequestState.PENDING)] == [request(1).id]
    with pytest.raises(errors.StateError):
        store.decide(request(2).id, RequestState.APPROVED, T3, None, "")
