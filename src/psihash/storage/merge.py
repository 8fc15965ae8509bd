# ruff: noqa: S608 - every name put into a statement is a constant of this package
"""The working tables of a merge, and how its statements are run.

A merge takes the rows of a finished spool to items, memberships and verdicts in set-based SQL,
inside one transaction of its caller. The steps are in :mod:`psihash.storage.steps` and
:mod:`psihash.storage.joining`. SQLite and PostgreSQL run the same statements; tables named
``import_*`` are temporary.
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

_MERGE_LOCK: Final = 0x7073_6801
"""PostgreSQL advisory lock that one merge or removal holds at a time."""


def _tables(blob: str, serial: str) -> dict[str, str]:
    digests = "".join(f"{algorithm.value} {blob}, " for algorithm in ALGORITHMS[1:])
    row = (
        f"ident INTEGER, key {blob}, {digests}size BIGINT, media_type TEXT, verdict TEXT,"
        " dialect TEXT, category TEXT"
    )
    return {
        # One row for each key. A null item_id is a new item, numbered base + id.
        "import_groups": f"id {serial}, {row}, item_id BIGINT",
        # The further rows of those keys.
        "import_more": f"id BIGINT PRIMARY KEY, {row}, group_id BIGINT",
        "import_additions": f"item_id BIGINT, ident INTEGER, raw {blob},"
        " PRIMARY KEY (item_id, ident, raw)",
        "import_left": "id BIGINT PRIMARY KEY, reason TEXT",
        "import_pairs": "weak BIGINT, strong BIGINT",
        "import_joins": "weak BIGINT PRIMARY KEY, strong BIGINT",
        "import_gone": "item_id BIGINT PRIMARY KEY",
        "import_changed": "item_id BIGINT PRIMARY KEY",
    }


@dataclass(slots=True)
class Merge:
    """One merge. ``idents`` and ``used`` say what its rows have, so that the rest is skipped."""

    connection: Connection
    spool: str = ""
    """The schema where the rows are."""
    idents: frozenset[int] = frozenset()
    """Algorithms that identify rows, by number."""
    used: frozenset[int] = frozenset()
    """Algorithms that occur at all."""
    has_verdicts: bool = False
    has_others: bool = False
    has_media: bool = False
    parameters: dict[str, Any] = field(default_factory=dict)
    """``base`` (new items count from here), ``cid`` (collection) and ``sid`` (source)."""
    repeats: bool = False
    """Whether some rows have the same key."""
    resolved: bool = False
    """Whether the store had some of the items."""
    changes: int = 0
    """How many facts the store learned, beyond those that it had."""
    enriched: bool = False
    """Whether items that other collections may hold too got digests."""

    @property
    def sqlite(self) -> bool:
        return self.connection.dialect.name == "sqlite"

    @property
    def temp(self) -> str:
        return "temp" if self.sqlite else "pg_temp"

    @property
    def groups(self) -> str:
        return f"{self.temp}.import_groups"

    @property
    def more(self) -> str:
        """The further rows ``m`` with their group ``g``, in SQL."""
        return f"{self.temp}.import_more m JOIN {self.groups} g ON g.id = m.group_id"

    @property
    def item(self) -> str:
        """The item of group ``g``, in SQL."""
        return "coalesce(g.item_id, :base + g.id)"

    @property
    def distinct(self) -> str:
        """Two groups can be one item only where some row is not identified by its MD5."""
        return "" if self.idents <= {0} else "DISTINCT"

    @property
    def columns(self) -> dict[int, str]:
        """The columns for digests that are not the key, by algorithm number."""
        return {number: ALGORITHMS[number].value for number in sorted(self.used - {0})}

    @property
    def details(self) -> tuple[str, ...]:
        """The columns that state one fact about an item."""
        return ("size", "media_type") if self.has_media else ("size",)

    def first(self, column: str) -> str:
        """The smallest of a group's byte strings; PostgreSQL has no min() of bytes before 18."""
        if self.sqlite:
            return f"min({column})"
        return f"decode(min(encode({column}, 'hex')), 'hex')"

    def serialize(self) -> None:
        """One merge at a time; SQLite's write lock has seen to that already."""
        if not self.sqlite:
            self.run(f"SELECT pg_advisory_xact_lock({_MERGE_LOCK})")

    def create_tables(self) -> None:
        """The temporary tables of one merge."""
        blob = "BLOB" if self.sqlite else "BYTEA"
        serial = "INTEGER PRIMARY KEY" if self.sqlite else "BIGSERIAL PRIMARY KEY"
        for table, columns in _tables(blob, serial).items():
            self.run(f"CREATE TEMPORARY TABLE {table} ({columns})")

    def drop_tables(self) -> None:
        """The temporary tables go; the spool is the caller's."""
        for table in _tables("", ""):
            self.run(f"DROP TABLE {self.temp}.{table}")

    def analyze(self, table: str) -> None:
        """PostgreSQL knows nothing about a temporary table until it is told to look."""
        if not self.sqlite:
            self.run(f"ANALYZE {self.temp}.{table}")

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

    def some(self, source: str, **more: Any) -> bool:
        """Whether ``SELECT ... FROM source`` gives a row, without counting them all."""
        return bool(
            self.scalar(f"SELECT count(*) FROM (SELECT 1 FROM {source} LIMIT 1) AS found", **more)
        )

    def row(self, statement: str) -> tuple[int, ...]:
        """Execute and return the one row of numbers it gives."""
        return tuple(self._execute(statement, {}).one())

    def rows(self, statement: str) -> list[Any]:
        """Execute and return all rows; for a few."""
        return list(self._execute(statement, {}))
