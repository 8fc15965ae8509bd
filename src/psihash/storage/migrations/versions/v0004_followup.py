"""Hits, requests to a peer, and their answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "hit_decisions",
        *map(_text, ("session", "reference", "verdict", "actor", "role", "decided", "reason")),
        sa.PrimaryKeyConstraint("session", "reference"),
    )
    op.create_table(
        "follow_ups",
        *map(_text, ("id", "peer", "session", "agreement", "side", "state", "urgency", "wanted")),
        sa.Column("available", sa.Boolean(), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        _text("added"),
        *(
            _text(name, nullable=True)
            for name in ("sent", "received", "due", "closed", "outcome", "outcome_added")
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_follow_ups_session", "follow_ups", ["session"])
    op.create_index("follow_ups_by_peer", "follow_ups", ["peer", "added"])
    op.create_table(
        "follow_up_messages",
        sa.Column("number", sa.Integer(), nullable=False),
        *map(_text, ("id", "follow_up", "session", "author", "step", "added")),
        _text("sent", nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_follow_up_messages_follow_up", "follow_up_messages", ["follow_up"])
    op.create_index("ix_follow_up_messages_session", "follow_up_messages", ["session"])
    op.create_table(
        "corrections",
        *map(_text, ("id", "peer", "side", "reason", "state", "added")),
        *(_text(name, nullable=True) for name in ("sent", "received", "due", "action", "resolved")),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("corrections_by_peer", "corrections", ["peer", "added"])
    op.create_table(
        "correction_hits",
        *map(_text, ("correction", "session", "reference")),
        sa.PrimaryKeyConstraint("correction", "session", "reference"),
    )
    op.create_index("correction_hits_by_session", "correction_hits", ["session"])
    op.create_table(
        "correction_exports",
        _text("correction"),
        sa.Column("export", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("correction", "export"),
    )
