"""Taking in the rows of one file, and handing them to a merge inside a transaction."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Final

from sqlalchemy.engine import Connection

from psihash.hashset.exclusions import TRIVIAL, exclusion_reason
from psihash.hashset.model import ImportReport, Refusal, Row, Verdict
from psihash.storage.database import Database
from psihash.storage.merge import ALGORITHMS, Merge
from psihash.storage.spool import TABLES, Spool
from psihash.storage.verdicts import category_columns, clean, encode
from psihash.terms import AlgorithmId

_NUMBER: Final = {algorithm: number for number, algorithm in enumerate(ALGORITHMS)}
_BATCH: Final = 10_000
"""Rows written to the spool at a time: some megabytes."""
_TRIVIAL: Final = frozenset(digest.raw for digest in TRIVIAL)
_MAX_SIZE: Final = 2**63 - 1
"""What a column holds; no file is larger."""
_MAX_EXAMPLES: Final = 5
_MAX_CACHED_VERDICTS: Final = 10_000
"""Most lists have a handful of different verdicts, some a new one in every row."""

_SIZE_ONLY: Final = ("size",)
_VERDICT: Final = ("verdict", "dialect", "category")

Shape = tuple[tuple[AlgorithmId, ...], tuple[str, ...]]
"""Which algorithms and which other columns rows have. Rows of one shape are written together:
binding a null costs as much as binding a digest."""

_Columns = tuple[str | None, str | None, str | None]


class Intake:
    """The rows of one import, in a spool file, and the report so far."""

    def __init__(self, database: Database, *, trivial: bool, dry_run: bool) -> None:
        """``trivial``: whether rows with a trivial digest are wanted too."""
        self._database = database
        self._unwanted = frozenset[bytes]() if trivial else _TRIVIAL
        self._spool = Spool(database.spool)
        self.report = ImportReport(dry_run=dry_run)
        self._known: dict[tuple[AlgorithmId, ...], tuple[int, ...]] = {}
        self._has_verdicts = False
        self._has_others = False
        self._has_media = False
        self._verdicts: dict[Verdict, _Columns] = {}

    def add(self, rows: Iterable[Row | Refusal]) -> None:
        """Take rows, any number of them. Handing over the reader itself is the fastest way: a
        list of rows keeps the garbage collector busy."""
        iterator = iter(rows)
        while self._add_batch(itertools.islice(iterator, _BATCH)):
            pass

    def _add_batch(self, rows: Iterable[Row | Refusal]) -> bool:
        """Take some rows; whether there were any."""
        before = self.report.rows
        shaped: dict[Shape, list[tuple[Any, ...]]] = defaultdict(list)
        for row in rows:
            self.report.rows += 1
            if isinstance(row, Refusal):
                self._refuse(row)
                continue
            algorithms, raws = zip(*row.digests, strict=True)
            if tuple(map(len, raws)) != self._widths(algorithms):
                raise ValueError("a digest has the wrong length")
            if not self._unwanted.isdisjoint(raws):
                self._add_trivial(algorithms[0], raws[0], exclusion_reason(row) or "")
                continue
            columns, values = self._details(row)
            shaped[algorithms, columns].append((*raws, *values))
            for verdict in row.further:
                # One more row that says nothing else: it ends up in the same group.
                key = algorithms[:1]
                self._widths(key)
                shaped[key, _VERDICT].append((raws[0], *self._verdict(verdict)))
            if row.other:
                self._add_others(algorithms[0], raws[0], row.other)
        for (algorithms, columns), ready in shaped.items():
            names = (*(algorithm.value for algorithm in algorithms[1:]), *columns)
            self._spool.add("import_rows", _NUMBER[algorithms[0]], ("key", *names), ready)
        return self.report.rows > before

    def _widths(self, algorithms: tuple[AlgorithmId, ...]) -> tuple[int, ...]:
        """The lengths that the digests of these algorithms have."""
        known = self._known.get(algorithms)
        if known is None:
            numbers = [_NUMBER[algorithm] for algorithm in algorithms]
            if numbers != sorted(set(numbers)):
                raise ValueError("digests out of order")
            known = tuple(algorithm.digest_bytes for algorithm in algorithms)
            self._known[algorithms] = known
        return known

    def _details(self, row: Row) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """The columns beside the digests that the row has something for, with their values."""
        size = row.size
        if size is not None and not 0 <= size <= _MAX_SIZE:
            size = None
        if row.verdict is None and row.media_type is None:
            return ((), ()) if size is None else (_SIZE_ONLY, (size,))
        details: dict[str, Any] = {"size": size}
        if row.media_type is not None:
            self._has_media = True
            details["media_type"] = clean(row.media_type)
        if row.verdict is not None:
            details |= zip(_VERDICT, self._verdict(row.verdict), strict=True)
        return tuple(details), tuple(details.values())

    def _add_trivial(self, algorithm: AlgorithmId, key: bytes, reason: str) -> None:
        self._spool.add("import_trivial", _NUMBER[algorithm], ("key", "reason"), [(key, reason)])

    def _add_others(
        self, algorithm: AlgorithmId, key: bytes, other: tuple[tuple[str, str], ...]
    ) -> None:
        self._has_others = True
        rows = [(key, clean(kind), clean(value)) for kind, value in other]
        self._spool.add("import_others", _NUMBER[algorithm], ("key", "kind", "value"), rows)

    def _refuse(self, refusal: Refusal) -> None:
        self.report.refusals[refusal.reason] += 1
        examples = self.report.refusal_examples.setdefault(refusal.reason, [])
        if len(examples) < _MAX_EXAMPLES:
            examples.append(refusal.line)

    def _verdict(self, verdict: Verdict) -> _Columns:
        known = self._verdicts.get(verdict)
        if known is None:
            known = (encode(verdict), *category_columns(verdict))
            if len(self._verdicts) >= _MAX_CACHED_VERDICTS:
                self._verdicts.clear()
            self._verdicts[verdict] = known
        self._has_verdicts = self._has_verdicts or known[0] is not None
        return known

    def abandon(self) -> None:
        """Forget everything. Safe to repeat."""
        self._spool.close()

    def finish(
        self,
        merge: Callable[[Merge], None],
        repeated: Callable[[Connection], bool],
        source: tuple[str, str, int, str],
    ) -> ImportReport:
        """Merge inside a transaction. The merge is undone, on purpose, for a dry run, and where
        a file that was ``repeated`` turned out to bring no change."""
        report = self.report
        report.source_name, report.source_sha256, report.source_bytes, report.format = source
        try:
            path = self._spool.finish()
            with self._database.transaction() as connection:
                if self._database.is_sqlite:
                    self._apply(connection, self._database.attach(path), merge, repeated)
                else:
                    _copy(connection, self._spool)
                    self._apply(connection, "pg_temp", merge, repeated)
                    for name in TABLES:
                        connection.exec_driver_sql(f"DROP TABLE pg_temp.{name}")
        finally:
            # Within an outer transaction the file stays attached without a name until its end.
            self._spool.close()
        return report

    def _apply(
        self,
        connection: Connection,
        spool: str,
        merge: Callable[[Merge], None],
        repeated: Callable[[Connection], bool],
    ) -> None:
        run = Merge(
            connection,
            spool,
            frozenset(_NUMBER[algorithms[0]] for algorithms in self._known),
            frozenset(_NUMBER[algorithm] for known in self._known for algorithm in known),
            self._has_verdicts,
            self._has_others,
            self._has_media,
        )
        run.serialize()
        again = repeated(connection)
        if not (self.report.dry_run or again):
            run.create_tables()
            merge(run)
            run.drop_tables()
            return
        # Only here: a savepoint makes SQLite copy every page that a large import touches.
        savepoint = connection.begin_nested()
        run.create_tables()
        merge(run)
        run.drop_tables()
        self.report.unchanged = again and not run.changes
        if self.report.dry_run or self.report.unchanged:
            savepoint.rollback()
        else:
            savepoint.commit()


def _copy(connection: Connection, spool: Spool) -> None:
    """Copy the spool into temporary tables of a PostgreSQL session."""
    raw = connection.connection.driver_connection
    if raw is None:
        raise RuntimeError("the connection is closed")
    for name, rows in spool.tables():
        types = TABLES[name]
        declared = ", ".join(f"{column} {kind}" for column, kind in types.items())
        connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {name} ({declared}) ON COMMIT DROP")
        with raw.cursor() as cursor:
            statement = f"COPY pg_temp.{name} FROM STDIN (FORMAT BINARY)"
            with cursor.copy(statement) as copy:
                copy.set_types([kind.lower() for kind in types.values()])
                for row in rows:
                    copy.write_row(row)
        connection.exec_driver_sql(f"ANALYZE pg_temp.{name}")
