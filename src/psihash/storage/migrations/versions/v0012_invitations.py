"""Invitations of operators; what a peer did not take; answers to notices that wait."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "operator_invitations",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("created", sa.Text(), nullable=False),
        sa.Column("expires", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_operator_invitations"),
    )
    for table in ("follow_ups", "follow_up_messages", "corrections"):
        op.add_column(table, sa.Column("refused", sa.Text(), nullable=True))
    op.add_column("corrections", sa.Column("answer", sa.Text(), nullable=True))
    op.add_column("corrections", sa.Column("sealed_answer", sa.LargeBinary(), nullable=True))
