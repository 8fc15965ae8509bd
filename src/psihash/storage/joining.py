# ruff: noqa: S608 - every name put into a statement is a constant of this package
"""Items that turn out to be one, and items that nobody holds any more."""

from __future__ import annotations

from typing import Final

from psihash.storage import holding_changes
from psihash.storage.merge import ALGORITHMS, Merge
from psihash.storage.steps import apply_additions


def join_weak(merge: Merge) -> None:
    """Let items without an MD5 join the item that has their identifying digest, or that shares
    another digest with them and contradicts none.

    Runs from the last algorithm to SHA-1, so that an item known by its SHA-256 alone reaches an
    item with an MD5 also by way of one with a SHA-1. Of several candidates the oldest is taken.
    Where lists agree with each other, no two items have a digest in common afterwards.
    """
    for number in range(len(ALGORITHMS) - 1, 0, -1):
        if not merge.some("items WHERE md5 IS NULL"):
            return
        if _find(merge, number):
            merge.changes += 1
            merge.enriched = True
            _move(merge)


def _find(merge: Merge, number: int) -> int:
    """Fill ``import_joins`` for items identified by one algorithm; returns how many."""
    stronger = [algorithm.value for algorithm in ALGORITHMS[:number]]
    identity = ALGORITHMS[number].value
    weak = " AND ".join([f"w.{identity} IS NOT NULL", *(f"w.{a} IS NULL" for a in stronger)])
    if not merge.some(f"items w WHERE w.md5 IS NULL AND {weak}"):
        return 0
    strong = " OR ".join(f"s.{other} IS NOT NULL" for other in stronger)
    return sum(
        merge.run(
            f"INSERT INTO {merge.temp}.import_joins (weak, strong)"
            f" SELECT p.weak, min(p.strong) FROM {merge.temp}.import_pairs p"
            f" JOIN items w ON w.id = p.weak AND {weak}"
            f" JOIN items s ON s.id = p.strong AND ({strong})"
            f" WHERE {'1 = 1' if shared == number else _AGREE}"
            f" GROUP BY p.weak ON CONFLICT DO NOTHING"
        )
        for shared in sorted(merge.used)
        if shared >= number and _pair(merge, shared)
    )


def _pair(merge: Merge, number: int) -> bool:
    """Fill ``import_pairs`` with the items that share a digest of one algorithm which the rows
    taken in have; whether there are any. A step of its own: joined to the items in the same
    statement, PostgreSQL, which has no figures of new rows yet, compares each with each."""
    merge.run(f"DELETE FROM {merge.temp}.import_pairs")
    name = ALGORITHMS[number].value
    found = merge.run(
        f"INSERT INTO {merge.temp}.import_pairs (weak, strong)"
        f" SELECT DISTINCT b.item_id, c.item_id FROM ({_said(merge, number)}) d"
        f" JOIN by_{name} b ON b.raw = d.raw"
        f" JOIN by_{name} c ON c.raw = d.raw AND c.item_id <> b.item_id"
    )
    merge.analyze("import_pairs")
    return found > 0


def _said(merge: Merge, number: int) -> str:
    """All digests of one algorithm that the rows taken in have, in SQL."""
    name = ALGORITHMS[number].value
    return (
        f"SELECT key AS raw FROM {merge.groups} WHERE ident = {number}"
        f" UNION SELECT {name} FROM {merge.groups} WHERE {name} IS NOT NULL"
        f" UNION SELECT m.{name} FROM {merge.more} WHERE m.{name} IS NOT NULL"
    )


_AGREE: Final = " AND ".join(
    [
        *(f"(w.{a} IS NULL OR s.{a} IS NULL OR w.{a} = s.{a})" for a in ALGORITHMS[1:]),
        *(f"NOT EXISTS (SELECT 1 FROM item_extra e WHERE e.item_id = {x}.id)" for x in "ws"),
    ]
)
"""Whether items ``w`` and ``s`` together have one digest of each algorithm at most, in SQL."""


