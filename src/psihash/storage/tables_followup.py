"""Hits, requests to a peer, and their answers. Part of :mod:`psihash.storage.schema`.

What people wrote in requests, answers and notices is not here: it lies sealed among the session's
blobs and ends with the session's key. References are keyed with the session's result key.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from psihash.storage.tables import metadata


def _text(name: str, **kwargs: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, **kwargs)


def _maybe(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=True)


hit_decisions = sa.Table(
    "hit_decisions",
    metadata,
    _text("session", primary_key=True),
    _text("reference", primary_key=True),
    _text("verdict"),
    _text("actor"),
    _text("role"),
    _text("decided"),
    _text("reason"),
)
"""What a person said of a matched item. Without a row a hit is unconfirmed."""

follow_ups = sa.Table(
    "follow_ups",
    metadata,
    _text("id", primary_key=True),
    _text("peer"),
    _text("session", index=True),
    _text("agreement"),
    _text("side"),
    _text("state"),
    _text("urgency"),
    _text("wanted"),
    sa.Column("available", sa.Boolean(), nullable=False),
    sa.Column("hits", sa.Integer(), nullable=False),
    _text("added"),
    _maybe("sent"),
    _maybe("received"),
    _maybe("due"),
    _maybe("closed"),
    _maybe("outcome"),
    _maybe("outcome_added"),
    _maybe("refused"),
    sa.Index("follow_ups_by_peer", "peer", "added"),
)
"""Requests, ours (``side`` is asker) and theirs (answerer). ``available``: directly available.
``refused``, here and below: the code with which the peer's node did not take a document of ours."""

follow_up_messages = sa.Table(
    "follow_up_messages",
    metadata,
    sa.Column("number", sa.Integer(), primary_key=True),
    _text("id", unique=True),
    _text("follow_up", index=True),
    _text("session", index=True),
    _text("author"),
    _text("step"),
    _text("added"),
    sa.Column("sent", sa.Text(), nullable=True),
    _maybe("refused"),
)
"""What was said about a request. ``sent`` is null while it waits for an approver here."""

corrections = sa.Table(
    "corrections",
    metadata,
    _text("id", primary_key=True),
    _text("peer"),
    _text("side"),
    _text("reason"),
    _text("state"),
    _text("added"),
    _maybe("sent"),
    _maybe("received"),
    _maybe("due"),
    _maybe("action"),
    _maybe("resolved"),
    _maybe("refused"),
    _maybe("answer"),
    sa.Column("sealed_answer", sa.LargeBinary(), nullable=True),
    sa.Index("corrections_by_peer", "peer", "added"),
)
"""Notices that an item was wrongly listed or erased: ours (sender) and theirs (receiver).
``answer``: the id of our answer to theirs; ``sealed_answer``: the same whole, while it waits for an
approver here."""

correction_hits = sa.Table(
    "correction_hits",
    metadata,
    _text("correction", primary_key=True),
    _text("session", primary_key=True),
    _text("reference", primary_key=True),
    sa.Index("correction_hits_by_session", "session"),
)
"""The hits that a notice reached, one row each; they end with their session."""

correction_exports = sa.Table(
    "correction_exports",
    metadata,
    _text("correction", primary_key=True),
    sa.Column("export", sa.Integer(), primary_key=True, autoincrement=False),
)
"""The exports that relied on them, by their number in the register: files outlive sessions."""
