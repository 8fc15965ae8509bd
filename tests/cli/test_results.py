"""A result in plain words, in the order in which an analyst needs it."""

from __future__ import annotations

from hypothesis import given
from psihash_client.output import plain
from psihash_client.results import result_document, result_lines

from psihash.agreement.vocabulary import HandlingCode, Tlp
from psihash.casework.handling import Handling
from psihash.hashset.model import Verdict
from psihash.session.result import AlgorithmResult, Link, SessionResult
from psihash.terms import AlgorithmId, Rung
from psihash.testing import results

MD5, SHA1 = AlgorithmId.MD5, AlgorithmId.SHA1
HANDLING = Handling(HandlingCode.H2, Tlp.AMBER, "ask before use")


def text(result: SessionResult) -> str:
    return "\n".join(plain(line) for line in result_lines(result, HANDLING))


def test_counts_are_sentences() -> None:
    shown = text(
        results.result(
            rung=Rung.COUNT,
            algorithms={MD5: AlgorithmResult(700, 12), SHA1: AlgorithmResult(350, 0)},
            matched_items=None,
            matched_items_min=12,
            matched_items_max=15,
        )
    )
    assert "12 of your 700 MD5 digests are also there." in shown
    assert "0 of your 350 SHA-1 digests are also there." in shown
    assert "At least 12 items of yours are also there" in shown
    assert "15 digests match in all" in shown
    assert "rung items" in shown
    assert "not evidence of absence" not in shown


def test_a_zero_is_explained() -> None:
    assert "not evidence of absence" in text(results.result())


def test_a_side_that_may_not_learn_is_told_so_and_nothing_else() -> None:
    shown = text(results.result(algorithms={MD5: AlgorithmResult(700, None)}, matched_items=None))
    assert "does not learn" in shown
    assert "700" not in shown
    assert "not evidence of absence" not in shown


def test_identified_there_and_open_here_comes_first() -> None:
    identified = Verdict(victim_identified=True, country="BR", series=("Rosa",))
    items = tuple(
        results.item(
            number,
            collections=("Vlinder",),
            peer_collections=("Library",),
            records=(results.record(identified if number < 3 else Verdict()),),
        )
        for number in range(5)
    )
    shown = text(
        results.result(
            items=items,
            links=(Link("Vlinder", "Library", 5),),
            algorithms={MD5: AlgorithmResult(10, 5)},
            matched_items=5,
            matched_items_min=5,
            matched_items_max=5,
        )
    )
    first, links, counts = (
        shown.index(part) for part in ("FIRST: 3 items", "in common", "5 items of yours")
    )
    assert first < links < counts
    row = next(line for line in shown.splitlines() if "Rosa" in line)
    assert row.split() == ["3", "Rosa", "BR", "Library", "Vlinder"]
    assert "Whom to ask: desk@example.org" in shown
    assert "in 1 collection of theirs" in shown
    assert "psihash export abababababab" in shown


def test_a_series_is_one_row_whatever_its_verdicts_say_of_the_country() -> None:
    stated = Verdict(victim_identified=True, country="BR", series=("Rosa",))
    silent = Verdict(victim_identified=True, series=("Rosa",))
    open_there = Verdict(victim_identified=False, country="FR", series=("Rosa",))
    items = tuple(
        results.item(number, collections=("A", "B"), records=(results.record(*said),))
        for number, said in enumerate([(stated,), (silent, stated), (silent,), (open_there,)])
    )
    rows = [line for line in text(results.result(items=items)).splitlines() if "Rosa" in line]
    assert [row.split()[:3] for row in rows] == [["3", "Rosa", "BR"]] * 2
    assert not any("FR" in row for row in rows)


def test_several_contacts_have_a_column() -> None:
    said = Verdict(victim_identified=True, series=("Rosa",))
    items = tuple(
        results.item(number, records=(results.record(said, contact=contact),))
        for number, contact in enumerate(["one@a.be", "two@a.be", None])
    )
    shown = text(results.result(items=items))
    assert "Whom to ask" not in shown
    (row,) = [line for line in shown.splitlines() if "Rosa" in line]
    assert row.endswith("one@a.be, two@a.be")


def test_at_records_nothing_identified_there_is_said_in_one_line() -> None:
    items = (results.item(1, records=(results.record(Verdict()),)),)
    said = "No item of yours is open here with its victim identified there."
    assert said in text(results.result(items=items)).splitlines()
    assert said not in text(results.result(items=items, rung=Rung.ITEMS))


def test_no_table_is_wider_than_80_columns() -> None:
    said = Verdict(victim_identified=True, country="BR", series=("s" * 60,))
    records = (results.record(said, collection="theirs " * 9, contact="desk " * 20),)
    items = tuple(
        results.item(number, collections=("ours " * 12,), records=records) for number in range(3)
    )
    shown = text(results.result(items=items, links=(Link("ours " * 12, "theirs " * 9, 3),)))
    assert max(map(len, shown.splitlines())) <= 80
    assert "..." in shown


def test_small_cells_of_a_series_result_stay_small() -> None:
    shown = text(
        results.result(
            rung=Rung.SERIES,
            links=(Link("a", "1", 3), Link("b", "2", 50)),
            algorithms={MD5: AlgorithmResult(100, 53)},
        )
    )
    assert "1 to 4" in shown
    assert "50" in shown


def test_long_lists_are_cut_and_say_so() -> None:
    links = tuple(Link(f"own {number}", "peer", 100 + number) for number in range(50))
    shown = text(results.result(rung=Rung.SERIES, links=links))
    assert "... and 30 more" in shown
    assert "own 49" in shown
    assert "own 29" not in shown


@given(results.any_result)
def test_any_result_can_be_shown(result: SessionResult) -> None:
    assert all(char.isprintable() or char == "\n" for char in text(result))
    assert len(result_document(result, HANDLING)["items"]) == len(result.items)


@given(results.any_count_result)
def test_any_count_can_be_shown(result: SessionResult) -> None:
    assert text(result)
    assert result_document(result, HANDLING)["items"] == []
