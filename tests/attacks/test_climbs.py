"""A peer that climbs otherwise than agreed: other sets, skipped or replayed approvals, hidden hits.

The dishonest side is the product with one thing changed and with valid keys of its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psihash import canonical, errors
from psihash.agreement import session_approval
from psihash.agreement.decision import Verdict, decide
from psihash.agreement.request import RequestKind, SessionSubject, new_request
from psihash.agreement.session_approval import By, SessionApproval
from psihash.agreement.state import Agreement
from psihash.node.agreeing import documents
from psihash.node.node import Node
from psihash.node.people import rosters
from psihash.node.people.roles import RULE_ACTOR
from psihash.node.records import sealed
from psihash.node.running import climbing, sets
from psihash.node.running.desk import NodeDesk
from psihash.session import labels
from psihash.session import messages as m
from psihash.session.climb import Base
from psihash.session.initiator import Initiator
from psihash.session.ports import Claim, Permit, Proposal
from psihash.session.responder import Responder
from psihash.session.result import SessionResult
from psihash.terms import AlgorithmId, Rung, SessionRole
from tests.attacks.peers import altering, overriding
from tests.node import ladder, staff
from tests.node.ladder import Nodes, agreed, climb, fill, step
from tests.session.nodes import Homes, agree, carry, hold, refused_codes, row

COUNT, SERIES, ITEMS, RECORDS = Rung
MD5 = AlgorithmId.MD5


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Homes:
    return Homes.make(tmp_path_factory.mktemp("homes"))


@pytest.fixture
def two(homes: Homes, tmp_path: Path) -> Nodes:
    one, other = homes.open(tmp_path)
    fill((one, other))
    return one, other


# -- other sets ----------------------------------------------------------------------------------


class PresentSet(NodeDesk):
    """Says that it builds on an earlier session, and brings what it holds now."""

    def _own_set(
        self, agreement: Agreement, proposal: Proposal, session: str, base: Base | None
    ) -> Any:
        del session, base
        self._added = dict.fromkeys(proposal.algorithms, 0)
        return sets.own_set(self._node, agreement, proposal.algorithms, proposal.rung)


def test_a_climb_cannot_bring_another_set(two: Nodes) -> None:
    """Ten guesses more than at `count`: their root is not the one of then."""
    agreement = agreed(two)
    (count,) = climb(two, agreement, COUNT)
    hold(two[0], "ours", [row(number, (MD5,)) for number in range(30, 40)])
    meeting = step(two, agreement, ITEMS, count, desk=PresentSet)
    assert refused_codes(meeting) == ("peer-aborted", "roots-changed")
    assert [ladder.last_code(node) for node in two] == ["roots-changed"] * 2


def test_a_climb_cannot_take_the_set_of_another_session(two: Nodes) -> None:
    """The sets of two sessions, both shown before: each climb has the one that it names."""
    agreement = agreed(two)
    (first,) = climb(two, agreement, COUNT)
    hold(two[0], "ours", [row(number, (MD5,)) for number in range(30, 40)])
    (second,) = climb(two, agreement, COUNT)
    other = second.session

    class Swapping(NodeDesk):
        def _own_set(
            self, agreement: Agreement, proposal: Proposal, session: str, base: Base | None
        ) -> Any:
            receipt = bytes.fromhex(second.receipt)
            _, base = climbing.base_of(
                self._node, agreement, receipt, proposal.rung, proposal.algorithms
            )
            return super()._own_set(agreement, proposal, other, base)

    assert refused_codes(step(two, agreement, ITEMS, first, desk=Swapping))[1] == "roots-changed"
    step(two, agreement, ITEMS, first).results()
    step(two, agreement, ITEMS, second).results()


def test_a_longer_list_over_the_same_roots_is_no_climb(two: Nodes) -> None:
    agreement = agreed(two)
    (count,) = climb(two, agreement, COUNT)

    def longer(body: Any) -> Any:
        if isinstance(body, m.Offer):
            return replace(body, classes=(m.SetClass(MD5, 128),))
        return body

    before = ladder.charged(two[1])
    meeting = step(two, agreement, ITEMS, count, initiator=altering(Initiator, longer))
    assert refused_codes(meeting)[1] == "not-a-climb"
    assert ladder.charged(two[1]) == before


@pytest.mark.parametrize("role", SessionRole)
def test_hits_that_are_hidden_after_the_count_are_an_incident(
    two: Nodes, role: SessionRole
) -> None:
    """It learned at `count` how many there are, and keeps some to itself at `items`."""
    agreement = agreed(two)
    (count,) = climb(two, agreement, COUNT)

    class Withholding(NodeDesk):
        def prepare(self, proposal: Proposal, claim: Claim | None = None) -> Permit:
            permit = super().prepare(proposal, claim)
            own = permit.own.algorithms[MD5]
            tokens = np.array(own.tokens)
            tokens[: len(tokens) * 2 // 3] ^= 1
            algorithms = {MD5: replace(own, tokens=tokens)}
            return replace(permit, own=replace(permit.own, algorithms=algorithms), base=None)

    victim = 1 if role is SessionRole.INITIATOR else 0
    meeting = step(two, agreement, ITEMS, count, **{
        "desk" if role is SessionRole.INITIATOR else "answering_desk": Withholding
    })  # fmt: skip
    codes = refused_codes(meeting)
    assert codes[victim] == "count-changed"
    incident = ladder.entries(two[victim], "incident")[-1]["local"]
    assert incident["code"] == "count-changed"
    assert incident["previous"] == count.receipt
    assert [ladder.last_code(node) for node in two] == ["count-changed"] * 2
    assert not ladder.entries(two[victim], "disclosure")


# -- approvals -----------------------------------------------------------------------------------


def claiming(two: Nodes, make: Callable[[SessionApproval, bytes], bytes]) -> type[Initiator]:
    """An initiator that makes its approval another way."""

    def approval(self: Any) -> bytes:
        return make(self._allowed().approval, self.session)

    del two
    return overriding(Initiator, _own_approval=approval)


def signed_by(node: Node, **changes: Any) -> Callable[[SessionApproval, bytes], bytes]:
    def make(draft: SessionApproval, session: bytes) -> bytes:
        session = changes.get("other_session", session)
        plain = {name: value for name, value in changes.items() if name != "other_session"}
        return session_approval.sign(replace(draft, **plain), session, node.keys.signing)

    return make


CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "a rule where a person is due": ({"by": By.RULE, "rule": "person"}, "clause-approval"),
    "a rule that is not the agreement's": ({"by": By.RULE, "rule": "agreed"}, "clause-approval"),
    "a person without a word on who": ({"rule": "person"}, "clause-approval"),
    "a roster that nobody has seen": ({"roster": 3}, "clause-approval"),
    "another session": ({"other_session": bytes(32)}, "approval-misplaced"),
    "another rung": ({"rung": Rung.COUNT}, "approval-misplaced"),
    "another session before": ({"previous": "ab" * 32}, "approval-misplaced"),
    "another agreement": ({"agreement": "cd" * 32}, "approval-misplaced"),
    "another agency": ({"agency": "de-bka"}, "approval-misplaced"),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_an_approval_that_is_not_one_is_refused_and_nothing_is_charged(
    two: Nodes, name: str
) -> None:
    changes, code = CLAIMS[name]
    agreement = agreed(two, {"items": "person"})
    meeting = step(two, agreement, ITEMS, initiator=claiming(two, signed_by(two[0], **changes)))
    assert refused_codes(meeting)[1] == code
    assert ladder.charged(two[1]) == 0
    assert [ladder.last_code(node) for node in two] == [code] * 2
    from psihash.node.people import requests

    assert requests.inbox(two[1]) == [], "our approver is not asked about what cannot be"


@pytest.mark.parametrize("approval", [b"", b"{}", b"\xff" * 100, b"x" * 65536])
def test_a_skipped_or_broken_approval_is_refused(two: Nodes, approval: bytes) -> None:
    agreement = agreed(two)
    meeting = step(two, agreement, ITEMS, initiator=claiming(two, lambda draft, session: approval))
    assert refused_codes(meeting)[1] == "bad-document"
    assert ladder.charged(two[1]) == 0


def test_an_approval_with_another_key_is_refused(two: Nodes) -> None:
    agreement = agreed(two)
    meeting = step(two, agreement, ITEMS, initiator=claiming(two, signed_by(two[1])))
    assert refused_codes(meeting)[1] == "bad-signature"


def test_a_responder_that_skips_its_approval_is_refused_too(two: Nodes) -> None:
    agreement = agreed(two, {"items": "person"})

    class Careless(NodeDesk):
        def prepare(self, proposal: Proposal, claim: Claim | None = None) -> Permit:
            kept = self._node.actor
            self._role = SessionRole.INITIATOR  # there the person at the keyboard decides
            try:
                permit = super().prepare(proposal, None)
            finally:
                self._role, self._node.actor = SessionRole.RESPONDER, kept
            assert self._approvals is not None
            assert claim is not None
            self._approvals._role = SessionRole.RESPONDER
            self.verify_approval(claim)
            return replace(permit, approval=replace(permit.approval, by=By.RULE, rule="person"))

    meeting = step(two, agreement, ITEMS, answering_desk=Careless)
    assert refused_codes(meeting)[0] == "clause-approval"
    assert ladder.charged(two[0]) == 0


def test_a_threshold_that_this_sides_own_result_does_not_meet_is_refused(two: Nodes) -> None:
    """The other side says that 11 matched. Here it is known that there were ten."""
    agreement = agreed(two, {"items": "11-of-items"})
    (count,) = climb(two, agreement, COUNT)
    changes = {"by": By.RULE, "rule": "11-of-items"}
    meeting = step(
        two, agreement, ITEMS, count, initiator=claiming(two, signed_by(two[0], **changes))
    )
    assert refused_codes(meeting)[1] == "clause-approval"


# -- labels that are not true ----------------------------------------------------------------------


class OneCollection(Responder):
    """Says of every hit that it is in one and the same collection of its own."""

    def _shared(self) -> Any:
        shared = super()._shared()
        ids = [each.id for each in shared._permit.own.collections]

        def lie() -> bytes:
            told = {name: [(ids[0],)] * count for name, count in shared.counts.items()}
            return labels.encode_labels(told, ids)

        shared.labels = lie  # type: ignore[method-assign]
        return shared


def counted(node: Node, result: SessionResult) -> int | None:
    """What the rule `N-of-series` sees on this side."""
    data = sealed.get(node, result.session, sealed.BASE)
    assert data is not None
    return Base.from_json(data).largest_own


def cut(two: Nodes, ours: int, theirs: int) -> tuple[list[str], list[str]]:
    """Twenty digests in common, each side's in so many collections of its own."""
    names: tuple[list[str], list[str]] = ([], [])
    for node, parts, kept in zip(two, (ours, theirs), names, strict=True):
        for part in range(parts):
            kept.append(f"cut {ours} {theirs} {part}")
            numbers = [number for number in range(1000, 1020) if number % parts == part]
            hold(node, kept[-1], [row(number, (MD5,)) for number in numbers])
    return names


