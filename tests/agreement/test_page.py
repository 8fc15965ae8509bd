"""The approver's page says what follows from the terms, from each side's point of view."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from psihash import errors
from psihash.agreement.page import approver_page
from psihash.agreement.state import Agreement
from psihash.agreement.vocabulary import HandlingCode, OpenedBy
from psihash.terms import Learn, Rung, SessionRole


def page(agreement: Agreement, own: str) -> dict[str, str]:
    return dict(approver_page(agreement, own))


def test_headings_are_distinct_and_texts_are_sentences(world: Any, active: Agreement) -> None:
    sections = approver_page(active, world.nl)
    assert len({heading for heading, _ in sections}) == len(sections)
    for heading, text in sections:
        assert text.endswith("."), heading
        assert ".." not in text
        assert "  " not in text


def test_an_outsider_gets_no_page(world: Any, active: Agreement) -> None:
    with pytest.raises(errors.RefusedError):
        approver_page(active, world.fr)


def test_both_sides_see_themselves_first(world: Any, active: Agreement) -> None:
    ours, theirs = page(active, world.nl), page(active, world.de)
    assert ours["Between"].startswith("Us, Police of nl-police")
    assert theirs["Between"].startswith("Us, Police of de-bka")
    assert "Proposed by us" in ours["Between"]
    assert "Proposed by them" in theirs["Between"]
    assert ours["For which case"] == "Ours: NL-2026-17. Theirs: BKA 4711/26."
    assert theirs["For which case"] == "Ours: BKA 4711/26. Theirs: NL-2026-17."
    assert ours["Under which law"] == "Ours: Wpg art. 17a. Theirs: BKAG § 26."
    assert ours["What we put in"].removeprefix("We have") == theirs[
        "What they put in"
    ].removeprefix("They have")


def learns(agency: str, opener: str, learn: Learn) -> bool:
    role = SessionRole.INITIATOR if agency == opener else SessionRole.RESPONDER
    return role.learns(learn)


@pytest.mark.parametrize(("opened_by", "learn"), list(itertools.product(OpenedBy, Learn)))
def test_who_learns_is_told_as_the_sessions_will_have_it(
    world: Any, opened_by: OpenedBy, learn: Learn
) -> None:
    agreement = world.active(rung=Rung.ITEMS, opened_by=opened_by, learn=learn)
    text = page(agreement, world.nl)
    openers = {
        OpenedBy.EITHER: [world.nl, world.de],
        OpenedBy.PROPOSER: [world.nl],
        OpenedBy.OTHER: [world.de],
    }[opened_by]
    for agency, heading, mine, other in (
        (world.nl, "What we learn", "we open", "they open"),
        (world.de, "What they learn", "they open", "we open"),
    ):
        ways = [opener for opener in openers if learns(agency, opener, learn)]
        if not ways:
            assert "no result" in text[heading]
        elif ways == openers:
            assert "Only in sessions" not in text[heading]
            assert "which of" in text[heading]
        else:
            assert (mine if ways == [agency] else other) in text[heading]
    assert ("receives no result" in text["What a dishonest partner could learn"]) == (
        not any(learns(world.de, opener, learn) for opener in openers)
    )


@pytest.mark.parametrize("rung", list(Rung))
def test_the_promise_of_the_rung_is_told(world: Any, rung: Rung) -> None:
    text = page(world.active(rung=rung), world.nl)["What a dishonest partner could learn"]
    assert "can learn as much as at" in text
    assert "hide its own hits" in text
    assert ("neutral coordinator" in text) == (rung in (Rung.COUNT, Rung.SERIES))
    assert "16,777,216" in text


def test_limits_are_told(world: Any, active: Agreement) -> None:
    text = page(active, world.nl)
    assert "at most 100 and 200,000,000 elements in any 30 days" in text["How often"]
    assert "until 2027-01-01T00:00:00Z" in text["Until when"]
    assert "365 days" in text["Until when"]
    assert "Handling code H2" in text["What may be done with the result"]
    assert "TLP:AMBER" in text["What may be done with the result"]


def test_only_one_side_opens(world: Any) -> None:
    agreement = world.active(opened_by=OpenedBy.PROPOSER)
    assert page(agreement, world.nl)["How often"].startswith("Only we may open")
    assert page(agreement, world.de)["How often"].startswith("Only they may open")


def test_a_fresh_proposal_has_its_page(world: Any) -> None:
    agreement = Agreement(
        world.terms(
            handling_code=HandlingCode.H3,
            handling_note="Not before the arrest",
            offence_category="sexual exploitation of children",
            minimum_items=100,
            engines=("openmined-p256/1",),
            contacts={world.nl: "desk@example.test"},
        )
    )
    text = page(agreement, world.de)
    assert text["What we put in"] == "We have not said yet."
    assert text["Under which law"] == "Ours: not stated yet. Theirs: Wpg art. 17a."
    assert "Offence: sexual exploitation of children." in text["What for"]
    assert "Not before the arrest." in text["What may be done with the result"]
    assert "fewer than 100" in text["Whose data"]
    assert "openmined-p256/1" in text["Whose data"]
    assert text["Whom to ask"] == "Ours: nobody named. Theirs: desk@example.test."
