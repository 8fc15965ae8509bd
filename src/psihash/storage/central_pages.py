"""Publications of central sets, our own and those of others, and their pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from psihash.central.layout import Part
from psihash.central.publishing import Place
from psihash.storage.bulk import load
from psihash.storage.database import Database
from psihash.storage.errors import damaged
from psihash.storage.tables_central import central_pages, central_publications
from psihash.storage.times import normal

_AT_ONCE: Final = 256
"""Pages in one statement: some megabytes."""
_PAGE_TYPES: Final = ("text", "int8", "int8", "text", "int8", "bytea")


@dataclass(frozen=True, slots=True)
class PublicationRow:
    """A publication: its manifest, and the log entry that names it. Bytes as they were signed."""

    place: Place
    manifest: bytes
    signature: bytes
    digest: bytes
    header: bytes
    shared: bytes
    shared_blind: bytes
    sequence: int
    """Number of the entry in the centre's log."""
    added: str
    complete: bool = False


class PublicationStore:
    """Publications by place; pages by place, part and number."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, row: PublicationRow) -> None:
        """Keep a publication; one that is there already stays as it is."""
        if self.find(row.place) is not None:
            return
        with self._database.transaction() as connection:
            connection.execute(
                central_publications.insert().values(
                    **_columns(row.place),
                    manifest=row.manifest,
                    signature=row.signature,
                    digest=row.digest,
                    header=row.header,
                    shared=row.shared,
                    shared_blind=row.shared_blind,
                    sequence=row.sequence,
                    complete=int(row.complete),
                    added=normal(row.added),
                )
            )

    def find(self, place: Place) -> PublicationRow | None:
        found = self._select(sa.and_(*_is(central_publications, place)))
        return found[0] if found else None

    def with_digest(self, centre: str, digest: bytes) -> PublicationRow | None:
        """The one whose manifest has this hash."""
        columns = central_publications.c
        found = self._select(sa.and_(columns.centre == centre, columns.digest == digest))
        return found[0] if found else None

    def of_epoch(self, centre: str, epoch: int) -> list[PublicationRow]:
        """All of one epoch, in order."""
        columns = central_publications.c
        return self._select(sa.and_(columns.centre == centre, columns.epoch == epoch))

    def after(self, centre: str, epoch: int, delta: int, most: int) -> list[PublicationRow]:
        """Those behind one place, in order."""
        columns = central_publications.c
        later = sa.or_(
            columns.epoch > epoch, sa.and_(columns.epoch == epoch, columns.delta > delta)
        )
        return self._select(sa.and_(columns.centre == centre, later), most)

    def latest(self, centre: str) -> PublicationRow | None:
        columns = central_publications.c
        query = (
            sa.select(columns.epoch, columns.delta)
            .where(columns.centre == centre)
            .order_by(columns.epoch.desc(), columns.delta.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else self.find(Place(centre, row.epoch, row.delta))

    def completed(self, place: Place, starts: npt.NDArray[np.uint32]) -> None:
        """All pages are here; ``starts`` are the first tags of those of the additions."""
        with self._database.transaction() as connection:
            connection.execute(
                central_publications.update()
                .where(*_is(central_publications, place))
                .values(complete=1, starts=starts.astype("<u4").tobytes())
            )

    def starts(self, place: Place) -> npt.NDArray[np.uint32]:
        """What :meth:`completed` was given. Raises StorageError where it was not."""
        query = sa.select(central_publications.c.starts).where(*_is(central_publications, place))
        with self._database.reading() as connection:
            data = connection.execute(query).scalar()
        if data is None:
            raise damaged("copy of a central set")
        return np.frombuffer(data, dtype="<u4").astype(np.uint32)

    def write(self, place: Place, part: Part, first: int, pages: Sequence[bytes]) -> None:
        """Store pages from number ``first`` on, in the place of those that are there."""
        with self._database.transaction() as connection:
            columns = central_pages.c
            connection.execute(
                central_pages.delete().where(
                    *_is(central_pages, place),
                    columns.part == part.value,
                    columns.number >= first,
                    columns.number < first + len(pages),
                )
            )
            key = (place.centre, place.epoch, place.delta, part.value)
            many = ((*key, first + n, page) for n, page in enumerate(pages))
            load(connection, central_pages, _PAGE_TYPES, many)

    def held(self, place: Place, part: Part) -> int:
        """How many pages of a part are here."""
        query = sa.select(sa.func.count()).where(
            *_is(central_pages, place), central_pages.c.part == part.value
        )
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def read(self, place: Place, part: Part, numbers: Sequence[int]) -> list[bytes]:
        """Some pages in the order asked for. Raises StorageError where one is not here."""
        found: dict[int, bytes] = {}
        wanted = sorted(set(numbers))
        query = sa.select(central_pages.c.number, central_pages.c.body)
        where = [*_is(central_pages, place), central_pages.c.part == part.value]
        with self._database.reading() as connection:
            for at in range(0, len(wanted), _AT_ONCE):
                some = wanted[at : at + _AT_ONCE]
                if some[-1] - some[0] + 1 == len(some):
                    chosen = central_pages.c.number.between(some[0], some[-1])
                else:
                    chosen = central_pages.c.number.in_(some)
                found |= {
                    row.number: row.body for row in connection.execute(query.where(*where, chosen))
                }
        if len(found) != len(wanted):
            raise damaged("copy of a central set")
        return [found[number] for number in numbers]

    def every(self, place: Place, part: Part, count: int) -> Iterator[bytes]:
        """All ``count`` pages of a part in order, some at a time."""
        for at in range(0, count, _AT_ONCE):
            yield from self.read(place, part, range(at, min(at + _AT_ONCE, count)))

    def drop_pages(self, centre: str, epoch: int, delta: int | None = None) -> None:
        """Erase the pages of an epoch, or of one of its publications."""
        columns = central_pages.c
        where = [columns.centre == centre, columns.epoch == epoch]
        if delta is not None:
            where.append(columns.delta == delta)
        with self._database.transaction() as connection:
            connection.execute(central_pages.delete().where(*where))

    def drop_before(self, centre: str, epoch: int) -> None:
        """Erase the pages of all epochs before one; the manifests stay."""
        columns = central_pages.c
        with self._database.transaction() as connection:
            connection.execute(
                central_pages.delete().where(columns.centre == centre, columns.epoch < epoch)
            )
            older = central_publications.c
            connection.execute(
                central_publications.update()
                .where(older.centre == centre, older.epoch < epoch)
                .values(complete=0, starts=None)
            )

    def copied(self) -> list[str]:
        """Centres of whose sets there are pages here."""
        query = sa.select(central_pages.c.centre).distinct().order_by(central_pages.c.centre)
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def _select(
        self, where: sa.ColumnElement[bool], most: int | None = None
    ) -> list[PublicationRow]:
        columns = central_publications.c
        query = (
            sa.select(central_publications)
            .where(where)
            .order_by(columns.epoch, columns.delta)
            .limit(most)
        )
        with self._database.reading() as connection:
            return [_row(row) for row in connection.execute(query)]


def _columns(place: Place) -> dict[str, Any]:
    return {"centre": place.centre, "epoch": place.epoch, "delta": place.delta}


def _is(table: sa.Table, place: Place) -> list[sa.ColumnElement[bool]]:
    return [table.c[name] == value for name, value in _columns(place).items()]


def _row(row: Any) -> PublicationRow:
    return PublicationRow(
        Place(row.centre, row.epoch, row.delta),
        row.manifest,
        row.signature,
        row.digest,
        row.header,
        row.shared,
        row.shared_blind,
        row.sequence,
        row.added,
        bool(row.complete),
    )
