"""The agencies this one knows, with the card that stands and those it replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from psihash import errors
from psihash.identity.trust import PeerStatus
from psihash.storage.database import Database
from psihash.storage.tables import peer_cards, peers
from psihash.storage.times import normal

UNKNOWN_PEER = errors.define("unknown-peer", "no peer of that name is stored")
PEER_EXISTS = errors.define("peer-exists", "a peer of that name is stored already")
PEER_CARD_MOVED = errors.define(
    "peer-card-moved", "another process replaced the peer's card meanwhile"
)


@dataclass(frozen=True, slots=True)
class PeerRow:
    """A peer as stored. ``card`` is the card's canonical bytes."""

    agency: str
    card: bytes
    fingerprint: str
    status: PeerStatus
    added: str
    changed: str


@dataclass(frozen=True, slots=True)
class SupersededCard:
    """A card that a newer one replaced at ``superseded``."""

    agency: str
    card: bytes
    fingerprint: str
    superseded: str


class PeerStore:
    """Peers by agency id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, agency: str, card: bytes, fingerprint: str, now: str) -> PeerRow:
        """Add an active peer. Raises StateError ``peer-exists``."""
        now = normal(now)
        row = PeerRow(agency, card, fingerprint, PeerStatus.ACTIVE, now, now)
        with self._database.transaction() as connection:
            if self.find(agency) is not None:
                raise errors.StateError(
                    PEER_EXISTS,
                    f"{agency} is already a peer",
                    hint="a newer card of the same agency replaces the old one",
                )
            connection.execute(
                peers.insert().values(
                    agency=agency,
                    card=card,
                    fingerprint=fingerprint,
                    status=PeerStatus.ACTIVE.value,
                    added=now,
                    changed=now,
                )
            )
        return row

    def find(self, agency: str) -> PeerRow | None:
        """The peer of that name, or None."""
        with self._database.reading() as connection:
            row = connection.execute(sa.select(peers).where(peers.c.agency == agency)).first()
        return None if row is None else _peer(row)

    def get(self, agency: str) -> PeerRow:
        """The peer of that name. Raises NotFoundError ``unknown-peer``."""
        found = self.find(agency)
        if found is None:
            raise errors.NotFoundError(UNKNOWN_PEER, "no peer of that name is known")
        return found

    def all(self, status: PeerStatus | None = None) -> list[PeerRow]:
        """All peers, or those of one status, by agency id."""
        query = sa.select(peers).order_by(peers.c.agency)
        if status is not None:
            query = query.where(peers.c.status == status.value)
        with self._database.reading() as connection:
            return [_peer(row) for row in connection.execute(query)]

    def replace_card(
        self, agency: str, card: bytes, fingerprint: str, now: str, *, expected: str
    ) -> PeerRow:
        """Put a newer card in place of the one with fingerprint ``expected``, which is kept in
        the history. Raises StateError ``peer-card-moved`` where that one is no longer current."""
        now = normal(now)
        with self._database.transaction() as connection:
            old = self.get(agency)
            moved = connection.execute(
                peers.update()
                .where(peers.c.agency == agency, peers.c.fingerprint == expected)
                .values(card=card, fingerprint=fingerprint, changed=now)
            )
            if moved.rowcount != 1:
                raise errors.StateError(
                    PEER_CARD_MOVED, "the peer's card was replaced meanwhile; look at it again"
                )
            connection.execute(
                peer_cards.insert().values(
                    agency=agency, card=old.card, fingerprint=old.fingerprint, superseded=now
                )
            )
            return self.get(agency)

    def set_status(self, agency: str, status: PeerStatus, now: str) -> PeerRow:
        """Activate, suspend or revoke. Raises NotFoundError."""
        with self._database.transaction() as connection:
            connection.execute(
                peers.update()
                .where(peers.c.agency == agency)
                .values(status=status.value, changed=normal(now))
            )
            return self.get(agency)

    def history(self, agency: str) -> list[SupersededCard]:
        """The cards that were replaced, oldest first."""
        query = sa.select(peer_cards).where(peer_cards.c.agency == agency).order_by(peer_cards.c.id)
        with self._database.reading() as connection:
            return [
                SupersededCard(row.agency, row.card, row.fingerprint, row.superseded)
                for row in connection.execute(query)
            ]

    def replaced(self, agency: str, since: str) -> int:
        """How many cards were replaced since then."""
        query = (
            sa.select(sa.func.count())
            .select_from(peer_cards)
            .where(peer_cards.c.agency == agency, peer_cards.c.superseded >= normal(since))
        )
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())


def _peer(row: Any) -> PeerRow:
    return PeerRow(
        row.agency, row.card, row.fingerprint, PeerStatus(row.status), row.added, row.changed
    )
