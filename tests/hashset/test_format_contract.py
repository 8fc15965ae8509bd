"""What every format promises, whoever wrote the file: one suite, run over all of them."""

from __future__ import annotations

import io
import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash import errors
from psihash.hashset.formats import (
    FORMATS,
    NOT_A_LIST,
    SNIFF_BYTES,
    TRUNCATED_LIST,
    UNKNOWN_FORMAT,
    Format,
    by_name,
    sniff,
)
from psihash.hashset.formats.fields import MAX_LABEL, MAX_OTHER, MAX_SERIES
from psihash.hashset.model import Digest, Refusal, Row, Verdict

STREAMED = [each for each in FORMATS if each.name != "nsrl-rdsv3"]
JSON = ("vics", "misp-list")
BINARY = st.binary(max_size=200)

# The three digests that every example holds, in one item or in several.
SHA1 = "7110eda4d09e062aa5e4a390b0a572ac0d2c0220"
EXAMPLE_DIGESTS = {
    "81dc9bdb52d04dc20036dbd8313ed055",
    SHA1,
    "d93591bdf7860e1e4ee2fca799911215",
}


def read(each: Format, data: bytes) -> list[Row | Refusal]:
    return list(each.read(io.BytesIO(data)))


def read_hostile(each: Format, data: bytes) -> list[Row | Refusal]:
    """All rows before the end or before a refusal of the file; any other error is a bug."""
    found: list[Row | Refusal] = []
    code = NOT_A_LIST
    try:
        for row in each.read(io.BytesIO(data)):
            found.append(row)
            check(row)
    except errors.InputError as error:
        code = error.code
    assert code in (NOT_A_LIST, TRUNCATED_LIST)
    return found


def sniff_hostile(data: bytes) -> Format | None:
    code = UNKNOWN_FORMAT
    try:
        return sniff(data)
    except errors.InputError as error:
        code = error.code
    assert code == UNKNOWN_FORMAT
    return None


def check(row: Row | Refusal) -> None:
    """Whatever the input, a row is well-formed and small."""
    if isinstance(row, Refusal):
        assert row.line >= 1
        return
    assert row.digests
    assert len({digest.algorithm for digest in row.digests}) == len(row.digests)
    assert all(len(raw) == algorithm.digest_bytes for algorithm, raw in row.digests)
    assert all(len(kind) <= 64 and 0 < len(text) <= MAX_OTHER for kind, text in row.other)
    assert row.size is None or 0 <= row.size < 2**63
    assert row.media_type is None or 0 < len(row.media_type) <= MAX_LABEL
    for verdict in filter(None, (row.verdict, *row.further)):
        check_verdict(verdict)
    repr(row).encode()


def check_verdict(verdict: Verdict) -> None:
    assert len(verdict.series) <= MAX_SERIES
    labels = [*verdict.series, verdict.source or "x", verdict.country or "x"]
    if verdict.category:
        assert verdict.category.code or verdict.category.label
        labels += [verdict.category.code, verdict.category.label]
    for text in labels:
        assert len(text) <= MAX_LABEL
        text.encode()
        assert not set(text) & set("\r\n\0\x1b\u202e")


def digests_of(rows: list[Row | Refusal]) -> set[Digest]:
    return {digest for row in rows if isinstance(row, Row) for digest in row.digests}


def test_names_are_unique_and_found() -> None:
    assert len({each.name for each in FORMATS}) == len(FORMATS)
    for each in FORMATS:
        assert by_name(each.name) is each
        assert each.title
        assert all(suffix.startswith(".") for suffix in each.suffixes)
    with pytest.raises(errors.InputError) as caught:
        by_name("docx")
    assert caught.value.code == UNKNOWN_FORMAT
    assert "hashdeep" in caught.value.hint


