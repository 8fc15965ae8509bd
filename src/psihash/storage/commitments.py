"""Commitments to sets: the leaves of our own, and the roots we have seen of the peer's.

Leaves lie in chunks of 4,096. A digest stands beside its leaf hash so that a leaf can be opened;
a dummy has none. The tree's meaning is :mod:`psihash.agreement`'s; here it is bytes that only grow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from psihash import errors
from psihash.bulk import Bytes2D, is_in
from psihash.storage.database import Database
from psihash.storage.errors import damaged
from psihash.storage.tables import commitment_chunks, commitment_roots, commitments, peer_roots
from psihash.storage.times import normal
from psihash.terms import AlgorithmId

CHUNK_LEAVES: Final = 4_096
_HASH_BYTES: Final = 32

UNKNOWN_COMMITMENT = errors.define(
    "unknown-commitment", "no commitment is stored for that collection and algorithm"
)
COMMITMENT_EXISTS = errors.define(
    "commitment-exists", "a commitment is stored already for that collection and algorithm"
)
PEER_ROOT_NOT_NEWER = errors.define(
    "peer-root-not-newer", "a peer's set root is smaller than the one kept, or differs from it"
)


@dataclass(frozen=True, slots=True)
class CommitmentKey:
    """Which set: an opaque collection of ours under an agreement, and an algorithm."""

    agreement: str
    opaque_id: str
    algorithm: AlgorithmId

    def columns(self) -> dict[str, str]:
        return {
            "agreement": self.agreement,
            "opaque_id": self.opaque_id,
            "algorithm": self.algorithm.value,
        }


@dataclass(frozen=True, slots=True)
class CommitmentRow:
    """A commitment as it stands. ``size`` counts leaves, dummies included."""

    key: CommitmentKey
    sealed_seed: bytes
    size: int
    created: str


@dataclass(frozen=True, slots=True, eq=False)
class Leaves:
    """Some leaves in a row."""

    hashes: bytes
    """32 bytes for each leaf."""
    real: npt.NDArray[np.bool_]
    """For each leaf whether it has a digest; a dummy has none."""
    digests: Bytes2D
    """Of those that have one, in their order: (number of them, digest bytes)."""

    def __post_init__(self) -> None:
        if len(self.hashes) != len(self.real) * _HASH_BYTES:
            raise ValueError("one leaf hash of 32 bytes for each leaf")
        if len(self.digests) != np.count_nonzero(self.real):
            raise ValueError("one digest for each leaf that is not a dummy")

    def __len__(self) -> int:
        return len(self.real)

    def part(self, start: int, stop: int) -> Leaves:
        """Leaves ``start`` to ``stop``."""
        first, last = np.count_nonzero(self.real[:start]), np.count_nonzero(self.real[:stop])
        hashes = self.hashes[start * _HASH_BYTES : stop * _HASH_BYTES]
        return Leaves(hashes, self.real[start:stop], self.digests[first:last])

    @classmethod
    def joined(cls, parts: list[Leaves]) -> Leaves:
        """Some parts, of one algorithm, one behind the other; at least one."""
        return cls(
            b"".join(part.hashes for part in parts),
            np.concatenate([part.real for part in parts]),
            np.concatenate([part.digests for part in parts]),
        )

    @classmethod
    def none(cls, algorithm: AlgorithmId) -> Leaves:
        """No leaves."""
        empty = np.empty((0, algorithm.digest_bytes), dtype=np.uint8)
        return cls(b"", np.empty(0, dtype=np.bool_), empty)


@dataclass(frozen=True, slots=True)
class RootRow:
    """A root of our own at one size."""

    size: int
    root: bytes
    added: str


@dataclass(frozen=True, slots=True)
class PeerRoot:
    """The largest root seen of a peer's set."""

    agreement: str
    owner: str
    opaque_id: str
    algorithm: AlgorithmId
    size: int
    root: bytes


