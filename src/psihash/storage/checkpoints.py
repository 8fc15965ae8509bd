"""The latest checkpoint seen of every other agency's log.

A row only moves forward: a smaller size, or another root at the same size, is never written,
because the row is what a rollback or a fork is later shown with.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from psihash import errors
from psihash.storage.database import Database
from psihash.storage.tables import peer_checkpoints

CHECKPOINT_NOT_NEWER = errors.define(
    "checkpoint-not-newer",
    "a checkpoint of another log is smaller than the one kept, or differs from it",
)


@dataclass(frozen=True, slots=True)
class PeerCheckpoint:
    """The largest checkpoint seen of one log, with its signed note as it came."""

    origin: str
    size: int
    root: bytes
    note: bytes


class PeerCheckpointStore:
    """One row per log origin."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, origin: str) -> PeerCheckpoint | None:
        """The largest checkpoint seen of ``origin``."""
        with self._database.reading() as connection:
            row = connection.execute(
                sa.select(peer_checkpoints).where(peer_checkpoints.c.origin == origin)
            ).first()
        return None if row is None else PeerCheckpoint(row.origin, row.size, row.root, row.note)

    def all(self) -> list[PeerCheckpoint]:
        """The latest of every origin, by name."""
        with self._database.reading() as connection:
            rows = connection.execute(
                sa.select(peer_checkpoints).order_by(peer_checkpoints.c.origin)
            )
            return [PeerCheckpoint(row.origin, row.size, row.root, row.note) for row in rows]

    def replace(self, checkpoint: PeerCheckpoint) -> None:
        """Put another head in place of the one held: a person decided that the log goes on from
        there."""
        with self._database.transaction() as connection:
            connection.execute(
                peer_checkpoints.update()
                .where(peer_checkpoints.c.origin == checkpoint.origin)
                .values(size=checkpoint.size, root=checkpoint.root, note=checkpoint.note)
            )

    def save(self, checkpoint: PeerCheckpoint) -> None:
        """Keep a verified checkpoint: one that is larger, or of equal size and root (its note may
        bear more cosignatures). Raises VerificationError ``checkpoint-not-newer``.

        Whether a larger one is *consistent* is for the caller to have proven.
        """
        statement = sa.text(
            "INSERT INTO peer_checkpoints (origin, size, root, note)"
            " VALUES (:origin, :size, :root, :note)"
            " ON CONFLICT (origin) DO UPDATE"
            " SET size = excluded.size, root = excluded.root, note = excluded.note"
            " WHERE peer_checkpoints.size < excluded.size"
            " OR (peer_checkpoints.size = excluded.size AND peer_checkpoints.root = excluded.root)"
        )
        values = {
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "root": checkpoint.root,
            "note": checkpoint.note,
        }
        with self._database.transaction() as connection:
            if connection.execute(statement, values).rowcount != 1:
                raise errors.VerificationError(
                    CHECKPOINT_NOT_NEWER,
                    "this checkpoint is smaller than the one kept for that log, or contradicts it",
                )
