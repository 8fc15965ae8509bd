"""Whether the tables of the holdings agree with each other, checked row by row in Python."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from psihash.storage.database import Database
from psihash.storage.tables import (
    by_digest,
    collections,
    exclusions,
    item_extra,
    item_other,
    item_verdicts,
    items,
    memberships,
)
from psihash.terms import AlgorithmId


def check(database: Database) -> None:
    """Raise AssertionError where an index, a count or a reference is off."""
    with database.reading() as connection:
        held = connection.execute(sa.select(items)).all()
        extra = connection.execute(sa.select(item_extra)).all()
        placed = connection.execute(sa.select(memberships)).all()
        listed = connection.execute(sa.select(collections)).all()
        barred = connection.execute(sa.select(exclusions.c.algorithm, exclusions.c.raw)).all()
        indexed = {
            a: {tuple(pair) for pair in connection.execute(sa.select(by_digest[a]))}
            for a in AlgorithmId
        }
        ids = {item.id for item in held}
        for table in (item_extra, item_other, item_verdicts, memberships):
            named = set(connection.execute(sa.select(table.c.item_id)).scalars())
            assert named <= ids, f"{table.name} names items that are gone"
        pairs = {
            tuple(p)
            for p in connection.execute(
                sa.select(item_verdicts.c.collection_id, item_verdicts.c.item_id)
            )
        }
    for algorithm in AlgorithmId:
        name = algorithm.value
        first = {(getattr(item, name), item.id) for item in held if getattr(item, name)}
        more = {(e.raw, e.item_id) for e in extra if e.algorithm == name}
        assert not first & more, "an extra digest repeats the first"
        assert indexed[algorithm] == first | more, f"by_{name} is not what the items say"
        assert {item for _, item in more} <= {item for _, item in first}
        unwanted = {one.raw for one in barred if one.algorithm == name}
        assert unwanted.isdisjoint(raw for raw, _ in first | more), "an excluded digest is held"
    md5s = [item.md5 for item in held if item.md5]
    assert len(md5s) == len(set(md5s)), "two items have one MD5"
    assert not [e for e in extra if e.algorithm == "md5"], "an item has two MD5s"
    assert ids == {m.item_id for m in placed}, "an item that nobody holds"
    assert pairs <= {(m.collection_id, m.item_id) for m in placed}, "a verdict without its item"
    _check_counts(held, placed, listed)


def _check_counts(held: Sequence[Any], placed: Sequence[Any], listed: Sequence[Any]) -> None:
    by_id = {item.id: item for item in held}
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for member in placed:
        counts[member.collection_id]["items"] += 1
        for algorithm in AlgorithmId:
            if getattr(by_id[member.item_id], algorithm.value):
                counts[member.collection_id][f"with_{algorithm}"] += 1
    for one in listed:
        for name in ("items", *(f"with_{a}" for a in AlgorithmId)):
            assert getattr(one, name) == counts[one.id][name], f"{one.name}: {name}"