@pytest.mark.parametrize(("ours", "expected"), [(1, 20), (4, 5)])
@pytest.mark.parametrize("rung", [SERIES, ITEMS])
def test_how_a_peer_cuts_its_lists_does_not_move_our_rule(
    two: Nodes, rung: Rung, ours: int, expected: int
) -> None:
    """One collection or four, or four that it says are one: N-of-series sees the same here."""
    seen = []
    for theirs, liar in ((1, Responder), (4, Responder), (4, OneCollection)):
        names = cut(two, ours, theirs)
        agreement = agree(*two, *names, rung=RECORDS)
        meeting = step(two, agreement, rung, responder=liar)
        seen.append(counted(two[0], meeting.results()[0]))
    assert seen == [expected] * 3


def test_a_peer_that_names_one_collection_for_every_hit_gains_nothing(two: Nodes) -> None:
    """Five matched in each of our four collections. Twenty of one series were asked for."""
    names = cut(two, 4, 4)
    rules = ladder.rules(records="20-of-series")
    agreement = agree(*two, *names, rung=RECORDS, approvals=rules)
    below = step(two, agreement, ITEMS, responder=OneCollection).results()[0]
    assert {link.matched for link in below.links} == {5}
    two[0].actor = RULE_ACTOR
    with pytest.raises(errors.StateError) as caught:
        step(two, agreement, RECORDS, below)
    assert caught.value.code == "approval-needed"


