"""When retention ends: what is erased, what stays, and that nothing of a session can be opened."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from psihash import errors
from psihash.audit.event import Event
from psihash.hashset.model import Category, Dialect, Verdict
from psihash.identity import sealing
from psihash.identity.fingerprints import format_fingerprint
from psihash.node.agreeing import agreements, documents
from psihash.node.home import opening
from psihash.node.lists import holdings
from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.node.peering import peers
from psihash.node.records import exporting, exports, log_retention, retention, sealed, statistics
from psihash.node.running import sessions
from psihash.session.row_state import RowState
from psihash.storage.leases import LeaseStore
from psihash.terms import AlgorithmId, Rung
from tests.node.keeping import SetClock, everything, places_of
from tests.session.lists import digest
from tests.session.needles import Needles
from tests.session.nodes import Homes, agree, hold, meet, row
from tests.storage.conftest import postgres_url  # noqa: F401 - a fixture

ALGORITHMS = (AlgorithmId.MD5, AlgorithmId.SHA1)
SERIES = {"nl-police": "Vuurtoren-serie", "be-police": "Zonnebloem-reeks"}
OURS, THEIRS = range(40), range(20, 60)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Homes:
    return Homes.make(tmp_path_factory.mktemp("homes"))


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


Two = tuple[Node, Node]


@pytest.fixture
def open_two(homes: Homes, tmp_path: Path, clock: SetClock) -> Iterator[Callable[[], Two]]:
    opened: list[Node] = []

    def open_them() -> Two:
        opened.extend(homes.open(tmp_path))
        _stock(opened, clock)
        return opened[0], opened[1]

    yield open_them
    for node in opened:
        node.close()


def _stock(nodes: list[Node], clock: SetClock) -> None:
    for node, numbers in zip(nodes, (OURS, THEIRS), strict=True):
        node.clock = clock
        verdict = Verdict(
            category=Category(Dialect.US, "1"),
            victim_identified=True,
            series=(SERIES[node.agency],),
            source="analyst Janssen",
        )
        hold(node, f"map {node.agency}", [row(n, ALGORITHMS, verdict) for n in numbers])


@pytest.fixture
def two(open_two: Callable[[], Two]) -> Two:
    return open_two()


def met(two: Two, rung: Rung = Rung.RECORDS, **more: Any) -> str:
    """A completed session; its id."""
    names = [f"map {node.agency}" for node in two]
    agreement = agree(*two, [names[0]], [names[1]], rung=rung, algorithms=ALGORITHMS, **more)
    first, _ = meet(*two, agreement, rung).results()
    return first.session


def needles() -> Needles:
    return Needles.of(
        (name, digest(name, number)) for name in ALGORITHMS for number in {*OURS, *THEIRS}
    )


def events(node: Node, event: str) -> list[dict[str, object]]:
    return [each["local"] for each in auditing.show(node) if each["event"] == event]


# --- nothing of a session can be found -----------------------------------------------------------


def end(two: Two, clock: SetClock) -> None:
    """Both sides erase their collections (which revokes), and a year later retention is over."""
    for node in two:
        holdings.remove_collection(node, f"map {node.agency}", force=True)
    clock.forward(days=366)
    for node in two:
        assert len(retention.carry_out(node).sessions) == 1


def secrets_of(node: Node, session: str) -> list[bytes]:
    """The session's key, sealed and open, and the beginning of each sealed blob."""
    store = node.stores.sessions
    sealed_key = store.key(session)
    blobs = [store.blob(session, name) for name in store.blob_names(session)]
    assert {sealed.RESULT, sealed.SNAPSHOT, sealed.RESULT_KEY} <= set(store.blob_names(session))
    result_key = sealed.get(node, session, sealed.RESULT_KEY)
    assert result_key is not None
    opened = sealed._key(node, session)
    return [opened, sealed_key[:24], result_key[:32], *(blob[:24] for blob in blobs if blob)]


