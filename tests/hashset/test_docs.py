"""The page on formats names every format and every reason, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

from psihash.hashset import exclusions
from psihash.hashset.formats import FORMATS, NOT_A_LIST, TRUNCATED_LIST, UNKNOWN_FORMAT
from psihash.hashset.model import Reason

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"


def first_cells(heading: str) -> set[str]:
    """The code words that begin the rows of the table under ``heading``."""
    section = PAGE.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))


def test_every_format() -> None:
    assert first_cells("Formats") == {each.name for each in FORMATS}


def test_every_reason() -> None:
    assert first_cells("Rows that are refused") == {reason.value for reason in Reason}


def test_every_error() -> None:
    assert first_cells("Files that are refused") == {UNKNOWN_FORMAT, NOT_A_LIST, TRUNCATED_LIST}


def test_every_exclusion() -> None:
    assert first_cells("Digests that are left out") == set(exclusions.TRIVIAL.values())
