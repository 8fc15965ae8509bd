"""What was asked, decided and written about a session ends with it: in the inbox, in the outbox, in
the rows, and as words in the log. A full copy of the store and its files holds nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from psihash import errors
from psihash.agreement.decision import parse_decision
from psihash.casework.corrections import NoticeAnswer
from psihash.casework.states import Step
from psihash.casework.words import Action, HitVerdict, Outcome, Reason
from psihash.identity.fingerprints import format_fingerprint
from psihash.node.casework import case_documents, corrections, followup_views, followups, hits, said
from psihash.node.home import opening
from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.node.peering import peers
from psihash.node.people import requests
from psihash.node.people.login import logout
from psihash.node.records import retention, sealed
from psihash.storage.requests import RequestRow, RequestState
from psihash.terms import AlgorithmId, Rung
from tests.node import crew, ladder
from tests.node.crew import act, employ
from tests.node.keeping import SetClock, everything, places_of
from tests.session.nodes import Homes, carry, meet, refused_codes, row
from tests.storage.conftest import postgres_url  # noqa: F401 - a fixture

MD5 = AlgorithmId.MD5
COUNT, SERIES, ITEMS, RECORDS = Rung
DIGEST = row(20, [MD5]).digests[0].raw.hex()
TYPED = {
    "hit": "Koen Vermeer herkend",
    "facts": "Straatlantaarn in Almere",
    "answer": "Het slachtoffer heet Merel",
    "notice": "Verwisseld met dossier Iris",
    "resolved": "Uit dossier Jonkvrouw gehaald",
    "outcome": "Aangehouden in Steenwijk",
    "held": "Nog niets over Oldenzaal",
}
"""Texts that people type, each in another place."""
REASON = "Dringend wegens Zwolle"
"""Why an approver said yes: the log keeps that as long as it keeps anything."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    crew.quick(monkeypatch)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Homes:
    return Homes.make(tmp_path_factory.mktemp("homes"))


@pytest.fixture(params=["sqlite", "postgresql"])
def two(
    request: pytest.FixtureRequest, homes: Homes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Node, Node]]:
    """The first keeps its store in the one or the other database."""
    one, other = homes.open(tmp_path)
    if request.param == "postgresql":
        from tests.storage.conftest import _without_tables

        url = _without_tables(request.getfixturevalue("postgres_url"))
        card, ring = (other.home / "card.json").read_bytes(), one.keys
        one.close()
        with monkeypatch.context() as patch:
            patch.setenv("PSIHASH_STORE", url.replace("postgresql://", "postgresql+psycopg://"))
            one = opening.open_node(one.home)
        (one.home / "psihash.db").unlink()  # of the copied home; this node's store is elsewhere
        one.__dict__["keys"] = ring
        peers.add(one, card, format_fingerprint(other.card.fingerprint))
        one.log.checkpoint()
    yield one, other
    for node in (one, other):
        node.close()


@dataclass
class Worked:
    """A session with all that can follow from one, on both sides; some of it has not left."""

    one: Node
    other: Node
    clock: SetClock
    count: str
    session: str


