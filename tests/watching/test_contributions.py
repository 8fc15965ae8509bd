"""What a member gives to a centre: what is new to it and what an addition, twice decided, taken in
once, and published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from psihash import errors
from psihash.agreement.vocabulary import HandlingCode, Tlp
from psihash.casework.contribution import (
    Contribution,
    ContributionPart,
    GivenAs,
    GivenCollection,
)
from psihash.casework.handling import Handling
from psihash.hashset.model import Digest
from psihash.node.casework import case_documents
from psihash.node.central import arriving, setting_up, taking_in
from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.node.people import requests
from psihash.node.watching import contributing, planning, running, watches
from psihash.node.watching.watches import Draft
from psihash.storage.contributions import ContributionState
from psihash.storage.tables import leases
from psihash.terms import CollectionKind
from tests.central.conftest import homes, two
from tests.central.meeting import MD5, SHA1, Meeting, put, verdict
from tests.central.test_kill import Copying, copied, survived
from tests.node import crew
from tests.node.crew import act, employ
from tests.session.lists import digest
from tests.session.nodes import agree, carry, carry_annexes
from tests.watching.test_central_runs import over

__all__ = ["copied", "homes", "two"]

Two = tuple[Node, Node]
KNOWN = verdict("1", identified=True, series="Alpha")


@pytest.fixture
def meeting(two: Two) -> Iterator[Meeting]:
    """The centre holds 0..59; the member 40..79 in ``old``, of which 20 are known, and 100..129 in
    ``new``, of which it knows none."""
    centre, own = two
    put(centre, "theirs", range(60), KNOWN)
    put(own, "old", range(40, 80), verdict("2", series="Beta"), algorithms=(MD5, SHA1))
    put(own, "new", range(100, 130), KNOWN)
    agreement = agree(own, centre, ["old", "new"], ["theirs"], algorithms=(MD5, SHA1))
    setting_up.init(centre, collections=["theirs"])
    made = Meeting(centre, own, agreement)
    made.publish()
    yield made
    for node in (made.centre, made.member):
        assert auditing.verify(node)["ok"]


def watched(meeting: Meeting) -> str:
    """A watch that has run."""
    names = ["old", "new"]
    draft = Draft(meeting.centre.agency, meeting.agreement.id, names, "0 2 * * *", "UTC")
    watch = watches.add(meeting.member, draft).id
    running.run_now(meeting.member, watch, runner=over(meeting.centre))
    return watch


def taken(meeting: Meeting) -> None:
    """Both nodes exchange what they have, and the centre's operator agrees."""
    assert carry(meeting.member, meeting.centre) == []
    (asked,) = requests.inbox(meeting.centre)
    requests.approve(meeting.centre, asked.request, "fits")
    assert carry(meeting.member, meeting.centre) == []


def state(node: Node) -> ContributionState:
    return node.stores.contributions.all()[-1].state


def holds(node: Node, collection: str) -> set[bytes]:
    return {row.tobytes() for part in node.stores.holdings.digests(MD5, [collection])
            for row in part}  # fmt: skip


def numbers(*ranges: range) -> set[bytes]:
    return {digest(MD5, number) for each in ranges for number in each}


def local(node: Node, event: str) -> list[dict[str, Any]]:
    return [entry["local"] for entry in auditing.show(node) if entry["event"] == event]


def code(caught: pytest.ExceptionInfo[errors.PsihashError]) -> str:
    return caught.value.code


def test_collections_fall_into_new_ones_and_additions(meeting: Meeting) -> None:
    watch = watched(meeting)
    found = planning.plan(meeting.member, watch)
    said = {each.collection: (each.given_as, each.held, each.known, len(each.items))
            for each in found.plans}  # fmt: skip
    assert said == {
        "old": (GivenAs.ADDITION, 40, 20, 20),
        "new": (GivenAs.NEW, 30, 0, 30),
    }
    only = planning.plan(meeting.member, watch, ["new"])
    assert [each.collection for each in only.plans] == ["new"]
    with pytest.raises(errors.NotFoundError):
        planning.plan(meeting.member, watch, ["other"])


