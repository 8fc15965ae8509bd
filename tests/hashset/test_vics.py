"""VICS files as tools really write them."""

from __future__ import annotations

import io
import json
import re
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from psihash import errors
from psihash.hashset.formats import by_name, sniff
from psihash.hashset.formats.json_stream import MAX_STRING, events
from psihash.hashset.model import Category, Dialect, Reason, Refusal, Row, Verdict
from psihash.terms import AlgorithmId

V1 = "http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#Media"
V2 = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/{}/$metadata#{}"
MD5 = "81dc9bdb52d04dc20036dbd8313ed055"
OTHER = "d93591bdf7860e1e4ee2fca799911215"
SHA1 = "7110eda4d09e062aa5e4a390b0a572ac0d2c0220"
SHA256 = "03ac674216f3e15c761ee1a5e255f067953623c8b388b4459e13f978d7c846f4"


def read(data: bytes) -> list[Row | Refusal]:
    assert sniff(data).name == "vics"
    return list(by_name("vics").read(io.BytesIO(data)))


def media(
    *records: Any, context: str = V2.format("US", "Media"), key: str = "@odata.context"
) -> bytes:
    return json.dumps({key: context, "value": records}).encode()


def one(**properties: Any) -> Row | Refusal:
    rows = read(media({"MediaID": 1, "MD5": MD5, **properties}))
    assert len(rows) == 1
    return rows[0]


def verdict(**properties: Any) -> Verdict:
    row = one(**properties)
    assert isinstance(row, Row)
    assert row.verdict is not None
    return row.verdict


@pytest.mark.parametrize(
    ("key", "context", "dialect"),
    [
        ("odata.metadata", V1, Dialect.UNKNOWN),
        ("@odata.context", V2.format("US", "Media"), Dialect.US),
        ("@odata.context", V2.format("UK", "Media"), Dialect.UK),
        ("@odata.context", V2.format("Default", "Media"), Dialect.DEFAULT),
        ("@odata.context", V2.format("CUSTOM", "Media"), Dialect.CUSTOM),
        ("@odata.context", V2.format("Elsewhere", "Media"), Dialect.UNKNOWN),
    ],
)
def test_the_context_names_the_dialect(key: str, context: str, dialect: Dialect) -> None:
    (row,) = read(media({"MD5": MD5, "Category": 0}, key=key, context=context))
    assert isinstance(row, Row)
    assert row.verdict == Verdict(category=Category(dialect, "0"))


@pytest.mark.parametrize("category", [None, True, [], {}, "", "null"])
def test_no_category_is_not_category_zero(category: Any) -> None:
    row = one(Category=category, IsPrecategorized=True)
    assert isinstance(row, Row)
    assert row.verdict is None


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (1, Category(Dialect.US, "1")),
        ("1", Category(Dialect.US, "1")),
        (1.0, Category(Dialect.US, "1")),
        ("KiPo", Category(Dialect.US, "", "KiPo")),
    ],
)
def test_categories(stated: Any, expected: Category) -> None:
    assert verdict(Category=stated).category == expected


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("false", False),
        ("False", False),
        ("TRUE", True),
        (1, True),
        (0, False),
        ("1", True),
        ("0", False),
        ("Y", True),
        ("N", False),
        (None, None),
        ("", None),
        ("unknown", None),
        (2, None),
        ([], None),
    ],
)
def test_flags_are_three_state(written: Any, meant: bool | None) -> None:
    found = verdict(
        Category=1, VictimIdentified=written, OffenderIdentified=written, IsDistributed=written
    )
    assert found.victim_identified is meant
    assert found.offender_identified is meant
    assert found.distributed is meant


@pytest.mark.parametrize(
    ("written", "dated"),
    [
        ("2023-06-07T02:31:49.8300Z", "2023-06-07T02:31:49Z"),
        ("2023-06-07T02:31:49+02:00", "2023-06-07T00:31:49Z"),
        ("2023-06-07T02:31:49", "2023-06-07T02:31:49Z"),
        ("2023-06-07", "2023-06-07"),
        ("/Date(1686105109000)/", "2023-06-07T02:31:49Z"),
        ("/Date(1686105109000+0200)/", "2023-06-07T02:31:49Z"),
        ("/Date(-1)/", "1969-12-31T23:59:59Z"),
        ("/Date(999999999999999)/", None),
        ("2023-13-07", None),
        ("0001-01-01T00:00:00+23:59", None),
        ("07/06/2023", None),
        (17, None),
    ],
)
def test_dates(written: Any, dated: str | None) -> None:
    assert verdict(Category=1, DateUpdated=written).dated == dated


