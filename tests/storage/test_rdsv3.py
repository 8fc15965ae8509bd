"""The NSRL RDSv3 reader, against files as published and hostile ones."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from psihash import errors
from psihash.hashset.model import Reason, Refusal, Row
from psihash.storage.rdsv3 import read

from .lists import MD5, SHA1, SHA256, digest


def _make(path: Path, *statements: str, rows: list[tuple[object, ...]] | None = None) -> Path:
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    for values in rows or []:
        connection.execute(f"INSERT INTO t VALUES ({', '.join('?' * len(values))})", values)
    connection.commit()
    connection.close()
    return path


def _refused(path: Path) -> None:
    with pytest.raises(errors.InputError) as caught:
        list(read(path))
    assert caught.value.code == "not-a-list"


PUBLISHED = (
    "CREATE TABLE FILE (sha256 VARCHAR NOT NULL, sha1 VARCHAR NOT NULL, md5 VARCHAR NOT NULL,"
    " crc32 VARCHAR, file_name VARCHAR, file_size INTEGER, package_id INTEGER)",
    "CREATE TABLE PKG (package_id INTEGER, name VARCHAR)",
    "CREATE VIEW DISTINCT_HASH AS SELECT DISTINCT sha256, sha1, md5, crc32 FROM FILE",
)


def test_as_published(tmp_path: Path) -> None:
    path = _make(tmp_path / "rds.db", *PUBLISHED)
    connection = sqlite3.connect(path)
    texts = [digest(a, 1).raw.hex() for a in (SHA256, SHA1, MD5)]
    connection.execute("INSERT INTO FILE VALUES (?, ?, ?, 'x', 'näme', 12, 1)", [
        texts[0].upper(), texts[1], texts[2]])  # fmt: skip
    connection.commit()
    connection.close()
    assert list(read(path)) == [Row((digest(MD5, 1), digest(SHA1, 1), digest(SHA256, 1)), size=12)]


def test_metadata_layout_with_other_case_and_names(tmp_path: Path) -> None:
    path = _make(
        tmp_path / "rds.db",
        "CREATE TABLE t (MD5, SHA_1, Bytes)",
        "ALTER TABLE t RENAME TO MetaData",
        "INSERT INTO MetaData VALUES ('" + digest(MD5, 1).raw.hex() + "', '', '7')",
    )
    assert list(read(path)) == [Row((digest(MD5, 1),), size=7)]


def test_a_view_is_read(tmp_path: Path) -> None:
    path = _make(
        tmp_path / "rds.db",
        "CREATE TABLE t (h)",
        "CREATE VIEW FILE AS SELECT h AS md5 FROM t",
        rows=[(digest(MD5, n).raw.hex(),) for n in range(3)],
    )
    assert list(read(path)) == [Row((digest(MD5, n),)) for n in range(3)]


def test_bad_values_refuse_their_row(tmp_path: Path) -> None:
    good = digest(MD5, 1).raw.hex()
    path = _make(
        tmp_path / "rds.db",
        "CREATE TABLE t (md5, sha1, file_size)",
        "CREATE VIEW FILE AS SELECT * FROM t",
        rows=[
            (good, None, 1),
            (good, "zz", 1),
            (good + "00", "", 1),
            (None, "", 1),
            (b"\xff" * 16, None, 1),
            (7, None, 1),
            (good, None, "many"),
            (good, None, -5),
            (good, None, 2.5),
            ("\ud7ff\0" * 9, None, 1),
        ],
    )
    fine = Row((digest(MD5, 1),))
    assert list(read(path)) == [
        Row((digest(MD5, 1),), size=1),
        Refusal(Reason.BAD_CHARACTERS, 2),
        Refusal(Reason.BAD_LENGTH, 3),
        Refusal(Reason.NO_DIGEST, 4),
        Refusal(Reason.BAD_CHARACTERS, 5),
        Refusal(Reason.BAD_CHARACTERS, 6),
        fine,
        fine,
        fine,
        Refusal(Reason.BAD_CHARACTERS, 10),
    ]


@pytest.mark.parametrize(
    "view",
    [
        "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT x AS md5 FROM t",
        "SELECT hex(zeroblob(1000000000)) AS md5",
        "SELECT load_extension('/tmp/x') AS md5",
        "SELECT a.x AS md5 FROM z a, z b, z c WHERE a.x + b.x + c.x < 0",
        "SELECT name AS md5 FROM missing",
        "SELECT x AS other FROM z",
    ],
)
def test_hostile_views(tmp_path: Path, view: str) -> None:
    path = _make(
        tmp_path / "rds.db",
        "CREATE TABLE z (x)",
        "INSERT INTO z WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t LIMIT 2000)"
        " SELECT x FROM t",
        f"CREATE VIEW FILE AS {view}",
    )
    _refused(path)


def test_not_a_database(tmp_path: Path) -> None:
    _refused(tmp_path / "missing.db")
    path = tmp_path / "x.db"
    for content in (b"", b"text", b"SQLite format 3\0", b"SQLite format 3\0" + bytes(5_000)):
        path.write_bytes(content)
        _refused(path)


def test_damaged_files_never_crash(tmp_path: Path) -> None:
    path = _make(tmp_path / "rds.db", *PUBLISHED)
    connection = sqlite3.connect(path)
    for number in range(400):
        texts = [digest(a, number).raw.hex() for a in (SHA256, SHA1, MD5)]
        connection.execute("INSERT INTO FILE VALUES (?, ?, ?, 'x', 'n', 1, 1)", texts)
    connection.commit()
    connection.close()
    whole = path.read_bytes()
    chance = random.Random(7)
    for _ in range(200):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 5, 50))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged[: chance.choice((len(damaged), chance.randrange(len(damaged))))])
        try:
            for row in read(path):
                assert isinstance(row, Row | Refusal)
        except errors.InputError as error:
            assert error.code == "not-a-list"  # noqa: PT017


def test_nothing_is_written_beside_the_file(tmp_path: Path) -> None:
    path = _make(tmp_path / "rds.db", *PUBLISHED)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    path.chmod(0o400)
    assert list(read(path)) == []
    assert [p.name for p in tmp_path.iterdir()] == ["rds.db"]