def test_the_next_delta_carries_what_was_given(meeting: Meeting) -> None:
    watch = watched(meeting)
    row = contributing.give(meeting.member, watch)
    assert (row.state, row.new_collections, row.additions, row.items) == (
        ContributionState.SENT, 1, 1, 50,
    )  # fmt: skip
    taken(meeting)
    assert state(meeting.member) is ContributionState.TAKEN
    name = f"new ({meeting.member.agency})"
    assert holds(meeting.centre, "theirs") == numbers(range(80))
    assert holds(meeting.centre, name) == numbers(range(100, 130))
    published = meeting.publish()
    assert (published.delta, published.items) == (1, 60 + 2 * 20 + 30)
    ran = running.run_now(meeting.member, watch, runner=over(meeting.centre))
    assert (ran.matched_items, ran.new_items) == (70, 50)
    assert planning.plan(meeting.member, watch).giving == ()
    with pytest.raises(errors.StateError) as caught:
        contributing.give(meeting.member, watch)
    assert code(caught) == "nothing-to-give"


def test_provenance_and_statistics_are_kept(meeting: Meeting) -> None:
    row = contributing.give(meeting.member, watched(meeting))
    taken(meeting)
    member, centre = meeting.member.agency, meeting.centre
    where = centre.stores.contributions.collections()
    assert [(e.member, e.collection, e.kind, e.items, e.added) for e in where] == [
        (member, "theirs", "addition", 20, 20),
        (member, f"new ({member})", "new", 30, 30),
    ]
    item = centre.stores.holdings.lookup(Digest(MD5, digest(MD5, 70)))
    assert item is not None
    assert {digest.algorithm for digest in item.digests} == {MD5, SHA1}
    assert [said.source for _, said in item.verdicts] == [member]
    assert [said.series for _, said in item.verdicts] == [("Beta",)]
    imported = [e for e in local(centre, "collection") if e.get("format") == "contribution/1"]
    assert [(each["peer"], each["items"]) for each in imported] == [(member, 30)]
    assert row.id[:12] in imported[0]["source"]
    report = taking_in.figures(centre)
    assert (report.new_collections, report.added_to, report.items) == (1, 1, 50)
    assert taking_in.sentence(report) == "1 new collection, additions to 1, from 1 member"
    steps = [each["step"] for each in local(centre, "contribution")]
    assert steps == ["arriving", "approved", "taken"]


def test_names_stay_here_where_that_is_wanted(meeting: Meeting) -> None:
    contributing.give(meeting.member, watched(meeting), pseudonyms=True)
    taken(meeting)
    names = [info.name for info in meeting.centre.stores.holdings.collections()]
    assert not any(name.startswith(("new", "old")) for name in names)
    item = meeting.centre.stores.holdings.lookup(Digest(MD5, digest(MD5, 70)))
    assert item is not None
    assert [said.series for _, said in item.verdicts] == [()]


def test_nothing_is_given_twice(meeting: Meeting) -> None:
    """Not while it is under way, and not when it was taken in and the watch has not run since."""
    watch = watched(meeting)
    contributing.give(meeting.member, watch, ["new"])
    for names in (["new"], ["old", "new"], []):
        with pytest.raises(errors.StateError) as caught:
            contributing.give(meeting.member, watch, names, pseudonyms=not names)
        assert code(caught) == "already-given"
    contributing.give(meeting.member, watch, ["old"])
    assert carry(meeting.member, meeting.centre) == []
    taken_one, refused_one = requests.inbox(meeting.centre)
    requests.approve(meeting.centre, taken_one.request, "fits")
    requests.refuse(meeting.centre, refused_one.request, "not now")
    assert carry(meeting.member, meeting.centre) == []
    with pytest.raises(errors.StateError):
        contributing.give(meeting.member, watch, ["new"])
    contributing.give(meeting.member, watch, ["old"])  # what was refused may be given again


def test_an_item_with_very_many_series_is_given_with_some(meeting: Meeting) -> None:
    """And one that two items of a list share in one of them: the centre takes no digest twice."""
    item = planning.Item({MD5: "ab" * 16, SHA1: "cd" * 20}, verdict("1"))
    same = planning.Item({MD5: "ef" * 16, SHA1: "cd" * 20}, verdict("1"))
    none = planning.Item({SHA1: "cd" * 20}, verdict("1", identified=True))
    one, other = planning._distinct([item, same, none])
    assert (one.digests, other.digests) == (item.digests, {MD5: "ef" * 16})
    assert one.said.victim_identified is True
    many = replace(KNOWN, series=tuple(f"S{number}" for number in range(16)))
    for name in [f"c{number}" for number in range(5)]:
        put(meeting.member, name, range(300, 303), many)
    found = planning._held(meeting.member, "c0", (MD5,))
    given = planning.Plan("c0", CollectionKind.CASE, GivenAs.NEW, "", 3, 0, tuple(found.values()))
    (content,) = contributing._contents(0, given, (MD5,), series=12)
    assert [len(said.series) for said in content.verdicts] == [12]


