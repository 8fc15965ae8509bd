"""An index of the log for those who look something up in it, and marks of results."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from psihash.storage import log_index

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TEXTS = (
    "session",
    "peer",
    "agreement",
    "request",
    "operator",
    "approver",
    "purpose",
    "case_reference",
    "rung",
    "role",
    "code",
    "what",
    "recipient",
    "handling",
)


def upgrade() -> None:
    op.create_table(
        "log_index",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("time", sa.Text(), nullable=False),
        sa.Column("registers", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=True) for name in _TEXTS),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("own_class", sa.BigInteger(), nullable=True),
        sa.Column("peer_class", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
    )
    log_index.fill(op.get_bind())
    for name, columns in (
        ("log_index_by_session", ["session", "seq"]),
        ("log_index_by_agreement", ["agreement", "event", "seq"]),
        ("log_index_by_request", ["request", "seq"]),
        ("log_index_by_event", ["event", "seq"]),
        ("log_index_register", ["registers", "seq"]),
        ("log_index_register_by_peer", ["registers", "peer", "seq"]),
    ):
        op.create_index(name, "log_index", columns)
    op.create_table(
        "result_marks",
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("matched", sa.BigInteger(), nullable=False),
        sa.Column("urgent", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("session"),
    )
    op.create_index("result_marks_by_urgency", "result_marks", ["urgent", "session"])
    # Lists by peer, newest first, and what a month cost.
    op.create_index("sessions_by_peer", "sessions", ["peer", "opened"])
    op.create_index("sessions_by_state", "sessions", ["state", "opened"])
