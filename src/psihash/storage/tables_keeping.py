"""Exports, and the numbers that stay of sessions whose results were erased. Part of
:mod:`psihash.storage.schema`."""

from __future__ import annotations

import sqlalchemy as sa

from psihash.storage.tables import metadata

exports = sa.Table(
    "exports",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("session", sa.Text(), sa.ForeignKey("sessions.id"), nullable=False, index=True),
    sa.Column("peer", sa.Text(), nullable=False),
    sa.Column("time", sa.Text(), nullable=False),
    sa.Column("format", sa.Text(), nullable=False),
    sa.Column("path", sa.Text(), nullable=False),
    sa.Column("records", sa.BigInteger(), nullable=False),
    sa.Column("actor", sa.Text(), nullable=False),
)
"""Every file that a result was written to. ``path`` is what the operator typed. No row holds an
item, so the rows outlive the results: a correction must still find the files."""

kept_figures = sa.Table(
    "kept_figures",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("session", sa.Text(), sa.ForeignKey("sessions.id"), nullable=False, index=True),
    sa.Column("kind", sa.Text(), nullable=False),
    sa.Column("outcome", sa.Text(), nullable=False),
    sa.Column("seconds", sa.BigInteger(), nullable=True),
    sa.Column("number", sa.BigInteger(), nullable=False),
)
"""What statistics go on counting when a session's data are gone: numbers and durations, no item.
``kind`` and ``outcome`` are words of :mod:`psihash.node.records.figures`."""