def test_what_an_earlier_version_kept_of_labels_is_not_believed(two: Nodes) -> None:
    agreement = agreed(two, {"records": "1-of-series"})
    (items,) = climb(two, agreement, ITEMS)
    data = sealed.get(two[0], items.session, sealed.BASE)
    assert data is not None
    value = canonical.decode(data, max_bytes=1 << 20)
    value["largest_pair"] = value.pop("largest_own")
    assert Base.from_json(canonical.encode(value)).largest_own is None


# -- decisions of people -------------------------------------------------------------------------


@pytest.fixture
def staffed(two: Nodes) -> Nodes:
    """nl has an admin, an analyst and an approver, and be knows their roster."""
    staff.employ(two[0], ada="admin", ann="analyst", bob="approver")
    staff.act(two[0], "ann")
    assert carry(*two) == []
    roster = rosters.of_peer(two[1], two[0].agency)
    assert roster is not None
    assert roster.number == 2
    return two


def ask_and_decide(two: Nodes, agreement: Agreement, previous: SessionResult | None = None) -> None:
    """nl's approver approves a climb to `items`."""
    with pytest.raises(errors.StateError) as caught:
        step(two, agreement, ITEMS, previous)
    assert caught.value.code == "approval-needed"
    staff.act(two[0], "bob")
    assert ladder.approve_all(two[0]) == 1
    staff.act(two[0], "ann")


