"""Random lists, replacements, removals and exclusions against plain Python rules."""

from __future__ import annotations

import shutil
import tempfile
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
from psihash.storage.tables import metadata
from psihash.terms import AlgorithmId

from .integrity import check
from .lists import MD5, SHA1, SHA256, SHA512, category, digest, exclude, take_in

_USED = (MD5, SHA1, SHA256, SHA512)


@st.composite
def _rows(draw: st.DrawFn, *, consistent: bool) -> Row:
    """A row whose digests belong to one file, or, now and then, contradict each other."""
    chosen = draw(st.sets(st.sampled_from(_USED), min_size=1))
    name = draw(st.integers(0, 4))
    names = dict.fromkeys(chosen, name)
    if not consistent and draw(st.integers(0, 3)) == 0:
        names = {a: draw(st.integers(0, 4)) for a in chosen}
    digests = tuple(digest(a, names[a]) for a in AlgorithmId if a in chosen)
    verdict = draw(st.sampled_from([None, category("1"), category("2")]))
    other = draw(st.sampled_from([(), (("pdq", "1"),)]))
    return Row(digests, verdict, other, None, draw(st.sampled_from([None, 7])))


@st.composite
def _programs(draw: st.DrawFn) -> tuple[bool, list[tuple[str, str, list[Row]]]]:
    consistent = draw(st.booleans())
    rows = _rows(consistent=consistent)
    lists = st.lists(rows, max_size=8)
    names = st.sampled_from(["a", "b", "c"])
    steps: st.SearchStrategy[tuple[str, str, list[Row]]] = st.one_of(
        st.tuples(st.just("add"), names, lists),
        st.tuples(st.just("add"), names, lists),
        st.tuples(st.just("replace"), names, lists),
        st.tuples(st.just("remove"), names, st.just([])),
        st.tuples(st.just("exclude"), st.just("nsrl"), st.lists(rows, max_size=1)),
    )
    return consistent, draw(st.lists(steps, min_size=1, max_size=5))


@dataclass
class _Model:
    """What the holdings should remember, kept as rows."""

    holdings: Holdings
    database: Database
    consistent: bool
    """Whether a digest tells its file: then it is known which item a row belongs to."""
    rows: dict[str, list[Row]] = field(default_factory=dict)
    excluded: set[object] = field(default_factory=set)

    def step(self, number: int, what: str, name: str, rows: list[Row]) -> None:
        if what == "exclude":
            self.excluded |= {d for row in rows for d in row.digests}
            exclude(self.holdings, name, rows)
        elif what == "remove":
            if name in self.rows:
                self.holdings.remove_collection(name)
                del self.rows[name]
        else:
            before = [] if what == "replace" else self.rows.get(name, [])
            self.rows[name] = before + rows
            report = take_in(
                self.holdings, name, rows, sha256=str(number), replace=what == "replace"
            )
            found = [{item.item_id for item in self.items(row, name)} for row in rows]
            # Two items may both carry all that a row without an MD5 says.
            sure = {item for items in found if len(items) == 1 for item in items}
            assert len(sure) <= report.items <= len(set().union(*found))
            if self.consistent:
                again = take_in(
                    self.holdings, name, rows, sha256=str(number), replace=what == "replace"
                )
                assert again.unchanged, "the same file again changed something"
        check(self.database)

    def items(self, row: Row, name: str) -> list[HeldItem]:
        """Items of the collection that carry all the row's digests; one, unless rows contradict."""
        key = row.digests[0]
        (found,) = self.holdings.held_items(key.algorithm, [key.raw], [name])
        return [item for item in found if set(row.digests) <= set(item.digests)]

    def check_rows(self) -> None:
        for name, rows in self.rows.items():
            for row in rows:
                items = self.items(row, name)
                if not items:
                    # Only an exclusion, of this row's item, may have taken it out.
                    assert self.excluded
                    continue
                # An exclusion may have taken out the row's own item, while another one, of lists
                # that contradict each other, carries the same digests.
                remembered = any(self._remembers(item, row, name) for item in items)
                assert remembered or (self.excluded and not self.consistent)
            held = {d.tobytes() for chunk in self.holdings.digests(MD5, [name]) for d in chunk}
            said = {d.raw for row in rows for d in row.digests if d.algorithm is MD5}
            assert said - {d.raw for d in self.excluded} <= held or self.excluded  # type: ignore[attr-defined]

    def _remembers(self, item: HeldItem, row: Row, name: str) -> bool:
        return (
            set(row.other) <= set(item.other)
            and (row.size is None or item.size == row.size)
            and (row.verdict is None or (name, row.verdict) in item.verdicts)
        )

    def check_joined(self) -> None:
        """No item without an MD5 shares its identifying digest with a better known one."""
        for algorithm in _USED[1:]:
            for number in range(5):
                wanted = digest(algorithm, number)
                (found,) = self.holdings.held_items(
                    algorithm, [wanted.raw], [c.name for c in self.holdings.collections()]
                )
                keys = [item.digests[0].algorithm for item in found]
                assert algorithm not in keys or len(keys) == 1


def _run(database: Database, program: tuple[bool, list[tuple[str, str, list[Row]]]]) -> None:
    consistent, steps = program
    model = _Model(Holdings(database), database, consistent)
    for number, (what, name, rows) in enumerate(steps):
        model.step(number, what, name, rows)
    model.check_rows()
    model.check_joined()


# An example takes a tenth of a second, so shrinking would take minutes.
@settings(max_examples=30, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(program=_programs())
def test_sqlite(
    sqlite_template: Path, program: tuple[bool, list[tuple[str, str, list[Row]]]]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "store.db"
        shutil.copy(sqlite_template, path)
        with Database.open(f"sqlite:///{path}") as database:
            _run(database, program)


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_postgresql(database: Database) -> None:
    @settings(max_examples=10, phases=(Phase.explicit, Phase.reuse, Phase.generate))
    @given(program=_programs())
    def run(program: tuple[bool, list[tuple[str, str, list[Row]]]]) -> None:
        with database.transaction() as connection:
            names = ", ".join(table.name for table in metadata.sorted_tables)
            connection.execute(sa.text(f"TRUNCATE {names}"))
        _run(database, program)

    run()
