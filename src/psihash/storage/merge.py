# ruff: noqa: S608 - every name put into a statement is a constant of this package
"""From the rows of a finished spool to items, memberships and verdicts, in set-based SQL.

The steps, all inside one transaction of the caller:

1. ``group``: rows of one key become one group, with the first digest of each other algorithm.
2. ``resolve``: a group whose key the store has joins that item; the others become new items.
3. ``leave_out``: groups with a digest on the exclusion list go.
4. ``insert_new``, ``enrich``: items and what rows add to existing ones.
5. ``join_weak`` (in :mod:`psihash.storage.joining`): an item without an MD5 joins the item that
   has its identifying digest, so that the order of arrival makes no difference.
6. ``place``: memberships, verdicts and other hashes.

SQLite and PostgreSQL run the same statements. Tables named ``import_*`` are temporary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from psihash.terms import AlgorithmId

ALGORITHMS: Final = tuple(AlgorithmId)
"""``ident`` is a place in this tuple."""

_TEMPORARY: Final = (
    "import_groups",
    "import_additions",
    "import_left",
    "import_joins",
    "import_gone",
)

_MERGE_LOCK: Final = 0x7073_6801
"""PostgreSQL advisory lock that one merge or removal holds at a time."""


@dataclass(slots=True)
class Merge:
    """One import's merge. ``idents`` and ``used`` say what the rows have, to skip the rest."""

    connection: Connection
    spool: str = ""
    """The schema where the import's rows are."""
    idents: frozenset[int] = frozenset()
    """Algorithms that identify rows, by number."""
    used: frozenset[int] = frozenset()
    """Algorithms that occur at all."""
    has_verdicts: bool = False
    has_others: bool = False
    parameters: dict[str, Any] = field(default_factory=dict)
    """``base`` (new items count from here), ``cid`` (collection) and ``sid`` (source)."""
    changes: int = 0
    """How many facts the store learned, beyond those that it had."""
    mixed: bool = False
    """Whether some rows of one key differ in another digest."""
    several: bool = False
    """Whether some rows of one key differ in their verdict."""
    enriched: bool = False
    """Whether items that other collections may hold too got digests."""

    @property
    def sqlite(self) -> bool:
        return self.connection.dialect.name == "sqlite"

    @property
    def temp(self) -> str:
        return "temp" if self.sqlite else "pg_temp"

    @property
    def distinct(self) -> str:
        """Two groups can be one item only where some row is not identified by its MD5."""
        return "" if self.idents <= {0} else "DISTINCT"

    def _execute(self, statement: str, more: Mapping[str, Any]) -> sa.CursorResult[Any]:
        text = sa.text(statement)
        known = {**self.parameters, **more}
        values = {name: known[name] for name in text.compile().params}
        return self.connection.execute(text, values)

    def run(self, statement: str, **more: Any) -> int:
        """Execute with ``:base``, ``:cid``, ``:sid`` bound; returns the number of rows touched."""
        return self._execute(statement, more).rowcount

    def scalar(self, statement: str, **more: Any) -> int:
        """Execute and return the one number it gives."""
        return int(self._execute(statement, more).scalar() or 0)

    def row(self, statement: str) -> tuple[int, ...]:
        """Execute and return the one row of numbers it gives."""
        return tuple(self._execute(statement, {}).one())

    def rows(self, statement: str) -> list[Any]:
        """Execute and return all rows; for a few."""
        return list(self._execute(statement, {}))

    def analyze(self, table: str) -> None:
        """PostgreSQL knows nothing about a temporary table until it is told to look."""
        if not self.sqlite:
            self.run(f"ANALYZE {self.temp}.{table}")

    def first(self, column: str) -> str:
        """The smallest of a group's byte strings; PostgreSQL has no min() of bytes before 18."""
        if self.sqlite:
            return f"min({column})"
        return f"decode(min(encode({column}, 'hex')), 'hex')"

    def columns(self) -> list[str]:
        """The columns for digests that are not the key."""
        return [ALGORITHMS[number].value for number in sorted(self.used - {0})]

    def serialize(self) -> None:
        """One merge at a time; SQLite's write lock has seen to that already."""
        if not self.sqlite:
            self.run(f"SELECT pg_advisory_xact_lock({_MERGE_LOCK})")

    def create_tables(self) -> None:
        """The temporary tables of one merge."""
        blob = "BLOB" if self.sqlite else "BYTEA"
        serial = "INTEGER PRIMARY KEY" if self.sqlite else "BIGSERIAL PRIMARY KEY"
        digests = "".join(f"{algorithm.value} {blob}, " for algorithm in ALGORITHMS[1:])
        for table, columns in {
            "import_groups": f"id {serial}, ident INTEGER, key {blob}, {digests} size BIGINT,"
            " media_type TEXT, verdict TEXT, dialect TEXT, category TEXT, mixed INTEGER,"
            " several INTEGER, item_id BIGINT",
            "import_additions": f"item_id BIGINT, ident INTEGER, raw {blob},"
            " PRIMARY KEY (item_id, ident, raw)",
            "import_left": "id BIGINT PRIMARY KEY, reason TEXT",
            "import_joins": "weak BIGINT PRIMARY KEY, strong BIGINT",
            "import_gone": "item_id BIGINT PRIMARY KEY",
        }.items():
            self.run(f"CREATE TEMPORARY TABLE {table} ({columns})")

    def drop_tables(self) -> None:
        """The temporary tables go; the spool is the caller's."""
        for table in _TEMPORARY:
            self.run(f"DROP TABLE {self.temp}.{table}")

    # --- 1 and 2 --------------------------------------------------------------------------------

    def group(self) -> None:
        """Rows to groups. ``item_id`` null means a new item, numbered ``base + id``."""
        names = self.columns()
        differ = " OR ".join(f"min({_hex(self, c)}) <> max({_hex(self, c)})" for c in names)
        chosen = {c: self.first(c) for c in names}
        chosen |= {"size": "min(size)", "media_type": "min(media_type)"}
        chosen["mixed"] = f"CASE WHEN {differ or '1 = 0'} THEN 1 ELSE 0 END"
        chosen["several"] = "0"
        if self.has_verdicts:
            chosen |= {c: f"min({c})" for c in ("verdict", "dialect", "category")}
            chosen["several"] = "CASE WHEN min(verdict) <> max(verdict) THEN 1 ELSE 0 END"
        self.run(
            f"INSERT INTO {self.temp}.import_groups (ident, key, {', '.join(chosen)})"
            f" SELECT ident, key, {', '.join(chosen.values())} FROM {self.spool}.import_rows"
            f" GROUP BY ident, key ORDER BY ident, key"
        )
        groups = f"{self.temp}.import_groups"
        self.mixed = bool(self.scalar(f"SELECT count(*) FROM {groups} WHERE mixed = 1"))
        self.several = bool(self.scalar(f"SELECT count(*) FROM {groups} WHERE several = 1"))
        if self.mixed or self.several or self.has_others:
            self._index_groups()
        self.analyze("import_groups")

    def resolve(self) -> None:
        """Groups whose key the store has get that item's number."""
        for number in sorted(self.idents):
            self.run(
                f"UPDATE {self.temp}.import_groups SET item_id = found.item_id FROM ("
                f" SELECT g.id AS id, min(b.item_id) AS item_id"
                f" FROM {self.temp}.import_groups g"
                f" JOIN by_{ALGORITHMS[number]} b ON b.raw = g.key"
                f" WHERE g.ident = {number} GROUP BY g.id) AS found"
                f" WHERE found.id = import_groups.id"
            )
        self.parameters["base"] = self.scalar("SELECT coalesce(max(id), 0) FROM items")

    @property
    def item(self) -> str:
        """The item of group ``g``, in SQL."""
        return "coalesce(g.item_id, :base + g.id)"

    def _index_groups(self) -> None:
        """Rows find their group by key; needed only where one group speaks for several."""
        self.run(
            "CREATE INDEX temp.import_groups_by_key ON import_groups (ident, key)"
            if self.sqlite
            else "CREATE INDEX import_groups_by_key ON pg_temp.import_groups (ident, key)"
        )

    def rows_of(self, condition: str) -> str:
        """Rows ``r`` with their group ``g``, where ``condition`` holds, in SQL."""
        return (
            f"{self.spool}.import_rows r JOIN {self.temp}.import_groups g"
            f" ON g.ident = r.ident AND g.key = r.key WHERE {condition}"
        )

    # --- 3 --------------------------------------------------------------------------------------

    def leave_out(self) -> int:
        """Take out groups on the exclusion list; record them and the trivial ones. Returns how
        many items were left out."""
        for number in sorted(self.used):
            name = ALGORITHMS[number].value
            if not self.scalar(
                "SELECT count(*) FROM (SELECT 1 FROM exclusions WHERE algorithm = :name LIMIT 1)"
                " AS found",
                name=name,
            ):
                continue
            sources = [
                f"SELECT id, key AS raw FROM {self.temp}.import_groups WHERE ident = {number}"
            ]
            if number:
                sources.append(
                    f"SELECT id, {name} FROM {self.temp}.import_groups WHERE {name} IS NOT NULL"
                )
            if number and self.mixed:
                rows = self.rows_of(f"g.mixed = 1 AND r.{name} IS NOT NULL")
                sources.append(f"SELECT g.id, r.{name} FROM {rows}")
            self.run(
                f"INSERT INTO {self.temp}.import_left (id, reason)"
                f" SELECT d.id, min(e.reason) FROM ({' UNION ALL '.join(sources)}) d"
                f" JOIN exclusions e ON e.algorithm = :name AND e.raw = d.raw"
                f" GROUP BY d.id ON CONFLICT DO NOTHING",
                name=name,
            )
        return self._record_left_out()

    def _record_left_out(self) -> int:
        names = "CASE x.ident " + "".join(
            f"WHEN {number} THEN '{algorithm}' " for number, algorithm in enumerate(ALGORITHMS)
        )
        into = "INSERT INTO excluded_items (collection_id, algorithm, raw, reason)"
        for source in (
            f"SELECT :cid, {names} END, x.key, l.reason FROM {self.temp}.import_groups x"
            f" JOIN {self.temp}.import_left l ON l.id = x.id WHERE 1 = 1",
            f"SELECT :cid, {names} END, x.key, x.reason FROM {self.spool}.import_trivial x"
            f" WHERE NOT EXISTS (SELECT 1 FROM {self.temp}.import_groups g"
            f" WHERE g.ident = x.ident AND g.key = x.key)",
        ):
            self.run(f"{into} {source} ON CONFLICT DO NOTHING")
        trivial = self.scalar(
            f"SELECT count(*) FROM {self.spool}.import_trivial x WHERE NOT EXISTS"
            f" (SELECT 1 FROM {self.temp}.import_groups g"
            f" WHERE g.ident = x.ident AND g.key = x.key)"
        )
        left = self.run(
            f"DELETE FROM {self.temp}.import_groups"
            f" WHERE id IN (SELECT id FROM {self.temp}.import_left)"
        )
        return trivial + left

    # --- 4 --------------------------------------------------------------------------------------

    def insert_new(self) -> None:
        """New items and their digests, each table in its own order."""
        if not self.used:
            return
        columns = {
            ALGORITHMS[number].value: _digest_of(number, self.idents)
            for number in sorted(self.used)
        }
        self.run(
            f"INSERT INTO items (id, {', '.join(columns)}, size, media_type)"
            f" SELECT :base + g.id, {', '.join(columns.values())}, g.size, g.media_type"
            f" FROM {self.temp}.import_groups g WHERE g.item_id IS NULL ORDER BY g.id"
        )
        for number in sorted(self.used):
            expression = columns[ALGORITHMS[number].value]
            # Groups are numbered in the order of their keys.
            order = "g.id" if number == 0 or self.idents == {number} else "1"
            self.run(
                f"INSERT INTO by_{ALGORITHMS[number]} (raw, item_id)"
                f" SELECT {expression}, :base + g.id FROM {self.temp}.import_groups g"
                f" WHERE g.item_id IS NULL AND {expression} IS NOT NULL ORDER BY {order}"
            )

    def enrich(self) -> None:
        """Give items the digests, size and type that their rows have and they lack."""
        for number in sorted(self.used - {0}):
            name = ALGORITHMS[number].value
            lacks = (
                f"NOT EXISTS (SELECT 1 FROM by_{name} b WHERE b.raw = {{}} AND b.item_id = {{}})"
            )
            into = f"INSERT INTO {self.temp}.import_additions (item_id, ident, raw)"
            self.run(
                f"{into} SELECT g.item_id, {number}, g.{name} FROM {self.temp}.import_groups g"
                f" WHERE g.item_id IS NOT NULL AND g.{name} IS NOT NULL"
                f" AND {lacks.format(f'g.{name}', 'g.item_id')} ON CONFLICT DO NOTHING"
            )
            if self.mixed:
                rows = self.rows_of(f"g.mixed = 1 AND r.{name} IS NOT NULL")
                self.run(
                    f"{into} SELECT DISTINCT {self.item}, {number}, r.{name} FROM {rows}"
                    f" AND {lacks.format(f'r.{name}', self.item)} ON CONFLICT DO NOTHING"
                )
        if added := self.apply_additions():
            self.changes += added
            self.enriched = True
        for column in ("size", "media_type"):
            self.changes += self.run(
                f"UPDATE items SET {column} = g.{column} FROM {self.temp}.import_groups g"
                f" WHERE g.item_id = items.id AND items.{column} IS NULL"
                f" AND g.{column} IS NOT NULL"
            )

    def apply_additions(self) -> int:
        """Write ``import_additions`` to the items and their indexes, and empty it."""
        additions = f"{self.temp}.import_additions"
        count = self.scalar(f"SELECT count(*) FROM {additions}")
        if not count:
            return 0
        self.analyze("import_additions")
        for number, algorithm in enumerate(ALGORITHMS):
            name = algorithm.value
            here = f"ident = {number}"
            if not self.scalar(f"SELECT count(*) FROM {additions} WHERE {here}"):
                continue
            self.run(
                f"INSERT INTO by_{name} (raw, item_id) SELECT raw, item_id FROM {additions}"
                f" WHERE {here} ORDER BY raw ON CONFLICT DO NOTHING"
            )
            self.run(
                f"UPDATE items SET {name} = a.raw FROM (SELECT item_id, {self.first('raw')} AS raw"
                f" FROM {additions} WHERE {here} GROUP BY item_id) AS a"
                f" WHERE a.item_id = items.id AND items.{name} IS NULL"
            )
            self.run(
                f"INSERT INTO item_extra (item_id, algorithm, raw)"
                f" SELECT a.item_id, '{name}', a.raw FROM {additions} a"
                f" JOIN items i ON i.id = a.item_id AND i.{name} <> a.raw"
                f" WHERE a.{here} ON CONFLICT DO NOTHING"
            )
        self.run(f"DELETE FROM {additions}")
        return count

    # --- 6 --------------------------------------------------------------------------------------

    def place(self) -> None:
        """Put the items into the collection, with their verdicts and other hashes."""
        self.run(
            f"INSERT INTO memberships (collection_id, item_id, source_id, seen_id)"
            f" SELECT {self.distinct} :cid, {self.item} AS item, :sid, :sid"
            f" FROM {self.temp}.import_groups g WHERE 1 = 1 ORDER BY item"
            f" ON CONFLICT (collection_id, item_id) DO UPDATE SET seen_id = excluded.seen_id"
        )
        if self.has_verdicts:
            self._place_verdicts()
        if self.has_others:
            self.changes += self.run(
                f"INSERT INTO item_other (item_id, kind, value)"
                f" SELECT DISTINCT {self.item}, o.kind, o.value FROM {self.spool}.import_others o"
                f" JOIN {self.temp}.import_groups g ON g.ident = o.ident AND g.key = o.key"
                f" WHERE 1 = 1 ON CONFLICT DO NOTHING"
            )

    def _place_verdicts(self) -> None:
        into = (
            "INSERT INTO item_verdicts"
            " (item_id, collection_id, body, dialect, category, source_id, seen_id)"
        )
        update = (
            "ON CONFLICT (item_id, collection_id, body) DO UPDATE SET seen_id = excluded.seen_id"
        )
        self.run(
            f"{into} SELECT {self.distinct} {self.item} AS item, :cid, g.verdict, g.dialect,"
            f" g.category, :sid, :sid FROM {self.temp}.import_groups g"
            f" WHERE g.verdict IS NOT NULL AND g.several = 0 ORDER BY item {update}"
        )
        if not self.several:
            return
        rows = self.rows_of("g.several = 1 AND r.verdict IS NOT NULL")
        self.run(
            f"{into} SELECT DISTINCT {self.item}, :cid, r.verdict, r.dialect, r.category,"
            f" :sid, :sid FROM {rows} {update}"
        )


def _hex(merge: Merge, column: str) -> str:
    return column if merge.sqlite else f"encode({column}, 'hex')"


def _digest_of(number: int, idents: frozenset[int]) -> str:
    """The digest of one algorithm that group ``g`` has, whether as key or beside it."""
    key = "g.key" if idents == {number} else f"CASE WHEN g.ident = {number} THEN g.key END"
    if number == 0:
        return key
    column = f"g.{ALGORITHMS[number]}"
    return f"coalesce({key}, {column})" if number in idents else column