def agreed_by_people(two: Nodes) -> Agreement:
    """The agreement is made before nl has operators: only its sessions are of interest here."""
    return agreed(two, {"items": "person", "records": "person"})


@pytest.fixture
def agreement(two: Nodes) -> Agreement:
    return agreed_by_people(two)


def test_a_person_of_the_roster_approves_and_be_sees_it(
    agreement: Agreement, staffed: Nodes
) -> None:
    ask_and_decide(staffed, agreement)
    assert refused_codes(step(staffed, agreement, ITEMS))[1] == "approval-pending"
    ladder.approve_all(staffed[1])
    meeting = step(staffed, agreement, ITEMS)
    meeting.results()
    shown = meeting.parties[1]._setting.desk.peer_approval.approval.decision  # type: ignore[attr-defined]
    assert shown.reason == "", "why it was approved is for nl alone"
    opened = [ladder.entries(node, "session-open")[-1]["local"] for node in staffed]
    here = opened[0]["approved_by"]
    assert (here["name"], here["role"]) == ("bob", "approver")
    assert here["reason"] == "read and found right"
    there = opened[1]["approved_there_by"]
    assert there["by"] == "person"
    assert there["operator"].startswith("op-")
    assert "bob" not in str(opened[1]), "names stay with their agency"


def test_an_agency_with_operators_cannot_say_that_it_has_none(
    agreement: Agreement, staffed: Nodes
) -> None:
    ask_and_decide(staffed, agreement)
    changes = {
        "by": By.PERSON, "rule": "single-operator", "decision": None, "request": None,
        "roster": None,
    }  # fmt: skip
    attack = claiming(staffed, signed_by(staffed[0], **changes))
    meeting = step(staffed, agreement, ITEMS, initiator=attack)
    assert refused_codes(meeting)[1] == "approval-undecided"