def _move(merge: Merge) -> None:
    joins = f"{merge.temp}.import_joins"
    merge.analyze("import_joins")
    holding_changes.note(merge, f"SELECT strong AS item_id FROM {joins}")
    for number, algorithm in enumerate(ALGORITHMS):
        name = algorithm.value
        for source, column in (
            ("items x ON x.id = j.weak", f"x.{name}"),
            (f"item_extra x ON x.item_id = j.weak AND x.algorithm = '{name}'", "x.raw"),
        ):
            merge.run(
                f"INSERT INTO {merge.temp}.import_additions (item_id, ident, raw)"
                f" SELECT DISTINCT j.strong, {number}, {column} FROM {joins} j JOIN {source}"
                f" WHERE {column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM by_{name} b"
                f" WHERE b.raw = {column} AND b.item_id = j.strong) ON CONFLICT DO NOTHING"
            )
    apply_additions(merge)
    for column in ("size", "media_type"):
        merge.run(
            f"UPDATE items SET {column} = x.value FROM (SELECT j.strong AS strong,"
            f" min(w.{column}) AS value FROM {joins} j JOIN items w ON w.id = j.weak"
            f" GROUP BY j.strong) AS x WHERE x.strong = items.id AND items.{column} IS NULL"
        )
    _move_rows(merge, "memberships", "collection_id", "")
    _move_rows(merge, "item_verdicts", "collection_id, body", "dialect, category")
    merge.run(
        f"INSERT INTO item_other (item_id, kind, value) SELECT DISTINCT j.strong, o.kind, o.value"
        f" FROM {joins} j JOIN item_other o ON o.item_id = j.weak"
        f" WHERE 1 = 1 ON CONFLICT DO NOTHING"
    )
    merge.run(f"INSERT INTO {merge.temp}.import_gone (item_id) SELECT weak FROM {joins}")
    erase_gone(merge)
    merge.run(
        f"UPDATE {merge.temp}.import_groups SET item_id = j.strong FROM {joins} j"
        f" WHERE j.weak = coalesce(import_groups.item_id, :base + import_groups.id)"
    )
    merge.run(f"DELETE FROM {joins}")


def _move_rows(merge: Merge, table: str, keys: str, values: str) -> None:
    """Hand the rows of weak items to the strong ones; of two equal rows the older source and the
    later confirmation stay."""
    kept = f", {values}" if values else ""
    chosen = "".join(f", min(m.{name.strip()})" for name in values.split(",") if name)
    selected = ", ".join(f"m.{name.strip()}" for name in keys.split(","))
    older = f"CASE WHEN {table}.source_id < excluded.source_id"
    newer = f"CASE WHEN {table}.seen_id > excluded.seen_id"
    merge.run(
        f"INSERT INTO {table} (item_id, {keys}{kept}, source_id, seen_id)"
        f" SELECT j.strong, {selected}{chosen}, min(m.source_id), max(m.seen_id)"
        f" FROM {merge.temp}.import_joins j JOIN {table} m ON m.item_id = j.weak"
        f" WHERE 1 = 1 GROUP BY j.strong, {selected}"
        f" ON CONFLICT (item_id, {keys}) DO UPDATE SET"
        f" source_id = {older} THEN {table}.source_id ELSE excluded.source_id END,"
        f" seen_id = {newer} THEN {table}.seen_id ELSE excluded.seen_id END"
    )


def orphans_only(merge: Merge) -> None:
    """Strike from ``import_gone`` what some collection still holds."""
    merge.run(
        f"DELETE FROM {merge.temp}.import_gone WHERE EXISTS (SELECT 1 FROM memberships m"
        f" WHERE m.item_id = import_gone.item_id)"
    )


def erase_gone(merge: Merge) -> int:
    """Delete the items of ``import_gone`` with everything about them; returns how many."""
    gone = f"SELECT item_id FROM {merge.temp}.import_gone"
    if not merge.some(f"{merge.temp}.import_gone"):
        return 0
    merge.analyze("import_gone")
    for algorithm in ALGORITHMS:
        name = algorithm.value
        for pairs in (
            f"SELECT {name}, id FROM items WHERE id IN ({gone}) AND {name} IS NOT NULL",
            f"SELECT raw, item_id FROM item_extra WHERE item_id IN ({gone})"
            f" AND algorithm = '{name}'",
        ):
            merge.run(f"DELETE FROM by_{name} WHERE (raw, item_id) IN ({pairs})")
    for table in ("memberships", "item_verdicts", "item_other", "item_extra"):
        merge.run(f"DELETE FROM {table} WHERE item_id IN ({gone})")
    count = merge.run(f"DELETE FROM items WHERE id IN ({gone})")
    merge.run(f"DELETE FROM {merge.temp}.import_gone")
    return count
