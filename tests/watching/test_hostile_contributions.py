"""A member whose contribution is not what it says: the centre counts, shows what it counted, and
goes on without one that it cannot take in."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from psihash import errors
from psihash.agreement.fields import Fields
from psihash.casework import contribution
from psihash.casework.contribution import (
    Contribution,
    ContributionPart,
    GivenAs,
    GivenCollection,
    PartContent,
)
from psihash.hashset.model import Verdict
from psihash.node.casework import case_documents
from psihash.node.central import publishing, taking_in
from psihash.node.people import requests
from psihash.node.watching.scheduler import Scheduler
from psihash.storage.contributions import ContributionState
from psihash.terms import CollectionKind
from tests.central.conftest import homes, two
from tests.central.meeting import MD5, Meeting
from tests.session.lists import digest
from tests.session.nodes import carry
from tests.watching.test_contributions import (
    _written,
    holds,
    local,
    meeting,
    numbers,
)

__all__ = ["homes", "meeting", "two"]

SILENT = (Verdict(),)


def rows(*wanted: int, said: int = 0) -> tuple[tuple[tuple[str, ...], int], ...]:
    return tuple(((digest(MD5, number).hex(),), said) for number in wanted)


def part(*wanted: int, at: int = 0, verdicts: tuple[Verdict, ...] = SILENT) -> PartContent:
    return PartContent(at, (MD5,), verdicts, rows(*wanted))


def collection(label: str, items: int) -> GivenCollection:
    return GivenCollection(label, CollectionKind.CASE, GivenAs.NEW, "", items)


def give(
    meeting: Meeting, collections: Sequence[GivenCollection], contents: Sequence[PartContent]
) -> tuple[Contribution, list[str]]:
    """Send it all, whatever it says; and the codes of what was refused."""
    member, centre = meeting.member, meeting.centre
    head = _written(
        member,
        centre.agency,
        meeting.agreement.id,
        collections=tuple(collections),
        parts=tuple(content.digest for content in contents),
    )
    parts = [
        case_documents.sign(
            member,
            ContributionPart(
                **case_documents.heading(member, centre.agency),
                contribution=head.id,
                number=number,
                content=content,
            ),
        )
        for number, content in enumerate(contents)
    ]
    for document in (head, *parts):
        case_documents.post(member, document, None)
    return head, carry(member, centre)


def page(meeting: Meeting) -> str:
    (asked,) = requests.inbox(meeting.centre)
    return " ".join(text for _, text in requests.page(meeting.centre, asked.request)[1])


LABELS = tuple(f"S{number}" for number in range(16))


@pytest.mark.parametrize(
    ("collections", "contents"),
    [
        pytest.param([collection("x", 1)], [part(*range(200, 260))], id="more than it says"),
        pytest.param([collection("x", 9)], [part(200)], id="fewer than it says"),
        pytest.param([collection("x", 2)], [part(200, 200)], id="one item twice"),
        pytest.param([collection("x", 3)], [part(200), part(201, 200)], id="twice, in two parts"),
        pytest.param(
            [collection("x", 1), collection("y", 1)],
            [part(200), part(201)],
            id="nothing in a collection",
        ),
        pytest.param(
            [collection("x", 1), collection("y", 1)],
            [part(201, at=1), part(200)],
            id="parts in no order",
        ),
        pytest.param(
            [collection(f"x{number}", 1) for number in range(5)],
            [part(5, at=number, verdicts=(Verdict(series=LABELS),)) for number in range(5)],
            id="eighty labels of one item",
        ),
    ],
)
def test_what_is_not_as_it_says_is_refused(
    meeting: Meeting, collections: list[GivenCollection], contents: list[PartContent]
) -> None:
    head, codes = give(meeting, collections, contents)
    assert codes[0] == "contribution-miscounted"
    assert requests.inbox(meeting.centre) == []
    stores = meeting.centre.stores.contributions
    kept = stores.find_taken(meeting.member.agency, head.id)
    assert kept is not None
    assert (kept.state, kept.sealed_key) == (ContributionState.REFUSED, None)
    assert stores.parts(meeting.member.agency, head.id) == {}
    said = local(meeting.centre, "contribution")[-1]
    assert (said["step"], said["code"]) == ("refused", "contribution-miscounted")


def test_one_that_waited_uncounted_can_only_be_refused(
    meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an earlier version let it in."""
    with monkeypatch.context() as patch:
        patch.setattr("psihash.node.central.arriving.review", lambda *_: ())
        _, codes = give(meeting, [collection("x", 1)], [part(*range(200, 260))])
    assert codes == []
    (asked,) = requests.inbox(meeting.centre)
    assert "IT IS NOT WHAT IT SAYS" in page(meeting)
    with pytest.raises(errors.RefusedError) as caught:
        requests.approve(meeting.centre, asked.request, "fits")
    assert caught.value.code == "contribution-miscounted"
    requests.refuse(meeting.centre, asked.request, "no")
    assert holds(meeting.centre, "theirs") == numbers(range(60))


