"""Alembic's environment: runs inside the transaction that ``migrate.upgrade`` was given."""

from __future__ import annotations

from alembic import context

from psihash.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
