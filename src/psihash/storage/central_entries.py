"""Which items of an epoch stand with which labels: what publications added and took back.

Entries lie in rows by the page of values that their items are in, so those of some items are found
by their numbers alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import sqlalchemy as sa

from psihash.bulk import distinct_numbers
from psihash.central.publishing import Change, Entries, Numbers
from psihash.storage.bulk import load
from psihash.storage.central_values import PAGE_ITEMS
from psihash.storage.database import Database
from psihash.storage.errors import damaged
from psihash.storage.tables_central import central_entries

_ADDED: Final = "added"
_REMOVED: Final = "removed"
_AT_ONCE: Final = 500
_ROW: Final = np.dtype([("place", "<u2"), ("slot", "<u2"), ("label", "<u4")])
_TYPES: Final = ("int8", "int8", "int8", "text", "bytea")


class EntryStore:
    """Entries by epoch."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, epoch: int, delta: int, change: Change) -> None:
        """Keep what a publication added and took back."""
        with self._database.transaction() as connection:
            for kind, entries in ((_ADDED, change.added), (_REMOVED, change.removed)):
                many = ((epoch, page, delta, kind, body) for page, body in _packed(entries))
                load(connection, central_entries, _TYPES, many)

    def of(self, epoch: int, items: Numbers) -> tuple[Entries, Entries]:
        """(all entries that some items ever had, those that were taken back)."""
        columns = central_entries.c
        wanted = distinct_numbers(items)
        pages = distinct_numbers(wanted // PAGE_ITEMS).tolist()
        found: dict[str, list[Entries]] = {_ADDED: [], _REMOVED: []}
        with self._database.reading() as connection:
            for at in range(0, len(pages), _AT_ONCE):
                query = (
                    sa.select(columns.number, columns.kind, columns.body)
                    .where(columns.epoch == epoch, columns.number.in_(pages[at : at + _AT_ONCE]))
                    .order_by(columns.number, columns.delta)
                )
                rows = connection.execute(query).all()
                for kind, parts in found.items():
                    own = _unpacked([row for row in rows if row.kind == kind])
                    parts.append(_among(own, wanted))
        return Entries.joined(found[_ADDED]), Entries.joined(found[_REMOVED])

    def drop_before(self, epoch: int) -> None:
        """Erase the entries of all epochs before one."""
        with self._database.transaction() as connection:
            connection.execute(central_entries.delete().where(central_entries.c.epoch < epoch))


def _packed(entries: Entries) -> Iterator[tuple[int, bytes]]:
    """The rows: (page, entries of its items)."""
    pages = entries.items // PAGE_ITEMS
    order = np.argsort(pages, kind="stable")
    pages = pages[order]
    body = np.empty(len(entries), _ROW)
    body["place"] = (entries.items % PAGE_ITEMS)[order]
    body["slot"] = entries.slots[order]
    body["label"] = entries.labels[order]
    starts = np.flatnonzero(np.append(True, pages[1:] != pages[:-1])[: len(pages)])
    for at, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(pages)], strict=False):
        yield int(pages[at]), body[at:stop].tobytes()


def _unpacked(rows: list[Any]) -> Entries:
    if any(len(row.body) % _ROW.itemsize for row in rows):
        raise damaged("entry of a central set")
    counts = [len(row.body) // _ROW.itemsize for row in rows]
    body = np.frombuffer(b"".join(row.body for row in rows), _ROW)
    pages = np.repeat(np.array([row.number for row in rows], np.int64), counts)
    return Entries(
        pages * PAGE_ITEMS + body["place"],
        body["slot"].astype(np.int64),
        body["label"].astype(np.int64),
    )


def _among(entries: Entries, wanted: Numbers) -> Entries:
    """Those of some items, which ascend."""
    at = np.minimum(np.searchsorted(wanted, entries.items), len(wanted) - 1)
    return entries.at(wanted[at] == entries.items)
