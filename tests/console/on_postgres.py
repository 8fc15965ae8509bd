"""The office's store on PostgreSQL: its rows are copied there once, and a test gets a database that
PostgreSQL itself makes of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from psihash.storage.database import Database
from psihash.storage.schema import metadata

ORIGINAL: Final = "office"
_NUMBERS: Final = itertools.count(1)


def url_of(server: str, name: str) -> str:
    url = sa.make_url(server).set(drivername="postgresql+psycopg", database=name)
    return url.render_as_string(hide_password=False)


def copy_store(server: str, store: Path) -> None:
    """Make the original of all copies from a store on SQLite."""
    _command(server, f"CREATE DATABASE {ORIGINAL}")
    Database.open(url_of(server, ORIGINAL)).close()
    source, target = (
        sa.create_engine(f"sqlite:///{store}"),
        sa.create_engine(url_of(server, ORIGINAL)),
    )
    with source.connect() as reading, target.begin() as writing:
        for table in reversed(metadata.sorted_tables):
            writing.execute(table.delete())
        for table in metadata.sorted_tables:
            rows = [dict(row._mapping) for row in reading.execute(sa.select(table))]
            if rows:
                writing.execute(table.insert(), rows)
        _go_on_counting(writing)
    source.dispose()
    target.dispose()


def _go_on_counting(connection: sa.Connection) -> None:
    """Numbers that the store gives go on behind those that were copied."""
    query = (
        "SELECT table_name, column_name, pg_get_serial_sequence(table_name, column_name) "
        "FROM information_schema.columns WHERE table_schema = 'public'"
    )
    for table, column, sequence in connection.execute(sa.text(query)).all():
        if sequence is not None:
            last = f"SELECT setval('{sequence}', coalesce(max({column}), 0) + 1) FROM {table}"
            connection.execute(sa.text(last))


@contextmanager
def copied(server: str) -> Iterator[str]:
    """The URL of a copy, for one test."""
    name = f"copy_{next(_NUMBERS)}"
    _command(server, f"CREATE DATABASE {name} TEMPLATE {ORIGINAL}")
    try:
        yield url_of(server, name)
    finally:
        _command(server, f"DROP DATABASE {name} WITH (FORCE)")


def _command(server: str, text: str) -> None:
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(text.encode())