def test_a_plan_that_is_out_of_date_is_none(meeting: Meeting) -> None:
    watch = watched(meeting)
    put(meeting.member, "old", range(200, 210))
    with pytest.raises(errors.StateError) as caught:
        contributing.give(meeting.member, watch)
    assert code(caught) == "watch-not-run"


def test_both_sides_decide(meeting: Meeting, monkeypatch: pytest.MonkeyPatch) -> None:
    crew.quick(monkeypatch)
    member, centre = meeting.member, meeting.centre
    watch = watched(meeting)
    for node in (member, centre):
        employ(node, (("ada", "admin"), ("ann", "analyst"), ("apo", "approver")))
    assert carry(member, centre) == []
    act(member, "apo")
    with pytest.raises(errors.RefusedError):
        contributing.give(member, watch)
    act(member, "ann")
    row = contributing.give(member, watch)
    assert row.state is ContributionState.WAITING
    assert member.stores.outbox.waiting(centre.agency) == []
    act(member, "apo")
    _, page = requests.page(member, row.request or "")
    text = " ".join(text for _, text in page)
    assert "new: a new collection. 30 items under 1 series" in text
    assert "old: an addition to" in text
    assert "identified for 30 of them" in text
    requests.approve(member, row.request or "", "fits")
    assert carry(member, centre) == []
    (asked,) = requests.inbox(centre)
    assert (asked.kind, asked.peer) == ("take-in", member.agency)
    act(centre, "ann")
    with pytest.raises(errors.RefusedError):
        requests.approve(centre, asked.request, "fits")
    act(centre, "apo")
    _, page = requests.page(centre, asked.request)
    assert "an addition to 'theirs'" in " ".join(text for _, text in page)
    requests.approve(centre, asked.request, "fits")
    assert holds(centre, "theirs") == numbers(range(80))


