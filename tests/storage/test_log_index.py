"""The index of the log: the same whether it grows with the log or is filled afterwards."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash.audit.entry import StoredEntry
from psihash.audit.event import Event
from psihash.audit.log import Log
from psihash.identity import signatures
from psihash.storage import log_index, register
from psihash.storage.database import Database
from psihash.storage.log import DatabaseLogStore
from psihash.storage.register import Wanted
from psihash.storage.tables_oversight import log_index as table

ONE, TWO, THREE = ("a" * 62 + f"{n:02d}" for n in range(3))
SIZES = [{"md5": 64, "sha1": 128}, {"md5": 4096}]


class Signer:
    public_key = signatures.public_bytes(Ed25519PrivateKey.generate())

    def sign(self, message: bytes) -> bytes:
        raise AssertionError("nothing is signed here")


@pytest.fixture
def log(database: Database) -> Callable[..., None]:
    """Record an event; times go up by themselves."""
    made = Log(DatabaseLogStore(database), "psihash/log/nl", Signer(), os.urandom)
    seconds = iter(range(60))

    def record(event: Event, local: dict[str, Any], shared: dict[str, Any] | None = None) -> None:
        who = {"actor": {"name": "ann", "role": "analyst", "authentication": "password"}}
        made.append(event, shared, who | local, f"2026-03-10T10:00:{next(seconds):02d}.000Z")

    return record


def some_work(record: Callable[..., None]) -> None:
    base = {"peer": "de-bka", "agreement": "c" * 64, "purpose": "p", "case": "NL-1"}
    person = {"by": "person", "name": "apo", "role": "approver", "request": "d" * 64}
    record(Event.REQUEST, {"kind": "session", "request": "d" * 64, "agreement": "c" * 64})
    opened = {"session": ONE, "size_classes": SIZES}
    record(Event.SESSION_OPEN, base | {"role": "responder", "approved_by": person}, opened)
    record(
        Event.DISCLOSURE,
        base | {"recipient": "de-bka"},
        {"session": ONE, "what": "records", "matches": 7},
    )
    record(Event.SESSION_RECEIPT, base | {"role": "responder", "learn": "both", "session": ONE})
    record(Event.SESSION_RECEIPT, base | {"role": "initiator", "learn": "initiator"})
    record(Event.SESSION_ABORT, {"peer": "de-bka", "code": "process-died"}, {"session": ONE})
    record(Event.SESSION_REFUSED, {"peer": "de-bka", "code": "clause-size"}, {"session": TWO})
    record(Event.SESSION_ABORT, {"peer": "de-bka", "code": "x-y"}, {"session": TWO})
    record(Event.SESSION_REFUSED, {"peer": "fr-ocrvp", "code": "clause-budget"})
    record(
        Event.SESSION_OPEN, base | {"role": "initiator", "case": ""}, opened | {"session": THREE}
    )
    record(Event.INCIDENT, {"what": "clock-set"})


def rows(database: Database) -> list[Any]:
    with database.reading() as connection:
        return [tuple(row) for row in connection.execute(sa.select(table).order_by(table.c.seq))]


def test_filling_makes_what_growing_makes(database: Database, log: Callable[..., None]) -> None:
    some_work(log)
    grown = rows(database)
    assert len(grown) == 11
    with database.transaction() as connection:
        connection.execute(table.delete())
        log_index.fill(connection)
    assert rows(database) == grown
    assert register.indexed(database) == 11


def test_each_session_stands_once(database: Database, log: Callable[..., None]) -> None:
    some_work(log)
    found = register.lines(database, Wanted(), None, 100)
    assert [(row.session, row.event) for row in found] == [
        (THREE, "session-open"),
        (None, "session-refused"),
        (TWO, "session-refused"),
        (ONE, "session-open"),
    ]
    first = found[-1]
    assert (first.own_class, first.peer_class) == (4096, 128)  # we were the responder
    assert (found[0].own_class, found[0].peer_class) == (128, 4096)
    assert (first.operator, first.approver, first.purpose, first.case_reference) == (
        "ann", "apo", "p", "NL-1",
    )  # fmt: skip
    assert register.count(database, Wanted()) == 4
    assert register.lines(database, Wanted(), first.seq + 1, 100) == [first]


@pytest.mark.parametrize(
    ("wanted", "sessions"),
    [
        (Wanted(peer="de-bka"), [THREE, TWO, ONE]),
        (Wanted(refused=True), [None, TWO]),
        (Wanted(without_case=True), [THREE]),
        (Wanted(operator="apo"), [ONE]),
        (Wanted(purpose="p"), [THREE, ONE]),
        (Wanted(since="2026-03-10T10:00:08"), [THREE, None]),
        (Wanted(until="2026-03-10T10:00:02"), [ONE]),
        (Wanted(unusual={"de-bka": ((100, 200), None)}), [ONE]),
        (Wanted(unusual={"de-bka": (None, (100, 200))}), [THREE]),
        (Wanted(unusual={}), []),
        (Wanted(peer="x' OR 1=1 --"), []),
    ],
)
def test_filters(
    database: Database, log: Callable[..., None], wanted: Wanted, sessions: list[str | None]
) -> None:
    some_work(log)
    assert [row.session for row in register.lines(database, wanted, None, 100)] == sessions
    assert register.count(database, wanted) == len(sessions)


def test_which_entries_belong_together(database: Database, log: Callable[..., None]) -> None:
    some_work(log)
    assert register.entries_of_session(database, ONE) == [1, 2, 3, 5]
    assert register.entries_of_request(database, "d" * 64) == [0, 1]
    assert register.disclosures_to(database, "de-bka") == [2]
    assert register.entries_of_agreement(database, "c" * 64, [], ["session"]) == [0]
    stored = list(DatabaseLogStore(database).chosen([5, 1, 1, 99]))
    assert [b'"seq":1,' in stored[0].header, b'"seq":5,' in stored[1].header] == [True, True]
    assert len(stored) == 2


def test_disclosures_are_summed(database: Database, log: Callable[..., None]) -> None:
    some_work(log)
    some_work(log)
    events = [Event.DISCLOSURE, Event.SESSION_RECEIPT]
    found = {(s.event, s.what): (s.times, s.number) for s in register.disclosures(database, events)}
    assert found == {
        ("disclosure", "records"): (2, 14),
        ("session-receipt", "result"): (2, 0),
        ("session-receipt", None): (2, 0),
    }


def test_an_erased_body_takes_its_facts_along(database: Database, log: Callable[..., None]) -> None:
    some_work(log)
    before = rows(database)
    DatabaseLogStore(database).erase_bodies([(1, 3)])
    after = rows(database)
    assert [row for row in after if row[0] not in (1, 2)] == [
        row for row in before if row[0] not in (1, 2)
    ]
    for row in after[1:3]:
        assert row[1:4] == before[row[0]][1:4]  # event, time and place in the list
        assert set(row[4:]) == {None}


@pytest.mark.parametrize(
    "part",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"actor":7,"case":[],"size_classes":[1,2]}',
        b"[" * 9999,
    ],
)
def test_what_is_no_entry_has_no_facts(part: bytes) -> None:
    found = log_index.row_of(StoredEntry(part, b"", part, b"", part, b""))
    assert all(value in (None, "", False) for value in found.values())


def test_names_that_look_like_numbers_stay_text(
    database: Database, log: Callable[..., None]
) -> None:
    log(Event.EXPORT, {"records": True, "what": "x", "peer": "", "case": None})
    (row,) = rows(database)
    named = dict(zip(table.c.keys(), row, strict=True))
    assert (named["number"], named["peer"], named["what"]) == (None, None, "x")
