"""The centre's values and entries in pages, and a record of what changed in the holdings.

Of a centre's present epoch nothing is taken over but its key and what it published: members go on
with it, and the next publication begins a new epoch.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DELETE FROM central_roots")
    op.drop_table("central_entries")
    op.create_table(
        "central_entries",
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("delta", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("epoch", "number", "delta", "kind"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "central_partitions",
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("heads", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("epoch", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "holding_changes",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("digests", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_autoincrement=True,
    )
    op.add_column("central_epochs", sa.Column("seen", sa.BigInteger(), nullable=True))
    op.add_column("central_epochs", sa.Column("items", sa.BigInteger(), nullable=True))
    op.add_column("central_standing", sa.Column("seen", sa.Text(), nullable=True))
