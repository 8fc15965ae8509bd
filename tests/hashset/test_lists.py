"""CSV relatives and lists without a header, as tools and people really write them."""

from __future__ import annotations

import io

import pytest

from psihash import errors
from psihash.hashset.formats import FORMATS, by_name, sniff
from psihash.hashset.model import Category, Dialect, Reason, Refusal, Row, Verdict
from psihash.terms import AlgorithmId

A = "81dc9bdb52d04dc20036dbd8313ed055"
B = "d93591bdf7860e1e4ee2fca799911215"
SHA1 = "7110eda4d09e062aa5e4a390b0a572ac0d2c0220"
SHA256 = "03ac674216f3e15c761ee1a5e255f067953623c8b388b4459e13f978d7c846f4"
ICSE = (
    "MD5;SHA1;ZZ40;PhotoDNA;Lace;Image ID;Is distributed;Victim identified;Offender identified;"
    "Series name;Investigation name;Agency;Number of submissions;File Available;Media Type;"
    "Baseline;"
)


def load(text: str, name: str) -> list[Row | Refusal]:
    data = text.encode()
    assert sniff(data).name == name
    return list(by_name(name).read(io.BytesIO(data)))


def verdicts(text: str, name: str) -> list[Verdict | None]:
    return [row.verdict for row in load(text, name) if isinstance(row, Row)]


def texts(row: Row | Refusal) -> list[str]:
    assert isinstance(row, Row), row
    return [digest.raw.hex() for digest in row.digests]


# ICSE -----------------------------------------------------------------------------------------


def test_icse() -> None:
    rows = load(
        f"{ICSE}\n{A};{SHA1};{'0F' * 16};{'AB' * 144};bGFjZQ==;7;Y;N;;Harbour;Quay;Example Police;"
        f"12;True;Image;Yes;\n{B};;;;;8;N;Y;N;;;;1;False;Video;No;\n"
        f"{'x' * 32};;;;;9;Y;Y;Y;;;;1;;;;\n",
        "icse",
    )
    first, second, third = rows
    assert isinstance(first, Row)
    assert first.verdict == Verdict(
        category=Category(Dialect.ICSE, "yes", "baseline"),
        victim_identified=False,
        distributed=True,
        series=("Harbour",),
        submissions=12,
        source="Example Police",
    )
    assert first.other == (("zz40", "0F" * 16), ("photodna", "AB" * 144), ("lace", "bGFjZQ=="))
    assert first.media_type == "Image"
    assert isinstance(second, Row)
    assert second.verdict == Verdict(
        category=Category(Dialect.ICSE, "no", "not baseline"),
        victim_identified=True,
        offender_identified=False,
        distributed=False,
        submissions=1,
    )
    assert third == Refusal(Reason.BAD_CHARACTERS, 4)


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
def test_icse_in_any_order_and_with_any_separator(separator: str) -> None:
    names = ICSE.strip(";").split(";")[::-1]
    values = {
        "MD5": A,
        "Baseline": "True",
        "Victim identified": "Yes",
        "Number of submissions": "2",
    }
    line = separator.join(values.get(name, "") for name in names)
    (found,) = verdicts(f"{separator.join(names)}\n{line}\n", "icse")
    assert found == Verdict(
        category=Category(Dialect.ICSE, "yes", "baseline"), victim_identified=True, submissions=2
    )


# Griffeye -------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_griffeye(separator: str) -> None:
    header = [
        "Binary Copies", "Bookmarks", "Category", "DB: CAID", "DB: ICSE, old", "Distributed",
        "Exif: Comment", "File Size", "Identified", "MD5", "Mime Type", "PhotoDNA", "Series Name",
        "SHA-1", "SHA-256", "SHA-384", "SHA-512", "User Comment", "Visual Copies",
    ]  # fmt: skip
    values = [
        "1", "", "Indicative", "2", "-1", "True", f'a "quoted"\n{B} line', "4", "False", A,
        "image/png", "", "Harbour", SHA1, SHA256, "a" * 96, "b" * 128, 'x;y,z\tv', "0",
    ]  # fmt: skip
    table = [header, values, ["1", "", "Uncategorized", "-1", "3", *[""] * 4, B, *[""] * 9]]
    text = "\n".join(separator.join('"' + v.replace('"', '""') + '"' for v in row) for row in table)
    first, second = load(text, "griffeye")
    assert texts(first) == [A, SHA1, SHA256, "a" * 96, "b" * 128]
    assert isinstance(first, Row)
    assert first.verdict == Verdict(
        category=Category(Dialect.TEXT, "", "Indicative"),
        victim_identified=False,
        distributed=True,
        series=("Harbour",),
    )
    assert first.further == (Verdict(category=Category(Dialect.UNKNOWN, "2"), source="CAID"),)
    assert (first.size, first.media_type) == (4, "image/png")
    assert isinstance(second, Row)
    assert second.verdict is None
    assert [verdict.source for verdict in second.further] == ["ICSE, old"]


