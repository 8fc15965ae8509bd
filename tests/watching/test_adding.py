"""What ``watch add`` refuses because it could never run, and what approvers read of the rest."""

from __future__ import annotations

import pytest

from psihash import errors
from psihash.node.people import requests
from psihash.node.watching import running, watches
from psihash.node.watching.watches import Draft
from psihash.terms import Learn
from tests.central.conftest import homes, two
from tests.central.meeting import put
from tests.node import crew
from tests.node.crew import act, employ
from tests.session.nodes import agree
from tests.watching.test_contributions import Two

__all__ = ["homes", "two"]


def draft(two: Two, collection: str, learn: Learn = Learn.BOTH) -> Draft:
    """Under an agreement that offers ``cases`` alone."""
    centre, own = two
    put(centre, "theirs", range(5))
    put(own, "cases", range(5))
    put(own, "others", range(5))
    made = agree(own, centre, ["cases"], ["theirs"], learn=learn)
    return Draft(centre.agency, made.id, [collection], "0 2 * * *", "UTC")


def test_a_collection_that_is_not_offered(two: Two) -> None:
    with pytest.raises(errors.RefusedError) as caught:
        watches.add(two[1], draft(two, "others"))
    assert caught.value.code == "central-not-offered"
    assert watches.listing(two[1], everything=True) == []


def test_an_agreement_of_which_the_asking_side_learns_nothing(two: Two) -> None:
    with pytest.raises(errors.RefusedError) as caught:
        watches.add(two[1], draft(two, "cases", Learn.RESPONDER))
    assert caught.value.code == "clause-learn"


def test_the_page_speaks_of_runs_and_not_of_what_sessions_may_tell(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    crew.quick(monkeypatch)
    own = two[1]
    wanted = draft(two, "cases")
    employ(own, (("ada", "admin"), ("ann", "analyst"), ("apo", "approver")))
    act(own, "ann")
    row = watches.add(own, wanted)
    with pytest.raises(errors.StateError) as caught:
        running.run_now(own, row.id)
    assert caught.value.code == "watch-over"
    assert (row.request or "-")[:12] in caught.value.hint
    act(own, "apo")
    page = dict(requests.page(own, row.request or "")[1])
    assert "no result" in page["What they learn"]
    assert "which of our items they also hold" in page["What we learn"]