def test_a_decision_allows_one_session(agreement: Agreement, staffed: Nodes) -> None:
    """The same request, decision and all, made out for the next session."""
    ask_and_decide(staffed, agreement)
    refused_codes(step(staffed, agreement, ITEMS))
    ladder.approve_all(staffed[1])
    meeting = step(staffed, agreement, ITEMS)
    used = meeting.parties[0].permit
    assert used is not None
    meeting.results()
    ask_and_decide(staffed, agreement)
    decided = {"request": used.approval.request, "decision": used.approval.decision}
    attack = claiming(staffed, signed_by(staffed[0], **decided))
    replayed = step(staffed, agreement, ITEMS, initiator=attack)
    assert refused_codes(replayed)[1] == "approval-replayed"


def test_a_decision_about_something_else_is_refused(agreement: Agreement, staffed: Nodes) -> None:
    """A decision for `items` is shown for `records`, and for a session before that it is not of."""
    (count,) = climb(staffed, agreement, COUNT)
    ask_and_decide(staffed, agreement, count)
    permit = step(staffed, agreement, ITEMS, count).parties[0].permit
    assert permit is not None
    staff.act(staffed[0], "ann")
    with pytest.raises(errors.StateError):
        step(staffed, agreement, RECORDS, count)
    staff.act(staffed[0], "bob")
    ladder.approve_all(staffed[0])
    staff.act(staffed[0], "ann")
    decided = {"request": permit.approval.request, "decision": permit.approval.decision}
    attack = claiming(staffed, signed_by(staffed[0], **decided))
    meeting = step(staffed, agreement, RECORDS, count, initiator=attack)
    assert refused_codes(meeting)[1] == "approval-misplaced"


def about(node: Node, peer: Node, agreement: Agreement, **changes: Any) -> SessionSubject:
    """The session to `items` that nl opens, as its approver is asked about it."""
    agreement = documents.load(node, agreement.id)
    own, other = agreement.annex(node.agency), agreement.annex(peer.agency)
    assert own is not None
    assert other is not None
    true = SessionSubject(
        agreement=agreement.id,
        peer=peer.agency,
        rung=ITEMS,
        previous="",
        role=SessionRole.INITIATOR,
        engine=ladder.ECDH,
        algorithms=(MD5,),
        case=agreement.case(node.agency),
        peer_case=agreement.case(peer.agency),
        annex=own.digest.hex(),
        peer_annex=other.digest.hex(),
    )
    return replace(true, **changes)


def forged(
    node: Node,
    peer: Node,
    agreement: Agreement,
    *,
    asks: str,
    decides: str,
    key: str = "",
    age: int = 0,
    verdict: Verdict = Verdict.APPROVED,
    **changes: Any,
) -> dict[str, Any]:
    """A request and its decision made by hand, with the keys that are at hand, about the session or
    one that differs from it."""
    rows = {each.name: each for each in node.stores.operators.all()}
    now = node.now() - dt.timedelta(days=age)
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    asking, deciding = rows[asks], rows[decides]
    request = new_request(
        node.agency,
        RequestKind.SESSION,
        about(node, peer, agreement, **changes).to_dict(),
        proposer=asking.id,
        created=stamp,
        rng=node.rng,
        key=node.unlocked[asking.id],
    )
    signing = node.keys.signing if key == "the node's" else node.unlocked[rows[key or decides].id]
    decision = decide(request, verdict, deciding.id, signing, reason="forged", now=stamp)
    roster = rosters.own(node)
    assert roster is not None
    return {
        "by": By.PERSON, "rule": "person", "request": request, "decision": decision,
        "roster": roster.number,
    }  # fmt: skip