@pytest.mark.parametrize("each", FORMATS, ids=lambda each: each.name)
def test_sniffs_its_own_example_best(each: Format) -> None:
    data = each.example.encode()
    assert sniff(data) is each
    others = [other.sniff(data) for other in FORMATS if other is not each]
    assert each.sniff(data) > max(others)
    assert all(0 <= confidence <= 100 for confidence in others)


@pytest.mark.parametrize("each", STREAMED, ids=lambda each: each.name)
def test_the_example_holds_good_rows_only(each: Format) -> None:
    rows = read(each, each.example.encode())
    assert all(isinstance(row, Row) for row in rows)
    found = {digest.raw.hex() for digest in digests_of(rows)}
    assert found >= (EXAMPLE_DIGESTS - {SHA1} if each.name == "hashkeeper" else EXAMPLE_DIGESTS)
    for row in rows:
        check(row)


@pytest.mark.parametrize("each", STREAMED, ids=lambda each: each.name)
@pytest.mark.parametrize(
    "dress",
    [
        "utf-8-sig",
        "utf-16",
        "utf-16-be",
        "crlf",
        "cr",
        "blank lines",
        "no last end",
        "upper case hex",
    ],
)
def test_the_same_list_in_another_dress(each: Format, dress: str) -> None:
    text = each.example
    changed = {
        "crlf": text.replace("\n", "\r\n").encode(),
        "cr": text.replace("\n", "\r").encode(),
        "blank lines": ("\n" + text.replace("\n", "\n\n") + "\n \n").encode(),
        "no last end": text.rstrip("\n").encode(),
        "utf-16-be": b"\xfe\xff" + text.encode("utf-16-be"),
        "upper case hex": _upper_digests(text).encode(),
    }
    data = changed[dress] if dress in changed else text.encode(dress)
    assert sniff(data) is each
    assert read(each, data) == read(each, text.encode())


def _upper_digests(text: str) -> str:
    for digest in EXAMPLE_DIGESTS:
        text = text.replace(digest, digest.upper())
    return text


@pytest.mark.parametrize("each", STREAMED, ids=lambda each: each.name)
def test_iso_8859_1_names(each: Format) -> None:
    """Names in an old encoding change no digest and refuse no row."""
    text = (
        each.example.replace("a.", "ä.").replace("Harbour", "Häfen").replace("Example", "Exämple")
    )
    rows = read(each, text.encode("latin-1"))
    assert rows == read(each, text.encode())
    assert sniff(text.encode("latin-1")) is each


@pytest.mark.parametrize("each", STREAMED, ids=lambda each: each.name)
def test_truncated_at_every_byte(each: Format) -> None:
    """A cut file gives no digest that the whole one does not: except that, where only the length
    tells the algorithm, the stump of one in the last line may look like a shorter one."""
    data = each.example.encode()
    whole = digests_of(read(each, data))
    for end in range(len(data)):
        sniff_hostile(data[:end])
        more = digests_of(read_hostile(each, data[:end])) - whole
        if more:
            assert each.name in ("plain", "md5deep")
            assert len(more) == 1
            assert SHA1.startswith(more.pop().raw.hex())


@pytest.mark.parametrize("each", [by_name(name) for name in JSON], ids=lambda each: each.name)
def test_truncated_json_says_so(each: Format) -> None:
    data = each.example.rstrip().encode()
    for end in range(1, len(data)):
        with pytest.raises(errors.InputError) as caught:
            read(each, data[:end])
        assert caught.value.code == TRUNCATED_LIST


@pytest.mark.parametrize("each", STREAMED, ids=lambda each: each.name)
@given(junk=BINARY, data=st.data())
def test_garbage_anywhere(each: Format, junk: bytes, data: st.DataObject) -> None:
    example = each.example.encode()
    at = data.draw(st.integers(0, len(example)))
    broken = example[:at] + junk + example[at:]
    rows = read_hostile(each, broken)
    assert len(rows) <= broken.count(b"\n") + broken.count(b"\r") + broken.count(b"{") + 5


