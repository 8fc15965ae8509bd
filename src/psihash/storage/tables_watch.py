"""Standing queries, their runs and hits; what was contributed. Part of
:mod:`psihash.storage.schema`.

What a hit or a contribution says is sealed under the key of its watch or contribution and ends with
that key.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from psihash.storage.tables import metadata


def _text(name: str, **kwargs: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, **kwargs)


def _maybe(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=True)


def _big(name: str, **kwargs: Any) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False, **kwargs)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=True)


def _sealed(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=True)


watches = sa.Table(
    "watches",
    metadata,
    _text("id", primary_key=True),
    _text("peer"),
    _text("agreement", index=True),
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
    _sealed("sealed_key"),
    _sealed("sealed_state"),
    _count("matched_items"),
    _count("new_items"),
    _maybe("last_slot"),
    _text("last_code"),
)
"""``planned_from``: slots up to here are run or covered. ``sealed_state``: what the last run left
for the next. ``last_code``: why the last run failed, empty where it did not."""

watch_runs = sa.Table(
    "watch_runs",
    metadata,
    _text("watch", primary_key=True),
    _text("slot", primary_key=True),
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
)
sa.Index(
    "watch_runs_open",
    watch_runs.c.watch,
    unique=True,
    sqlite_where=watch_runs.c.state == "open",
    postgresql_where=watch_runs.c.state == "open",
)
"""One row for each slot that was run; ``first_slot`` is the first of those that it made up for. The
index keeps the runs of a watch from overlapping, whatever else goes wrong."""

watch_hits = sa.Table(
    "watch_hits",
    metadata,
    _text("watch", primary_key=True),
    _text("reference", primary_key=True),
    _big("item_id"),
    _text("since"),
    sa.Column("mark", sa.LargeBinary(), nullable=False),
    sa.Column("sealed", sa.LargeBinary(), nullable=False),
)
"""Hits that stand. ``mark``: keyed digest of what is sealed, to see whether it changed."""

watch_exports = sa.Table(
    "watch_exports",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    _text("watch", index=True),
    _text("peer"),
    _text("time"),
    _text("format"),
    _text("path"),
    _big("records"),
    _text("actor"),
)
"""Every file that hits of a watch were written to, as ``exports`` has it of sessions."""

webhook_deliveries = sa.Table(
    "webhook_deliveries",
    metadata,
    _text("id", primary_key=True),
    _text("watch", index=True),
    sa.Column("body", sa.LargeBinary(), nullable=False),
    _text("created"),
    _big("attempts"),
    sa.Column("next_try", sa.Text(), nullable=True, index=True),
    _maybe("delivered"),
)
"""What the local webhook is to be told. ``next_try`` is null where it was told or given up."""

contributions = sa.Table(
    "contributions",
    metadata,
    _text("id", primary_key=True),
    _text("watch", index=True),
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
    _sealed("sealed_key"),
    _sealed("sealed_plan"),
)
"""What this member gives to a centre."""

taken_contributions = sa.Table(
    "taken_contributions",
    metadata,
    _text("member", primary_key=True),
    _text("id", primary_key=True),
    _text("agreement"),
    _text("state"),
    _maybe("request"),
    _text("received"),
    _maybe("decided"),
    _big("new_collections"),
    _big("additions"),
    _big("items"),
    _big("parts"),
    _sealed("sealed_key"),
)
"""What a member gave to this centre."""

contribution_parts = sa.Table(
    "contribution_parts",
    metadata,
    _text("member", primary_key=True),
    _text("id", primary_key=True),
    sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
    _text("document", index=True),
    sa.Column("sealed", sa.LargeBinary(), nullable=False),
)
"""The documents of a contribution that have come, until it is decided."""

contributed_collections = sa.Table(
    "contributed_collections",
    metadata,
    _text("member", primary_key=True),
    _text("id", primary_key=True),
    sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
    _text("collection", index=True),
    _text("kind"),
    _big("items"),
    _big("added"),
)
"""Where a contribution that was taken in went: the centre's collection, whether it is a new one or
an addition, how many items came and how many of them the centre did not have."""
