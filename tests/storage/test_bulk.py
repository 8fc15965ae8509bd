"""Questions about very many digests: in parts of any size they are answered as one by one."""

from __future__ import annotations

import random

import numpy as np
import pytest

from psihash.hashset.model import Digest, Row, Verdict
from psihash.storage import bulk, lookup
from psihash.storage.database import Database
from psihash.storage.holdings import Holdings
from psihash.terms import AlgorithmId, CollectionKind

from .lists import MD5, SHA1, SHA256, category, digest, row, take_in

NAMES = ("a", "b", "c")
ALL = (MD5, SHA1, SHA256)


@pytest.fixture
def holdings(database: Database) -> Holdings:
    """Three lists that overlap and disagree, and one that nobody asks about."""
    held = Holdings(database)
    chance = random.Random(7)
    for name in (*NAMES, "other"):
        rows = []
        for _ in range(60):
            number = chance.randrange(60)
            verdict = chance.choice([None, category("1"), category("2"), _series(chance)])
            digests = row(number, *chance.sample(ALL, chance.randint(1, 3))).digests
            if chance.random() < 0.2:
                # The same file with another's SHA-1, or two files that share one.
                digests = (digest(MD5, number), digest(SHA1, chance.randrange(60)))
            rows.append(Row(digests, verdict, size=number))
        kind = CollectionKind.SERIES if name == "c" else CollectionKind.CASE
        take_in(held, name, rows, kind=kind)
    return held


def _series(chance: random.Random) -> Verdict:
    return Verdict(series=tuple(chance.sample(["x", "y", "z"], chance.randint(0, 2))))


@pytest.fixture(params=[9, 65_536])
def _parts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "CHUNK_DIGESTS", request.param)
    monkeypatch.setattr(lookup, "CHUNK_DIGESTS", request.param)


@pytest.mark.usefixtures("_parts")
@pytest.mark.parametrize(
    ("algorithm", "names"), [(MD5, NAMES), (SHA1, NAMES), (SHA1, ("c", "a")), (SHA256, ("b",))]
)
def test_many_are_answered_as_one_by_one(
    holdings: Holdings, algorithm: AlgorithmId, names: tuple[str, ...]
) -> None:
    asked = [digest(algorithm, n).raw for n in (*range(40), 100, *range(10))]
    random.Random(1).shuffle(asked)
    one_by_one = [holdings.held_items(algorithm, [raw], names)[0] for raw in asked]
    assert holdings.held_items(algorithm, asked, names) == one_by_one
    assert any(len(items) > 1 for items in one_by_one) or algorithm is MD5

    held = holdings.held_columns(algorithm, asked, names)
    found: list[list[int]] = [[] for _ in asked]
    for place, number in zip(held.places, held.rows, strict=True):
        found[place].append(held.item_ids[number])
        item = next(i for i in one_by_one[place] if i.item_id == held.item_ids[number])
        assert held.collections[number] == item.collections
        assert held.verdicts[number] == item.verdicts
        assert (held.media_types[number], held.sizes[number]) == (item.media_type, item.size)
        first = [
            Digest(name, raw)
            for name, column in held.digests.items()
            if (raw := column[number]) is not None
        ]
        assert sorted([*first, *held.further.get(number, ())]) == sorted(item.digests)
    assert found == [[item.item_id for item in items] for items in one_by_one]
    assert [asked[place] for place in held.places] == sorted(asked[p] for p in held.places)


@pytest.mark.usefixtures("_parts")
@pytest.mark.parametrize(
    ("algorithm", "names"), [(MD5, NAMES), (SHA1, NAMES), (SHA1, ("c", "a")), (SHA256, ("b",))]
)
def test_standings_are_those_of_the_items(
    holdings: Holdings, algorithm: AlgorithmId, names: tuple[str, ...]
) -> None:
    asked = [digest(algorithm, n).raw for n in range(70)]
    expected = [
        frozenset(
            (name, tuple(sorted({s for n, v in item.verdicts if n == name for s in v.series})))
            for item in items
            for name in item.collections
        )
        for items in holdings.held_items(algorithm, asked, names)
    ]
    found = holdings.standings(algorithm, bulk.packed(algorithm, asked), names)
    assert [found.kinds[kind] for kind in found.of] == expected
    assert len(set(found.kinds)) == len(found.kinds)


@pytest.mark.usefixtures("_parts")
@pytest.mark.parametrize("algorithm", ALL)
@pytest.mark.parametrize("names", [NAMES, ("b",), ()])
def test_digests_are_those_of_the_items(
    holdings: Holdings, algorithm: AlgorithmId, names: tuple[str, ...]
) -> None:
    every = [digest(algorithm, n).raw for n in range(70)]
    held = holdings.held_items(algorithm, every, names)
    chunks = list(holdings.digests(algorithm, names))
    assert [raw.tobytes() for chunk in chunks for raw in chunk] == sorted(
        raw for raw, items in zip(every, held, strict=True) if items
    )
    assert all(len(chunk) == bulk.CHUNK_DIGESTS for chunk in chunks[:-1])


def test_nothing_is_asked(holdings: Holdings) -> None:
    assert holdings.held_columns(MD5, [], NAMES).places == []
    assert holdings.held_columns(MD5, [bytes(16)], NAMES).rows == []
    assert len(holdings.standings(MD5, np.empty((0, 16), np.uint8), NAMES).of) == 0


def test_what_items_share_is_one_object(database: Database) -> None:
    held = Holdings(database)
    take_in(held, "a", [row(n, MD5, verdict=category("1")) for n in range(50)])
    take_in(held, "b", [row(n, MD5, verdict=category("2")) for n in range(50)])
    columns = held.held_columns(MD5, [digest(MD5, n).raw for n in range(50)], ["a", "b"])
    assert len({id(each) for each in columns.verdicts}) == 1
    assert len({id(each) for each in columns.collections}) == 1
