"""Bundles over logs in memory, and what lies in them."""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash.audit.bundle import CheckpointLine, DocumentLine, EntryLine, Header, Kind
from psihash.audit.bundle_verify import VerifiedBundle, verify_bundle
from psihash.audit.bundle_writer import BundleWriter, selection, whole_log
from psihash.audit.checkpoint import open_checkpoint
from psihash.audit.cosignature import attach, cosign, cosigner_name
from psihash.audit.entry import StoredEntry
from psihash.audit.event import Event
from psihash.audit.log import Log
from psihash.audit.merkle import Frontier, StoredTree
from psihash.audit.trust import Trust
from psihash.identity import authority, keys
from psihash.identity.cards import Card, make_card
from psihash.identity.keys import KeyRing
from tests.audit.bench import CountingRng, MemoryStore

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
MADE = "2026-01-02T00:00:00.000Z"
SESSION = "ab" * 32

Part = EntryLine | CheckpointLine | DocumentLine


class KeySigner:
    """An Ed25519 key as a signer."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


@dataclass
class Agency:
    """One agency: keys, cards, a log in memory."""

    name: str
    ring: KeyRing = field(default_factory=KeyRing.generate)
    cards: list[Card] = field(default_factory=list)
    store: MemoryStore = field(default_factory=MemoryStore)
    lines: dict[int, list[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ca = authority.make_ca(keys.new_p256_key(), self.name, self.name, "NL", NOW)
        self.issue()

    def issue(self, previous: KeyRing | None = None) -> Card:
        """A new card over the present keys, vouched for by those before."""
        card = make_card(
            self.ring.signing,
            self.ring.card_keys(self.origin),
            version=len(self.cards) + 1,
            agency=self.name,
            name=self.name,
            country="NL",
            ca_pem=self.ca.pem,
            now=NOW,
            previous_key=None if previous is None else previous.signing,
        )
        self.cards.append(card)
        return card

    def rotate(self, *, signing: bool = True) -> None:
        """A new log key, and a new signing key with it."""
        old, fresh = self.ring, KeyRing.generate()
        self.ring = replace(old, log=fresh.log, signing=fresh.signing if signing else old.signing)
        self.issue(old)

    @property
    def origin(self) -> str:
        return f"psihash/log/{self.name}"

    @property
    def signer(self) -> KeySigner:
        return KeySigner(self.ring.log)

    @property
    def log(self) -> Log:
        former = [card.keys.log for card in self.cards]
        return Log(self.store, self.origin, self.signer, CountingRng(), former)

    @property
    def trust(self) -> Trust:
        return Trust(cards=(self.cards[0],))

    def write(self, count: int, session: str = SESSION, what: str = "x") -> None:
        log = self.log
        for number in range(count):
            log.append(
                Event.SESSION_OPEN,
                {"session": session, "rung": "items", "n": number, "what": what},
                {"peer": "be-police", "actor": "jan"},
                MADE,
            )

    def sign(self) -> int:
        self.log.checkpoint()
        return self.store.at.size

    def cosigned_by(self, other: Agency, timestamp: int = 1_767_300_000) -> None:
        """The newest checkpoint, cosigned."""
        size = self.sign()
        checkpoint = open_checkpoint(self.store.notes[size], self.origin, self.signer.public_key)
        signer = KeySigner(other.ring.cosigning)
        line = cosign(checkpoint, cosigner_name(other.name), signer, timestamp).line
        self.lines.setdefault(size, []).append(line)

    def notes(self) -> dict[int, bytes]:
        return {
            size: attach(note, self.lines.get(size, ())) for size, note in self.store.notes.items()
        }

    # -- bundles -----------------------------------------------------------------------------------

    def header(self, kind: Kind = Kind.LOG, start: int = 0, **more: str) -> Header:
        frontier = Frontier()
        frontier.extend(b"".join(row.leaf_hash for row in self.store.rows[:start]))
        fields = {"since": None, "peer": None, "session": None} | more
        return Header(
            kind,
            self.origin,
            MADE,
            fields["since"],
            fields["peer"],
            fields["session"],
            tuple(self.cards),
            start,
            frontier.to_bytes(),
        )

    def parts(self, start: int = 0) -> list[Part]:
        notes = {size: note for size, note in self.notes().items() if size >= start}
        tree = StoredTree(b"".join(row.leaf_hash for row in self.store.rows[:start]))
        earlier = [
            (note, tree.consistency_proof(size))
            for size, note in sorted(self.notes().items())
            if size < start
        ]
        return list(whole_log(start, self.store.rows[start:], notes, earlier))

    def whole(self, start: int = 0) -> bytes:
        header = self.header(start=start, since=MADE) if start else self.header()
        return self.sealed(header, self.parts(start))

    def chosen(self, seqs: list[int], *, local: bool = False) -> list[Part]:
        size = self.store.at.size
        tree = StoredTree(b"".join(row.leaf_hash for row in self.store.rows))
        notes = self.notes()
        earlier = [
            (note, tree.consistency_proof(at)) for at, note in sorted(notes.items()) if at < size
        ]
        rows: list[tuple[StoredEntry, list[bytes]]] = [
            (self.store.rows[seq].withhold(local=not local), tree.inclusion_proof(seq))
            for seq in seqs
        ]
        return list(selection(notes[size], earlier, rows))

    def for_peer(self, peer: str, seqs: list[int]) -> bytes:
        return self.sealed(self.header(Kind.PEER, peer=peer), self.chosen(seqs))

    def of_session(self, seqs: list[int], session: str = SESSION) -> bytes:
        header = self.header(Kind.SESSION, session=session)
        return self.sealed(header, self.chosen(seqs, local=True))

    def sealed(self, header: Header, parts: list[Part], signer: KeySigner | None = None) -> bytes:
        """A bundle of these parts, sealed by the agency's key (or another)."""
        writer = BundleWriter(header, signer or self.signer)
        return b"".join([writer.begin(), *(writer.write(part) for part in parts), writer.close()])


def verified(data: bytes, *trust: Trust) -> VerifiedBundle:
    from psihash.audit.trust import joined

    return verify_bundle(io.BytesIO(data), joined(trust))
