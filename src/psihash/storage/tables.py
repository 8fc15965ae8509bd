"""The schema. ``migrations/versions`` creates it; a test keeps both equal.

Digests are raw bytes. Times are RFC 3339 UTC text. Sealed columns hold AEAD envelopes that the
store cannot open.

An item's first digest of each algorithm stands in ``items``, further ones (a conflict) in
``item_extra``. The tables ``by_<algorithm>`` hold every (digest, item) pair in the order of the
digests: they are indexes that an import fills in sorted order, one pass each, where the database's
own index would be updated at random places for every row.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from psihash.terms import AlgorithmId

metadata = sa.MetaData()

_NO_ROWID: Final[dict[str, Any]] = {"sqlite_with_rowid": False}


def _big(name: str, **kwargs: Any) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False, **kwargs)


def _text(name: str, **kwargs: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, **kwargs)


def _blob(name: str, **kwargs: Any) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False, **kwargs)


# --- holdings ---------------------------------------------------------------------------------

collections = sa.Table(
    "collections",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    _text("name", unique=True),
    _text("kind"),
    _text("created"),
    _text("updated"),
    _big("items"),
    *(_big(f"with_{algorithm}") for algorithm in AlgorithmId),
    sqlite_autoincrement=True,
)
"""``items`` and ``with_*`` are counts that every change of the holdings brings up to date."""

sources = sa.Table(
    "sources",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("collection_id", sa.Integer(), nullable=True),
    _text("name"),
    _text("sha256"),
    _big("bytes"),
    _text("format"),
    _big("rows"),
    _text("imported"),
    sqlite_autoincrement=True,
)
"""Every file that was imported. ``collection_id`` is null for exclusion lists. No id is ever used
twice: memberships and verdicts tell old from new by it."""

items = sa.Table(
    "items",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
    *(sa.Column(algorithm.value, sa.LargeBinary(), nullable=True) for algorithm in AlgorithmId),
    sa.Column("size", sa.BigInteger(), nullable=True),
    sa.Column("media_type", sa.Text(), nullable=True),
)
sa.Index(
    "items_without_md5",
    items.c.id,
    sqlite_where=items.c.md5.is_(None),
    postgresql_where=items.c.md5.is_(None),
)
"""Items that a row with an MD5 may yet join; usually there are none, and an import sees it here."""

item_extra = sa.Table(
    "item_extra",
    metadata,
    _big("item_id", primary_key=True),
    _text("algorithm", primary_key=True),
    _blob("raw", primary_key=True),
    **_NO_ROWID,
)

item_other = sa.Table(
    "item_other",
    metadata,
    _big("item_id", primary_key=True),
    _text("kind", primary_key=True),
    _text("value", primary_key=True),
    **_NO_ROWID,
)

by_digest = {
    algorithm: sa.Table(
        f"by_{algorithm}",
        metadata,
        _blob("raw", primary_key=True),
        _big("item_id", primary_key=True),
        **_NO_ROWID,
    )
    for algorithm in AlgorithmId
}

memberships = sa.Table(
    "memberships",
    metadata,
    sa.Column("collection_id", sa.Integer(), primary_key=True),
    _big("item_id", primary_key=True),
    sa.Column("source_id", sa.Integer(), nullable=False),
    sa.Column("seen_id", sa.Integer(), nullable=False),
    sa.Index("memberships_by_item", "item_id"),
    **_NO_ROWID,
)
"""``source_id`` first put the item into the collection, ``seen_id`` last confirmed it."""

item_verdicts = sa.Table(
    "item_verdicts",
    metadata,
    _big("item_id", primary_key=True),
    sa.Column("collection_id", sa.Integer(), primary_key=True),
    _text("body", primary_key=True),
    sa.Column("dialect", sa.Text(), nullable=True),
    sa.Column("category", sa.Text(), nullable=True),
    sa.Column("source_id", sa.Integer(), nullable=False),
    sa.Column("seen_id", sa.Integer(), nullable=False),
    sa.Index("item_verdicts_by_collection", "collection_id"),
    **_NO_ROWID,
)

exclusions = sa.Table(
    "exclusions",
    metadata,
    _text("algorithm", primary_key=True),
    _blob("raw", primary_key=True),
    _text("reason"),
    **_NO_ROWID,
)

excluded_items = sa.Table(
    "excluded_items",
    metadata,
    sa.Column("collection_id", sa.Integer(), primary_key=True),
    _text("algorithm", primary_key=True),
    _blob("raw", primary_key=True),
    _text("reason"),
    **_NO_ROWID,
)
"""Items that lists named and that were left out, by the digest that identifies them."""

# --- the log ----------------------------------------------------------------------------------

log_entries = sa.Table(
    "log_entries",
    metadata,
    sa.Column(
        "seq",
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    _blob("leaf_hash"),
    _blob("header"),
    sa.Column("shared", sa.LargeBinary(), nullable=True),
    sa.Column("shared_blind", sa.LargeBinary(), nullable=True),
    sa.Column("local", sa.LargeBinary(), nullable=True),
    sa.Column("local_blind", sa.LargeBinary(), nullable=True),
)

log_head = sa.Table(
    "log_head",
    metadata,
    sa.Column("one", sa.Integer(), sa.CheckConstraint("one = 1"), primary_key=True),
    _big("size"),
    _blob("frontier"),
)

log_checkpoints = sa.Table(
    "log_checkpoints",
    metadata,
    sa.Column(
        "size",
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    _blob("note"),
)

peer_checkpoints = sa.Table(
    "peer_checkpoints",
    metadata,
    _text("origin", primary_key=True),
    _big("size"),
    _blob("root"),
    _blob("note"),
)

# --- peers, agreements, commitments -------------------------------------------------------------

peers = sa.Table(
    "peers",
    metadata,
    _text("agency", primary_key=True),
    _blob("card"),
    _text("fingerprint"),
    _text("status"),
    _text("added"),
    _text("changed"),
)

peer_cards = sa.Table(
    "peer_cards",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("agency", sa.Text(), sa.ForeignKey("peers.agency"), nullable=False, index=True),
    _blob("card"),
    _text("fingerprint"),
    _text("superseded"),
)

agreements = sa.Table(
    "agreements",
    metadata,
    _text("id", primary_key=True),
    _text("peer"),
    _blob("terms"),
    _text("status"),
    _text("created"),
    _text("changed"),
)

agreement_documents = sa.Table(
    "agreement_documents",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("agreement", sa.Text(), sa.ForeignKey("agreements.id"), nullable=False),
    _text("kind"),
    _text("author"),
    _blob("digest"),
    _blob("body"),
    _text("added"),
    sa.UniqueConstraint("agreement", "kind", "author", "digest"),
)

agreement_collections = sa.Table(
    "agreement_collections",
    metadata,
    sa.Column("agreement", sa.Text(), sa.ForeignKey("agreements.id"), primary_key=True),
    _text("opaque_id", primary_key=True),
    _text("collection"),
    _text("kind"),
    sa.UniqueConstraint("agreement", "collection"),
)

commitments = sa.Table(
    "commitments",
    metadata,
    _text("agreement", primary_key=True),
    _text("opaque_id", primary_key=True),
    _text("algorithm", primary_key=True),
    _blob("sealed_seed"),
    _big("size"),
    _text("created"),
)

commitment_chunks = sa.Table(
    "commitment_chunks",
    metadata,
    _text("agreement", primary_key=True),
    _text("opaque_id", primary_key=True),
    _text("algorithm", primary_key=True),
    sa.Column("number", sa.Integer(), primary_key=True),
    _blob("leaf_hashes"),
    _blob("present"),
    _blob("digests"),
)

commitment_roots = sa.Table(
    "commitment_roots",
    metadata,
    _text("agreement", primary_key=True),
    _text("opaque_id", primary_key=True),
    _text("algorithm", primary_key=True),
    _big("size", primary_key=True),
    _blob("root"),
    _text("added"),
)

peer_roots = sa.Table(
    "peer_roots",
    metadata,
    _text("agreement", primary_key=True),
    _text("owner", primary_key=True),
    _text("opaque_id", primary_key=True),
    _text("algorithm", primary_key=True),
    _big("size"),
    _blob("root"),
)

# --- sessions, ledger, leases, outbox -----------------------------------------------------------

sessions = sa.Table(
    "sessions",
    metadata,
    _text("id", primary_key=True),
    _text("peer"),
    _text("agreement"),
    _text("role"),
    _text("state"),
    _text("rung"),
    _text("engine"),
    _text("opened", index=True),
    sa.Column("closed", sa.Text(), nullable=True),
    sa.Column("outcome", sa.Text(), nullable=True),
    sa.Column("summary", sa.LargeBinary(), nullable=True),
    sa.Column("erased", sa.Text(), nullable=True),
    sa.Column("previous", sa.Text(), nullable=True),
    sa.Column("receipt", sa.Text(), nullable=True, index=True),
    sa.Column("own_request", sa.Text(), nullable=True, index=True),
    sa.Column("peer_request", sa.Text(), nullable=True, index=True),
)

session_keys = sa.Table(
    "session_keys",
    metadata,
    sa.Column("session", sa.Text(), sa.ForeignKey("sessions.id"), primary_key=True),
    _blob("sealed_key"),
)

session_blobs = sa.Table(
    "session_blobs",
    metadata,
    sa.Column("session", sa.Text(), sa.ForeignKey("sessions.id"), primary_key=True),
    _text("name", primary_key=True),
    _blob("sealed"),
)

charges = sa.Table(
    "charges",
    metadata,
    _text("session", primary_key=True),
    _text("opaque_id", primary_key=True),
    _text("algorithm", primary_key=True),
    _text("peer"),
    _text("agreement"),
    _big("elements"),
    _big("runs"),
    _text("time"),
    sa.Index("charges_by_agreement", "agreement", "time"),
    sa.Index("charges_by_peer", "peer", "time"),
)

leases = sa.Table(
    "leases",
    metadata,
    _text("name", primary_key=True),
    _text("holder"),
    _big("token"),
    _text("expires"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    _text("peer"),
    _text("kind"),
    _blob("body"),
    _text("created"),
    sa.Column("delivered", sa.Text(), nullable=True),
    sa.Column("session", sa.Text(), nullable=True, index=True),
    sa.Index("outbox_by_peer", "peer", "delivered"),
)
"""``session``: the one that a document is about and ends with; null for all others."""
