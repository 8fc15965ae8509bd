"""Stores of older schemas: made by running the migrations so far, and filled with rows."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from psihash.storage import migrate
from psihash.storage.database import Database


def at_revision(url: str, revision: str) -> sa.Engine:
    """An empty store of a schema."""
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    return engine


def upgrade(url: str) -> None:
    with Database.connect(url) as database, database.transaction() as connection:
        migrate.upgrade(connection)


def copied(source: Database, url: str, revision: str) -> None:
    """A store of an older schema with all rows of a present one that have a place there."""
    engine = at_revision(url, revision)
    tables = sa.MetaData()
    tables.reflect(engine)
    with engine.begin() as connection, source.reading() as reading:
        for table in tables.sorted_tables:
            if table.name == "alembic_version":
                continue
            rows = reading.exec_driver_sql(f"SELECT * FROM {table.name}").mappings()
            many = [
                {name: value for name, value in row.items() if name in table.columns}
                for row in rows
            ]
            connection.execute(table.delete())
            if many:
                connection.execute(table.insert(), many)
    engine.dispose()