class CommitmentStore:
    """Commitments by key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, key: CommitmentKey, sealed_seed: bytes, now: str) -> None:
        """Begin an empty commitment. Raises StateError ``commitment-exists``."""
        with self._database.transaction() as connection:
            if self.find(key) is not None:
                raise errors.StateError(
                    COMMITMENT_EXISTS, "there is a commitment for that collection already"
                )
            connection.execute(
                commitments.insert().values(
                    **key.columns(), sealed_seed=sealed_seed, size=0, created=normal(now)
                )
            )

    def find(self, key: CommitmentKey) -> CommitmentRow | None:
        """The commitment, or None."""
        query = sa.select(commitments).where(*_is(commitments, key))
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else CommitmentRow(key, row.sealed_seed, row.size, row.created)

    def get(self, key: CommitmentKey) -> CommitmentRow:
        """The commitment. Raises NotFoundError ``unknown-commitment``."""
        found = self.find(key)
        if found is None:
            raise errors.NotFoundError(
                UNKNOWN_COMMITMENT, "there is no commitment for that collection yet"
            )
        return found

    def append(
        self, key: CommitmentKey, expected_size: int, leaves: Leaves, root: bytes, now: str
    ) -> bool:
        """Append leaves and keep the new root, all or nothing; False, with nothing changed, where
        the size is no longer ``expected_size``. A digest has the algorithm's length."""
        if not len(leaves) or leaves.digests.shape[1] != key.algorithm.digest_bytes:
            raise ValueError("at least one leaf, and digests of the algorithm's length")
        with self._database.transaction() as connection:
            moved = connection.execute(
                commitments.update()
                .where(*_is(commitments, key), commitments.c.size == expected_size)
                .values(size=expected_size + len(leaves))
            )
            if moved.rowcount != 1:
                self.get(key)
                return False
            _write_leaves(connection, key, expected_size, leaves)
            connection.execute(
                commitment_roots.insert().values(
                    **key.columns(),
                    size=expected_size + len(leaves),
                    root=root,
                    added=normal(now),
                )
            )
        return True

    def forget(self, key: CommitmentKey, erased: Bytes2D) -> int:
        """Take digests that are no longer held out of the leaves; return how many there were. The
        leaf hashes stay: salted, they say nothing, and the tree must keep its root."""
        found = 0
        with self._database.transaction() as connection:
            for number, chunk in enumerate(self.chunks(key)):
                gone = is_in(chunk.digests, erased)
                if not gone.any():
                    continue
                found += int(np.count_nonzero(gone))
                kept = chunk.real.copy()
                kept[np.flatnonzero(chunk.real)[gone]] = False
                connection.execute(
                    commitment_chunks.update()
                    .where(*_is(commitment_chunks, key), commitment_chunks.c.number == number)
                    .values(present=_bitmap(kept), digests=chunk.digests[~gone].tobytes())
                )
            if found:
                self._database.erased()
        return found

    def chunk(self, key: CommitmentKey, number: int) -> Leaves:
        """Leaves ``number * 4096`` and following. Raises NotFoundError past the end."""
        query = sa.select(commitment_chunks).where(
            *_is(commitment_chunks, key), commitment_chunks.c.number == number
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise errors.NotFoundError(UNKNOWN_COMMITMENT, "the commitment has no such leaf")
        return _chunk(key, row)

    def chunks(self, key: CommitmentKey) -> Iterator[Leaves]:
        """All leaves in order, 4,096 at a time; raises NotFoundError for an unknown key."""
        size = self.get(key).size
        for number in range(-(-size // CHUNK_LEAVES)):
            yield self.chunk(key, number).part(0, min(CHUNK_LEAVES, size - number * CHUNK_LEAVES))

    def leaves(self, key: CommitmentKey) -> Leaves:
        """All leaves: 48 to 96 bytes for each."""
        return Leaves.joined([Leaves.none(key.algorithm), *self.chunks(key)])

    def roots(self, key: CommitmentKey) -> list[RootRow]:
        """Every root there ever was, smallest size first."""
        query = sa.select(commitment_roots).where(*_is(commitment_roots, key))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(commitment_roots.c.size))
            return [RootRow(row.size, row.root, row.added) for row in rows]

    def erase(self, agreement: str) -> None:
        """Erase salts, digests and leaves of every commitment under an agreement. Roots stay:
        they say nothing about the material."""
        with self._database.transaction() as connection:
            for table in (commitment_chunks, commitments):
                connection.execute(table.delete().where(table.c.agreement == agreement))
            self._database.erased()

    def peer_root(
        self, agreement: str, owner: str, opaque_id: str, algorithm: AlgorithmId
    ) -> PeerRoot | None:
        """The largest root seen of a peer's set, or None."""
        columns = peer_roots.c
        query = sa.select(columns.size, columns.root).where(
            columns.agreement == agreement,
            columns.owner == owner,
            columns.opaque_id == opaque_id,
            columns.algorithm == algorithm.value,
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return PeerRoot(agreement, owner, opaque_id, algorithm, row.size, row.root)

    def save_peer_root(self, root: PeerRoot) -> None:
        """Keep a verified root that is larger, or the same again. Raises VerificationError
        ``peer-root-not-newer``: a set cannot shrink or be swapped."""
        statement = sa.text(
            "INSERT INTO peer_roots (agreement, owner, opaque_id, algorithm, size, root)"
            " VALUES (:agreement, :owner, :opaque_id, :algorithm, :size, :root)"
            " ON CONFLICT (agreement, owner, opaque_id, algorithm) DO UPDATE"
            " SET size = excluded.size, root = excluded.root"
            " WHERE peer_roots.size < excluded.size"
            " OR (peer_roots.size = excluded.size AND peer_roots.root = excluded.root)"
        )
        values = {
            "agreement": root.agreement,
            "owner": root.owner,
            "opaque_id": root.opaque_id,
            "algorithm": root.algorithm.value,
            "size": root.size,
            "root": root.root,
        }
        with self._database.transaction() as connection:
            if connection.execute(statement, values).rowcount != 1:
                raise errors.VerificationError(
                    PEER_ROOT_NOT_NEWER,
                    "the peer's set root is smaller than the one kept, or contradicts it",
                )


def _is(table: sa.Table, key: CommitmentKey) -> list[sa.ColumnElement[bool]]:
    return [table.c[name] == value for name, value in key.columns().items()]


def _write_leaves(connection: Connection, key: CommitmentKey, start: int, leaves: Leaves) -> None:
    first, filled = divmod(start, CHUNK_LEAVES)
    if filled:
        where = [*_is(commitment_chunks, key), commitment_chunks.c.number == first]
        row = connection.execute(sa.select(commitment_chunks).where(*where)).one()
        leaves = Leaves.joined([_chunk(key, row).part(0, filled), leaves])
        connection.execute(commitment_chunks.delete().where(*where))
    rows = []
    for offset in range(0, len(leaves), CHUNK_LEAVES):
        part = leaves.part(offset, min(offset + CHUNK_LEAVES, len(leaves)))
        rows.append(
            {
                **key.columns(),
                "number": first + offset // CHUNK_LEAVES,
                "leaf_hashes": part.hashes,
                "present": _bitmap(part.real),
                "digests": part.digests.tobytes(),
            }
        )
    connection.execute(commitment_chunks.insert(), rows)


def _bitmap(real: npt.NDArray[np.bool_]) -> bytes:
    """Bit i (from the lowest of byte 0) says whether leaf i has a digest."""
    return np.packbits(real, bitorder="little").tobytes()


def _chunk(key: CommitmentKey, row: Any) -> Leaves:
    count, rest = divmod(len(row.leaf_hashes), _HASH_BYTES)
    bits = np.unpackbits(np.frombuffer(row.present, dtype=np.uint8), bitorder="little")
    real, width = bits[:count].astype(np.bool_), key.algorithm.digest_bytes
    whole = not rest and len(row.present) == -(-count // 8) and not bits[count:].any()
    if not whole or np.count_nonzero(real) * width != len(row.digests):
        raise damaged("commitment")
    digests = np.frombuffer(row.digests, dtype=np.uint8).reshape(-1, width)
    return Leaves(row.leaf_hashes, real, digests)