def test_the_page_shows_what_is_there_already_and_what_is_said(meeting: Meeting) -> None:
    """The centre says of 0 to 59 that the victim is identified."""
    verdicts = (Verdict(victim_identified=False, series=("Nobody",)), Verdict())
    content = PartContent(0, (MD5,), verdicts, rows(*range(50, 60)) + rows(200, 201, said=1))
    _, codes = give(meeting, [collection("x", 12)], [content])
    assert codes == []
    shown = page(meeting)
    assert "12 items under 1 series" in shown
    assert "identified for 0 of them, not identified for 10; nothing is said of 2" in shown
    assert "10 of them stand in our lists already, AND OF 10 OF THOSE IT SAYS THE OPPOSITE" in shown


def test_a_label_that_no_collection_may_have_gives_no_name(
    meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader refuses such a label; one that an earlier version let in stops nothing."""

    def as_before(fields: Fields, name: str, *, empty: bool = False) -> str:
        return fields.text(name, empty=empty, limit=contribution.MAX_LABEL)

    monkeypatch.setattr(contribution, "_text", as_before)
    head, codes = give(meeting, [collection("Operation\u00a0Tulip", 1)], [part(200)])
    assert codes == []
    (asked,) = requests.inbox(meeting.centre)
    requests.approve(meeting.centre, asked.request, "fits")
    name = f"{head.id[:12]} ({meeting.member.agency})"
    assert holds(meeting.centre, name) == numbers(range(200, 201))


def test_one_that_cannot_be_taken_in_holds_up_nothing(
    meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    centre = meeting.centre
    poison, _ = give(meeting, [collection("poison", 1)], [part(200)])
    import_one = taking_in._import

    def fails(node: object, row: object, number: int, given: GivenCollection) -> None:
        if given.label == "poison":
            raise ValueError("a text that no log may have")
        import_one(node, row, number, given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(taking_in, "_import", fails)
        (asked,) = requests.inbox(centre)
        with pytest.raises(errors.StateError) as caught:
            requests.approve(centre, asked.request, "fits")
        assert caught.value.code == "taking-in-failed"
        give(meeting, [collection("harmless", 1)], [part(201)])
        (asked,) = requests.inbox(centre)
        requests.approve(centre, asked.request, "fits")
        assert holds(centre, f"harmless ({meeting.member.agency})") == numbers(range(201, 202))
        entries = len(local(centre, "contribution"))
        Scheduler(centre).look()
        assert len(local(centre, "contribution")) == entries  # not with every look
        assert publishing.publish(centre).delta == 1
    failed = [each for each in local(centre, "contribution") if each["step"] == "failed"]
    assert {each["document"] for each in failed} == {poison.id}
    assert {(each["code"], each["kind"]) for each in failed} == {("internal", "ValueError")}
    publishing.publish(centre)  # and again, where the fault is mended
    kept = centre.stores.contributions.find_taken(meeting.member.agency, poison.id)
    assert kept is not None
    assert kept.state is ContributionState.TAKEN


def test_what_is_told_of_labels_may_be_read() -> None:
    said = contribution.told(Verdict(series=("Operation\u00a0Tulip",)))
    assert said.series == ("Operation Tulip",)
