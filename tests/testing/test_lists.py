"""The list generator: same seed, same bytes; defects present; its truth agrees with itself."""

from __future__ import annotations

import hashlib
import json
import re
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash.hashset.model import Reason
from psihash.terms import AlgorithmId
from psihash.testing import LAYOUTS, RECIPES, Scenario, generate
from psihash.testing.items import PRIVATE, make_item
from psihash.testing.lists import main
from psihash.testing.scenario import MAX_AGENCIES

MD5, SHA1, SHA256 = AlgorithmId.MD5, AlgorithmId.SHA1, AlgorithmId.SHA256


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    return generate(tmp_path_factory.mktemp("lists"), 7, agencies=3, items=600, overlap=0.3)


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def text_of(scenario: Scenario, name: str) -> str:
    (file, *_) = [f for a in scenario.agencies for f in a.files if f.recipe.name == name]
    return file.path.read_bytes().decode("iso-8859-1")


def test_same_seed_same_bytes_and_another_seed_no_digest_in_common(tmp_path: Path) -> None:
    one = generate(tmp_path / "1", 5, items=200)
    again = generate(tmp_path / "2", 5, items=200)
    other = generate(tmp_path / "3", 6, items=200)
    assert tree(tmp_path / "1") == tree(tmp_path / "2")
    assert one.common(0, 1, MD5) == again.common(0, 1, MD5)
    assert not one.agencies[0].digests(MD5) & other.agencies[0].digests(MD5)


def test_every_recipe_is_in_a_layout_and_every_layout_row_is_known() -> None:
    assert {name for layout in LAYOUTS for name in layout} == set(RECIPES)


@pytest.mark.parametrize(("agencies", "items"), [(2, 10), (2, 57), (3, 100), (5, 64)])
@pytest.mark.parametrize("overlap", [0.0, 0.25, 1.0])
def test_sizes_and_overlap_are_as_asked(
    tmp_path: Path, agencies: int, items: int, overlap: float
) -> None:
    made = generate(tmp_path, 3, agencies=agencies, items=items, overlap=overlap)
    for agency in made.agencies:
        held = {item.index for file in agency.files for item in file.items()}
        assert len(held) == items
    if agencies == 2:
        (one, other) = (
            {item.index for file in agency.files for item in file.items()}
            for agency in made.agencies
        )
        assert len(one & other) == round(items * overlap)


def test_unbalanced(tmp_path: Path) -> None:
    made = generate(tmp_path, 3, items=(20, 900), overlap=0.5)
    small, large = ({i.index for f in a.files for i in f.items()} for a in made.agencies)
    assert (len(small), len(large), len(small & large)) == (20, 900, 10)


@pytest.mark.parametrize(
    "bad",
    [
        {"agencies": 1},
        {"agencies": MAX_AGENCIES + 1},
        {"items": 9},
        {"items": (10, 10, 10)},
        {"overlap": 1.5},
    ],
)
def test_senseless_wishes_are_refused(tmp_path: Path, bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"agencies|items"):
        generate(tmp_path, 1, **bad)  # type: ignore[arg-type]


@given(st.integers(0, 2**40), st.integers(0, 3 * PRIVATE))
def test_an_items_digests_belong_together(seed: int, index: int) -> None:
    item = make_item(seed, index)
    assert item.digest(MD5) == hashlib.md5(item.content).digest()
    assert item.digest(SHA256) == hashlib.sha256(item.content).digest()
    assert item.other_sha1 != item.digest(SHA1)
    assert make_item(seed, index) == item


def test_every_true_digest_stands_in_its_file_and_no_other_does(scenario: Scenario) -> None:
    """Found by a search for hex that knows nothing of any format."""
    for agency in scenario.agencies:
        for file in agency.files:
            text = file.path.read_bytes().decode("iso-8859-1").lower()
            words = set(re.findall(r"(?<![0-9a-z+/=])[0-9a-f]{32,128}(?![0-9a-z+/=])", text))
            true = {d.hex() for name in (MD5, SHA1, SHA256) for d in file.digests(name)}
            assert true
            assert true <= words
            if file.recipe.name in ("hashdeep", "plain-md5", "plain-sha1", "nsrl", "table"):
                extra = words - true - file.tally.excluded
                trivial = {hashlib.new(name, b"").hexdigest() for name in ("sha1", "sha256", "md5")}
                damaged = sum(file.tally.refusals.values())
                assert len(extra - trivial) <= 2 * damaged


