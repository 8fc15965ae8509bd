"""A result in plain words, in the order in which an analyst needs it."""

from __future__ import annotations

from hypothesis import given
from psihash_client.output import plain
from psihash_client.results import result_document, result_lines

from psihash.hashset.model import Verdict
from psihash.session.result import AlgorithmResult, Link, SessionResult
from psihash.terms import AlgorithmId, Rung
from psihash.testing import results

MD5, SHA1 = AlgorithmId.MD5, AlgorithmId.SHA1


def text(result: SessionResult) -> str:
    return "\n".join(plain(line) for line in result_lines(result))


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
    assert "Between 12 and 15 items" in shown
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
    assert row.split() == ["Vlinder", "Library", "Rosa", "BR", "desk@example.org", "3"]
    assert "in 1 collection of theirs" in shown
    assert "psihash export abababababab" in shown


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
    assert len(result_document(result)["items"]) == len(result.items)


@given(results.any_count_result)
def test_any_count_can_be_shown(result: SessionResult) -> None:
    assert text(result)
    assert result_document(result)["items"] == []
