"""The peers that this node knows, read from the store each time: a suspension counts at once."""

from __future__ import annotations

from functools import lru_cache

from psihash.identity.cards import VerifiedCard, accept_card, parse_card
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
    return KnownPeer(_accepted(row.card, row.fingerprint), PeerStatus(row.status.value))


@lru_cache(maxsize=128)
def _accepted(card: bytes, fingerprint: str) -> VerifiedCard:
    """Every call of a peer asks for its card; the same bytes are the same card."""
    return accept_card(parse_card(card), fingerprint)