FORGED: dict[str, tuple[dict[str, Any], str]] = {
    "an expired decision": ({"asks": "ann", "decides": "bob", "age": 8}, "decision-expired"),
    "the node's key": ({"asks": "ann", "decides": "bob", "key": "the node's"}, "bad-signature"),
    "the analyst's key": ({"asks": "ann", "decides": "bob", "key": "ann"}, "bad-signature"),
    "the analyst decides": ({"asks": "ann", "decides": "ann"}, "not-approver"),
    "the admin decides": ({"asks": "ann", "decides": "ada"}, "not-approver"),
    "who asks decides": ({"asks": "bob", "decides": "bob"}, "own-request"),
    "the admin asks": ({"asks": "ada", "decides": "bob"}, "proposer-unproven"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_decision_that_nobody_made_is_refused(
    agreement: Agreement, staffed: Nodes, name: str
) -> None:
    how, code = FORGED[name]
    ask_and_decide(staffed, agreement)
    changes = forged(*staffed, agreement, **how)
    attack = claiming(staffed, signed_by(staffed[0], **changes))
    meeting = step(staffed, agreement, ITEMS, initiator=attack)
    assert refused_codes(meeting)[1] == code
    assert ladder.charged(staffed[1]) == 0


OTHERWISE: dict[str, dict[str, Any]] = {
    "another engine": {"engine": ladder.OPENMINED},
    "more algorithms": {"algorithms": (MD5, AlgorithmId.SHA1)},
    "another case": {"case": "CASE-2"},
    "another case there": {"peer_case": "CASE-2"},
    "an earlier annex of ours": {"annex": "0a" * 32},
    "an earlier annex of theirs": {"peer_annex": "0a" * 32},
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_a_decision_about_another_session_does_not_count(
    agreement: Agreement, staffed: Nodes, name: str
) -> None:
    """Two people of nl decided, about a session that differs in one word from the one that runs:
    their node shows it all the same."""
    ask_and_decide(staffed, agreement)
    changes = forged(*staffed, agreement, asks="ann", decides="bob", **OTHERWISE[name])
    attack = claiming(staffed, signed_by(staffed[0], **changes))
    meeting = step(staffed, agreement, ITEMS, initiator=attack)
    assert refused_codes(meeting)[1] == "approval-misplaced"
    assert ladder.charged(staffed[1]) == 0
    true = forged(*staffed, agreement, asks="ann", decides="bob")
    attack = claiming(staffed, signed_by(staffed[0], **true))
    assert refused_codes(step(staffed, agreement, ITEMS, initiator=attack))[1] == "approval-pending"


def test_an_approval_for_smaller_lists_is_asked_for_again(
    agreement: Agreement, staffed: Nodes
) -> None:
    """Our own set outgrew the annex that the approver saw, or another engine is to run."""
    ask_and_decide(staffed, agreement)
    with pytest.raises(errors.StateError) as caught:
        step(staffed, agreement, ITEMS, engine=ladder.OPENMINED)
    assert caught.value.code == "approval-needed"
    hold(staffed[0], "ours", [row(number, (MD5,)) for number in range(200, 400)])
    with pytest.raises(errors.StateError) as caught:
        step(staffed, agreement, ITEMS)
    assert caught.value.code == "approval-needed"


def test_an_old_roster_does_not_count(agreement: Agreement, staffed: Nodes) -> None:
    ask_and_decide(staffed, agreement)
    attack = claiming(staffed, signed_by(staffed[0], roster=1))
    meeting = step(staffed, agreement, ITEMS, initiator=attack)
    assert refused_codes(meeting)[1] == "roster-differs"


def test_a_row_that_was_edited_is_no_approval(agreement: Agreement, staffed: Nodes) -> None:
    """Somebody with the database, and without the approver's key."""
    from psihash.storage.requests import RequestState

    one = staffed[0]
    with pytest.raises(errors.StateError):
        step(staffed, agreement, ITEMS)
    (row_,) = one.stores.requests.all(RequestState.PENDING)
    one.stores.requests.decide(row_.id, RequestState.APPROVED, one.stamp(), None, "edited")
    with pytest.raises(errors.StateError) as caught:
        step(staffed, agreement, ITEMS)
    assert caught.value.code == "approval-needed"