def check_nothing_is_left(node: Node, peer: Node, session: str, secrets: list[bytes]) -> None:
    words = [name.encode() for name in (*SERIES.values(), "analyst Janssen")]
    wanted = needles()
    for where, data in everything(node):
        assert not wanted.found_in(data), where
        assert not [word for word in words if word in data], where
    for secret in secrets:
        assert places_of(node, secret) == set()
    row_ = node.stores.sessions.get(session)
    assert row_.erased is not None
    with pytest.raises(errors.StateError) as caught:
        sealed.get(node, session, sealed.RESULT) or node.stores.sessions.key(session)
    assert caught.value.code == "session-erased"
    # No name of ours stands beside a pseudonym any more, in whatever order.
    own = f"map {node.agency}".encode()
    pseudonyms = [
        each.id.encode()
        for loaded in [documents.load(node, row_.agreement)]
        for annex in [loaded.annex(node.agency)]
        if annex is not None
        for each in annex.collections
    ]
    assert pseudonyms
    for where, data in everything(node):
        if where not in ("psihash.db", "psihash.db-wal"):
            assert not (own in data and any(name in data for name in pseudonyms)), where
    assert f"map {peer.agency}".encode() not in b"".join(data for _, data in everything(node))


def test_a_full_copy_after_erasure_holds_nothing_of_the_session(
    two: Two, clock: SetClock, tmp_path: Path
) -> None:
    session = met(two)
    exporting.write(two[0], session, "vics", tmp_path / "hits.json")
    secrets = [secrets_of(node, session) for node in two]
    for node in two:
        found = [where for where, data in everything(node) if needles().found_in(data)]
        assert {"psihash.db", "items"} & set(found)  # the search finds what is there
        assert places_of(node, secrets[two.index(node)][1])
    end(two, clock)
    for number, node in enumerate(two):
        check_nothing_is_left(node, two[1 - number], session, secrets[number])
        assert auditing.verify(node)["ok"]
    # What outlives it says no more than that there was something.
    (exported,) = exports.exports_of(two[0], session)
    assert (exported.format, exported.path) == ("vics", str(tmp_path / "hits.json"))
    assert sessions.show(two[0], session)[1] is None
    with pytest.raises(errors.PsihashError):
        exporting.write(two[0], session, "vics", tmp_path / "again.json")