def test_what_no_approver_of_the_member_agreed_to_is_not_taken(
    meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The member's node alone gives nothing once its operators are known."""
    crew.quick(monkeypatch)
    member, centre = meeting.member, meeting.centre
    watch = watched(meeting)
    row = contributing.give(member, watch)
    employ(member, (("ada", "admin"), ("ann", "analyst"), ("apo", "approver")))
    codes = carry(member, centre)
    # The records of operators came after the contribution, which needed none yet; another one does.
    assert codes == []
    assert centre.stores.contributions.find_taken(member.agency, row.id) is not None
    planned = planning.plan.__wrapped__(member, watch)  # type: ignore[attr-defined]
    written, parts = contributing._write(member, planned, pseudonyms=False)
    for document in (written, *parts):
        case_documents.post(member, document, None)
    assert set(carry(member, centre)) == {"approval-missing", "part-unnamed"}


def test_a_centre_that_declines_keeps_nothing(meeting: Meeting) -> None:
    row = contributing.give(meeting.member, watched(meeting))
    assert carry(meeting.member, meeting.centre) == []
    (asked,) = requests.inbox(meeting.centre)
    requests.refuse(meeting.centre, asked.request, "not of use")
    assert carry(meeting.member, meeting.centre) == []
    assert state(meeting.member) is ContributionState.REFUSED
    assert meeting.centre.stores.contributions.parts(meeting.member.agency, row.id) == {}
    assert holds(meeting.centre, "theirs") == numbers(range(60))


def test_an_agency_that_is_no_centre_takes_nothing(two: Two) -> None:
    one, other = two
    put(one, "theirs", range(5))
    put(other, "ours", range(5))
    agreement = agree(other, one, ["ours"], ["theirs"])
    written = _written(other, one.agency, agreement.id)
    case_documents.post(other, written, None)
    assert carry(other, one) == ["no-centre-here"]


def _written(node: Node, peer: str, agreement: str, **changes: Any) -> Contribution:
    handling = Handling(HandlingCode.H0, Tlp.CLEAR)
    members: dict[str, Any] = {
        "agreement": agreement,
        "case": "",
        "collections": (GivenCollection("x", CollectionKind.CASE, GivenAs.NEW, "", 1),),
        "parts": ("0" * 64,),
        "handling": handling,
    }
    written = Contribution(**case_documents.heading(node, peer), **(members | changes))
    return case_documents.sign(node, written)


def test_a_member_cannot_fill_the_centre(meeting: Meeting) -> None:
    member, centre = meeting.member, meeting.centre
    for _ in range(arriving.OPEN_CONTRIBUTIONS + 1):
        written = _written(member, centre.agency, meeting.agreement.id)
        case_documents.post(member, written, None)
    assert carry(member, centre) == ["too-many-contributions"]


def test_a_part_must_be_what_was_decided(meeting: Meeting) -> None:
    """Nobody agreed to other items than those whose digest the contribution has."""
    member, centre = meeting.member, meeting.centre
    planned = planning.plan(member, watched(meeting))
    written, parts = contributing._write(member, planned, pseudonyms=False)
    case_documents.post(member, written, None)
    content = replace(parts[0].content, rows=parts[1].content.rows)
    changed = ContributionPart(
        **case_documents.heading(member, centre.agency),
        contribution=written.id,
        number=0,
        content=content,
    )
    case_documents.post(member, case_documents.sign(member, changed), None)
    assert carry(member, centre) == ["part-unnamed"]
    case_documents.post(member, parts[0], None)
    case_documents.post(member, parts[0], None)
    assert carry(member, centre) == []
    assert requests.inbox(centre) == []
    case_documents.post(member, parts[1], None)
    assert carry(member, centre) == []
    assert len(requests.inbox(centre)) == 1


def test_large_ones_go_in_parts(meeting: Meeting) -> None:
    member, centre = meeting.member, meeting.centre
    put(member, "new", range(1_000, 6_000), algorithms=(MD5, SHA1))
    carry_annexes(member, centre)
    watch = watched(meeting)
    row = contributing.give(member, watch, ["new"])
    assert row.parts > 2
    taken(meeting)
    name = f"new ({member.agency})"
    assert holds(centre, name) == numbers(range(100, 130), range(1_000, 6_000))


def _unlock(node: Node) -> None:
    with node.stores.database.transaction() as connection:
        connection.execute(leases.update().values(expires=""))


def test_a_member_that_dies_while_it_gives(
    meeting: Meeting, copied: Copying, tmp_path: Path
) -> None:
    """Either nothing was given or all of it, once."""
    watch = watched(meeting)
    copied.keep(meeting.member)
    for commits in range(20):
        node = copied.again(1)
        done = survived(partial(contributing.give, node, watch), node.stores.database, commits)
        node.close()
        node = copied.open(node.home)
        rows = node.stores.contributions.all()
        waiting = node.stores.outbox.waiting(meeting.centre.agency)
        assert (len(rows), len(waiting)) in ((0, 0), (1, 3))
        assert len(rows) == 1 or not done
        node.close()
        if done:
            return
    raise AssertionError("giving never came to its end")


def test_a_centre_that_dies_while_it_takes_in(meeting: Meeting, copied: Copying) -> None:
    """Whatever was decided is taken in once, by whoever comes next."""
    member = meeting.member
    contributing.give(member, watched(meeting))
    assert carry(member, meeting.centre) == []
    copied.keep(meeting.centre)
    copied.keep(member)
    for commits in range(40):
        centre = copied.again(0)
        (asked,) = requests.inbox(centre)
        approve = partial(requests.approve, centre, asked.request, "fits")
        done = survived(approve, centre.stores.database, commits)
        centre.close()
        centre = copied.open(centre.home)  # as after a restart
        _unlock(centre)
        if requests.inbox(centre):
            assert not done
            assert holds(centre, "theirs") == numbers(range(60))
            requests.approve(centre, asked.request, "fits")
        taking_in.finish(centre)
        report = taking_in.figures(centre)
        assert (report.new_collections, report.added_to, report.items) == (1, 1, 50)
        assert holds(centre, "theirs") == numbers(range(80))
        waiting = [each for each in centre.stores.outbox.waiting(member.agency)
                   if each.kind.startswith(case_documents.OUTBOX_PREFIX)]  # fmt: skip
        assert len(waiting) == 1
        centre.close()
        if done:
            assert commits > 4
            return
    raise AssertionError("taking in never came to its end")