@pytest.mark.parametrize("each", STREAMED, ids=lambda each: each.name)
@given(data=st.data())
def test_one_changed_byte_harms_no_other_row(each: Format, data: st.DataObject) -> None:
    """Outside of headers and of JSON's structure, a broken row costs that row alone."""
    example = bytearray(each.example.encode())
    at = data.draw(st.integers(0, len(example) - 1))
    example[at] = data.draw(st.integers(0, 255))
    rows = read_hostile(each, bytes(example))
    assert len(rows) <= len(read(each, each.example.encode())) + 8


@given(BINARY)
def test_random_bytes_are_no_list(junk: bytes) -> None:
    each = sniff_hostile(junk)
    assert each is None or each.sniff(junk) > 0


@given(st.sampled_from(STREAMED), st.binary(max_size=400))
def test_any_format_reads_any_bytes(each: Format, junk: bytes) -> None:
    read_hostile(each, junk)


def rendered(name: str, md5s: list[str]) -> str:
    """The same items as a file of the format ``name``."""
    rows = [md5.upper() if i % 2 else md5 for i, md5 in enumerate(md5s)]
    header = {
        "icse": "ZZ40;MD5;Baseline;Lace;SHA1;\n",
        "griffeye": "Binary Copies;MD5;Visual Copies;Bookmarks;SHA-1\n",
        "csv": "Name\tHash (MD5)\tSHA1\n",
        "hashkeeper": '"file_id","hashset_id","file_name","directory","hash","file_size"\n',
        "ilook": "V3Hash,HashSHA1,FileName,FilePath,FileSize,HashSHA256,HashSHA384,HashSHA512\n",
        "nsrl-rds": '"SHA-1","FileName","FileSize","ProductCode","OpSystemCode","MD4","MD5",'
        '"CRC32","SpecialCode"\n',
        "hashdeep": "%%%% HASHDEEP-1.0\n%%%% size,md5,filename\n",
        "vics": '{"odata.metadata": "http://x/DataModels/1.3.xml#Media", "value": [',
        "misp-list": '{"list": [',
    }.get(name, "")
    line = {
        "icse": ";{};Yes;;;\n",
        "griffeye": "1;{};0;;\n",
        "csv": "a\t{}\t\n",
        "hashkeeper": '1,7,"a, b",,"{}",4\n',
        "ilook": "{},,a,D:\\x, y\\,4,,,\n",
        "nsrl-rds": '"","a",4,1,"WIN","","{}","00000000",""\n',
        "hashdeep": "4,{},/a, b\n",
        "vics": '{{"MD5": "{}", "SHA1": ""}},',
        "misp-list": '"{}",',
        "bsd": "MD5 (a) = {}\n",
        "md5deep": "{}  a\n",
        "plain": "{}\n",
    }[name]
    body = "".join(line.format(md5) for md5 in rows)
    return header + (body.rstrip(",") + "]}" if name in JSON else body)


@pytest.mark.parametrize("each", STREAMED, ids=lambda each: each.name)
@given(raws=st.sets(st.binary(min_size=16, max_size=16), min_size=1, max_size=20))
def test_one_list_in_every_format_gives_equal_digests(each: Format, raws: set[bytes]) -> None:
    data = rendered(each.name, [raw.hex() for raw in sorted(raws)]).encode()
    assert sniff(data) is each
    assert {digest.raw for digest in digests_of(read(each, data))} == raws


@pytest.mark.parametrize("each", STREAMED, ids=lambda each: each.name)
def test_memory_does_not_grow_with_the_list(each: Format) -> None:
    source = random.Random(7)
    few = [source.randbytes(16).hex() for _ in range(2_000)]
    peaks = []
    for factor in (10, 20):
        data = rendered(each.name, few * factor).encode()
        assert len(data) > SNIFF_BYTES
        tracemalloc.start()
        try:
            count = sum(1 for _ in each.read(io.BytesIO(data)))
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert count == len(few) * factor
    assert peaks[1] < peaks[0] + (2 << 20)