def test_the_same_on_postgresql(
    request: pytest.FixtureRequest,
    homes: Homes,
    tmp_path: Path,
    clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tests.storage.conftest import _without_tables

    url = _without_tables(request.getfixturevalue("postgres_url"))
    one, first = homes.open(tmp_path)
    card = (one.home / "card.json").read_bytes()
    first.close()
    with monkeypatch.context() as patch:
        patch.setenv("PSIHASH_STORE", url.replace("postgresql://", "postgresql+psycopg://"))
        other = opening.open_node(first.home)
    other.__dict__["keys"] = first.keys
    peers.add(other, card, format_fingerprint(one.card.fingerprint))
    other.log.checkpoint()
    nodes = (one, other)
    try:
        _stock(list(nodes), clock)
        session = met(nodes)
        secrets = secrets_of(other, session)
        assert any(
            needles().found_in(data) for where, data in everything(other) if where == "items"
        )
        end(nodes, clock)
        (other.home / "psihash.db").unlink()  # of the copied home; this node's store is elsewhere
        check_nothing_is_left(other, one, session, secrets)
        assert auditing.verify(other)["ok"]
    finally:
        for node in nodes:
            node.close()


# --- what is due, and what is not ----------------------------------------------------------------


def test_a_result_is_kept_for_as_long_as_was_agreed(two: Two, clock: SetClock) -> None:
    session = met(two, Rung.ITEMS)
    node = two[0]
    clock.forward(days=364, hours=23)
    plan = retention.plan(node)
    assert (plan.sessions, plan.agreements) == ((), ())
    assert [due.session for due in plan.following] == [session]
    assert retention.erase_due(node) == 0
    clock.forward(hours=1)
    plan = retention.plan(node)
    assert [due.session for due in plan.sessions] == [session]
    assert plan.following == ()
    assert sessions.result(node, session).matched_items == 20  # a plan changes nothing
    assert retention.erase_due(node) == 1
    assert retention.erase_due(node) == 0
    (entry,) = events(node, "erasure")[:1]
    assert (entry["session"], entry["what"], entry["reason"]) == (session, "result", "retention")


def test_commitments_stay_while_anything_under_the_agreement_does(
    two: Two, clock: SetClock
) -> None:
    session = met(two, Rung.ITEMS)
    node = two[0]
    agreement = node.stores.sessions.get(session).agreement
    clock.forward(days=200)
    agreements.revoke(node, agreement, "a test")
    assert retention.plan(node).agreements == ()
    retention.carry_out(node)
    assert node.stores.keeping.committed() == [agreement]
    clock.forward(days=200)
    assert retention.plan(node).agreements == (agreement,)
    done = retention.carry_out(node)
    assert ([due.session for due in done.sessions], done.agreements) == ([session], (agreement,))
    assert node.stores.keeping.committed() == []
    assert [each["what"] for each in events(node, "erasure")] == ["result", "commitments"]
    assert retention.plan(node).agreements == ()
    assert auditing.verify(node)["ok"]


def test_an_agreement_that_nobody_used_loses_its_names_too(two: Two, clock: SetClock) -> None:
    names = [f"map {node.agency}" for node in two]
    agreement = agree(*two, [names[0]], [names[1]], valid_days=30)
    clock.forward(days=29)
    assert retention.plan(two[0]).agreements == ()
    clock.forward(days=2)
    assert retention.carry_out(two[0]).agreements == (agreement.id,)
    assert two[0].stores.agreements.offered(agreement.id) == []


def test_a_session_in_doubt_does_not_stay_for_ever(two: Two, clock: SetClock) -> None:
    session = met(two, Rung.ITEMS)
    node = two[0]
    with node.stores.database.transaction() as connection:
        connection.exec_driver_sql(
            f"UPDATE sessions SET state = 'settling', closed = NULL, outcome = NULL"
            f" WHERE id = '{session}'"
        )
    clock.forward(days=364)
    assert retention.erase_due(node) == 0
    clock.forward(days=1)
    assert retention.erase_due(node) == 1
    after = node.stores.sessions.get(session)
    assert (after.state, after.outcome) == (RowState.ABORTED, retention.RETENTION_ENDED)


def test_a_session_under_way_is_left_alone(two: Two, clock: SetClock) -> None:
    session = met(two, Rung.ITEMS)
    node = two[0]
    with node.stores.database.transaction() as connection:
        connection.exec_driver_sql(
            f"UPDATE sessions SET state = 'running', closed = NULL WHERE id = '{session}'"
        )
    clock.forward(days=4000)
    assert retention.plan(node).sessions == ()
    assert retention.erase_due(node) == 0


def test_no_erasure_without_its_entry(
    two: Two, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = met(two, Rung.ITEMS)
    node = two[0]
    clock.forward(days=366)

    def fail(*_: object, **__: object) -> None:
        raise errors.StorageError("disk-full", "the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Node, "record", fail)
        with pytest.raises(errors.StorageError):
            retention.erase_due(node)
    assert node.stores.sessions.get(session).erased is None
    assert sessions.result(node, session).matched_items == 20


def test_a_damaged_result_is_erased_all_the_same(two: Two, clock: SetClock) -> None:
    session = met(two, Rung.ITEMS)
    node = two[0]
    node.stores.sessions.put_blob(session, sealed.RESULT, b"\0" * 100)
    clock.forward(days=366)
    assert retention.erase_due(node) == 1
    assert node.stores.sessions.blob_names(session) == []


def test_statistics_are_the_same_before_and_after(two: Two, clock: SetClock) -> None:
    met(two, Rung.ITEMS)
    node = two[0]
    before = statistics.collect(node, internal=True)
    clock.forward(days=366)
    retention.carry_out(node)
    after = statistics.collect(node, internal=True)
    assert after.rows == before.rows
    assert [(cell.group, cell.what, cell.count) for cell in after.rows[0].cells] == [
        ("sessions", "items, completed", 1),
        ("matched items", "all", 20),
    ]


# --- the log -------------------------------------------------------------------------------------


def bodies(node: Node) -> list[int]:
    """The numbers of the entries whose parts are still there."""
    size = node.stores.log.head().size
    return [
        number
        for number, stored in enumerate(node.stores.log.entries(0, size))
        if stored.local is not None
    ]


def test_old_bodies_go_and_the_log_still_verifies(two: Two, clock: SetClock) -> None:
    met(two, Rung.ITEMS)
    node = two[0]
    size = node.stores.log.head().size
    clock.forward(days=1094)
    retention.carry_out(node)  # the result, the commitments; no bodies yet
    assert len(bodies(node)) == node.stores.log.head().size == size + 2
    assert auditing.verify(node)["erased_bodies"] == 0
    clock.forward(days=2)
    plan = retention.plan(node).log
    done = retention.carry_out(node).log
    assert plan.ranges == done.ranges == ((0, size),)
    assert bodies(node) == [size, size + 1, size + 2]
    verified = auditing.verify(node)
    assert (verified["ok"], verified["erased_bodies"]) == (True, size)
    told = events(node, "erasure")
    assert told[-1]["ranges"] == [[0, size]]
    assert told[-1]["entries"] == size
    # What tells of erased bodies is never erased itself: else nobody could tell theft from rule.
    clock.forward(days=2000)
    retention.carry_out(node)
    assert bodies(node) == [size + 2, size + 3]
    assert auditing.verify(node)["erased_bodies"] == size + 2
    assert node.log.checkpoint()


def test_names_and_reasons_are_gone_with_the_bodies(two: Two, clock: SetClock) -> None:
    met(two, Rung.ITEMS, case="ZAAK-4711")
    node = two[0]
    assert places_of(node, b"ZAAK-4711") >= {"log_entries"}
    clock.forward(days=1500)
    retention.carry_out(node)
    # The agreement itself is a signed document, kept with both signatures.
    assert "log_entries" not in places_of(node, b"ZAAK-4711")


def test_entries_of_what_is_kept_are_kept(two: Two, clock: SetClock) -> None:
    """A log period shorter than the retention of results and the life of the agreement."""
    session = met(two, Rung.ITEMS)
    node = two[0]
    node.settings = dataclasses.replace(node.settings, log_retention_days=30)
    agreement = node.stores.sessions.get(session).agreement

    def named(facts: dict[str, object] | None) -> bool:
        return facts is not None and (
            facts.get("session") == session or facts.get("agreement") == agreement
        )

    about = [e["seq"] for e in auditing.show(node) if named(e["shared"]) or named(e["local"])]
    size = node.stores.log.head().size
    clock.forward(days=31)
    plan = retention.plan(node).log
    assert plan.kept == len(about) < size
    retention.carry_out(node)
    assert bodies(node) == [*about, size]
    assert auditing.verify(node)["erased_bodies"] == size - len(about)
    clock.forward(days=366)
    retention.carry_out(node)
    assert not set(bodies(node)) & set(about)
    assert auditing.verify(node)["ok"]


@pytest.mark.parametrize("columns", ["local = NULL, local_blind = NULL", "local = NULL"])
def test_a_body_that_was_removed_by_hand_is_found(two: Two, clock: SetClock, columns: str) -> None:
    met(two, Rung.ITEMS)
    node = two[0]
    clock.forward(days=1500)
    retention.carry_out(node)
    last = bodies(node)[0]
    with node.stores.database.transaction() as connection:
        connection.exec_driver_sql(f"UPDATE log_entries SET {columns} WHERE seq = {last}")
    with pytest.raises(errors.VerificationError) as caught:
        auditing.verify(node)
    assert caught.value.code == ("body-missing" if "blind" in columns else "entry-changed")
    assert str(last) in caught.value.message


def test_an_entry_cannot_excuse_what_comes_after_it(two: Two) -> None:
    """Whoever may write to the log could announce the removal of bodies yet to come."""
    node = two[0]
    size = node.stores.log.head().size
    facts = {"what": "log", "reason": "log-retention", "ranges": [[size, size + 9]]}
    node.record(Event.ERASURE, facts)
    node.record(Event.INCIDENT, {"code": "something"})
    node.stores.log.erase_bodies([(size + 1, size + 2)])
    with pytest.raises(errors.VerificationError) as caught:
        auditing.verify(node)
    assert caught.value.code == "body-missing"


def test_the_log_is_looked_through_once_a_day(
    two: Two, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, looks = two[0], list[int]()
    monkeypatch.setattr(
        log_retention, "erase", lambda node: looks.append(node.stores.log.head().size)
    )
    for _ in range(48):
        retention.erase_due(node)
        clock.forward(minutes=30)
    assert len(looks) == 1
    retention.erase_due(node)
    assert len(looks) == 2
    assert isinstance(node.stores.leases, LeaseStore)


def test_no_key_of_the_node_opens_a_blob_whose_session_key_is_gone(
    two: Two, clock: SetClock
) -> None:
    """Even if a sealed blob had been copied in time."""
    session = met(two, Rung.ITEMS)
    node = two[0]
    copied = node.stores.sessions.blob(session, sealed.RESULT)
    assert copied is not None
    context = sealed._context(session, sealed.RESULT)
    assert sealing.open_sealed(sealed._key(node, session), copied, context)
    clock.forward(days=366)
    retention.carry_out(node)
    candidates = [node.keys.storage, node.storage_key("session-keys")]
    candidates += [node.storage_key(word) for word in ("commitment-seed", "result", session)]
    for key in candidates:
        with pytest.raises(errors.PsihashError):
            sealing.open_sealed(key, copied, context)