def test_griffeye_without_hash_columns_says_what_to_do() -> None:
    text = "Binary Copies,Category,Visual Copies,Nudity Level,File Size\n1,x,0,0,4\n"
    with pytest.raises(errors.InputError) as caught:
        load(text, "griffeye")
    assert caught.value.code == "not-a-list"
    assert "hash columns" in caught.value.hint


# Any CSV --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["md5", "MD5", "Md5 Hash", "hash_md5", "MD5-Hashwert", "Hash (MD5)", "file.hash.md5", "MD5SUM",
     "empreinte MD5", "md5_hex", "hash", "Hash value", "Checksum", "Prüfsumme", '"MD5"', " MD5 "],
)  # fmt: skip
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_names_of_digest_columns(name: str, separator: str) -> None:
    text = f"Id{separator}{name}{separator}Note\n1{separator}{A}{separator}x\n"
    (row,) = load(text, "csv")
    assert texts(row) == [A]


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        ("SHA-1", AlgorithmId.SHA1),
        ("sha1", AlgorithmId.SHA1),
        ("SHA_224", AlgorithmId.SHA224),
        ("SHA-2-256", AlgorithmId.SHA256),
        ("HashSHA384", AlgorithmId.SHA384),
        ("sha512sum", AlgorithmId.SHA512),
        ("SHA", AlgorithmId.SHA1),
    ],
)
def test_names_of_algorithms(name: str, algorithm: AlgorithmId) -> None:
    digest = "ab" * algorithm.digest_bytes
    (row,) = load(f"{name};x\n{digest};y\n", "csv")
    assert isinstance(row, Row)
    assert [(each.algorithm, each.raw.hex()) for each in row.digests] == [(algorithm, digest)]


@pytest.mark.parametrize("name", ["SHA3-256", "sha512/256", "Parent MD5", "photodna", "md5x"])
def test_names_that_are_no_digest_column(name: str) -> None:
    (row,) = load(f"MD5,{name}\n{A},{SHA256}\n", "csv")
    assert texts(row) == [A]


@pytest.mark.parametrize(
    ("header", "value", "expected"),
    [
        ("Kategorie", "2", Verdict(category=Category(Dialect.UNKNOWN, "2"))),
        ("Catégorie", "B", Verdict(category=Category(Dialect.TEXT, "", "B"))),
        ("Serienname", "Hafen", Verdict(series=("Hafen",))),
        ("Opfer identifiziert", "Ja", Verdict(victim_identified=True)),
        ("Victime identifiée", "non", Verdict(victim_identified=False)),
        ("Víctima identificada", "sí", Verdict(victim_identified=True)),
        ("Täter identifiziert", "nein", Verdict(offender_identified=False)),
        ("is_distributed", "0", Verdict(distributed=False)),
        ("Likely country", "nl", Verdict(country="NL")),
        ("Country", "Netherlands", None),
        ("Victim identified", "perhaps", None),
        ("Date updated", "2024-02-29", Verdict(dated="2024-02-29")),
        ("Agency", "Example Police", Verdict(source="Example Police")),
    ],
)
def test_verdict_columns(header: str, value: str, expected: Verdict | None) -> None:
    assert verdicts(f"md5;{header}\n{A};{value}\n", "csv") == [expected]


def test_a_stated_dialect() -> None:
    text = f"md5,category,dialect,category label\n{A},1,uk,Category A\n{B},yes,icse,\n"
    assert verdicts(text, "csv") == [
        Verdict(category=Category(Dialect.UK, "1", "Category A")),
        Verdict(category=Category(Dialect.ICSE, "yes", "baseline")),
    ]


