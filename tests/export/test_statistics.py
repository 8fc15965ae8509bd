"""Statistics as they are shown: small numbers hidden, pages that everyone can read."""

from __future__ import annotations

import csv
import io
import json
from html.parser import HTMLParser
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash.export.statistics import COLUMNS, Cell, PurposeRow, Statistics, document, write_csv
from psihash.export.statistics_html import page

HOSTILE = '=HYPERLINK("x")\r\n</caption><script>alert(1)</script>\u202e'


def statistics(*counts: int, internal: bool = False, purpose: str = "find victims") -> Statistics:
    cells = tuple(Cell("sessions", f"kind {n}", count, 7_200) for n, count in enumerate(counts))
    row = PurposeRow("de-bka", purpose, cells)
    return Statistics("nl-police", None, "2026-12-31T00:00:00Z", (row,), internal)


def table(found: Statistics) -> list[dict[str, str]]:
    stream = io.BytesIO()
    written = write_csv(found, stream)
    rows = list(csv.DictReader(io.StringIO(stream.getvalue().decode("utf-8-sig"), newline="")))
    assert len(rows) == written
    return rows


@given(st.integers(0, 10_000))
def test_small_numbers_are_hidden(count: int) -> None:
    shown = "1-4" if 1 <= count <= 4 else str(count)
    hours = "2.0" if count >= 5 else ""
    found = statistics(count)
    assert [(row["count"], row["median_hours"]) for row in table(found)] == [(shown, hours)]
    (row,) = document(found)["rows"]
    assert (row["count"], row["median_hours"] or "") == (shown, hours)
    assert f'<td class="number">{shown}</td><td class="number">{hours}</td>'.encode() in page(found)


def test_inside_the_agency_they_are_exact() -> None:
    found = statistics(1, 4, internal=True)
    assert [(row["count"], row["median_hours"]) for row in table(found)] == [
        ("1", "2.0"),
        ("4", "2.0"),
    ]
    assert document(found)["internal"] is True
    assert b"inside this agency" in page(found)


def test_the_table_has_its_columns_and_no_formula() -> None:
    (row,) = table(statistics(7, purpose=HOSTILE))
    assert tuple(row) == COLUMNS
    assert row["purpose"].startswith("'=")
    assert "\n" not in row["purpose"]
    assert json.loads(json.dumps(document(statistics(7, purpose=HOSTILE))))


class Reader(HTMLParser):
    """What a checker of accessibility looks at."""

    VOID: ClassVar = {"meta", "br"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.mark.parametrize("purpose", ["find victims", "", HOSTILE])
def test_the_page_is_for_everybody_and_loads_nothing(purpose: str) -> None:
    text = page(statistics(3, 30, purpose=purpose)).decode()
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    assert reader.named("html") == [{"lang": "en"}]
    assert len(reader.named("title")) == len(reader.named("h1")) == len(reader.named("main")) == 1
    assert len(reader.named("caption")) == len(reader.named("table")) == 1
    assert all(each.get("scope") in ("col", "row") for each in reader.named("th"))
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in reader.found}
    assert not any(name in attrs for _, attrs in reader.found for name in ("src", "href", "style"))
    assert not any(name.startswith("on") for _, attrs in reader.found for name in attrs)
    assert "\u202e" not in text
    policy = [each.get("content") or "" for each in reader.named("meta")]
    assert any(each.startswith("default-src 'none'") for each in policy)


def _luminance(colour: str) -> float:
    def part(at: int) -> float:
        value = int(colour[at : at + 2], 16) / 255
        return value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4

    return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)


def test_the_contrast_is_what_the_source_says() -> None:
    import re

    text = page(statistics(1)).decode()
    colours = set(re.findall(r"#[0-9a-f]{6}", text)) - {"#ffffff"}
    assert colours
    for colour in colours:
        assert 1.05 / (_luminance(colour) + 0.05) >= 7


def test_nothing_to_tell() -> None:
    empty = Statistics("nl-police", "2026-01-01T00:00:00Z", "2026-12-31T00:00:00Z", (), False)
    assert table(empty) == []
    assert b"Nothing was matched" in page(empty)
