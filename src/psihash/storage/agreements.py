"""Agreements, their signed documents, and which collection stands behind an opaque id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from psihash import errors
from psihash.storage.database import Database
from psihash.storage.tables import agreement_collections, agreement_documents, agreements
from psihash.storage.times import normal
from psihash.terms import CollectionKind

UNKNOWN_AGREEMENT = errors.define("unknown-agreement", "no agreement of that id is stored")
AGREEMENT_EXISTS = errors.define("agreement-exists", "an agreement of that id is stored already")
AGREEMENT_MOVED = errors.define(
    "agreement-moved", "another process changed the agreement's status meanwhile"
)
OFFER_EXISTS = errors.define(
    "offer-exists", "that collection or opaque id is already offered under the agreement"
)


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """An agreement as stored. ``terms`` are the bytes that both sides sign; ``status`` is a word
    of :mod:`psihash.agreement`."""

    id: str
    peer: str
    terms: bytes
    status: str
    created: str
    changed: str


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A signed document (approval, annex, revocation ...) with the agency that signed it."""

    agreement: str
    kind: str
    author: str
    digest: bytes
    body: bytes
    added: str


@dataclass(frozen=True, slots=True)
class OfferedCollection:
    """One of our own collections under the opaque id that the peer knows it by."""

    agreement: str
    opaque_id: str
    collection: str
    kind: CollectionKind


class AgreementStore:
    """Agreements by id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, agreement: str, peer: str, terms: bytes, status: str, now: str) -> AgreementRow:
        """Store a new agreement. Raises StateError ``agreement-exists``."""
        now = normal(now)
        with self._database.transaction() as connection:
            if self.find(agreement) is not None:
                raise errors.StateError(AGREEMENT_EXISTS, "that agreement is stored already")
            connection.execute(
                agreements.insert().values(
                    id=agreement, peer=peer, terms=terms, status=status, created=now, changed=now
                )
            )
        return AgreementRow(agreement, peer, terms, status, now, now)

    def find(self, agreement: str) -> AgreementRow | None:
        """The agreement of that id, or None."""
        with self._database.reading() as connection:
            row = connection.execute(
                sa.select(agreements).where(agreements.c.id == agreement)
            ).first()
        return None if row is None else _agreement(row)

    def get(self, agreement: str) -> AgreementRow:
        """The agreement of that id. Raises NotFoundError ``unknown-agreement``."""
        found = self.find(agreement)
        if found is None:
            raise errors.NotFoundError(UNKNOWN_AGREEMENT, "no agreement of that id is known")
        return found

    def lock(self, agreement: str) -> None:
        """Inside a transaction: keep every other writer off this agreement until it ends. SQLite
        has one writer at a time anyway; PostgreSQL locks the row."""
        with self._database.transaction() as connection:
            query = sa.select(agreements.c.id).where(agreements.c.id == agreement)
            connection.execute(query.with_for_update()).first()

    def all(self, *, peer: str | None = None, status: str | None = None) -> list[AgreementRow]:
        """Agreements, oldest first."""
        query = sa.select(agreements).order_by(agreements.c.created, agreements.c.id)
        if peer is not None:
            query = query.where(agreements.c.peer == peer)
        if status is not None:
            query = query.where(agreements.c.status == status)
        with self._database.reading() as connection:
            return [_agreement(row) for row in connection.execute(query)]

    def set_status(self, agreement: str, status: str, now: str, *, expected: str) -> AgreementRow:
        """Move from status ``expected`` to ``status``. Raises StateError ``agreement-moved``."""
        with self._database.transaction() as connection:
            self.get(agreement)
            moved = connection.execute(
                agreements.update()
                .where(agreements.c.id == agreement, agreements.c.status == expected)
                .values(status=status, changed=normal(now))
            )
            if moved.rowcount != 1:
                raise errors.StateError(
                    AGREEMENT_MOVED, "the agreement changed meanwhile; look at it again"
                )
            return self.get(agreement)

    def add_document(
        self, agreement: str, kind: str, author: str, digest: bytes, body: bytes, now: str
    ) -> bool:
        """Keep a document; False where this very one is kept already (it may come twice, by
        contact and as a file)."""
        with self._database.transaction() as connection:
            self.get(agreement)
            added = connection.execute(
                sa.text(
                    "INSERT INTO agreement_documents (agreement, kind, author, digest, body, added)"
                    " VALUES (:agreement, :kind, :author, :digest, :body, :added)"
                    " ON CONFLICT DO NOTHING"
                ),
                {
                    "agreement": agreement,
                    "kind": kind,
                    "author": author,
                    "digest": digest,
                    "body": body,
                    "added": normal(now),
                },
            )
            return added.rowcount == 1

    def documents(
        self, agreement: str, *, kind: str | None = None, author: str | None = None
    ) -> list[DocumentRow]:
        """The documents of an agreement in the order they came."""
        columns = agreement_documents.c
        query = sa.select(agreement_documents).where(columns.agreement == agreement)
        if kind is not None:
            query = query.where(columns.kind == kind)
        if author is not None:
            query = query.where(columns.author == author)
        with self._database.reading() as connection:
            return [
                DocumentRow(row.agreement, row.kind, row.author, row.digest, row.body, row.added)
                for row in connection.execute(query.order_by(columns.id))
            ]

    def offer(self, agreement: str, opaque_id: str, collection: str, kind: CollectionKind) -> None:
        """Offer a collection under an opaque id. Raises StateError ``offer-exists``."""
        with self._database.transaction() as connection:
            self.get(agreement)
            added = connection.execute(
                sa.text(
                    "INSERT INTO agreement_collections (agreement, opaque_id, collection, kind)"
                    " VALUES (:agreement, :opaque_id, :collection, :kind) ON CONFLICT DO NOTHING"
                ),
                {
                    "agreement": agreement,
                    "opaque_id": opaque_id,
                    "collection": collection,
                    "kind": kind.value,
                },
            )
            if added.rowcount != 1:
                raise errors.StateError(
                    OFFER_EXISTS, "that collection is already offered under this agreement"
                )

    def offered(self, agreement: str) -> list[OfferedCollection]:
        """What this agency offers under an agreement, by opaque id."""
        columns = agreement_collections.c
        query = sa.select(agreement_collections).where(columns.agreement == agreement)
        with self._database.reading() as connection:
            return [
                OfferedCollection(
                    row.agreement, row.opaque_id, row.collection, CollectionKind(row.kind)
                )
                for row in connection.execute(query.order_by(columns.opaque_id))
            ]


def _agreement(row: Any) -> AgreementRow:
    return AgreementRow(row.id, row.peer, row.terms, row.status, row.created, row.changed)