@pytest.fixture
def worked(two: tuple[Node, Node]) -> Worked:
    one, other = two
    clock = SetClock()
    for node in two:
        node.clock = clock
    ladder.fill(two)
    agreement = ladder.agreed(two, {"items": "person"}, rung=ITEMS)
    employ(one)
    assert carry(*two) == []
    act(one, "ann")
    (count,) = ladder.climb(two, agreement, COUNT)
    with pytest.raises(errors.StateError):
        ladder.step(two, agreement, ITEMS, count)
    decide_all(one)
    assert refused_codes(ladder.step(two, agreement, ITEMS, count))[1] == "approval-pending"
    ladder.approve_all(other)
    session = ladder.step(two, agreement, ITEMS, count).results()[0].session
    for node in two:
        hits.decide(node, session, (), HitVerdict.CONFIRMED, TYPED["hit"], everything=True)
    asked = followups.request(one, drafted(session))
    theirs = followups.request(other, drafted(session))
    decide_all(one)
    assert carry(*two) == []
    followups.say(other, asked.id, Step.GRANTED, TYPED["answer"])
    came = corrections.notify(other, [DIGEST], "", Reason.WRONG, TYPED["notice"]).notices[0]
    assert carry(*two) == []
    followups.set_outcome(one, asked.id, Outcome.LEAD, TYPED["outcome"])
    corrections.resolve(one, came.correction, Action.REMOVED, TYPED["resolved"])
    # From here on the other side is out of reach: an answer and a notice that were let go, and an
    # answer that nobody decides.
    followups.say(one, theirs.id, Step.NOT_AVAILABLE, TYPED["answer"])
    corrections.notify(
        one, [row(21, [MD5]).digests[0].raw.hex()], "", Reason.ERASED, TYPED["notice"]
    )
    decide_all(one)
    followups.say(one, theirs.id, Step.MORE_INFORMATION, TYPED["held"])
    logout(one)
    waiting = [each for each in one.stores.outbox.waiting() if each.kind.startswith("case:")]
    assert len(waiting) >= 3
    return Worked(one, other, clock, count.session, session)


def drafted(session: str) -> followups.Draft:
    from psihash.casework.words import Urgency

    return followups.Draft(
        session=session, hits=(), everything=True, facts=TYPED["facts"], reasons="they matched",
        offence="abuse", urgency=Urgency.URGENT, urgency_reason="it goes on",
    )  # fmt: skip


def decide_all(node: Node) -> None:
    act(node, "apo")
    assert ladder.approve_all(node, REASON)
    act(node, "ann")


def erased(worked: Worked) -> None:
    worked.clock.forward(days=366)
    for node in (worked.one, worked.other):
        assert retention.erase_due(node) == 2


def signatures_of(row: RequestRow) -> Iterator[bytes]:
    """What names a question and its answer like nothing else."""
    request = requests.body(row)
    if request.by_operator:
        yield request.signature
    if row.decision is not None:
        yield parse_decision(row.decision).signature


def test_a_full_copy_holds_nothing_that_was_asked_or_written(worked: Worked) -> None:
    one, other = worked.one, worked.other
    bodies = [each.body for each in one.stores.outbox.waiting()]
    kinds = {each.kind for each in requests.inbox(one, everything=True)}
    assert {"session", "follow-up", "correction"} <= kinds
    asked = [each for each in one.stores.requests.all() if each.kind != "operator"]
    assert REASON in {each.reason for each in asked}
    signatures = [
        signature
        for each in asked
        if each.kind in ("session", "follow-up", "correction")
        for signature in signatures_of(each)
    ]
    assert places_of(one, signatures[0])
    erased(worked)
    for node in (one, other):
        for word in TYPED.values():
            assert places_of(node, word.encode()) == set(), word
        assert [each for each in node.stores.outbox.waiting() if each.kind[:5] == "case:"] == []
        kept = {each.kind for each in node.stores.requests.all()}
        assert not kept & {"session", "follow-up", "correction"}
        assert auditing.verify(node)["ok"]
    # The approver's reasons stand in the log and nowhere else.
    assert places_of(one, REASON.encode()) - {"psihash.db", "psihash.db-wal"} == {"log_entries"}
    for body in bodies:
        if b'"type":"sealed/1"' in body:
            assert places_of(one, body[300:340]) == set()
    # Nor does a question or its decision, by whom or about what it may be.
    assert signatures
    for signature in signatures:
        assert places_of(one, signature) == set()


def test_nothing_goes_before_its_time(worked: Worked) -> None:
    one = worked.one
    before = len(one.stores.outbox.waiting()), len(one.stores.requests.all())
    worked.clock.forward(days=364)
    assert retention.erase_due(one) == 0
    assert (len(one.stores.outbox.waiting()), len(one.stores.requests.all())) == before


def test_the_log_has_no_word_that_a_person_typed_about_hits(worked: Worked) -> None:
    """While everything is still there, and however the log is shown."""
    for node in (worked.one, worked.other):
        logged = b"".join(data for where, data in everything(node) if where == "log_entries")
        assert not [word for word in TYPED.values() if word.encode() in logged]
        shown = str(auditing.show(node))
        assert not [word for word in TYPED.values() if word in shown]


