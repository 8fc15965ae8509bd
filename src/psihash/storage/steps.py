# ruff: noqa: S608 - every name put into a statement is a constant of this package
"""The steps of an import's merge, in order.

1. ``group``: rows of one key become one group; the key's further rows are set aside.
2. ``resolve``: a group whose key the store has is that item; the others are new items.
3. ``leave_out``: groups with a digest on the exclusion list go.
4. ``insert_new``, ``enrich``: new items, and what rows add to items.
5. ``place``: memberships, verdicts and other hashes.

Then :func:`psihash.storage.joining.join_weak` sees to it that the order of arrival makes no
difference.
"""

from __future__ import annotations

from psihash.storage import holding_changes
from psihash.storage.merge import ALGORITHMS, Merge


def group(merge: Merge) -> None:
    """Rows to groups. Sorting and comparing neighbours is twice as fast as ``GROUP BY``."""
    names = ["size", *merge.columns.values()]
    if merge.has_media:
        names.append("media_type")
    if merge.has_verdicts:
        names += ["verdict", "dialect", "category"]
    order = "ident, key" if len(merge.idents) > 1 else "key"
    merge.run(
        f"INSERT INTO {merge.groups} (ident, key, {', '.join(names)})"
        f" SELECT ident, key, {', '.join(names)} FROM {merge.spool}.import_rows ORDER BY {order}"
    )
    more = f"{merge.temp}.import_more"
    copied = ", ".join(["id", "ident", "key", *names])
    merge.repeats = bool(
        merge.run(
            f"INSERT INTO {more} ({copied}) SELECT {copied} FROM {merge.groups} g"
            f" WHERE EXISTS (SELECT 1 FROM {merge.groups} p"
            f" WHERE p.id = g.id - 1 AND p.key = g.key AND p.ident = g.ident)"
        )
    )
    if merge.repeats:
        merge.run(f"DELETE FROM {merge.groups} WHERE id IN (SELECT id FROM {more})")
        merge.run(
            f"UPDATE {more} SET group_id = (SELECT max(g.id) FROM {merge.groups} g"
            f" WHERE g.id < import_more.id)"
        )
        merge.analyze("import_more")
    merge.analyze("import_groups")


def resolve(merge: Merge) -> None:
    """Groups whose key the store has get that item's number; of several the oldest."""
    merge.parameters["base"] = merge.scalar("SELECT coalesce(max(id), 0) FROM items")
    for number in sorted(merge.idents):
        found = merge.run(
            f"UPDATE {merge.groups} SET item_id = found.item_id FROM ("
            f" SELECT g.id AS id, min(b.item_id) AS item_id FROM {merge.groups} g"
            f" JOIN by_{ALGORITHMS[number]} b ON b.raw = g.key"
            f" WHERE g.ident = {number} GROUP BY g.id) AS found"
            f" WHERE found.id = import_groups.id"
        )
        merge.resolved = merge.resolved or found > 0


def leave_out(merge: Merge) -> int:
    """Take out groups on the exclusion list; record them and the trivial ones. Returns how many
    items were left out."""
    for number in sorted(merge.used):
        name = ALGORITHMS[number].value
        if not merge.some("exclusions WHERE algorithm = :name", name=name):
            continue
        sources = [f"SELECT id, key AS raw FROM {merge.groups} WHERE ident = {number}"]
        if number:
            sources.append(f"SELECT id, {name} FROM {merge.groups} WHERE {name} IS NOT NULL")
            sources.append(f"SELECT g.id, m.{name} FROM {merge.more} WHERE m.{name} IS NOT NULL")
        merge.run(
            f"INSERT INTO {merge.temp}.import_left (id, reason)"
            f" SELECT d.id, min(e.reason) FROM ({' UNION ALL '.join(sources)}) d"
            f" JOIN exclusions e ON e.algorithm = :name AND e.raw = d.raw"
            f" GROUP BY d.id ON CONFLICT DO NOTHING",
            name=name,
        )
    return _record_left_out(merge)