def test_series_and_sources() -> None:
    found = verdict(Series=" Harbour | Quay|Harbour", PrecategorizationSource="CAID", Tags="x")
    assert found == Verdict(series=("Harbour", "Quay"), source="CAID")
    assert verdict(Series=["Harbour", 7, "Quay"]).series == ("Harbour", "Quay")


def test_every_hash_of_a_record() -> None:
    row = one(
        SHA1=SHA1.upper(),
        PhotoDNA="1,2,3",
        AlternativeHashes=[
            {"MD5": MD5, "HashName": "SHA-256", "HashValue": SHA256},
            {"MD5": MD5, "HashName": "PDQ", "HashValue": "f" * 64},
            {"MD5": MD5, "HashName": "Homemade", "HashValue": "abc"},
            {"MD5": MD5, "HashName": "SHA1", "HashValue": SHA1},
            {"HashValue": "nameless"},
            7,
        ],
        MimeType="image/jpeg",
        MediaSize="4",
    )
    assert isinstance(row, Row)
    assert [d.algorithm for d in row.digests] == [
        AlgorithmId.MD5,
        AlgorithmId.SHA1,
        AlgorithmId.SHA256,
    ]
    assert row.digests[2].raw.hex() == SHA256
    assert row.other == (("photodna", "1,2,3"), ("pdq", "f" * 64), ("homemade", "abc"))
    assert (row.media_type, row.size) == ("image/jpeg", 4)


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"MD5": MD5[:-1]}, Reason.BAD_LENGTH),
        ({"MD5": "z" * 32, "SHA1": SHA1}, Reason.BAD_CHARACTERS),
        ({"MD5": MD5 + "\0"}, Reason.BAD_CHARACTERS),
        ({"MD5": ""}, Reason.NO_DIGEST),
        ({"MD5": None}, Reason.NO_DIGEST),
        ({"MD5": None, "PhotoDNA": "1,2"}, Reason.UNKNOWN_ALGORITHM),
        ({"MD5": 5}, Reason.BAD_RECORD),
        ({"MD5": [MD5]}, Reason.BAD_RECORD),
        ({"MD5": {"value": MD5}}, Reason.BAD_RECORD),
        ({"SHA-1": SHA1, "SHA1": SHA1[::-1]}, Reason.BAD_RECORD),
        ({"AlternativeHashes": [{"HashName": "MD5", "HashValue": OTHER}]}, Reason.BAD_RECORD),
        ({"AlternativeHashes": [{"HashName": "SHA256", "HashValue": "x"}]}, Reason.BAD_CHARACTERS),
        ({"AlternativeHashes": [{"HashName": "PDQ", "HashValue": "x"}] * 99}, Reason.BAD_RECORD),
    ],
)
def test_a_bad_record_is_refused_alone(properties: dict[str, Any], reason: Reason) -> None:
    rows = read(media({"MD5": OTHER}, {"MD5": MD5, **properties}, {"MD5": OTHER}))
    assert rows[1] == Refusal(reason, 2)
    assert isinstance(rows[0], Row)
    assert rows[0] == rows[2]


def test_an_absent_md5_leaves_the_sha1() -> None:
    (row,) = read(media({"MD5": None, "SHA1": SHA1}))
    assert isinstance(row, Row)
    assert [d.algorithm for d in row.digests] == [AlgorithmId.SHA1]


def test_case_exports() -> None:
    case = {
        "CaseID": "7c4b0b32-6a4f-4d8b-9d0b-6f3c2b9b0a11",
        "CaseNumber": "2023-17",
        "ContactOrganization": "Example Police",
        "TotalMediaFiles": 99,
        "Media": [
            {"MD5": MD5, "Category": 1, "MediaFiles": [{"MD5": SHA256, "FileName": "a"}]},
            {"MD5": "bad"},
            {"MD5": OTHER, "Segments": [{"MD5": OTHER, "SegmentIndex": 1, "Category": 4}]},
        ],
        "CaseMetadata": [{"PropertyName": "MD5", "PropertyValue": "x"}],
    }
    rows = read(media(case, {"CaseID": "x", "Media": []}, context=V2.format("UK", "Cases")))
    first, second, third = rows
    assert isinstance(first, Row)
    assert first.verdict == Verdict(category=Category(Dialect.UK, "1"), source="Example Police")
    assert second == Refusal(Reason.BAD_LENGTH, 2)
    assert isinstance(third, Row)
    assert third.verdict is None


def test_a_bare_array_and_other_spellings_of_names() -> None:
    data = json.dumps([{"md5": MD5, "category": 2, "SHA-256": SHA256, "x": 1}]).encode()
    (row,) = read(data)
    assert isinstance(row, Row)
    assert len(row.digests) == 2
    assert row.verdict == Verdict(category=Category(Dialect.UNKNOWN, "2"))


