"""Standing queries, their runs and hits; what was contributed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _maybe(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=True)


def _big(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=True)


def _blob(name: str, **kwargs: Any) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), **kwargs)


def _number() -> sa.Column[int]:
    return sa.Column("number", sa.Integer(), autoincrement=False, nullable=False)


def upgrade() -> None:
    _watches()
    _contributions()


def _watches() -> None:
    op.create_table(
        "watches",
        _text("id"),
        _text("peer"),
        _text("agreement"),
        _text("collections"),
        _text("cron"),
        _text("zone"),
        _text("until"),
        _text("state"),
        _maybe("request"),
        _text("added"),
        _maybe("planned_from"),
        _maybe("over"),
        _maybe("erased"),
        _blob("sealed_key", nullable=True),
        _blob("sealed_state", nullable=True),
        _count("matched_items"),
        _count("new_items"),
        _maybe("last_slot"),
        _text("last_code"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_watches_agreement", "watches", ["agreement"])
    op.create_table(
        "watch_runs",
        _text("watch"),
        _text("slot"),
        _text("first_slot"),
        _text("kind"),
        _text("state"),
        _text("opened"),
        _big("attempts"),
        _maybe("retry_at"),
        _maybe("finished"),
        _count("matched_items"),
        _count("new_items"),
        _count("gone_items"),
        _count("asked"),
        _count("epoch"),
        _count("delta"),
        _text("code"),
        sa.PrimaryKeyConstraint("watch", "slot"),
    )
    is_open = sa.text("state = 'open'")
    op.create_index(
        "watch_runs_open",
        "watch_runs",
        ["watch"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_table(
        "watch_hits",
        _text("watch"),
        _text("reference"),
        _big("item_id"),
        _text("since"),
        _blob("mark", nullable=False),
        _blob("sealed", nullable=False),
        sa.PrimaryKeyConstraint("watch", "reference"),
    )
    op.create_table(
        "webhook_deliveries",
        _text("id"),
        _text("watch"),
        _blob("body", nullable=False),
        _text("created"),
        _big("attempts"),
        _maybe("next_try"),
        _maybe("delivered"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_webhook_deliveries_watch", "webhook_deliveries", ["watch"])
    op.create_index("ix_webhook_deliveries_next_try", "webhook_deliveries", ["next_try"])


def _contributions() -> None:
    op.create_table(
        "contributions",
        _text("id"),
        _text("watch"),
        _text("peer"),
        _text("agreement"),
        _text("state"),
        _maybe("request"),
        _text("added"),
        _maybe("sent"),
        _maybe("answered"),
        _big("new_collections"),
        _big("additions"),
        _big("items"),
        _big("parts"),
        _blob("sealed_key", nullable=True),
        _blob("sealed_plan", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_contributions_watch", "contributions", ["watch"])
    op.create_table(
        "taken_contributions",
        _text("member"),
        _text("id"),
        _text("agreement"),
        _text("state"),
        _maybe("request"),
        _text("received"),
        _maybe("decided"),
        _big("new_collections"),
        _big("additions"),
        _big("items"),
        _big("parts"),
        _blob("sealed_key", nullable=True),
        sa.PrimaryKeyConstraint("member", "id"),
    )
    op.create_table(
        "contribution_parts",
        _text("member"),
        _text("id"),
        _number(),
        _text("document"),
        _blob("sealed", nullable=False),
        sa.PrimaryKeyConstraint("member", "id", "number"),
    )
    op.create_index("ix_contribution_parts_document", "contribution_parts", ["document"])
    op.create_table(
        "contributed_collections",
        _text("member"),
        _text("id"),
        _number(),
        _text("collection"),
        _text("kind"),
        _big("items"),
        _big("added"),
        sa.PrimaryKeyConstraint("member", "id", "number"),
    )
    op.create_index(
        "ix_contributed_collections_collection", "contributed_collections", ["collection"]
    )
