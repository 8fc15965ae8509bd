"""The CSV table: rows, three-state cells, and text that must not act."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash.export import write
from psihash.export.csv_table import COUNT_COLUMNS, ITEM_COLUMNS, cell
from psihash.hashset.model import Category, Dialect, Verdict
from psihash.session.result import AlgorithmResult, Link, SessionResult
from psihash.terms import Rung
from psihash.testing import results
from psihash.testing.results import MD5, SHA1, any_count_result, any_result

FORMULA_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def table(result: SessionResult) -> list[dict[str, str]]:
    stream = io.BytesIO()
    report = write(result, "csv", stream)
    data = stream.getvalue()
    assert data.startswith(b"\xef\xbb\xbf")
    text = data.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    assert len(rows) == report.records
    assert text.count("\r\n") == text.count("\n") == len(rows) + 1
    return rows


def test_one_row_per_item_with_both_sides_verdicts() -> None:
    own = Verdict(
        category=Category(Dialect.UK, "1", "A"), victim_identified=False, series=("Series 0042",)
    )
    there = Verdict(
        category=Category(Dialect.US, "1", "CAM"),
        victim_identified=True,
        offender_identified=False,
        dated="2024-01-02",
        country="BR",
        submissions=3,
    )
    more = Verdict(category=Category(Dialect.US, "2"), dated="2023-01-02", country="BR")
    (row,) = table(
        results.result(
            items=(
                results.item(
                    7,
                    matched_by=(MD5, SHA1),
                    collections=("seizure", "old case"),
                    verdicts=(("seizure", own),),
                    peer_collections=("Library",),
                    records=(results.record(there, more),),
                    size=5,
                ),
            )
        )
    )
    assert set(row) == set(ITEM_COLUMNS)
    assert row["identified_there_open_here"] == "yes"
    assert row["md5"] == results.digests(7)[MD5]
    assert row["sha512"] == ""
    assert row["matched_by"] == "md5 sha1"
    assert row["own_collections"] == "seizure | old case"
    assert row["own_categories"] == "uk:1 A"
    assert row["own_victim_identified"] == "no"
    assert row["own_offender_identified"] == ""
    assert row["own_series"] == "Series 0042"
    assert row["own_votes"] == "1"
    assert row["peer_categories"] == "us:1 CAM | us:2"
    assert row["peer_victim_identified"] == "yes"
    assert row["peer_offender_identified"] == "no"
    assert row["peer_distributed"] == ""
    assert row["peer_votes"] == "2"
    assert row["peer_dated"] == "2024-01-02"
    assert row["peer_country"] == "BR"
    assert row["peer_submissions"] == "3"
    assert row["peer_disagreement"] == "category"
    assert row["peer_kinds"] == "library"
    assert row["peer_contact"] == "desk@example.org"
    assert row["peer"] == "nl-police"
    assert row["receipt"] == "ef" * 32


def test_same_number_in_two_dialects_is_two_categories_and_no_disagreement() -> None:
    verdicts = (
        ("a", Verdict(category=Category(Dialect.US, "1", "x"))),
        ("b", Verdict(category=Category(Dialect.US, "1", "y"))),
        ("c", Verdict(category=Category(Dialect.UK, "1"))),
    )
    (row,) = table(results.result(items=(results.item(verdicts=verdicts),)))
    assert row["own_categories"] == "us:1 x | us:1 y | uk:1"
    assert row["own_disagreement"] == ""


def test_equal_categories_are_counted_and_contradicting_flags_named() -> None:
    verdicts = (
        ("a", Verdict(category=Category(Dialect.US, "1"), victim_identified=True)),
        ("b", Verdict(category=Category(Dialect.US, "1"), victim_identified=False)),
    )
    (row,) = table(results.result(items=(results.item(verdicts=verdicts),)))
    assert row["own_categories"] == "us:1 x2"
    assert row["own_victim_identified"] == "yes"
    assert row["own_disagreement"] == "victim_identified"


def test_identified_there_open_here_comes_first_whatever_the_order() -> None:
    told, denied = (results.record(Verdict(victim_identified=said)) for said in (True, False))
    silent = results.record(Verdict())
    items = (
        results.item(1, records=(denied,)),
        results.item(2, records=(told,)),
        results.item(3, records=(silent,)),
        results.item(4),
    )
    rows = table(results.result(items=items))
    # What the peer did not say of the victim is no "no".
    assert [row["identified_there_open_here"] for row in rows] == ["yes", "no", "", ""]
    assert [row["md5"] for row in rows] == [results.digests(n)[MD5] for n in (2, 1, 3, 4)]


def test_below_records_whether_identified_is_not_known() -> None:
    (row,) = table(results.result(rung=Rung.ITEMS, items=(results.item(),)))
    assert row["identified_there_open_here"] == ""
    assert row["peer_victim_identified"] == ""
    assert row["peer_votes"] == ""


def test_below_items_one_row_per_algorithm_and_link() -> None:
    rows = table(
        results.result(
            rung=Rung.SERIES,
            algorithms={MD5: AlgorithmResult(10, 7), SHA1: AlgorithmResult(9, None)},
            links=(Link("Series 1", "c1", 7), Link("Series 2", "c1", 3), Link("Series 3", "c1", 0)),
            matched_items=None,
            matched_items_min=7,
            matched_items_max=12,
        )
    )
    assert set(rows[0]) == set(COUNT_COLUMNS)
    assert [row["row"] for row in rows] == ["algorithm"] * 2 + ["link"] * 3
    assert [row["matched"] for row in rows] == ["7", "", "7", "1 to 4", "0"]
    assert [row["own"] for row in rows] == ["10", "9", "", "", ""]
    assert rows[0]["matched_items"] == ""
    assert rows[0]["matched_items_max"] == "12"


def test_header_stands_alone_where_nothing_matched() -> None:
    assert table(results.result()) == []


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_formulas_are_disarmed(start: str) -> None:
    evils = [start + "cmd|'/C calc'!A0"]
    if not start.isspace():
        evils += ["  " + start + "1", '"' + start + "1", "\u200b\xa0" + start + "1"]
    for evil in evils:
        verdict = Verdict(series=(evil,))
        (row,) = table(results.result(items=(results.item(verdicts=(("a", verdict),)),)))
        assert row["own_series"].startswith("'")


@given(results.labels)
def test_no_cell_is_a_formula_under_comma_or_semicolon(text: str) -> None:
    shown = cell(text)
    for part in (shown, *shown.split(";")):
        assert not part.strip(' "').startswith(FORMULA_STARTS)
    assert shown.isprintable() or all(c not in shown for c in "\r\n\t\x00\u202e")


@given(any_result)
def test_any_result_parses_back_cell_by_cell(result: SessionResult) -> None:
    rows = table(result)
    assert len(rows) == len(result.items)
    assert sorted(row["md5"] for row in rows) == sorted(
        item.digests.get(MD5, "") for item in result.items
    )
    for row in rows:
        assert None not in row
        assert all(value is not None for value in row.values())
        assert row["own_victim_identified"] in ("yes", "no", "")


@given(any_count_result)
def test_any_count_result_parses_back(result: SessionResult) -> None:
    rows = table(result)
    assert len(rows) == len(result.algorithms) + len(result.links)
    for row in rows:
        assert row["matched"] != "4" or result.rung is Rung.COUNT or row["row"] == "algorithm"


@given(st.text(max_size=30))
def test_harmless_text_is_left_alone(text: str) -> None:
    clean = "Series " + "".join(c for c in text if c.isalnum() or c in " .-_")
    assert cell(clean) == clean.strip()
