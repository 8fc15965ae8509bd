"""Documents about contributions: their way there and back, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from psihash import canonical, errors
from psihash.agreement.vocabulary import HandlingCode, Tlp
from psihash.casework import reading
from psihash.casework.contribution import (
    Contribution,
    ContributionAnswer,
    ContributionPart,
    GivenAs,
    GivenCollection,
    PartContent,
    Taken,
    told,
)
from psihash.casework.documents import CaseDocument
from psihash.casework.handling import Handling
from psihash.hashset.model import Category, Dialect, Verdict
from psihash.terms import AlgorithmId, CollectionKind
from tests.casework.test_core import KEY

MD5, SHA1 = AlgorithmId.MD5, AlgorithmId.SHA1
HEADING: dict[str, Any] = {
    "author": "nl-police",
    "recipient": "de-bka",
    "nonce": "00" * 16,
    "issued": "2026-03-01T12:00:00Z",
    "expires": "2026-03-31T12:00:00Z",
}
SAID = Verdict(Category(Dialect.UK, "1", "A"), victim_identified=True, series=("Alpha", "Beta"))
CONTENT = PartContent(
    0,
    (MD5, SHA1),
    (SAID, Verdict()),
    ((("ab" * 16, "cd" * 20), 0), (("", "ef" * 20), 1), (("01" * 16, ""), 1)),
)
GIVEN = Contribution(
    **HEADING,
    agreement="12" * 32,
    case="CASE-1",
    collections=(
        GivenCollection("Alpha", CollectionKind.SERIES, GivenAs.NEW, "", 3),
        GivenCollection("Beta", CollectionKind.CASE, GivenAs.ADDITION, "34" * 8, 1),
    ),
    parts=(CONTENT.digest, "56" * 32),
    handling=Handling(HandlingCode.H1, Tlp.AMBER),
)
PART = ContributionPart(**HEADING, contribution=GIVEN.id, number=0, content=CONTENT)
ANSWER = ContributionAnswer(**HEADING, contribution=GIVEN.id, step=Taken.TAKEN)
ALL: tuple[CaseDocument, ...] = (GIVEN, PART, ANSWER)


@pytest.mark.parametrize("document", ALL, ids=lambda each: each.TYPE)
def test_a_document_survives_its_journey(document: CaseDocument) -> None:
    signed = reading.sign(document, KEY)
    assert reading.parse(signed.to_bytes()) == signed
    assert signed.id == document.id


@pytest.mark.parametrize("document", ALL, ids=lambda each: each.TYPE)
def test_no_member_may_lack_be_added_or_be_of_another_kind(document: CaseDocument) -> None:
    value = json.loads(reading.sign(document, KEY).to_bytes())
    for name in value:
        wrong: tuple[Any, ...] = (None, 3, True, {}, [[]], ["x\u202ey"], "\u202e", " x")
        for bad in wrong:
            if type(bad) is int and type(value[name]) is int:
                continue  # another number is one too; what it may be is the whole's business
            refused(value | {name: bad})
        refused({key: each for key, each in value.items() if key != name})
    refused(value | {"more": 1})


def refused(value: Any) -> None:
    with pytest.raises(errors.PsihashError):
        reading.parse(canonical.encode(value))


@pytest.mark.parametrize(
    "row",
    [
        ["ab" * 16, "cd" * 20],
        ["ab" * 16, "cd" * 20, 2],
        ["ab" * 16, "cd" * 20, -1],
        ["ab" * 16, "cd" * 20, True],
        ["ab" * 16, "cd" * 20, 0, 0],
        ["", "", 0],
        ["AB" * 16, "", 0],
        ["ab" * 15, "", 0],
        ["ab" * 16, None, 0],
        [0, "cd" * 20, 0],
        "ab" * 16,
    ],
)
def test_rows_that_are_refused(row: Any) -> None:
    value = json.loads(reading.sign(PART, KEY).to_bytes())
    value["content"]["rows"][0] = row
    refused(value)


@pytest.mark.parametrize(
    "change",
    [
        {"as": "new", "to": "34" * 8},
        {"as": "addition", "to": ""},
        {"as": "other"},
        {"to": "x"},
        {"items": 0},
        {"items": 250_001},
        {"label": ""},
        {"label": "x" * 101},
        {"label": "a\nb"},
        {"label": "a\u00a0b"},
        {"kind": "none"},
    ],
)
def test_collections_that_are_refused(change: dict[str, Any]) -> None:
    value = json.loads(reading.sign(GIVEN, KEY).to_bytes())
    value["collections"][0] |= change
    refused(value)


@pytest.mark.parametrize(
    "change",
    [
        {"series": ["a\u00a0b"]},
        {"category": ["uk", "1\u20032", "A"]},
        {"category": ["uk", "1", "A\u3000A"]},
    ],
)
def test_labels_that_no_list_may_have(change: dict[str, Any]) -> None:
    value = json.loads(reading.sign(PART, KEY).to_bytes())
    reading.parse(canonical.encode(value))
    value["content"]["verdicts"][0] |= change
    refused(value)


def test_a_part_has_one_digest() -> None:
    other = replace(CONTENT, verdicts=(SAID, replace(SAID, country="NL")))
    assert other.digest != CONTENT.digest
    assert replace(CONTENT, collection=1).digest != CONTENT.digest


def test_what_is_told_of_a_verdict_passes_the_reader() -> None:
    wild = Verdict(
        Category(Dialect.TEXT, "x\u202e" * 90, "\n" * 500),
        victim_identified=False,
        offender_identified=True,
        series=tuple(f" {number}\u200b {'y' * 200}" for number in range(40)),
        country="nl",
        source="somebody",
    )
    said = told(wild)
    assert (said.offender_identified, said.source, said.country) == (None, None, None)
    content = replace(CONTENT, verdicts=(said, Verdict()))
    reading.sign(replace(PART, content=content), KEY)


def test_items_name_their_source() -> None:
    rows = list(CONTENT.items("nl-police"))
    assert [len(row.digests) for row in rows] == [2, 1, 1]
    assert {row.verdict.source for row in rows if row.verdict} == {"nl-police"}
    assert rows[0].verdict is not None
    assert rows[0].verdict.series == ("Alpha", "Beta")
