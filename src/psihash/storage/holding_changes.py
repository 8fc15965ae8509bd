# ruff: noqa: S608 - every name put into a statement is a constant of this package
"""What changed in the holdings, for those who follow them: a centre, and a member of one.

Whatever changes an item, or what a collection says of it, notes all digests of the item. Who
follows keeps the number of the last change that it looked at; what all have seen is deleted. While
nobody follows nothing is noted. Numbers ascend in the order in which transactions commit, since of
those that change the holdings there is one at a time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from psihash.bulk import Bytes2D
from psihash.bulk import rows as as_rows
from psihash.storage.bulk import CHUNK_DIGESTS
from psihash.storage.central import OVER
from psihash.storage.database import Database
from psihash.storage.merge import ALGORITHMS, Merge
from psihash.storage.tables_central import central_epochs, central_standing, holding_changes
from psihash.terms import AlgorithmId

MAX_NOTED: Final = 1 << 28
"""Bytes of digests that wait for somebody who does not come: then it is cheaper to look at all."""


def note(merge: Merge, items: str) -> None:
    """Something changed about some items: ``items`` is a statement that gives their ``item_id``.
    Their digests are read by :func:`settle`, so call that before any of them is deleted."""
    if _is_followed(merge):
        merge.run(
            f"INSERT INTO {merge.temp}.import_changed (item_id)"
            f" SELECT DISTINCT x.item_id FROM ({items}) x WHERE 1 = 1 ON CONFLICT DO NOTHING"
        )


def settle(merge: Merge) -> None:
    """Keep the digests of all items that were noted."""
    changed = f"{merge.temp}.import_changed x"
    if not merge.some(changed):
        return
    merge.analyze("import_changed")
    for algorithm in ALGORITHMS:
        for source in (
            f"SELECT t.{algorithm} FROM {changed} CROSS JOIN items t"
            f" WHERE t.id = x.item_id AND t.{algorithm} IS NOT NULL",
            f"SELECT e.raw FROM {changed} CROSS JOIN item_extra e"
            f" WHERE e.item_id = x.item_id AND e.algorithm = '{algorithm}'",
        ):
            _keep(merge.connection, algorithm, source)
    merge.run(f"DELETE FROM {merge.temp}.import_changed")
    noted = sa.select(sa.func.coalesce(sa.func.sum(sa.func.length(holding_changes.c.digests)), 0))
    if int(merge.connection.execute(noted).scalar_one()) > MAX_NOTED:
        everything(merge)


def everything(merge: Merge) -> None:
    """Anything may have changed. Nothing that was noted before is kept."""
    merge.run("DELETE FROM holding_changes")
    if _is_followed(merge):
        empty = {"algorithm": "", "digests": b""}
        merge.connection.execute(holding_changes.insert().values(**empty))


def _is_followed(merge: Merge) -> bool:
    return merge.some(f"central_epochs WHERE state <> '{OVER}'") or merge.some("central_standing")


def _keep(connection: Connection, algorithm: AlgorithmId, source: str) -> None:
    options = {"stream_results": True, "max_row_buffer": CHUNK_DIGESTS}
    with connection.execute(sa.text(source), execution_options=options) as found:
        for part in found.scalars().partitions(CHUNK_DIGESTS):
            connection.execute(
                holding_changes.insert().values(algorithm=algorithm.value, digests=b"".join(part))
            )


class ChangeStore:
    """Changes by number."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def follow(self) -> None:
        """Call first in the transaction that makes somebody follow: changes that are under way and
        note nothing have ended then."""
        with self._database.transaction() as connection:
            Merge(connection).serialize()

    def newest(self) -> int:
        """The number of the last change; 0 where none is kept. Ask before looking at the holdings:
        what comes later has a higher one."""
        query = sa.select(sa.func.coalesce(sa.func.max(holding_changes.c.number), 0))
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def since(self, number: int) -> Mapping[AlgorithmId, Bytes2D] | None:
        """The digests (n, width) that were noted after one change; some may be there repeatedly.
        None where anything may have changed."""
        columns = holding_changes.c
        query = (
            sa.select(columns.algorithm, columns.digests)
            .where(columns.number > number)
            .order_by(columns.number)
        )
        found: dict[str, list[bytes]] = {}
        with self._database.reading() as connection:
            for algorithm, digests in connection.execute(query):
                found.setdefault(algorithm, []).append(digests)
        if "" in found:
            return None
        return {
            name: as_rows(b"".join(found.get(name.value, [])), name.digest_bytes)
            for name in AlgorithmId
        }

    def trim(self) -> None:
        """Delete what all who follow have seen."""
        epochs, standing = central_epochs.c, central_standing.c
        with self._database.transaction() as connection:
            centre = sa.select(epochs.seen).where(epochs.state != OVER)
            seen = [number or 0 for number in connection.execute(centre).scalars()]
            seen += [
                min(json.loads(text or "{}").values(), default=0)
                for text in connection.execute(sa.select(standing.seen)).scalars()
            ]
            done = min(seen, default=None)
            deleted = holding_changes.delete()
            if done is not None:
                deleted = deleted.where(holding_changes.c.number <= done)
            connection.execute(deleted)
