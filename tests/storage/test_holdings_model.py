"""Random lists, replacements, removals and exclusions against plain Python rules."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from psihash.hashset.model import Row
from psihash.hashset.store import HeldItem
from psihash.storage.database import Database
from psihash.storage.holdings import Holdings
from psihash.storage.schema import metadata
from psihash.terms import AlgorithmId

from .integrity import check
from .lists import MD5, SHA1, SHA256, SHA512, category, digest, exclude, take_in
from .oracle import Oracle, connected

_USED = (MD5, SHA1, SHA256, SHA512)
_FILES = 3
_EXAMPLES = settings().max_examples * 3 // 5


@st.composite
def _rows(draw: st.DrawFn, *, consistent: bool) -> Row:
    """A row whose digests belong to one file, or, now and then, contradict each other."""
    chosen = draw(st.sets(st.sampled_from(_USED), min_size=1))
    name = draw(st.integers(0, _FILES - 1))
    names = dict.fromkeys(chosen, name)
    if not consistent and draw(st.integers(0, 3)) == 0:
        names = {a: draw(st.integers(0, _FILES - 1)) for a in chosen}
    digests = tuple(digest(a, names[a]) for a in AlgorithmId if a in chosen)
    verdict = draw(st.sampled_from([None, category("1"), category("2")]))
    other = draw(st.sampled_from([(), (("pdq", "1"),)]))
    return Row(digests, verdict, other, None, draw(st.sampled_from([None, 7])))


_Step = tuple[str, str, list[Row]]


def _row(digests: str, code: str | None = None) -> Row:
    """A row from ``md5=1 sha1=2``: algorithms with the numbers of imaginary files."""
    pairs = (pair.split("=") for pair in digests.split())
    stated = tuple(digest(AlgorithmId(name), int(number)) for name, number in pairs)
    return Row(stated, None if code is None else category(code))


@st.composite
def _programs(draw: st.DrawFn) -> tuple[bool, list[_Step]]:
    consistent = draw(st.booleans())
    rows = _rows(consistent=consistent)
    lists = st.lists(rows, max_size=8)
    digests = st.builds(digest, st.sampled_from(_USED), st.integers(0, _FILES - 1))
    excluded = st.lists(st.builds(lambda one: Row((one,)), digests), max_size=2)
    names = st.sampled_from(["a", "b", "c"])
    steps: st.SearchStrategy[_Step] = st.one_of(
        st.tuples(st.just("add"), names, lists),
        st.tuples(st.just("add"), names, lists),
        st.tuples(st.just("replace"), names, lists),
        st.tuples(st.just("remove"), names, st.just([])),
        st.tuples(st.just("exclude"), st.just("nsrl"), st.one_of(excluded, lists)),
    )
    return consistent, draw(st.lists(steps, min_size=1, max_size=6))


@dataclass
class _Model:
    """The holdings beside what they should be."""

    holdings: Holdings
    database: Database
    consistent: bool
    """Whether a digest tells its file: then the same file again changes nothing."""
    oracle: Oracle = field(default_factory=Oracle)
    rows: dict[str, list[Row]] = field(default_factory=dict)
    """All that the collections should say, were it not for exclusions."""
    ever: list[Row] = field(default_factory=list)

    def step(self, number: int, what: str, name: str, rows: list[Row]) -> None:
        if what == "exclude":
            report = exclude(self.holdings, name, rows)
            assert report.items_removed == self.oracle.exclude(rows)
        elif what == "remove":
            if name in self.rows:
                self.holdings.remove_collection(name)
                self.oracle.remove(name)
                del self.rows[name]
        else:
            self._take_in(number, name, rows, replace=what == "replace")
        self.check()

    def _take_in(self, number: int, name: str, rows: list[Row], *, replace: bool) -> None:
        for again in (False, True):
            own = [copy(row) for row in rows]  # the oracle tells equal rows apart
            before = [] if replace else self.rows.get(name, [])
            self.rows[name] = before + own
            self.ever += own
            report = take_in(self.holdings, name, own, sha256=str(number), replace=replace)
            items, left_out = self.oracle.add(name, own, replace=replace)
            assert (report.items, report.exclusions) == (len(items), left_out)
            assert report.unchanged <= again
            if self.consistent:
                assert report.unchanged == again, "the same file again changed something"
            self.check()

    def check(self) -> None:
        check(self.database)
        held = self._held()
        assert Counter(map(_facts, held)) == Counter(
            (
                frozenset(item.digests),
                frozenset(item.other),
                item.size,
                frozenset(name for name, rows in item.rows.items() if rows),
                frozenset(item.verdicts()),
            )
            for item in self.oracle.items
        )
        if self.consistent:
            carried = [one for item in held for one in item.digests]
            assert len(carried) == len(set(carried)), "one file is two items"
        self._check_rows(held)

    def _held(self) -> list[HeldItem]:
        names = [info.name for info in self.holdings.collections()]
        found: dict[int, HeldItem] = {}
        for algorithm in _USED:
            asked = [digest(algorithm, number).raw for number in range(_FILES)]
            for items in self.holdings.held_items(algorithm, asked, names):
                found |= {item.item_id: item for item in items}
        return list(found.values())

    def _check_rows(self, held: list[HeldItem]) -> None:
        """Nothing that a row says is lost, but for an exclusion of that row's own item."""
        excused = connected(self.ever, self.oracle.listed)
        for name, rows in self.rows.items():
            for row in rows:
                if any(_says(item, row, name) for item in held):
                    continue
                assert not self.oracle.holds(name, row), "a row is lost"
                assert excused.issuperset(row.digests), "no exclusion has to do with this row"


