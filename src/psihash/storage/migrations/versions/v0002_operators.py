"""Operators, requests for decisions, and decisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _blob(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "operators",
        *map(_text, ("id", "name", "roles", "status", "password_hash")),
        _blob("public_key"),
        _blob("sealed_key"),
        _text("created"),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "operator_logins",
        _blob("token_hash"),
        *map(_text, ("operator", "created", "expires")),
        sa.ForeignKeyConstraint(["operator"], ["operators.id"]),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index("ix_operator_logins_operator", "operator_logins", ["operator"])
    op.create_table(
        "rosters",
        _text("agency"),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        _blob("body"),
        _text("added"),
        sa.PrimaryKeyConstraint("agency", "number"),
    )
    op.create_table(
        "requests",
        *map(_text, ("id", "kind", "subject_key", "peer", "agreement")),
        _blob("body"),
        sa.Column("sealed_attachment", sa.LargeBinary(), nullable=True),
        *map(_text, ("state", "created")),
        sa.Column("decided", sa.Text(), nullable=True),
        sa.Column("decision", sa.LargeBinary(), nullable=True),
        _text("reason"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("requests_by_state", "requests", ["state", "created"])
    op.create_index("requests_by_subject", "requests", ["subject_key", "state"])