def algorithm_name(column: str) -> str:
    """The name of the algorithm whose number is in a column, in SQL."""
    cases = "".join(f" WHEN {number} THEN '{a}'" for number, a in enumerate(ALGORITHMS))
    return f"CASE {column}{cases} END"


def _record_left_out(merge: Merge) -> int:
    trivial = f"{merge.spool}.import_trivial x"
    # A row with one trivial digest says nothing against the good rows of its item.
    if merge.some(trivial):
        _index_groups(merge)
    alone = f"NOT EXISTS (SELECT 1 FROM {merge.groups} g WHERE g.ident = x.ident AND g.key = x.key)"
    name = algorithm_name("x.ident")
    for source in (
        f"SELECT :cid, {name}, x.key, l.reason FROM {merge.groups} x"
        f" JOIN {merge.temp}.import_left l ON l.id = x.id WHERE 1 = 1",
        f"SELECT :cid, {name}, x.key, x.reason FROM {trivial} WHERE {alone}",
    ):
        merge.run(
            f"INSERT INTO excluded_items (collection_id, algorithm, raw, reason) {source}"
            f" ON CONFLICT DO NOTHING"
        )
    count = merge.scalar(f"SELECT count(*) FROM {trivial} WHERE {alone}")
    left = f"SELECT id FROM {merge.temp}.import_left"
    merge.run(f"DELETE FROM {merge.temp}.import_more WHERE group_id IN ({left})")
    return count + merge.run(f"DELETE FROM {merge.groups} WHERE id IN ({left})")


def _index_groups(merge: Merge) -> None:
    """Find groups by key; only where something else than a group has one."""
    name, table = "import_groups_by_key", "import_groups"
    index = f"{merge.temp}.{name} ON {table}" if merge.sqlite else f"{name} ON pg_temp.{table}"
    merge.run(f"CREATE INDEX IF NOT EXISTS {index} (ident, key)")


def insert_new(merge: Merge) -> None:
    """New items and their digests, each table in its own order."""
    if not merge.used:
        return
    columns = {
        ALGORITHMS[number].value: _digest_of(number, merge.idents) for number in sorted(merge.used)
    }
    merge.run(
        f"INSERT INTO items (id, {', '.join(columns)}, size, media_type)"
        f" SELECT :base + g.id, {', '.join(columns.values())}, g.size, g.media_type"
        f" FROM {merge.groups} g WHERE g.item_id IS NULL ORDER BY g.id"
    )
    for number in sorted(merge.used):
        expression = columns[ALGORITHMS[number].value]
        # Groups are numbered in the order of their keys.
        order = "g.id" if number == 0 or merge.idents == {number} else "1"
        merge.run(
            f"INSERT INTO by_{ALGORITHMS[number]} (raw, item_id)"
            f" SELECT {expression}, :base + g.id FROM {merge.groups} g"
            f" WHERE g.item_id IS NULL AND {expression} IS NOT NULL ORDER BY {order}"
        )


def _digest_of(number: int, idents: frozenset[int]) -> str:
    """The digest of one algorithm that group ``g`` has, whether as key or beside it."""
    key = "g.key" if idents == {number} else f"CASE WHEN g.ident = {number} THEN g.key END"
    if number == 0:
        return key
    column = f"g.{ALGORITHMS[number]}"
    return f"coalesce({key}, {column})" if number in idents else column