def _facts(item: HeldItem) -> tuple[object, ...]:
    return (
        frozenset(item.digests),
        frozenset(item.other),
        item.size,
        frozenset(item.collections),
        frozenset(item.verdicts),
    )


def _says(item: HeldItem, row: Row, name: str) -> bool:
    return (
        name in item.collections
        and set(row.digests) <= set(item.digests)
        and set(row.other) <= set(item.other)
        and (row.size is None or item.size == row.size)
        and (row.verdict is None or (name, row.verdict) in item.verdicts)
    )


def _run(database: Database, program: tuple[bool, list[_Step]]) -> None:
    consistent, steps = program
    model = _Model(Holdings(database), database, consistent)
    for number, (what, name, rows) in enumerate(steps):
        model.step(number, what, name, rows)


# An example takes a tenth of a second, so shrinking would take minutes.
@settings(max_examples=_EXAMPLES, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(program=_programs())
def test_sqlite(sqlite_template: Path, program: tuple[bool, list[_Step]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "store.db"
        shutil.copy(sqlite_template, path)
        with Database.open(f"sqlite:///{path}") as database:
            _run(database, program)


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_postgresql(database: Database) -> None:
    @settings(max_examples=_EXAMPLES // 3, phases=(Phase.explicit, Phase.reuse, Phase.generate))
    @given(program=_programs())
    def run(program: tuple[bool, list[_Step]]) -> None:
        with database.transaction() as connection:
            names = ", ".join(table.name for table in metadata.sorted_tables)
            connection.execute(sa.text(f"TRUNCATE {names}"))
        _run(database, program)

    run()


_KNOWN = _row("md5=1 sha1=1", "1")
_OTHER = _row("md5=2 sha1=1", "2")
_WEAK = _row("sha1=1", "1")
_SHORT = _row("sha1=1 sha256=1", "2")
_LISTED = _row("sha256=1")

_PROGRAMS: dict[str, list[_Step]] = {
    "exclude, add": [("exclude", "x", [_LISTED]), ("add", "a", [_KNOWN, _SHORT, _WEAK])],
    "add, exclude": [("add", "a", [_KNOWN, _SHORT, _WEAK]), ("exclude", "x", [_LISTED])],
    "out, and in again": [
        ("add", "a", [_KNOWN]),
        ("add", "b", [_SHORT]),
        ("exclude", "x", [_LISTED]),
        ("add", "a", [_KNOWN]),
    ],
    "replace after exclude": [
        ("add", "a", [_KNOWN, _row("md5=2", "1")]),
        ("exclude", "x", [_LISTED]),
        ("replace", "a", [_row("md5=1 sha256=1", "2"), _row("md5=1", "2"), _row("md5=2", "2")]),
    ],
    "add to a held item after exclude": [
        ("add", "a", [_KNOWN]),
        ("exclude", "x", [_LISTED]),
        ("add", "a", [_row("md5=1", "2"), _row("md5=1 sha256=1", "2"), _SHORT, _WEAK]),
        ("add", "b", [_row("md5=1 sha256=1", "1"), _row("md5=1", "2")]),
    ],
    "remove what shares an item": [
        ("add", "a", [_KNOWN]),
        ("add", "b", [_SHORT]),
        ("remove", "b", []),
        ("exclude", "x", [_LISTED]),
        ("add", "b", [_WEAK]),
        ("remove", "a", []),
    ],
    "contradictory rows join, one item goes": [
        ("add", "a", [_WEAK, _SHORT]),
        ("add", "b", [_KNOWN, _OTHER]),
        ("exclude", "x", [_row("md5=1")]),
        ("add", "a", [_WEAK]),
        ("replace", "a", [_SHORT]),
    ],
    "contradictory rows join, both items go": [
        ("add", "a", [_KNOWN, _OTHER, _WEAK, _SHORT]),
        ("exclude", "x", [_row("sha1=1")]),
        ("add", "a", [_row("md5=2 sha1=2", "1"), _row("md5=1 sha1=2", "2"), _row("sha1=2", "2")]),
    ],
}


@pytest.mark.parametrize("program", _PROGRAMS.values(), ids=_PROGRAMS)
def test_programs(database: Database, program: list[_Step]) -> None:
    _run(database, (False, program))
