"""Exports, erasing by session and agreement, sums of the ledger: on both databases."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa

from psihash import errors
from psihash.storage import kept, tables_followup
from psihash.storage.agreements import AgreementStore
from psihash.storage.database import Database
from psihash.storage.exports import ExportRow, ExportStore
from psihash.storage.kept import Figure, KeepingStore
from psihash.storage.ledger import Charge, CollectionTotals, LedgerStore
from psihash.storage.schema import metadata
from psihash.storage.sessions import SessionRow, SessionStore
from psihash.terms import AlgorithmId, CollectionKind, Rung, SessionRole

from .lists import LATER, NOW

EARLY = "2025-12-01T00:00:00.000Z"
SESSION = SessionRow("5e", "nl", "a1", SessionRole.INITIATOR, "accepted", Rung.ITEMS, "ecdh/1", NOW)


@pytest.fixture
def sessions(database: Database) -> SessionStore:
    store = SessionStore(database)
    store.add(SESSION)
    store.add(replace(SESSION, id="6f", agreement="a2", opened=EARLY))
    return store


# --- exports -------------------------------------------------------------------------------------


def test_exports_are_registered_and_found(database: Database, sessions: SessionStore) -> None:
    exports = ExportStore(database)
    first = ExportRow("5e", "nl", NOW, "vics", "hits.json", 7, "ann")
    second = replace(first, session="6f", peer="de", time=LATER, path="a;'b\"c\n.csv", records=0)
    numbers = [exports.add(row) for row in (first, second)]
    assert len(set(numbers)) == 2
    kept_first, kept_second = (
        replace(row, id=number) for row, number in zip((first, second), numbers, strict=True)
    )
    assert exports.all() == [kept_second, kept_first]
    assert exports.all(session="5e") == [kept_first]
    assert exports.all(peer="de") == exports.all(since=LATER) == [kept_second]
    assert exports.all(session="77") == []


# --- erasing -------------------------------------------------------------------------------------


def _fill(database: Database, session: str) -> None:
    """A row about the session in every table that has such rows."""
    with database.transaction() as connection:
        for table in metadata.sorted_tables:
            if "session" not in table.c:
                continue
            connection.execute(
                table.insert().values(
                    {
                        column.name: session if column.name == "session" else _value(column)
                        for column in table.c
                        if column.name != "id" or isinstance(column.type, sa.Text)
                    }
                )
            )


def _value(column: sa.Column[object]) -> object:
    match column.type:
        case sa.Boolean():
            return True
        case sa.Integer():
            return 1
        case sa.LargeBinary():
            return b"sealed"
    return "a1" if column.name == "agreement" else f"word of {column.name}"


def _tables_about(database: Database, session: str) -> set[str]:
    with database.reading() as connection:
        return {
            table.name
            for table in metadata.sorted_tables
            if "session" in table.c
            and connection.execute(table.select().where(table.c.session == session)).first()
        }


def test_an_erased_session_leaves_numbers_only(database: Database, sessions: SessionStore) -> None:
    keeping = KeepingStore(database)
    _fill(database, "5e")
    assert {"session_keys", "session_blobs", "follow_ups"} <= _tables_about(database, "5e")
    assert [row.id for row in keeping.kept()] == ["6f", "5e"]
    keeping.erase_session("5e", LATER, [Figure("5e", "matched", "", 12)])
    assert _tables_about(database, "5e") <= kept.OUTLIVING
    assert [row.id for row in keeping.kept()] == ["6f"]
    assert sessions.get("5e").erased == LATER
    assert keeping.figures(["5e", "6f"])[-1] == Figure("5e", "matched", "", 12)
    keeping.erase_session("5e", "2027-01-01T00:00:00Z", [Figure("5e", "matched", "", 0)])
    assert sessions.get("5e").erased == LATER
    assert keeping.figures(["5e"])[-1].number == 12


def test_what_outlives_a_session_holds_nothing_of_it() -> None:
    """A table that is to outlive sessions is looked at by a person first: here."""
    columns = {
        "charges": "session opaque_id algorithm peer agreement elements runs time",
        "exports": "id session peer time format path records actor",
        "kept_figures": "id session kind outcome seconds number",
        # What the log says, and as long as the log says it.
        "log_index": "seq event time registers session peer agreement request operator approver "
        "purpose case_reference rung role code what recipient handling number own_class "
        "peer_class",
    }
    assert set(columns) == kept.OUTLIVING
    for name, names in columns.items():
        assert set(metadata.tables[name].c.keys()) == set(names.split())
    assert tables_followup.follow_ups.name not in kept.OUTLIVING


def test_an_erasure_that_fails_erases_nothing(database: Database, sessions: SessionStore) -> None:
    _fill(database, "5e")
    before = _tables_about(database, "5e")

    def fail() -> None:
        with database.transaction():
            KeepingStore(database).erase_session("5e", LATER, [])
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    assert _tables_about(database, "5e") == before
    assert sessions.get("5e").erased is None


def test_figures_of_a_kind_are_replaced(database: Database, sessions: SessionStore) -> None:
    keeping = KeepingStore(database)
    keeping.remember("5e", [Figure("5e", "matched", "", 3)])
    keeping.remember(
        "5e", [Figure("5e", "hit", "confirmed", 2), Figure("5e", "hit", "rejected", 1)]
    )
    keeping.remember("5e", [Figure("5e", "matched", "", 4, 60)])
    keeping.remember("5e", [])
    assert keeping.figures(["5e"]) == [
        Figure("5e", "hit", "confirmed", 2),
        Figure("5e", "hit", "rejected", 1),
        Figure("5e", "matched", "", 4, 60),
    ]
    assert keeping.figures(["none"] * 1200) == []


def test_the_names_behind_pseudonyms_go(database: Database) -> None:
    agreements, keeping = AgreementStore(database), KeepingStore(database)
    for name in ("a1", "a2"):
        agreements.add(name, "nl", b"terms", "open", NOW)
        agreements.offer(name, f"c-{name}", "case 7", CollectionKind.CASE)
    assert keeping.committed() == ["a1", "a2"]
    assert keeping.forget_names("a1") == 1
    assert keeping.committed() == ["a2"]
    assert agreements.offered("a1") == []


def test_evidence_goes_with_its_time(database: Database, sessions: SessionStore) -> None:
    sessions.close("5e", "aborted", "settled-aborted", NOW, b"evidence")
    keeping = KeepingStore(database)
    assert keeping.forget_evidence(NOW) == 0
    assert keeping.forget_evidence(LATER) == 1
    assert sessions.get("5e").summary is None
    assert keeping.forget_evidence(LATER) == 0


# --- the ledger ----------------------------------------------------------------------------------

CHARGE = Charge("5e", "nl", "a1", "op1", AlgorithmId.MD5, 64, 2, NOW)


def test_sums_by_collection_and_runs(database: Database) -> None:
    ledger = LedgerStore(database)
    ledger.charge(CHARGE)
    ledger.charge(replace(CHARGE, opaque_id="op2", elements=128))
    ledger.charge(replace(CHARGE, algorithm=AlgorithmId.SHA1, elements=32, runs=1))
    ledger.charge(replace(CHARGE, session="6f", time=LATER, elements=256))
    ledger.charge(replace(CHARGE, session="77", agreement="a2"))
    assert ledger.by_collection("a1", NOW) == [
        CollectionTotals("op1", 2, 5, 352),
        CollectionTotals("op2", 1, 2, 128),
    ]
    assert ledger.by_collection("a1", LATER) == [CollectionTotals("op1", 1, 2, 256)]
    # md5 and sha1 of one session, md5 of the other: 2 + 1 + 2, however many collections.
    assert ledger.runs("a1", NOW) == 5
    assert ledger.runs("a1", "2027-01-01T00:00:00Z") == 0
    assert ledger.oldest("a1", NOW) == (NOW, 224)
    assert ledger.oldest("a1", LATER) == (LATER, 256)
    assert ledger.oldest("a3", NOW) is None


BUDGET = 3
CONTENDERS = 8


def _accept(database: Database, session: str, lock: bool) -> bool:
    """What an acceptance does: lock, add up, charge what is within the budget."""
    ledger = LedgerStore(database)
    with database.transaction():
        if lock:
            AgreementStore(database).lock("a1")
        used = ledger.totals(EARLY, agreement="a1").sessions
        time.sleep(0.02)  # the others come in between, if they can
        if used >= BUDGET:
            return False
        ledger.charge(replace(CHARGE, session=session))
        return True


def _race(reopen: Callable[[], Database], *, lock: bool) -> int:
    databases = [reopen() for _ in range(CONTENDERS)]
    barrier, accepted = threading.Barrier(CONTENDERS), list[bool]()

    def run(number: int) -> None:
        barrier.wait()
        accepted.append(_accept(databases[number], f"s{number}", lock))

    threads = [threading.Thread(target=run, args=(n,)) for n in range(CONTENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(accepted) == CONTENDERS
    return sum(accepted)


def test_a_budget_is_not_overspent_by_acceptances_at_once(
    database: Database, reopen: Callable[[], Database]
) -> None:
    AgreementStore(database).add("a1", "nl", b"terms", "open", NOW)
    assert _race(reopen, lock=True) == BUDGET
    assert LedgerStore(database).totals(EARLY, agreement="a1").sessions == BUDGET


def test_without_the_lock_it_would_be(database: Database, reopen: Callable[[], Database]) -> None:
    """The test above tests something: PostgreSQL lets the others in."""
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time, lock or not")
    AgreementStore(database).add("a1", "nl", b"terms", "open", NOW)
    assert _race(reopen, lock=False) > BUDGET


def test_other_agreements_do_not_wait(database: Database, reopen: Callable[[], Database]) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    agreements = AgreementStore(database)
    for name in ("a1", "a2"):
        agreements.add(name, "nl", b"terms", "open", NOW)
    done = threading.Event()
    other = reopen()

    def lock_other() -> None:
        with other.transaction():
            AgreementStore(other).lock("a2")
            done.set()

    with database.transaction():
        agreements.lock("a1")
        thread = threading.Thread(target=lock_other)
        thread.start()
        assert done.wait(5)
    thread.join()


def test_a_lock_that_is_not_given_says_so(store_url: str, database: Database) -> None:
    AgreementStore(database).add("a1", "nl", b"terms", "open", NOW)
    with Database.open(store_url, busy_timeout=0.2) as second, database.transaction():
        AgreementStore(database).lock("a1")
        with pytest.raises(errors.StorageError) as caught, second.transaction():
            AgreementStore(second).lock("a1")
    assert caught.value.code == "store-locked"
