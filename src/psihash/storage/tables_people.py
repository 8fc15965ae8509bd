"""Operators, requests and decisions. Part of :mod:`psihash.storage.schema`.

Names stand in ``operators`` alone. ``sealed_key`` opens with the operator's password and with
nothing that the node has.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from psihash.storage.tables import metadata


def _text(name: str, **kwargs: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, **kwargs)


def _blob(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


operators = sa.Table(
    "operators",
    metadata,
    _text("id", primary_key=True),
    _text("name", unique=True),
    _text("roles"),
    _text("status"),
    _text("password_hash"),
    _blob("public_key"),
    _blob("sealed_key"),
    _text("created"),
    sa.Column("failures", sa.Integer(), nullable=False),
    sa.Column("locked_until", sa.Text(), nullable=True),
)
"""``roles``: words joined by spaces. ``failures``: log-ins that failed since the last one."""

operator_logins = sa.Table(
    "operator_logins",
    metadata,
    sa.Column("token_hash", sa.LargeBinary(), primary_key=True),
    sa.Column("operator", sa.Text(), sa.ForeignKey("operators.id"), nullable=False, index=True),
    _text("created"),
    _text("expires"),
)

operator_invitations = sa.Table(
    "operator_invitations",
    metadata,
    _text("name", primary_key=True),
    _text("operator"),
    _text("roles"),
    _text("code_hash"),
    _text("created"),
    _text("expires"),
    sa.Column("failures", sa.Integer(), nullable=False),
    sa.Column("locked_until", sa.Text(), nullable=True),
)
"""Codes with which people become operators or come back; a row goes when its code was used."""

rosters = sa.Table(
    "rosters",
    metadata,
    _text("agency", primary_key=True),
    sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
    _blob("body"),
    _text("added"),
)
"""The chains of operators, this agency's and its peers'; rows are added and never changed."""

requests = sa.Table(
    "requests",
    metadata,
    _text("id", primary_key=True),
    _text("kind"),
    _text("subject_key"),
    _text("peer"),
    _text("agreement"),
    _blob("body"),
    sa.Column("sealed_attachment", sa.LargeBinary(), nullable=True),
    _text("state"),
    _text("created"),
    sa.Column("decided", sa.Text(), nullable=True),
    sa.Column("decision", sa.LargeBinary(), nullable=True),
    _text("reason"),
    sa.Column("session", sa.Text(), nullable=True, index=True),
    sa.Index("requests_by_state", "state", "created"),
    sa.Index("requests_by_subject", "subject_key", "state"),
)
"""What waits for a person, and what was decided. ``peer`` and ``agreement`` may be empty.
``session``: the one that a request is about and ends with, else null."""
