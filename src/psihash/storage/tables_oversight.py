"""What the log says, in columns, for those who look something up in it. Part of
:mod:`psihash.storage.schema`.

``log_index`` repeats facts of entries and proves nothing: what is shown of a single entry is read
from the entry itself. A row loses its facts together with the entry's body.
"""

from __future__ import annotations

import sqlalchemy as sa

from psihash.storage.tables import metadata, sessions


def _maybe(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=True)


log_index = sa.Table(
    "log_index",
    metadata,
    sa.Column(
        "seq",
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    sa.Column("event", sa.Text(), nullable=False),
    sa.Column("time", sa.Text(), nullable=False),
    sa.Column("registers", sa.Boolean(), nullable=False),
    _maybe("session"),
    _maybe("peer"),
    _maybe("agreement"),
    _maybe("request"),
    _maybe("operator"),
    _maybe("approver"),
    _maybe("purpose"),
    _maybe("case_reference"),
    _maybe("rung"),
    _maybe("role"),
    _maybe("code"),
    _maybe("what"),
    _maybe("recipient"),
    _maybe("handling"),
    sa.Column("number", sa.BigInteger(), nullable=True),
    sa.Column("own_class", sa.BigInteger(), nullable=True),
    sa.Column("peer_class", sa.BigInteger(), nullable=True),
    sa.Index("log_index_by_session", "session", "seq"),
    sa.Index("log_index_by_agreement", "agreement", "event", "seq"),
    sa.Index("log_index_by_request", "request", "seq"),
    sa.Index("log_index_by_event", "event", "seq"),
    sa.Index("log_index_register", "registers", "seq"),
    sa.Index("log_index_register_by_peer", "registers", "peer", "seq"),
)
"""One row for each entry. ``registers``: this entry stands for its session in the list of
sessions, of which each has one; refused ones too. ``own_class`` and ``peer_class`` are the largest
size classes that a session opened with; ``number`` is matches, records or hits."""

result_marks = sa.Table(
    "result_marks",
    metadata,
    sa.Column("session", sa.Text(), primary_key=True),
    sa.Column("matched", sa.BigInteger(), nullable=False),
    sa.Column("urgent", sa.BigInteger(), nullable=False),
    sa.Index("result_marks_by_urgency", "urgent", "session"),
)
"""Of results that were read once: items in common, and how many of them have a victim identified
there and open here. A result never changes, and reading one means opening all of it."""

sa.Index("sessions_by_peer", sessions.c.peer, sessions.c.opened)
sa.Index("sessions_by_state", sessions.c.state, sessions.c.opened)
