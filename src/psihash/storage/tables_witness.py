"""Cosignatures, heads of other logs, and their contradictions. Part of
:mod:`psihash.storage.schema`."""

from __future__ import annotations

import sqlalchemy as sa

from psihash.storage.tables import metadata

cosignatures = sa.Table(
    "cosignatures",
    metadata,
    sa.Column("size", sa.BigInteger(), primary_key=True, autoincrement=False),
    sa.Column("cosigner", sa.Text(), primary_key=True),
    sa.Column("key_id", sa.Text(), primary_key=True),
    sa.Column("timestamp", sa.BigInteger(), nullable=False),
    sa.Column("line", sa.LargeBinary(), nullable=False),
)
"""What others cosigned of our own log."""

given_cosignatures = sa.Table(
    "given_cosignatures",
    metadata,
    sa.Column("origin", sa.Text(), primary_key=True),
    sa.Column("size", sa.BigInteger(), primary_key=True, autoincrement=False),
    sa.Column("root", sa.LargeBinary(), nullable=False),
    sa.Column("timestamp", sa.BigInteger(), nullable=False),
    sa.Column("line", sa.LargeBinary(), nullable=False),
    sa.Column("delivered", sa.Integer(), nullable=False),
)
"""What we cosigned of other logs; the head itself is in ``peer_checkpoints``."""

seen_heads = sa.Table(
    "seen_heads",
    metadata,
    sa.Column("origin", sa.Text(), primary_key=True),
    sa.Column("via", sa.Text(), primary_key=True),
    sa.Column("size", sa.BigInteger(), primary_key=True, autoincrement=False),
    sa.Column("root", sa.Text(), primary_key=True),
    sa.Column("note", sa.LargeBinary(), nullable=False),
    sa.Column("seen", sa.Text(), nullable=False),
    sa.Column("waits", sa.Text(), nullable=False),
    sa.Column("asked", sa.BigInteger(), nullable=True),
    sa.Column("proven", sa.Text(), nullable=True),
)
"""Heads of a third agency's log, for each peer that showed them, until that agency has proven them
one log. ``waits``: since when a head from this peer waits for that. ``asked``: size of the head
that the owner showed last when it was asked about this one."""

log_incidents = sa.Table(
    "log_incidents",
    metadata,
    sa.Column("id", sa.Text(), primary_key=True),
    sa.Column("agency", sa.Text(), nullable=False, index=True),
    sa.Column("origin", sa.Text(), nullable=False),
    sa.Column("kind", sa.Text(), nullable=False),
    sa.Column("held", sa.LargeBinary(), nullable=False),
    sa.Column("shown", sa.LargeBinary(), nullable=False),
    sa.Column("via", sa.Text(), nullable=False),
    sa.Column("found", sa.Text(), nullable=False),
    sa.Column("resolved", sa.Text(), nullable=True),
    sa.Column("resolver", sa.Text(), nullable=True),
    sa.Column("reason", sa.Text(), nullable=True),
)
"""Two signed heads of one log that contradict each other: the evidence, and who decided."""

own_cards = sa.Table(
    "own_cards",
    metadata,
    sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("card", sa.LargeBinary(), nullable=False),
)
"""This agency's own cards: the history of its log key."""

cosign_rounds = sa.Table(
    "cosign_rounds",
    metadata,
    sa.Column("partner", sa.Text(), primary_key=True),
    sa.Column("tried", sa.Text(), nullable=False),
    sa.Column("done", sa.Text(), nullable=True),
)
"""When checkpoints were last exchanged with a peer, or with the witness."""
