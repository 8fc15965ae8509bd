"""The generator's truth and our list readers, each checked against the other."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from psihash.hashset.exclusions import exclusion_reason
from psihash.hashset.formats import by_name, sniff
from psihash.hashset.model import Reason, Refusal, Row
from psihash.terms import AlgorithmId
from psihash.testing import RECIPES, ListFile, generate

SIZES = (60, 700)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], ListFile]:
    layouts = [list(RECIPES)] * 2
    made: dict[tuple[str, int], ListFile] = {}
    for size in SIZES:
        folder = tmp_path_factory.mktemp("lists")
        scenario = generate(folder, 11, items=size * len(RECIPES), overlap=0.2, layouts=layouts)
        made |= {(file.recipe.name, size): file for file in scenario.agencies[1].files}
    return made


def read(file: ListFile) -> tuple[list[Row], list[Row], Counter[Reason]]:
    """(rows that take part, excluded rows, refusals) as our reader sees them."""
    rows: list[Row] = []
    excluded: list[Row] = []
    refusals: Counter[Reason] = Counter()
    with file.path.open("rb") as stream:
        for row in by_name(file.format).read(stream):
            if isinstance(row, Refusal):
                refusals[row.reason] += 1
            elif exclusion_reason(row):
                excluded.append(row)
            else:
                rows.append(row)
    return rows, excluded, refusals


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", RECIPES)
def test_reader_and_truth_agree(
    files: dict[tuple[str, int], ListFile], name: str, size: int
) -> None:
    file = files[name, size]
    rows, excluded, refusals = read(file)
    for algorithm in AlgorithmId:
        found = {d.raw for row in rows for d in row.digests if d.algorithm is algorithm}
        expected = (
            file.digests(algorithm) if algorithm.value in ("md5", "sha1", "sha256") else set()
        )
        assert found == expected, algorithm
    assert refusals == file.tally.refusals
    assert len(excluded) == len(file.tally.excluded)
    assert len(rows) + len(excluded) + refusals.total() == file.tally.rows


@pytest.mark.parametrize("name", RECIPES)
def test_content_alone_tells_the_format(
    files: dict[tuple[str, int], ListFile], name: str, tmp_path: Path
) -> None:
    file = files[name, SIZES[0]]
    assert sniff(file.path.read_bytes()[:65_536]).name == file.format


@pytest.mark.parametrize("name", [name for name, r in RECIPES.items() if r.states_flags])
def test_verdicts_are_read_as_they_were_meant(
    files: dict[tuple[str, int], ListFile], name: str
) -> None:
    file = files[name, SIZES[1]]
    rows, _, _ = read(file)
    identified: set[bytes] = set()
    series: dict[bytes, set[str]] = {}
    for row in rows:
        (md5,) = (d.raw for d in row.digests if d.algorithm is AlgorithmId.MD5)
        if row.verdict is not None:
            series.setdefault(md5, set()).update(row.verdict.series)
            if row.verdict.victim_identified is True:
                identified.add(md5)
    assert identified == file.identified(AlgorithmId.MD5)
    for item in file.items():
        said = file.holdings.voice.about(item)
        assert series[item.digest(AlgorithmId.MD5)] == {said.series}