def test_who_has_the_words_can_hold_them_against_the_log(worked: Worked) -> None:
    one, session = worked.one, worked.session
    (decided,) = ladder.entries(one, "hit-decided")
    mine = said.logged(one, session, "hits", TYPED["hit"])
    assert decided["local"][said.LOGGED] == mine[said.LOGGED]
    assert said.logged(one, session, "hits", "altered") != mine
    assert said.logged(worked.other, session, "hits", TYPED["hit"]) != mine, "a key of our own"
    (outcome,) = [
        entry["local"] for entry in ladder.entries(one, "follow-up")
        if entry["local"]["step"] == "outcome"
    ]  # fmt: skip
    text = said.read(one, session, outcome["document"])
    assert text == TYPED["outcome"]
    expected = sealed.mac(one, session, "said:" + outcome["document"], text.encode())
    assert outcome[said.LOGGED] == expected
    (resolved,) = [
        entry["local"] for entry in ladder.entries(one, "correction")
        if entry["local"]["step"] == "removed"
    ]  # fmt: skip
    view = corrections.view(one, corrections.find(one, resolved["document"]))
    assert corrections.resolution_of(one, view) == TYPED["resolved"]
    assert said.LOGGED in resolved
    act(one, "ann")
    assert followup_views.show(one, outcome["document"])["note"] == TYPED["outcome"]


def test_a_question_about_a_session_that_never_came_ends_too(worked: Worked) -> None:
    """With the agreement, which is over by then."""
    one, other = worked.one, worked.other
    agreement = one.stores.sessions.get(worked.session).agreement
    from psihash.node.agreeing import documents

    act(one, "ann")
    with pytest.raises(errors.StateError):
        meet(one, other, documents.load(one, agreement), ITEMS, engine=ladder.ECDH)
    (asked,) = [
        each for each in one.stores.requests.all(RequestState.PENDING) if each.kind == "session"
    ]
    assert asked.session is None
    worked.clock.forward(days=364)
    retention.erase_due(one)
    assert one.stores.requests.find(asked.id) is not None
    erased(worked)
    assert one.stores.requests.find(asked.id) is None


def test_a_document_that_nobody_can_deliver_does_not_wait_for_ever(worked: Worked) -> None:
    """An answer to a notice about a session that is erased: there is nothing that it could end
    with."""
    one = worked.one
    erased(worked)
    notice = corrections.find(one, one.stores.corrections.all()[0].id)
    answer = case_documents.sign(
        one,
        NoticeAnswer(
            **case_documents.heading(one, "be-police"), notice=notice.id, action=Action.KEPT,
            text=("x",), role="analyst",
        ),
    )  # fmt: skip
    case_documents.post(one, answer, None)
    worked.clock.forward(days=366)
    retention.erase_due(one)
    assert one.stores.outbox.waiting()
    worked.clock.forward(days=1)
    retention.erase_due(one)
    assert [each for each in one.stores.outbox.waiting() if each.kind[:5] == "case:"] == []


def test_a_notice_of_several_sessions_ends_with_the_last(two: tuple[Node, Node]) -> None:
    one, _ = two
    clock = SetClock()
    for node in two:
        node.clock = clock
    ladder.fill(two)
    agreement = ladder.agreed(two, rung=ITEMS)
    (first,) = ladder.climb(two, agreement, ITEMS)
    clock.forward(days=30)
    (second,) = ladder.climb(two, agreement, ITEMS)
    (made,) = corrections.notify(one, [DIGEST], "", Reason.WRONG, "wrong").notices
    assert set(made.hits) == {first.session, second.session}
    waits: Callable[[], int] = lambda: sum(  # noqa: E731 - asked three times
        each.kind == f"case:{made.correction}" for each in one.stores.outbox.waiting()
    )
    clock.forward(days=336)
    assert (retention.erase_due(one), waits()) == (1, 1)
    clock.forward(days=30)
    assert (retention.erase_due(one), waits()) == (1, 0)
