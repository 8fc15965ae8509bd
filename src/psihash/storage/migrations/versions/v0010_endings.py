"""Requests and undelivered documents end with the session that they are about."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("requests", "outbox"):
        op.add_column(table, sa.Column("session", sa.Text(), nullable=True))
        op.create_index(f"ix_{table}_session", table, ["session"])
    connection = op.get_bind()
    # They named less than a session consists of, and count for none any more: each is asked anew.
    connection.execute(sa.text("DELETE FROM requests WHERE kind = 'session'"))
    about = sa.text("SELECT id, body FROM requests WHERE kind IN ('follow-up', 'correction')")
    for request, body in connection.execute(about).all():
        connection.execute(
            sa.text("UPDATE requests SET session = :session WHERE id = :id"),
            {"session": json.loads(bytes(body))["subject"]["session"], "id": request},
        )
    connection.execute(
        sa.text(
            "UPDATE outbox SET session = (SELECT min(b.session) FROM session_blobs b"
            " WHERE b.name = outbox.kind) WHERE kind LIKE 'case:%'"
        )
    )