def enrich(merge: Merge) -> None:
    """Give items what their rows state and they lack: digests, size, media type."""
    sources = []
    if merge.resolved:
        sources.append(("g", f"{merge.groups} g WHERE g.item_id IS NOT NULL"))
    if merge.repeats:
        sources.append(("m", f"{merge.more} WHERE 1 = 1"))
    for alias, source in sources:
        for number, name in merge.columns.items():
            merge.run(
                f"INSERT INTO {merge.temp}.import_additions (item_id, ident, raw)"
                f" SELECT DISTINCT {merge.item}, {number}, {alias}.{name} FROM {source}"
                f" AND {alias}.{name} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM by_{name} b"
                f" WHERE b.raw = {alias}.{name} AND b.item_id = {merge.item})"
                f" ON CONFLICT DO NOTHING"
            )
    if added := apply_additions(merge):
        merge.changes += added
        merge.enriched = True
    for alias, source in sources:
        for column in merge.details:
            merge.changes += merge.run(
                f"UPDATE items SET {column} = x.value FROM (SELECT {merge.item} AS item,"
                f" min({alias}.{column}) AS value FROM {source}"
                f" AND {alias}.{column} IS NOT NULL GROUP BY 1) AS x"
                f" WHERE x.item = items.id AND items.{column} IS NULL"
            )


def apply_additions(merge: Merge) -> int:
    """Write ``import_additions`` to the items and their indexes, and empty it."""
    additions = f"{merge.temp}.import_additions"
    count = merge.scalar(f"SELECT count(*) FROM {additions}")
    if not count:
        return 0
    merge.analyze("import_additions")
    holding_changes.note(merge, f"SELECT item_id FROM {additions}")
    for number, algorithm in enumerate(ALGORITHMS):
        name = algorithm.value
        here = f"ident = {number}"
        if not merge.some(f"{additions} WHERE {here}"):
            continue
        merge.run(
            f"INSERT INTO by_{name} (raw, item_id) SELECT raw, item_id FROM {additions}"
            f" WHERE {here} ORDER BY raw ON CONFLICT DO NOTHING"
        )
        merge.run(
            f"UPDATE items SET {name} = a.raw FROM (SELECT item_id, {merge.first('raw')} AS raw"
            f" FROM {additions} WHERE {here} GROUP BY item_id) AS a"
            f" WHERE a.item_id = items.id AND items.{name} IS NULL"
        )
        merge.run(
            f"INSERT INTO item_extra (item_id, algorithm, raw)"
            f" SELECT a.item_id, '{name}', a.raw FROM {additions} a"
            f" JOIN items i ON i.id = a.item_id AND i.{name} <> a.raw"
            f" WHERE a.{here} ON CONFLICT DO NOTHING"
        )
    merge.run(f"DELETE FROM {additions}")
    return count


def place(merge: Merge) -> None:
    """Put the items into the collection, with their verdicts and other hashes."""
    merge.run(
        f"INSERT INTO memberships (collection_id, item_id, source_id, seen_id)"
        f" SELECT {merge.distinct} :cid, {merge.item} AS item, :sid, :sid"
        f" FROM {merge.groups} g WHERE 1 = 1 ORDER BY item"
        f" ON CONFLICT (collection_id, item_id) DO UPDATE SET seen_id = excluded.seen_id"
    )
    if merge.has_verdicts:
        for alias, source in (("g", f"{merge.groups} g"), ("m", merge.more)):
            merge.run(
                f"INSERT INTO item_verdicts"
                f" (item_id, collection_id, body, dialect, category, source_id, seen_id)"
                f" SELECT DISTINCT {merge.item} AS item, :cid, {alias}.verdict, {alias}.dialect,"
                f" {alias}.category, :sid, :sid FROM {source}"
                f" WHERE {alias}.verdict IS NOT NULL ORDER BY item"
                f" ON CONFLICT (item_id, collection_id, body)"
                f" DO UPDATE SET seen_id = excluded.seen_id"
            )
    if merge.has_others:
        _index_groups(merge)
        merge.changes += merge.run(
            f"INSERT INTO item_other (item_id, kind, value)"
            f" SELECT DISTINCT {merge.item}, o.kind, o.value FROM {merge.spool}.import_others o"
            f" JOIN {merge.groups} g ON g.ident = o.ident AND g.key = o.key"
            f" WHERE 1 = 1 ON CONFLICT DO NOTHING"
        )
