"""What a session builds on, its receipt, and the requests that people decided for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("previous", "receipt", "own_request", "peer_request"):
        op.add_column("sessions", sa.Column(name, sa.Text(), nullable=True))
    for name in ("receipt", "own_request", "peer_request"):
        op.create_index(f"ix_sessions_{name}", "sessions", [name])
