"""The values of an epoch's function, each computed once: tokens and their roots, in pages.

A run computes some tokens in ascending order, in partitions; each is kept when it is done. A page
has up to 512 of them, and an item's number is that of its page times 512 and its place in it, so a
few tokens among millions are found, and a few roots read, by reading a few pages.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from psihash.bulk import Bytes2D, as_one, distinct_numbers, rows
from psihash.central.derive import ROOT_BYTES
from psihash.central.publishing import Numbers
from psihash.psi.engine import TOKEN_BYTES
from psihash.storage.bulk import load
from psihash.storage.database import Database
from psihash.storage.errors import damaged
from psihash.storage.tables_central import central_partitions, central_roots

PAGE_ITEMS: Final = 512
_AT_ONCE: Final = 256
"""Pages in one statement: some megabytes."""
_ROOTS_TYPES: Final = ("int8", "int8", "bytea", "bytea")


@dataclass(frozen=True, slots=True)
class Partition:
    """Where a partition belongs: its number, its run and its first page."""

    number: int
    run: int
    first: int

    def after(self, items: int) -> Partition:
        """The next one of the run, behind ``items`` items: whole pages."""
        return Partition(self.number + 1, self.run, self.first + -(-items // PAGE_ITEMS))

    @property
    def item(self) -> int:
        """The number of its first item."""
        return self.first * PAGE_ITEMS


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """The pages of one run in ascending order: first tokens and numbers."""

    heads: npt.NDArray[np.void]
    pages: Numbers

    def page_of(self, tokens: npt.NDArray[np.void]) -> Numbers:
        """The places of the pages in which some tokens would be; -1 for none."""
        return np.searchsorted(self.heads, tokens, "right").astype(np.int64) - 1


class ValueStore:
    """Values by epoch."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def has_any(self, epoch: int) -> bool:
        """Whether anything is computed for an epoch."""
        query = sa.select(central_partitions.c.number).where(central_partitions.c.epoch == epoch)
        with self._database.reading() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def new_run(self, epoch: int) -> Partition:
        """The place for the first partition of a new run."""
        columns = central_partitions.c
        query = (
            sa.select(columns.number, columns.run, columns.first, columns.heads)
            .where(columns.epoch == epoch)
            .order_by(columns.number.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            return Partition(0, 0, 0)
        page = row.first + len(row.heads) // TOKEN_BYTES
        return Partition(row.number + 1, row.run + 1, page)

    def add(self, epoch: int, partition: Partition, tokens: Bytes2D, found: Bytes2D) -> None:
        """Keep the roots (n, 32) of tokens (n, 32), ascending."""
        starts = range(0, len(tokens), PAGE_ITEMS)
        with self._database.transaction() as connection:
            load(
                connection,
                central_roots,
                _ROOTS_TYPES,
                (
                    (
                        epoch,
                        partition.first + number,
                        tokens[at : at + PAGE_ITEMS].tobytes(),
                        found[at : at + PAGE_ITEMS].tobytes(),
                    )
                    for number, at in enumerate(starts)
                ),
            )
            connection.execute(
                central_partitions.insert().values(
                    epoch=epoch,
                    number=partition.number,
                    run=partition.run,
                    first=partition.first,
                    heads=tokens[::PAGE_ITEMS].tobytes(),
                )
            )

    def find(self, epoch: int, tokens: Bytes2D) -> Numbers:
        """The items that some tokens (n, 32), distinct and ascending, are; -1 for none."""
        found = np.full(len(tokens), -1, np.int64)
        every = as_one(tokens)
        for run in self._runs(epoch):
            left = np.flatnonzero(found < 0)
            asked = every[left]
            places = run.page_of(asked)
            for at, stop in _stretches(places):
                pages = run.pages[distinct_numbers(places[at:stop])]
                bodies = self._read(epoch, "tokens", pages.tolist(), TOKEN_BYTES)
                held = as_one(np.concatenate(bodies))
                numbers = np.concatenate(
                    [
                        page * PAGE_ITEMS + np.arange(len(body))
                        for page, body in zip(pages.tolist(), bodies, strict=True)
                    ]
                )
                where = np.minimum(np.searchsorted(held, asked[at:stop]), len(held) - 1)
                same = held[where] == asked[at:stop]
                found[left[at:stop][same]] = numbers[where[same]]
        return found

    def roots(self, epoch: int, items: Numbers) -> Bytes2D:
        """The roots (n, 32) of some items, in the order asked for."""
        out = np.empty((len(items), ROOT_BYTES), np.uint8)
        if not len(items):
            return out
        order = np.argsort(items, kind="stable")
        ordered = items[order]
        places = ordered // PAGE_ITEMS
        for at, stop in _stretches(places):
            pages = distinct_numbers(places[at:stop])
            which = np.searchsorted(pages, places[at:stop])
            bodies = self._read(epoch, "roots", pages.tolist(), ROOT_BYTES)
            begins = np.cumsum([0, *map(len, bodies)])[:-1]
            chosen = begins[which] + ordered[at:stop] % PAGE_ITEMS
            out[order[at:stop]] = np.take(np.concatenate(bodies), chosen, axis=0)
        return out

    def tokens(self, epoch: int) -> Bytes2D:
        """All tokens of an epoch, in any order."""
        query = sa.select(central_roots.c.tokens).where(central_roots.c.epoch == epoch)
        with self._database.snapshot() as connection:
            found = connection.execute(query, execution_options={"stream_results": True})
            return rows(bytearray().join(found.scalars()), TOKEN_BYTES)

    def drop_before(self, epoch: int) -> None:
        """Erase the values of all epochs before one."""
        with self._database.transaction() as connection:
            for table in (central_roots, central_partitions):
                connection.execute(table.delete().where(table.c.epoch < epoch))

    def _runs(self, epoch: int) -> list[_Run]:
        columns = central_partitions.c
        query = (
            sa.select(columns.run, columns.first, columns.heads)
            .where(columns.epoch == epoch)
            .order_by(columns.number)
        )
        heads: dict[int, list[bytes]] = defaultdict(list)
        pages: dict[int, list[Any]] = defaultdict(list)
        with self._database.reading() as connection:
            for run, first, body in connection.execute(query):
                heads[run].append(body)
                pages[run].append(first + np.arange(len(body) // TOKEN_BYTES))
        return [
            _Run(as_one(rows(b"".join(heads[run]), TOKEN_BYTES)), np.concatenate(pages[run]))
            for run in heads
        ]

    def _read(self, epoch: int, name: str, pages: Sequence[int], width: int) -> list[Bytes2D]:
        """One column of some pages, ascending; their rows."""
        columns = central_roots.c
        found: list[Bytes2D] = []
        with self._database.reading() as connection:
            for at in range(0, len(pages), _AT_ONCE):
                some = pages[at : at + _AT_ONCE]
                query = (
                    sa.select(columns[name])
                    .where(columns.epoch == epoch, columns.number.in_(some))
                    .order_by(columns.number)
                )
                found += [rows(body, width) for body in connection.execute(query).scalars()]
        if len(found) != len(pages):
            raise damaged("value of a central set")
        return found


def _stretches(places: Numbers) -> Iterator[tuple[int, int]]:
    """Ascending places cut so that each stretch has some megabytes of pages; without those
    below 0."""
    start = int(np.searchsorted(places, 0))
    beginnings = np.flatnonzero(np.diff(places[start:])) + start + 1
    cuts = [start, *beginnings[_AT_ONCE - 1 :: _AT_ONCE].tolist(), len(places)]
    yield from ((at, stop) for at, stop in itertools.pairwise(cuts) if at < stop)
