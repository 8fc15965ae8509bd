"""What reaches the terminal, and what does not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psihash_client import output
from psihash_client.labels import algorithm_name, plural


@given(st.text())
def test_plain_text_holds_nothing_that_acts(text: str) -> None:
    shown = output.plain(text)
    assert shown.isprintable()
    assert len(shown) == len(text)


@pytest.mark.parametrize("text", ["Müller", "Ελλάδα", "児童", "a b", ""])
def test_names_in_any_script_stay(text: str) -> None:
    assert output.plain(text) == text


@pytest.mark.parametrize(
    "char", ["\x1b", "\r", "\n", "\u202e", "\u2028", "\x07", "\udc80", "\u200b"]
)
def test_what_acts_is_replaced(char: str) -> None:
    assert output.plain(f"a{char}b") == "a\ufffdb"


@given(st.lists(st.tuples(st.text(max_size=9), st.integers(0, 10**9)), min_size=1, max_size=9))
def test_a_table_is_aligned_and_has_one_line_per_row(rows: list[tuple[str, int]]) -> None:
    lines = list(output.table(("name", "count"), rows))
    assert len(lines) == len(rows) + 1
    assert len({len(line) for line in lines}) == 1
    assert all(line.isprintable() for line in lines)


@given(
    st.lists(st.tuples(st.text(max_size=90), st.text(max_size=90)), min_size=1, max_size=5),
    st.integers(0, 10**9),
)
def test_an_elastic_table_fits(rows: list[tuple[str, str]], count: int) -> None:
    cells = [(left, count, right) for left, right in rows]
    lines = list(output.table(("name", "count", "what"), cells, elastic=(0, 2)))
    assert max(map(len, lines)) <= 80
    assert all(f"{count:,}" in line for line in lines[1:])


def test_a_last_column_of_which_nothing_would_be_seen_is_left_out() -> None:
    wide = "x" * 75
    assert list(output.table(("id", "purpose"), [(wide, "find them")], elastic=(1,))) == [
        "id",
        wide,
    ]


def test_long_facts_go_over_several_lines_and_stay_whole() -> None:
    digest = "f" * 128
    lines = list(output.facts([("words", "word " * 30), ("digest", digest)]))
    assert max(map(len, lines[:-1])) <= 80
    assert " ".join(lines[:-1]).split() == ["words", *["word"] * 30]
    assert lines[1].startswith(" " * 8 + "word")
    assert lines[-1] == f"digest  {digest}"


def test_an_empty_table_has_no_head() -> None:
    assert list(output.table(("a", "b"), [])) == []


def test_facts_leave_out_what_is_not_known() -> None:
    facts = [("a", 1000), ("long", None), ("bb", "x"), ("c", False)]
    assert list(output.facts(facts)) == ["a   1,000", "bb  x", "c   no"]


def test_json_is_one_ascii_document_and_makes_no_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def lines() -> list[str]:
        raise AssertionError("text was made")

    output.show(True, {"name": "é\u202e\udc80"}, (line for _ in [0] for line in lines()))
    printed = capsys.readouterr()
    assert printed.out.isascii()
    assert json.loads(printed.out) == {"name": "é\u202e\udc80"}
    assert printed.err == ""


def test_a_ticker_is_silent_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with output.Ticker() as ticker:
        ticker.say("working")
    assert capsys.readouterr() == ("", "")


def test_a_ticker_draws_over_itself_and_leaves_no_trace(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    moments = iter([0.0, 0.01, 9.0])
    monkeypatch.setattr("psihash_client.output.time.monotonic", lambda: 100 + next(moments))
    with output.Ticker() as ticker:
        for text in ("one long line", "too soon", "short\x1b"):
            ticker.say(text)
    drawn = capsys.readouterr().err
    assert "too soon" not in drawn
    assert "\x1b" not in drawn
    assert drawn.rpartition("\r")[2] == ""


def test_words() -> None:
    assert [algorithm_name(name) for name in ("md5", "sha1", "sha512")] == [
        "MD5",
        "SHA-1",
        "SHA-512",
    ]
    assert (plural(1, "item"), plural(2000, "item")) == ("1 item", "2,000 items")