def test_an_algorithm_column() -> None:
    text = f"algorithm;hash\nMD5;{A}\nsha-1;{SHA1}\nPDQ;{SHA256}\nMD5;{SHA1}\n;{B}\n"
    rows = load(text, "csv")
    assert [texts(row) for row in rows if isinstance(row, Row)] == [[A], [SHA1], [B]]
    assert rows[2:4] == [Refusal(Reason.UNKNOWN_ALGORITHM, 4), Refusal(Reason.BAD_LENGTH, 5)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"{A[:-1]},{SHA1},1", Reason.BAD_LENGTH),
        (f"{'g' * 32},{SHA1},1", Reason.BAD_CHARACTERS),
        (f"{SHA1},{A},1", Reason.BAD_LENGTH),
        (",,1", Reason.NO_DIGEST),
        ("NULL,n/a,1", Reason.NO_DIGEST),
        (f"{A},{SHA1},1,2", Reason.BAD_RECORD),
        (f"{A},{SHA1},\0", Reason.BAD_CHARACTERS),
        (f"{A},{SHA1},{'x' * (1 << 20)}", Reason.TOO_LONG),
        (f'{A},"{SHA1},1', Reason.BAD_RECORD),
    ],
)
def test_a_bad_row_is_refused_alone(line: str, reason: Reason) -> None:
    rows = load(f"md5,sha1,category\n{B},,1\n{line}\n{B},,1\n", "csv")
    assert [isinstance(row, Row) for row in rows] == [True, False, True]
    assert rows[1] == Refusal(reason, 3)


def test_only_bad_rows_are_still_a_list() -> None:
    assert load("MD5;File\nxyz;a.jpg\n", "csv") == [Refusal(Reason.BAD_CHARACTERS, 2)]


def test_what_is_no_row() -> None:
    text = (
        f"sep=;\nExport of a tool, 2024\n\n# note\nMD5;SHA1;Category;;\n{A};;1;;\n;;;;\n\n   \n"
        f"# comment\nMD5;SHA1;Category;;\n{B};{SHA1}\n#{B};x\n"
    )
    rows = load(text, "csv")
    assert [texts(row) for row in rows] == [[A], [B, SHA1]]


def test_a_header_behind_a_hash_sign_and_names_that_begin_with_one() -> None:
    rows = load(f"#name,md5\n#1.jpg,{A}\n#2.jpg,{B}\n", "csv")
    assert [texts(row) for row in rows] == [[A], [B]]


def test_surplus_fields_are_harmless_right_of_all_that_is_read() -> None:
    rows = load(f"md5,name\n{A},a, b, c.jpg\n", "csv")
    assert [texts(row) for row in rows] == [[A]]
    rows = load(f"md5,name,category\n{A},a, b.jpg,1\n{B},c.jpg,1\n", "csv")
    assert rows[0] == Refusal(Reason.BAD_RECORD, 2)


def test_two_columns_of_one_algorithm() -> None:
    rows = load(f"MD5,Hash MD5\n{A},{A}\n{A},{B}\n,{B}\n", "csv")
    assert [texts(row) for row in rows if isinstance(row, Row)] == [[A], [B]]
    assert rows[1] == Refusal(Reason.BAD_RECORD, 3)


def test_a_single_column() -> None:
    assert [texts(row) for row in load(f"md5\n{A}\n{B}\n", "csv")] == [[A], [B]]


# Others with a header -------------------------------------------------------------------------


def test_nsrl_1_5_and_2_0_hold_the_same() -> None:
    old = (
        '"SHA-1","FileName","FileSize","ProductCode","OpSystemCode","MD4","MD5","CRC32",'
        f'"SpecialCode"\n"{SHA1}","a ""b"", c.dll",4,1,"WIN","{B}","{A}","9BE3E0A3",""\n'
    )
    new = (
        '"SHA-1","MD5","CRC32","FileName","FileSize","ProductCode","OpSystemCode","SpecialCode"\n'
        f'"{SHA1}","{A}","9BE3E0A3","ä.dll",4,1,"WIN",""\n'
    )
    (first,), (second,) = load(old, "nsrl-rds"), load(new, "nsrl-rds")
    assert texts(first) == texts(second) == [A, SHA1]
    assert isinstance(first, Row)
    assert first.other == (("md4", B), ("crc32", "9BE3E0A3"))
    assert first.size == 4


