"""Heads of other logs are kept for each peer that showed them, and marked when their owner was
asked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_COLUMNS = "origin, size, root, note, via, seen, proven"


def upgrade() -> None:
    connection = op.get_bind()
    rows = [
        dict(row)
        for row in connection.execute(sa.text(f"SELECT {_COLUMNS} FROM seen_heads")).mappings()  # noqa: S608
    ]
    op.drop_table("seen_heads")
    op.create_table(
        "seen_heads",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("seen", sa.Text(), nullable=False),
        sa.Column("waits", sa.Text(), nullable=False),
        sa.Column("asked", sa.BigInteger(), nullable=True),
        sa.Column("proven", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("origin", "via", "size", "root"),
    )
    if rows:
        insert = sa.text(
            f"INSERT INTO seen_heads ({_COLUMNS}, waits)"  # noqa: S608
            " VALUES (:origin, :size, :root, :note, :via, :seen, :proven, :seen)"
        )
        connection.execute(insert, rows)
