"""The central set: what a centre keeps to publish it, and what a member keeps of one. Part of
:mod:`psihash.storage.schema`."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from psihash.storage.tables import metadata

_NO_ROWID: Final[dict[str, Any]] = {"sqlite_with_rowid": False}


def _text(name: str, **kwargs: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, **kwargs)


def _big(name: str, **kwargs: Any) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False, **kwargs)


def _blob(name: str, **kwargs: Any) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False, **kwargs)


def _key(name: str) -> sa.Column[int]:
    return _big(name, primary_key=True, autoincrement=False)


# --- what is new here ---------------------------------------------------------------------------

holding_changes = sa.Table(
    "holding_changes",
    metadata,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
    _text("algorithm"),
    _blob("digests"),
    sqlite_autoincrement=True,
)
"""Digests of whose items something changed, until all who want to know have seen it. With an empty
``algorithm``: anything may have changed."""

# --- a centre -----------------------------------------------------------------------------------

central_setup = sa.Table(
    "central_setup",
    metadata,
    sa.Column("one", sa.Integer(), sa.CheckConstraint("one = 1"), primary_key=True),
    _blob("sealed_seed"),
    sa.Column("collections", sa.Text(), nullable=True),
    _text("algorithms"),
    _text("contact"),
    sa.Column("epoch_days", sa.Integer(), nullable=False),
    sa.Column("valid_days", sa.Integer(), nullable=False),
    _text("created"),
    sa.Column("erasure", sa.Text(), nullable=True),
)
"""``collections`` is a JSON list, null for all; ``erasure`` is when the last one
was that waits for a rotation."""

central_places = sa.Table(
    "central_places",
    metadata,
    _text("agency", primary_key=True),
    sa.Column("place", sa.Integer(), nullable=False),
    _text("added"),
)
"""Members, and whose canaries they have."""

central_epochs = sa.Table(
    "central_epochs",
    metadata,
    _key("epoch"),
    _text("state"),
    sa.Column("sealed_secrets", sa.LargeBinary(), nullable=True),
    _blob("public_key"),
    _text("created"),
    _text("reason"),
    sa.Column("ended", sa.Text(), nullable=True),
    sa.Column("seen", sa.BigInteger(), nullable=True),
    sa.Column("items", sa.BigInteger(), nullable=True),
)
"""``building``, ``current`` or ``over``; the secrets of one that is over are gone. ``seen`` is the
last of the holdings' changes that was published, ``items`` how many digests stand."""

central_partitions = sa.Table(
    "central_partitions",
    metadata,
    _key("epoch"),
    _key("number"),
    _big("run"),
    _big("first"),
    _blob("heads"),
    **_NO_ROWID,
)
"""Where the pages of one finished partition are: from page ``first`` on, one after the other, each
with its first token in ``heads``. Within a run tokens ascend."""

central_roots = sa.Table(
    "central_roots",
    metadata,
    _key("epoch"),
    _key("number"),
    _blob("tokens"),
    _blob("roots"),
    **_NO_ROWID,
)
"""Values of the function, computed once for each token of an epoch, in pages."""

central_labels = sa.Table(
    "central_labels",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    _text("body", unique=True),
)

central_entries = sa.Table(
    "central_entries",
    metadata,
    _key("epoch"),
    _key("number"),
    _key("delta"),
    _text("kind", primary_key=True),
    _blob("body"),
    **_NO_ROWID,
)
"""Which items stand with which labels: what publications added and took back, of the items of one
page of values in each row."""

central_runs = sa.Table(
    "central_runs",
    metadata,
    _text("run", primary_key=True),
    _text("peer", index=True),
    _text("agreement"),
    _text("side"),
    _big("epoch"),
    _big("elements"),
    _text("classes"),
    _text("opened"),
)
"""Runs that were charged, on either side: ``asks`` or ``answers``."""

central_batches = sa.Table(
    "central_batches",
    metadata,
    _text("run", primary_key=True),
    _key("number"),
    _blob("digest"),
    _big("elements"),
    **_NO_ROWID,
)
"""What of a run was answered, by the SHA-256 of the elements."""

# --- both ---------------------------------------------------------------------------------------

central_publications = sa.Table(
    "central_publications",
    metadata,
    _text("centre", primary_key=True),
    _key("epoch"),
    _key("delta"),
    _blob("manifest"),
    _blob("signature"),
    _blob("digest"),
    _blob("header"),
    _blob("shared"),
    _blob("shared_blind"),
    _big("sequence"),
    sa.Column("complete", sa.Integer(), nullable=False),
    sa.Column("starts", sa.LargeBinary(), nullable=True),
    _text("added"),
)
"""Of the own centre what was published, of another's what was verified; ``complete`` where all
pages are here."""

central_pages = sa.Table(
    "central_pages",
    metadata,
    _text("centre", primary_key=True),
    _key("epoch"),
    _key("delta"),
    _text("part", primary_key=True),
    _key("number"),
    _blob("body"),
    **_NO_ROWID,
)

# --- a member -----------------------------------------------------------------------------------

central_followed = sa.Table(
    "central_followed",
    metadata,
    _text("centre", primary_key=True),
    _big("epoch"),
    _big("delta"),
    _blob("digest"),
    sa.Column("sealed_canaries", sa.LargeBinary(), nullable=True),
    sa.Column("incident", sa.Text(), nullable=True),
)
"""The newest manifest that was seen of a centre; epoch 0 where none was."""

central_asked = sa.Table(
    "central_asked",
    metadata,
    _text("agreement", primary_key=True),
    _key("epoch"),
    _text("algorithm", primary_key=True),
    _blob("raw", primary_key=True),
    _blob("root"),
    sa.Column("slot", sa.Integer(), nullable=False),
    sa.Column("tag", sa.Integer(), nullable=False),
    sa.Index("central_asked_by_tag", "agreement", "epoch", "tag"),
    **_NO_ROWID,
)
"""What was asked, the answer, and the tag under which the next entry of it would stand."""

central_opened = sa.Table(
    "central_opened",
    metadata,
    _text("agreement", primary_key=True),
    _key("epoch"),
    _text("algorithm", primary_key=True),
    _blob("raw", primary_key=True),
    sa.Column("slot", sa.Integer(), primary_key=True, autoincrement=False),
    _big("delta"),
    _blob("mark"),
    _text("body"),
    sa.Column("removed", sa.BigInteger(), nullable=True),
    **_NO_ROWID,
)
"""Entries that were opened; ``removed`` is the delta that took one back."""

central_standing = sa.Table(
    "central_standing",
    metadata,
    _text("agreement", primary_key=True),
    _big("epoch"),
    _big("delta"),
    _text("scanned"),
    sa.Column("seen", sa.Text(), nullable=True),
)
"""How far the entries under an agreement are up to date, and as of which state of the lists;
``seen`` has for each collection the last of the holdings' changes that was looked at, as JSON."""
