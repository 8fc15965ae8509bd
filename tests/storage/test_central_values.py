"""Values of a central set in pages, held against a dict."""

from __future__ import annotations

import numpy as np
import pytest

from psihash import errors
from psihash.bulk import Bytes2D, byte_order, distinct_numbers, sorted_distinct
from psihash.central.publishing import Change, Entries
from psihash.storage.central_entries import EntryStore
from psihash.storage.central_values import PAGE_ITEMS, Partition, ValueStore
from psihash.storage.database import Database

EPOCH = 3


def tokens(seed: int, count: int, heads: int = 256) -> Bytes2D:
    """Distinct, ascending; with few ``heads`` many begin with the same bytes."""
    dice = np.random.default_rng(seed)
    found = dice.integers(0, 256, (count, 32), dtype=np.uint8)
    found[:, :12] = dice.integers(0, heads, (count, 1), dtype=np.uint8)
    return sorted_distinct(found)


def roots_of(found: Bytes2D) -> Bytes2D:
    return np.ascontiguousarray(found[:, ::-1])


def add(store: ValueStore, found: Bytes2D, *, lost: int = -1, size: int = 2 * PAGE_ITEMS) -> None:
    """One run, cut into partitions, of which one never came."""
    place = store.new_run(EPOCH)
    for number, at in enumerate(range(0, len(found), size)):
        part = np.ascontiguousarray(found[at : at + size])
        if number != lost:
            store.add(EPOCH, place, part, roots_of(part))
        place = place.after(len(part))


@pytest.mark.parametrize("heads", [256, 1])
def test_everything_is_found_and_nothing_else(database: Database, heads: int) -> None:
    store = ValueStore(database)
    every = tokens(1, 9 * PAGE_ITEMS + 7, heads)
    assert store.find(EPOCH, every).tolist() == [-1] * len(every)
    cut = np.random.default_rng(2).permutation(len(every))
    first, second = (every[np.sort(part)] for part in (cut[:3000], cut[3000:4600]))
    add(store, first)
    add(store, second, lost=1)
    known = {row.tobytes() for row in first}
    known |= {row.tobytes() for row in second[: 2 * PAGE_ITEMS]}
    known |= {row.tobytes() for row in second[4 * PAGE_ITEMS :]}
    items = store.find(EPOCH, every)
    assert {row.tobytes() for row in every[items >= 0]} == known
    assert len(distinct_numbers(items[items >= 0])) == len(known)
    assert np.array_equal(store.roots(EPOCH, items[items >= 0]), roots_of(every[items >= 0]))
    some = items[items >= 0][np.random.default_rng(3).permutation(len(known))[:700]]
    order = np.argsort(items, kind="stable")
    where = order[np.searchsorted(items[order], some)]
    assert np.array_equal(store.roots(EPOCH, some), roots_of(every[where]))
    assert {row.tobytes() for row in store.tokens(EPOCH)} == known
    assert len(store.find(EPOCH, every[:0])) == len(store.roots(EPOCH, items[:0])) == 0


def test_a_run_begins_behind_the_last_one(database: Database) -> None:
    store = ValueStore(database)
    assert (store.has_any(EPOCH), store.new_run(EPOCH)) == (False, Partition(0, 0, 0))
    add(store, tokens(1, 3 * PAGE_ITEMS + 1))
    assert store.has_any(EPOCH)
    assert store.new_run(EPOCH) == Partition(2, 1, 4)
    assert store.new_run(EPOCH).item == 4 * PAGE_ITEMS
    store.drop_before(EPOCH)
    assert store.has_any(EPOCH)
    store.drop_before(EPOCH + 1)
    assert not store.has_any(EPOCH)


def test_a_page_that_is_gone_is_damage(database: Database) -> None:
    store = ValueStore(database)
    every = tokens(1, 2 * PAGE_ITEMS)
    add(store, every)
    with database.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM central_roots WHERE number = 1")
    with pytest.raises(errors.StorageError) as caught:
        store.find(EPOCH, every)
    assert caught.value.code == "store-damaged"


def test_entries_of_some_items(database: Database) -> None:
    """Added and taken back over three publications; asked about a few."""
    store, dice = EntryStore(database), np.random.default_rng(5)
    wanted = distinct_numbers(dice.integers(0, 20 * PAGE_ITEMS, 90))
    kept: tuple[set[tuple[int, ...]], set[tuple[int, ...]]] = (set(), set())
    for delta in range(3):
        made = []
        for held in kept:
            items = dice.integers(0, 20 * PAGE_ITEMS, 4_000)
            slots = np.arange(len(items)) % 60_000 + delta
            labels = dice.integers(0, 2**31, len(items))
            made.append(Entries(items, slots, labels))
            rows = zip(items.tolist(), slots.tolist(), labels.tolist(), strict=True)
            held.update(row for row in rows if row[0] in set(wanted.tolist()))
        store.add(EPOCH, delta, Change(*made))
    for found, held in zip(store.of(EPOCH, wanted), kept, strict=True):
        columns = (found.items.tolist(), found.slots.tolist(), found.labels.tolist())
        assert sorted(zip(*columns, strict=True)) == sorted(held)
    store.drop_before(EPOCH + 1)
    assert [len(each) for each in store.of(EPOCH, wanted)] == [0, 0]


@pytest.mark.parametrize("heads", [256, 1])
def test_rows_in_the_order_of_their_bytes(heads: int) -> None:
    every = tokens(9, 400, heads)
    mixed = np.concatenate([every, every])[np.random.default_rng(1).permutation(800)]
    ordered = mixed[byte_order(mixed)]
    assert [row.tobytes() for row in ordered] == sorted(row.tobytes() for row in mixed)