def test_two_sides_hold_something_in_common_that_only_one_has_identified(
    scenario: Scenario,
) -> None:
    for here, there in [*combinations(range(3), 2), (1, 0)]:
        both = scenario.common(here, there, MD5)
        found = scenario.identified_there_open_here(here, there)
        assert both
        assert found
        assert found < both
        assert not found & scenario.identified_there_open_here(there, here)
    assert len(scenario.common(0, 1, SHA1)) < len(scenario.common(0, 1, MD5))


# --- the defects of real exports ----------------------------------------------------------------


def test_vics_2_defects(scenario: Scenario) -> None:
    text = text_of(scenario, "vics-2.0-uk")
    assert text.startswith("\xef\xbb\xbf")
    assert '"IsPrecategorized": "true"' in text
    assert '"VictimIdentified": "true"' in text
    assert re.search(r'"MediaSize": "\d+"', text)
    assert re.search(r'"MediaSize": \d+', text)
    assert re.search(r"T\d\d:\d\d:\d\d\.\d{4}Z", text)
    value = json.loads(text.encode("iso-8859-1").decode("utf-8-sig"))
    media = value["value"]
    assert any("SHA1" not in m for m in media)
    assert any(m.get("SHA1", 1) is None for m in media)
    assert any(m.get("SHA1") == "" for m in media)
    assert any(m["MD5"].islower() for m in media)
    assert any(m["MD5"].isupper() for m in media)
    assert any(len(m["MD5"]) == 33 for m in media)
    empty = [m for m in media if m["MD5"] == hashlib.md5(b"").hexdigest().upper()]
    assert [m["Category"] for m in empty] == [1]
    assert sum(m["Category"] is None for m in media) > len(media) // 4
    by_md5: dict[str, list[dict[str, object]]] = {}
    for m in media:
        by_md5.setdefault(str(m["MD5"]).lower(), []).append(m)
    several = [entries for entries in by_md5.values() if len(entries) > 1]
    assert any(entries[0]["Category"] is None for entries in several)
    assert any(entries[-1]["Category"] is None for entries in several)


def test_vics_contexts_name_every_dialect_and_both_shapes(scenario: Scenario) -> None:
    assert "/2.0.xml/US/$metadata#Cases" in text_of(scenario, "vics-2.0-us")
    assert "/2.0.xml/UK/$metadata#Media" in text_of(scenario, "vics-2.0-uk")
    assert "/2.0.xml/Default/$metadata#Media" in text_of(scenario, "vics-2.0-default")
    old = text_of(scenario, "vics-1.3")
    assert '"odata.metadata"' in old
    assert re.search(r'"\\/Date\(\d+\)\\/"', old)
    assert '"Miniature"' in old
    assert '"VictimIdentified": "True"' in old
    assert "\r\n" in old


def test_icse_defects(scenario: Scenario) -> None:
    lines = text_of(scenario, "icse").split("\r\n")
    assert all(line.count(";") == 16 and line.endswith(";") for line in lines if line)
    assert any(len(line.split(";")[0]) == 33 for line in lines)
    assert {line.split(";")[6] for line in lines[1:] if line} == {"Y", "N", ""}
    assert {line.split(";")[13] for line in lines[1:] if line} == {"True", "False"}
    assert {line.split(";")[15] for line in lines[1:] if line} == {"Yes", "No"}


def test_the_tally_counts_what_is_there(scenario: Scenario) -> None:
    for agency in scenario.agencies:
        for file in agency.files:
            assert file.tally.rows > file.item_count
            assert file.tally.refusals
            assert set(file.tally.refusals) <= set(Reason)
    uk = next(f for f in scenario.agencies[1].files if f.recipe.name == "vics-2.0-uk")
    assert uk.tally.conflicts_sha1 > 0
    assert uk.tally.conflicts_category > 0


# --- the command --------------------------------------------------------------------------------


def test_command_writes_lists_counts_and_oracle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(tmp_path), "--items", "60", "90", "--seed", "4", "--overlap", "0.5"]
    assert main([*arguments, "--oracle"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "scenario.json").read_text())
    (pair,) = printed["common"]
    oracle = (tmp_path / "oracle" / "nl-police_de-police.md5.txt").read_text().split()
    assert len(oracle) == pair["md5"] > 0
    assert oracle == sorted(oracle)
    assert all((tmp_path / f["path"]).is_file() for a in printed["agencies"] for f in a["files"])


def test_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([str(tmp_path), "--items", "3"])
    assert caught.value.code == 2
    assert "at least 10 items" in capsys.readouterr().err