def test_labels_from_outside_are_made_harmless() -> None:
    hostile = "Har\x1b[2Jbour\u202e\ud800" + "x" * 10_000
    found = verdict(Series=hostile, PrecategorizationSource="\r\n\t")
    (name,) = found.series
    assert re.match("Har \\[2Jbour [?\ufffd]x", name)
    assert len(name) == 256
    assert found.source is None


PICTURES = ["Miniature", "miniature", "Thumbnail", "ImageData"]


@pytest.mark.parametrize("key", PICTURES)
@pytest.mark.parametrize("size", [0, 3, 1000, MAX_STRING, 3 * MAX_STRING + 1])
@pytest.mark.parametrize("space", ["", " ", "\n\t "])
def test_pictures_never_reach_the_parser(key: str, size: int, space: str) -> None:
    picture = "/9j/" + "A\\u0041" * (size // 7) + '\\"'
    text = f'{{"value":[{{"MD5":"{MD5}","{key}"{space}:{space}"{picture}","Category":1}}]}}'
    for chunk in (1 << 20, 4099, 7 if size <= 1000 else 1009):
        seen = list(events(Chunks(text, chunk)))
        assert ("string", "") in seen
        assert not [value for _, value in seen if isinstance(value, str) and "9j" in value]
        assert ("string", MD5) in seen
        assert ("number", 1) in seen
    (row,) = read(text.encode())
    assert isinstance(row, Row)
    assert row.verdict == Verdict(category=Category(Dialect.UNKNOWN, "1"))


class Chunks(io.BytesIO):
    """Reads come in small pieces, so that every token is cut somewhere."""

    def __init__(self, text: str, size: int) -> None:
        super().__init__(text.encode())
        self._size = size

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self._size)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64])
def test_the_filter_changes_nothing_else(size: int) -> None:
    document = {
        'a\\"b': ["\\", '"', "", "miniature", "x" * 100, 1, -2.5, True, None, {"é": "\u2028"}],
        "Miniaturely": "kept",
        "key": {"nested": [[], {}, [[1e300]]]},
    }
    for text in (json.dumps(document), json.dumps(document, indent=3, ensure_ascii=False)):
        assert list(events(Chunks(text, size))) == list(events(io.BytesIO(text.encode())))
        assert ("string", "kept") in list(events(Chunks(text, size)))


def long_strings(count: int) -> Iterator[bytes]:
    yield b'{"value":[{"MD5":"' + MD5.encode() + b'","Comments":"'
    for _ in range(count):
        yield b'x\\"' * 100_000
    yield b'","Miniature":"'
    for _ in range(count):
        yield b"A" * 300_000
    yield b'","SHA1":"' + SHA1.encode() + b'"}]}'


def test_endless_strings_need_little_memory() -> None:
    class Long(io.RawIOBase):
        pieces = long_strings(100)

        def read(self, size: int = -1) -> bytes:
            return next(self.pieces, b"")

    tracemalloc.start()
    try:
        (row,) = by_name("vics").read(Long())  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(row, Row)
    assert len(row.digests) == 2
    assert peak < 16 << 20


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"value":[' + "1" * 100_000 + "]}",
        '{"value":[' + "1" * 5_000_000 + "]}",
        '{"value":[1e999999999999]}',
        '{"value":[{"MD5":"' + MD5 + '","MediaSize":' + "9" * 1_000 + "}]}",
        '{"value":[{"MD5":"' + MD5 + '","Category":1e400}]}',
        '{"value":[{"MD5":"\\ud800\\udc"}]}',
        '{"value":[{"MD5":"a\nb"}]}',
        '{"value":[]} trailing',
        '{"value":[NaN]}',
        '{"value" [] }',
        '"',
        "",
        "null",
    ],
)
def test_hostile_json_ends_soon_and_with_a_code(text: str) -> None:
    start = time.monotonic()
    code = ""
    try:
        list(by_name("vics").read(io.BytesIO(text.encode())))
    except errors.InputError as error:
        code = error.code
    assert code in ("", "truncated-list", "not-a-list")
    assert time.monotonic() - start < 10


def test_good_records_come_before_the_error_of_a_broken_file() -> None:
    data = media({"MD5": MD5}, {"MD5": OTHER})[:-6]
    rows = by_name("vics").read(io.BytesIO(data))
    assert isinstance(next(rows), Row)
    with pytest.raises(errors.InputError) as caught:
        next(rows)
    assert caught.value.code == "truncated-list"


@pytest.mark.parametrize("data", [b"{}", b'{"value": {}}', b"[1]", b'{"list": []}'])
def test_json_without_media(data: bytes) -> None:
    code = ""
    try:
        assert list(by_name("vics").read(io.BytesIO(data))) == []
    except errors.InputError as error:
        code = error.code
    assert code == ("" if data == b"[1]" else "not-a-list")
