"""Case references in words."""

from __future__ import annotations

from typing import Any

import pytest

from psihash.agreement import cases
from psihash.agreement.page import approver_page
from psihash.agreement.state import Agreement


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("BKA 4711/26", "BKA 4711/26"),
        ("nl-police: NL-2026-17", "no case named"),
        ("", "no case named"),
        ("nl-police: NL-2026-18", "nl-police: NL-2026-18"),
        ("fr-ofmin: NL-2026-17", "fr-ofmin: NL-2026-17"),
    ],
)
def test_only_a_case_of_its_own_is_a_case(case: str, words: str) -> None:
    assert cases.told(case, "nl-police", "NL-2026-17") == words


def test_the_page_says_who_works_for_whose_case(world: Any) -> None:
    ours = "NL-2026-17"
    answers = cases.answering(world.nl, ours)
    agreement = Agreement(world.terms(case={world.nl: ours, world.de: answers}))
    asker = dict(approver_page(agreement, world.nl))["For which case"]
    assert asker == f"Ours: {ours}. Theirs: no case named; they work for ours."
    answerer = dict(approver_page(agreement, world.de))["For which case"]
    assert answerer == f"Ours: no case named; we work for theirs. Theirs: {ours}."