def test_ilook_paths_with_commas() -> None:
    header = (
        "V4Hash,HashSHA1,FileName,FilePath,FileSize,HashSHA256,HashSHA384,HashSHA512,CreateTime"
    )
    rows = load(f"{header}\n{A},{SHA1},a,D:\\x, y, z\\,4,{SHA256},,,1.1.2008\n", "ilook")
    assert texts(rows[0]) == [A, SHA1, SHA256]
    assert isinstance(rows[0], Row)
    assert rows[0].size == 4


def test_hashdeep() -> None:
    text = (
        f"%%%% HASHDEEP-1.0\n%%%% size,sha1,md5,tiger,filename\n## x\n"
        f"4,{SHA1},{A},{'0' * 48},/a,b\n"
        f"x,{SHA1},{A},,/a\n4,{SHA1},{A[1:]},,/a\n4,,,,/a\n4,,,{'0' * 48},/a\n4,{A}\n\n"
        f"%%%% HASHDEEP-1.0\n%%%% size,sha256,filename\n9,{SHA256},/b\n"
    )
    rows = load(text, "hashdeep")
    assert texts(rows[0]) == [A, SHA1]
    assert isinstance(rows[0], Row)
    assert rows[0].other == (("tiger", "0" * 48),)
    assert rows[1:6] == [
        Refusal(Reason.BAD_RECORD, 5),
        Refusal(Reason.BAD_LENGTH, 6),
        Refusal(Reason.NO_DIGEST, 7),
        Refusal(Reason.UNKNOWN_ALGORITHM, 8),
        Refusal(Reason.BAD_RECORD, 9),
    ]
    assert texts(rows[6]) == [SHA256]


@pytest.mark.parametrize(
    "text", ["%%%% HASHDEEP-1.0\n4,a,b\n", "%%%% HASHDEEP-1.0\n%%%% size,md5\n"]
)
def test_hashdeep_without_columns(text: str) -> None:
    with pytest.raises(errors.InputError) as caught:
        load(text, "hashdeep")
    assert caught.value.code == "not-a-list"


# Without a header -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "digest", "size"),
    [
        (f"{A}  /a b.jpg", A, None),
        (f"{A} */a b.jpg", A, None),
        (f"{A} a.jpg", A, None),
        (f"{A}   starts with a blank", A, None),
        (f"\\{A}  a\\nb", A, None),
        (f"{SHA1}  ./a", SHA1, None),
        (f"{SHA256} *a", SHA256, None),
        (f"    669416  {A}  /a.out", A, 669416),
        (f"1234567890  {A}  /a.out", A, 1234567890),
        (f"17,{A},/a, b", A, 17),
        (f"{A},/a, b", A, None),
        (f"{A}  {SHA1}.jpg", A, None),
        (f"{A.upper()}\ta", A, None),
    ],
)
def test_md5deep(line: str, digest: str, size: int | None) -> None:
    (row,) = load(line + "\n", "md5deep")
    assert texts(row) == [digest]
    assert isinstance(row, Row)
    assert row.size == size


def test_md5deep_bad_lines() -> None:
    rows = load(f"{A}  a\nmd5deep: /x: Permission denied\n{A[1:]}  b\n# c\n\n{B}\n", "md5deep")
    assert rows[1:3] == [Refusal(Reason.BAD_CHARACTERS, 2), Refusal(Reason.BAD_LENGTH, 3)]
    assert texts(rows[3]) == [B]


@pytest.mark.parametrize(
    ("line", "digest"),
    [
        (f"MD5 (a.jpg) = {A}", A),
        (f"MD5 (a) = b) = {A}", A),
        (f"MD5(a.jpg)= {A}", A),
        (f"SHA2-256(a.jpg)= {SHA256}", SHA256),
        (f"SHA256 (a.jpg) = {SHA256.upper()}", SHA256),
        (f"SHA1 (a.jpg) = {SHA1}", SHA1),
        (f"\\MD5 (a\\nb) = {A}", A),
    ],
)
def test_bsd(line: str, digest: str) -> None:
    (row,) = load(line + "\n", "bsd")
    assert texts(row) == [digest]


