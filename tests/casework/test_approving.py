"""Documents that carry the decision of the person who let them go."""

from __future__ import annotations

import contextlib
import functools
import os
from dataclasses import replace

import pytest

from psihash import errors
from psihash.agreement.decision import Approval
from psihash.agreement.request import RequestKind, document_subject, new_request
from psihash.casework import reading, words
from psihash.casework.approving import check_approval, request_kind
from psihash.casework.documents import CaseDocument, verify
from psihash.casework.pack import Pack
from psihash.casework.states import Step
from psihash.casework.words import Action
from tests.agreement.people import AGENCY, People, operator_id
from tests.agreement.people import NOW as DECIDED
from tests.casework.test_core import ANSWER, KEY, MESSAGE, NOTICE, NOW, PACK, PUBLIC

SESSION = PACK.session
LET_GO = (PACK, MESSAGE, NOTICE, ANSWER)


@functools.cache
def staff() -> People:
    return People.usual()


def approval(document: CaseDocument) -> Approval:
    kind = request_kind(document)
    request = new_request(
        AGENCY,
        RequestKind.FOLLOW_UP if kind is None else kind,
        document_subject(document.id, document.TYPE, document.recipient, SESSION),
        proposer=operator_id(2),
        created=DECIDED,
        rng=os.urandom,
        key=staff().key(2),
    )
    return Approval(request, staff().decide(request))


def approved(document: CaseDocument) -> CaseDocument:
    return reading.sign(replace(document, approval=approval(document)), KEY)


@pytest.mark.parametrize("document", LET_GO, ids=lambda each: each.TYPE)
def test_a_decision_survives_the_journey(document: CaseDocument) -> None:
    whole = approved(document)
    again = reading.parse(whole.to_bytes())
    assert again == whole
    assert again.id == document.id, "one name, before and after"
    verify(again, "nl-police", "de-bka", PUBLIC, NOW)
    check_approval(again, [SESSION], staff().held, NOW)


def test_it_need_not_be_fresh() -> None:
    """For how long a document is taken, its own expiry says."""
    whole = approved(NOTICE)
    check_approval(whole, [SESSION], staff().held, "2027-02-01T00:00:00Z")


def test_what_a_machine_says_needs_none() -> None:
    received = replace(MESSAGE, step=Step.RECEIVED, text=())
    noticed = replace(ANSWER, action=Action.RECEIVED)
    for document in (received, noticed):
        assert request_kind(document) is None
        check_approval(document, [SESSION], staff().held, NOW)
        with pytest.raises(errors.RefusedError) as caught:
            check_approval(approved(document), [SESSION], staff().held, NOW)
        assert caught.value.code == "decision-misplaced"


def test_an_agency_that_has_shown_no_operators_answers_alone() -> None:
    for document in LET_GO:
        check_approval(document, [SESSION], None, NOW)
        check_approval(approved(document), [SESSION], None, NOW)
        with pytest.raises(errors.RefusedError) as caught:
            check_approval(document, [SESSION], staff().held, NOW)
        assert caught.value.code == "approval-missing"


def with_hits(count: int) -> Pack:
    """A request with a long text about so many hits, of sixteen references each."""
    hits = (tuple(f"{place * 16 + number:032x}" for number in range(16)) for place in range(count))
    return replace(PACK, facts=("x" * 1_000,) * 20, hits=tuple(hits))


def fits(document: CaseDocument) -> bool:
    with contextlib.suppress(errors.InputError):
        return bool(reading.sign(document, KEY))
    return False


def test_room_for_the_decision_is_kept_free() -> None:
    """What can be written can be approved: nobody could shorten it then."""
    low, high = 1, words.MAX_HITS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(with_hits(middle)) else (low, middle)
    longest = with_hits(low)
    assert fits(longest)
    assert not fits(with_hits(high)), "the limit was reached"
    whole = approved(longest)
    assert len(whole.to_bytes()) <= words.MAX_DOCUMENT_BYTES
    assert reading.parse(whole.to_bytes()) == whole
