"""The peers that this node knows, read from the store each time: a suspension counts at once."""

from __future__ import annotations

from psihash.identity.cards import accept_card, parse_card
from psihash.identity.trust import KnownPeer, PeerStatus
from psihash.storage.peers import PeerRow, PeerStore


class StoredDirectory:
    """Implements :class:`psihash.identity.trust.PeerDirectory` over the store."""

    def __init__(self, store: PeerStore) -> None:
        self._store = store

    def peer(self, agency: str) -> KnownPeer | None:
        row = self._store.find(agency)
        return None if row is None else known(row)

    def all(self) -> list[KnownPeer]:
        """Every peer there ever was, revoked ones too."""
        return [known(row) for row in self._store.all()]


def known(row: PeerRow) -> KnownPeer:
    """A stored peer; its card must still carry the fingerprint that was confirmed."""
    card = accept_card(parse_card(row.card), row.fingerprint)
    return KnownPeer(card, PeerStatus(row.status.value))