def test_bsd_bad_lines() -> None:
    rows = load(
        f"MD5 (a) = {A}\nRIPEMD160 (a) = {SHA1}\nMD5 (a) = {SHA1}\nwhat\n"
        f"SHA512/256 (a) = {SHA256}\n",
        "bsd",
    )
    assert [row.reason for row in rows if isinstance(row, Refusal)] == [
        Reason.UNKNOWN_ALGORITHM,
        Reason.BAD_LENGTH,
        Reason.BAD_RECORD,
        Reason.UNKNOWN_ALGORITHM,
    ]


@pytest.mark.parametrize(
    "line",
    [A, A.upper(), f"  {A}  ", f'"{A}"', f"0x{A}", f"{A},", f"{A};", ":".join([A[:2], A[2:]]),
     " ".join(A[i : i + 2] for i in range(0, 32, 2))],
)  # fmt: skip
def test_plain(line: str) -> None:
    for row in load(f"# list\n\n{line}\n{B}\n", "plain"):
        assert texts(row) in ([A], [B])


def test_a_plain_list_of_several_algorithms_and_bad_lines() -> None:
    rows = load(f"{A}\n{SHA1}\n{SHA256}\n{A[1:]}\n{'z' * 32}\n{B}\n", "plain")
    assert rows[3:5] == [Refusal(Reason.BAD_LENGTH, 4), Refusal(Reason.BAD_CHARACTERS, 5)]
    assert [texts(row) for row in rows if isinstance(row, Row)] == [[A], [SHA1], [SHA256], [B]]


# What is no list ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (b"", "empty"),
        (b" \n \r\n", "empty"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(range(256)) * 8, "picture"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "picture"),
        (b"PK\x03\x04" + bytes(100), "ZIP"),
        (b"\x1f\x8b\x08" + bytes(100), "gzip"),
        (b"<!DOCTYPE html>\n<html><body>MD5 " + A.encode() + b"</body></html>", "HTML"),
        (b"<?xml version='1.0'?>\n<md5>" + A.encode() + b"</md5>", "XML"),
        (b'{"name": "x", "items": [1, 2]}', "JSON"),
        (bytes(range(256)) * 40, "binary"),
        (b"Dear colleague,\n\nthe MD5 of the file is below.\nRegards\n" * 5, "text"),
        (f"{A},{SHA1},a.jpg\n{B},{SHA1},b.jpg\n".encode(), "header"),
        (b"a,b,c\n1,2,3\n", "text"),
        (b"def f(x):\n    return md5 (x) == 1\n", "text"),
    ],
)
def test_what_is_no_list_is_named(data: bytes, seen: str) -> None:
    with pytest.raises(errors.InputError) as caught:
        sniff(data)
    assert caught.value.code == "unknown-format"
    assert seen in caught.value.message
    assert "psihash formats" in caught.value.hint
    assert A not in caught.value.message


@pytest.mark.parametrize("each", FORMATS, ids=lambda each: each.name)
def test_a_stated_format_that_does_not_fit(each: object) -> None:
    """Forcing a format on another file raises or refuses every row; it never invents one."""
    reader = by_name(getattr(each, "name", ""))
    html = b"<!DOCTYPE html>\n<html><body>\n<p>hello, world</p>\n</body></html>\n"
    rows: list[Row | Refusal] = []
    code = ""
    try:
        rows.extend(reader.read(io.BytesIO(html)))
    except errors.InputError as error:
        code = error.code
    assert code in ("", "not-a-list", "truncated-list")
    assert all(isinstance(row, Refusal) for row in rows)


def test_sqlite_is_read_by_its_path() -> None:
    data = b"SQLite format 3\0" + bytes(84)
    assert sniff(data).name == "nsrl-rdsv3"
    with pytest.raises(errors.InputError) as caught:
        list(sniff(data).read(io.BytesIO(data)))
    assert "path" in caught.value.hint


def test_sniffing_and_reading_agree_on_damaged_headers() -> None:
    for data in (b"md5,na\0me\n", b"\xef\xbb\xbf\xef\xbb\xbfmd5\n", b"\0\nmd5\n" + A.encode()):
        code = ""
        try:
            list(sniff(data).read(io.BytesIO(data)))
        except errors.InputError as error:
            code = error.code
        assert code in ("", "unknown-format")
