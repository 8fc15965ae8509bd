"""Real lists that nobody in this project wrote, with counts that were published with them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from psihash import errors
from psihash.hashset.formats import SNIFF_BYTES, sniff
from psihash.hashset.model import Category, Dialect, Refusal, Row
from psihash.terms import AlgorithmId


def load(path: Path) -> tuple[str, list[Row | Refusal]]:
    with path.open("rb") as stream:
        each = sniff(stream.read(SNIFF_BYTES))
        stream.seek(0)
        return each.name, list(each.read(stream))


def good(rows: list[Row | Refusal]) -> list[Row]:
    found = [row for row in rows if isinstance(row, Row)]
    assert len(found) == len(rows)
    return found


@pytest.mark.parametrize(
    ("file", "count"),
    [("ART", 1), ("AVI", 30), ("BMP", 718), ("PSD", 26), ("WAV", 1713), ("WMV", 95)],
)
def test_nist_caid(shared_data: Path, file: str, count: int) -> None:
    name, rows = load(shared_data / f"vics/NSRL-CAID-{file}.json")
    assert name == "vics"
    assert len(rows) == count
    for row in good(rows):
        assert [algorithm for algorithm, _ in row.digests] == [AlgorithmId.MD5, AlgorithmId.SHA1]
        assert row.size is not None
        assert row.verdict is not None
        assert row.verdict.category == Category(Dialect.UNKNOWN, "8")


def test_vics_2(shared_data: Path) -> None:
    _, rows = load(shared_data / "vics/vics-2.0-example.json")
    first, second = good(rows)
    assert [len(row.digests) for row in (first, second)] == [1, 2]
    assert first.verdict is not None
    assert first.verdict.category == Category(Dialect.DEFAULT, "0")
    assert first.verdict.dated == "2023-06-07T02:31:49Z"
    assert first.verdict.victim_identified is None


def test_hashkeeper(shared_data: Path) -> None:
    name, rows = load(shared_data / "lists/hashkeeper-Z00236.hsh")
    assert name == "hashkeeper"
    assert len({row.digests for row in good(rows)}) == 6994
    assert all(row.size is not None for row in good(rows))


def test_the_other_half_of_a_hashkeeper_set_says_which_file_is_the_list(shared_data: Path) -> None:
    with pytest.raises(errors.InputError) as caught:
        load(shared_data / "lists/hashkeeper-Z00236.hke")
    assert caught.value.code == "not-a-list"
    assert ".hsh" in caught.value.hint


@pytest.mark.parametrize(
    ("file", "name", "digests"),
    [
        ("bsd-hashes.txt", "bsd", {"md5": 5}),
        ("hashdeep.txt", "hashdeep", {"md5": 3, "sha256": 3}),
        ("ilookv3.hsh", "ilook", {"md5": 5, "sha1": 5}),
        ("ilookv4.hsh", "ilook", {"md5": 5, "sha1": 5}),
        ("md5deep.txt", "md5deep", {"md5": 4}),
        ("md5deep-size.txt", "md5deep", {"md5": 4}),
        ("nsrl-2.0-short.txt", "nsrl-rds", {"md5": 2, "sha1": 2}),
    ],
)
def test_forensic_lists(shared_data: Path, file: str, name: str, digests: dict[str, int]) -> None:
    found, rows = load(shared_data / "lists" / file)
    assert found == name
    assert Counter(d.algorithm.value for row in good(rows) for d in row.digests) == digests


def test_two_tools_over_the_same_files_agree(shared_data: Path) -> None:
    v3, v4 = (good(load(shared_data / f"lists/ilook{v}.hsh")[1]) for v in ("v3", "v4"))
    assert [(row.digests, row.size) for row in v3] == [(row.digests, row.size) for row in v4]
    plain = good(load(shared_data / "lists/md5deep.txt")[1])
    sized = good(load(shared_data / "lists/md5deep-size.txt")[1])
    assert [row.digests for row in plain] == [row.digests for row in sized]
    assert [row.size for row in sized] == [669416, 298, 299, 729602]


@pytest.mark.parametrize(
    "file", ["vectors/rfc9497-allVectors.json", "vics/ProjectVicDataModel.2.0.xml"]
)
def test_other_files_are_no_lists(shared_data: Path, file: str) -> None:
    with pytest.raises(errors.InputError) as caught:
        load(shared_data / file)
    assert caught.value.code == "unknown-format"
