"""Lines and records, against oracles: str.splitlines-like splitting, and the csv module."""

from __future__ import annotations

import csv
import io
import re
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash.hashset.formats import text as text_module
from psihash.hashset.formats.records import MAX_RECORD_LINES, numbered_lines, records, split
from psihash.hashset.formats.text import MAX_LINE, decoded, head_lines, lines
from psihash.hashset.model import Reason, Refusal

ANY_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"))


class Dribble(io.RawIOBase):
    """A stream that gives ``size`` bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        self._chunks = iter([data[i : i + size] for i in range(0, len(data), size)])

    def read(self, size: int = -1) -> bytes:
        return next(self._chunks, b"")


def all_lines(data: bytes, size: int = 1 << 20) -> list[tuple[int, str | Reason]]:
    return list(numbered_lines(Dribble(data, size)))  # type: ignore[arg-type]


def oracle(text: str) -> list[str]:
    found = re.split("\r\n|\r|\n", text)
    return found if found[-1] else found[:-1]


@given(st.text("ab\r\n\u2028\x0b\x85é€", max_size=60), st.integers(1, 9))
def test_lines_end_at_lf_crlf_and_cr_only(text: str, size: int) -> None:
    expected = list(enumerate(oracle(text), 1))
    assert all_lines(text.encode(), size) == expected
    assert all_lines(b"\xef\xbb\xbf" + text.encode(), size) == expected


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-8-sig"])
@given(text=ANY_TEXT, size=st.integers(1, 9))
def test_encodings_with_a_mark(encoding: str, text: str, size: int) -> None:
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    data = (mark + text).encode(encoding)
    assert "".join(decoded(Dribble(data, size))) == text  # type: ignore[arg-type]


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20))
def test_iso_8859_1(ascii_text: str) -> None:
    text = f"Müller {ascii_text} Straße é"
    assert all_lines(text.encode("latin-1")) == [(1, text)]
    mixed = text.encode("latin-1") + b"\n" + text.encode()
    assert all_lines(mixed) == [(1, text), (2, text)]


@given(st.binary(max_size=300), st.integers(1, 9))
def test_any_bytes_give_encodable_lines_without_nul(data: bytes, size: int) -> None:
    for _, text in all_lines(data, size):
        if not isinstance(text, Reason):
            assert "\0" not in text
            text.encode()


def test_nul_refuses_its_line_only() -> None:
    assert all_lines(b"a\nb\0b\nc\n\0\nd") == [
        (1, "a"),
        (2, Reason.BAD_CHARACTERS),
        (3, "c"),
        (4, Reason.BAD_CHARACTERS),
        (5, "d"),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("extra", [0, 1, 2, text_module.BLOCK, 3 * MAX_LINE])
def test_a_line_that_is_too_long_loses_no_other(end: str, extra: int) -> None:
    data = end.join(["a", "x" * (MAX_LINE + extra), "b", "y" * (MAX_LINE + extra)]).encode()
    long = [isinstance(text, Reason) or len(text) for _, text in all_lines(data)]
    wanted = MAX_LINE if extra == 0 else True
    assert long == [1, wanted, 1, wanted]
    assert [number for number, _ in all_lines(data)] == [1, 2, 3, 4]


def test_a_line_of_a_hundred_mebibytes_needs_little_memory() -> None:
    block = b"x" * (1 << 20)

    class Long(io.RawIOBase):
        left = 100

        def read(self, size: int = -1) -> bytes:
            self.left -= 1
            return block if self.left >= 0 else b"\nlast" if self.left == -1 else b""

    tracemalloc.start()
    try:
        found = list(lines(Long()))  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [(each.first, each.texts, each.refused) for each in found] == [
        (1, [], Reason.TOO_LONG),
        (2, ["last"], None),
    ]
    assert peak < 16 << 20


def test_head_lines_leave_out_the_cut_line() -> None:
    assert head_lines(b"a\r\nb\rc\nd41d8c") == ["a", "b", "c"]
    assert head_lines(b"only") == ["only"]


def numbered(text: str) -> Iterator[tuple[int, str | Reason]]:
    return numbered_lines(io.BytesIO(text.encode()))


FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\ufeff"), max_size=12)


@given(
    st.lists(st.lists(FIELD, min_size=2, max_size=5), max_size=6),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_records_read_what_the_csv_module_writes(
    table: list[list[str]], separator: str, quoting: int, end: str
) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, quoting=quoting, lineterminator=end).writerows(  # type: ignore[arg-type]
        table
    )
    read = list(records(numbered(out.getvalue()), separator))
    found = [record[1] for record in read if not isinstance(record, Refusal)]
    assert len(found) == len(read)
    expected = [
        fields for fields in table if quoting == csv.QUOTE_ALL or _is_visible(fields, separator)
    ]
    # Blanks after a closing mark do not count; the writer leaves none.
    assert found == expected


def _is_visible(fields: list[str], separator: str) -> bool:
    """A record whose line is only white space is no record (a tab-separated one may be)."""
    return bool(separator.join(fields).strip()) or any("\n" in field for field in fields)


def test_marks_in_the_middle_of_a_field_are_characters() -> None:
    assert split('5" disk,a"b,"c, d" ,"e""f",""', ",") == ['5" disk', 'a"b', "c, d", 'e"f', ""]


def test_a_stray_mark_costs_its_own_line_only() -> None:
    text = 'a,1\n"b,2\n' + "".join(f"c{i},3\n" for i in range(5000))
    found = list(records(numbered(text), ","))
    assert found[0] == (1, ["a", "1"])
    assert found[1] == Refusal(Reason.BAD_RECORD, 2)
    assert found[2:] == [(i + 3, [f"c{i}", "3"]) for i in range(5000)]


def test_a_stray_mark_before_a_damaged_line_or_the_end() -> None:
    assert list(records(numbered('"a,1\nb,2\nc\0,3\nd,4\n"e,5'), ",")) == [
        Refusal(Reason.BAD_RECORD, 1),
        (2, ["b", "2"]),
        Refusal(Reason.BAD_CHARACTERS, 3),
        (4, ["d", "4"]),
        Refusal(Reason.BAD_RECORD, 5),
    ]


def test_many_stray_marks_stay_cheap() -> None:
    line = 'a","b\n'
    text = '"' + line * (3 * MAX_RECORD_LINES)
    found = list(records(numbered(text), ","))
    assert len(found) <= 3 * MAX_RECORD_LINES


def test_a_quoted_field_may_span_lines() -> None:
    text = 'x,"one\r\ntwo\n\nthree","4"\ny,5,6\n'
    assert list(records(numbered(text), ",")) == [
        (1, ["x", "one\ntwo\n\nthree", "4"]),
        (5, ["y", "5", "6"]),
    ]
