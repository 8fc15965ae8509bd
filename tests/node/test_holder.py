"""What a session tells of matched items, against the holdings read one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from psihash.hashset.model import Category, Dialect, Digest, Row, Verdict
from psihash.hashset.store import HeldColumns
from psihash.node.running.holder import NodeHolder
from psihash.session.result import PeerRecord
from psihash.storage.bulk import packed
from psihash.storage.database import Database
from psihash.storage.holdings import Holdings
from psihash.terms import AlgorithmId, CollectionKind
from tests.session.lists import MD5, SHA1, digest

ONE, TWO = Verdict(Category(Dialect.UK, "1")), Verdict(series=("x", "y"))
LISTS: dict[str, tuple[CollectionKind, list[tuple[int, Verdict | None]]]] = {
    "case": (CollectionKind.CASE, [(1, ONE), (2, TWO), (3, None)]),
    "series": (CollectionKind.SERIES, [(2, TWO), (3, ONE), (4, None)]),
    "library": (CollectionKind.LIBRARY, [(1, TWO), (1, ONE), (5, Verdict(series=("x",)))]),
}


class Counted(Holdings):
    """Counts how often matched items are read."""

    reads = 0

    def held_columns(
        self, algorithm: AlgorithmId, digests: Sequence[bytes], collections: Sequence[str]
    ) -> HeldColumns:
        self.reads += 1
        return super().held_columns(algorithm, digests, collections)


@pytest.fixture
def holdings(tmp_path: Path) -> Iterator[Counted]:
    with Database.open(f"sqlite:///{tmp_path / 'store.db'}") as database:
        held = Counted(database)
        for name, (kind, rows) in LISTS.items():
            run = held.begin_import(
                name, kind, replace=False, dry_run=False, now="2026-01-01T00:00:00Z"
            )
            # Items 1 and 11, and so on, share a SHA-1.
            run.add(
                Row((Digest(MD5, digest(MD5, n + more)), Digest(SHA1, digest(SHA1, n))), verdict)
                for n, verdict in rows
                for more in (0, 10)
            )
            run.finish("list", name, 1, "rows")
        yield held


def test_names_and_records_are_read_once(holdings: Counted) -> None:
    names = ["series", "library", "case"]
    holder = NodeHolder(holdings, names, "desk")
    for algorithm in (MD5, SHA1):
        asked = [digest(algorithm, n) for n in (5, 1, 99, 2, 3, 4, 1)]
        items = holdings.held_items(algorithm, asked, names)
        told = holder.collections_of(algorithm, asked)
        assert told == [items_[0].collections if items_ else () for items_ in items]
        records = holder.records(algorithm, asked)
        assert records[2] == ()
        assert records[1] == (
            PeerRecord("library", CollectionKind.LIBRARY, (ONE, TWO), "desk"),
            PeerRecord("case", CollectionKind.CASE, (ONE,), "desk"),
        )
        for row, found in zip(records, items, strict=True):
            assert {(each.collection, v) for each in row for v in each.verdicts} == {
                pair for item in found for pair in item.verdicts
            }
        assert records[1] is records[6]
        holder.held(algorithm, asked)
    assert holdings.reads == 2
    holder.forget()
    holder.held(MD5, [digest(MD5, 1)])
    assert holdings.reads == 3


def test_series_are_collections_or_labels(holdings: Counted) -> None:
    holder = NodeHolder(holdings, list(LISTS), None)
    expected = {
        1: ("case", "x", "y"),
        2: ("series", "x", "y"),
        3: ("case", "series"),
        4: ("series",),
        5: ("x",),
        99: (),
    }
    for algorithm in (MD5, SHA1):
        column = holder.series_of(
            algorithm, packed(algorithm, [digest(algorithm, n) for n in expected])
        )
        assert [column.series[kind] for kind in column.of] == list(expected.values())
        assert len(set(column.series)) == len(column.series)
