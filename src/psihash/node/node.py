"""A node: one agency's keys, store, log and engines, put together for the use cases."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash.audit.entry import Entry, log_origin
from psihash.audit.event import Event
from psihash.audit.log import Log
from psihash.identity import sealing
from psihash.identity.cards import Card, parse_card
from psihash.identity.certificates import leaf_fingerprint
from psihash.identity.keys import KeyRing
from psihash.identity.trust import KnownPeer
from psihash.node.clock import Clock, milliseconds, seconds
from psihash.node.home.settings import Settings
from psihash.node.memory import Refusals, VerifiedRoster
from psihash.node.peering.directory import StoredDirectory
from psihash.node.peering.refusals import QuietRecords
from psihash.psi.registry import Registry
from psihash.session.deal import Side
from psihash.storage.agreements import AgreementStore
from psihash.storage.central import CentralStore
from psihash.storage.central_copy import CopyStore
from psihash.storage.central_entries import EntryStore
from psihash.storage.central_pages import PublicationStore
from psihash.storage.central_runs import RunStore
from psihash.storage.central_values import ValueStore
from psihash.storage.checkpoints import PeerCheckpointStore
from psihash.storage.commitments import CommitmentStore
from psihash.storage.contributions import ContributionStore
from psihash.storage.corrections import CorrectionStore
from psihash.storage.database import Database
from psihash.storage.exports import ExportStore
from psihash.storage.followups import FollowUpStore
from psihash.storage.hits import HitStore
from psihash.storage.holding_changes import ChangeStore
from psihash.storage.holdings import Holdings
from psihash.storage.kept import KeepingStore
from psihash.storage.leases import LeaseStore
from psihash.storage.ledger import LedgerStore
from psihash.storage.log import DatabaseLogStore
from psihash.storage.operators import OperatorStore
from psihash.storage.outbox import OutboxStore
from psihash.storage.peers import PeerStore
from psihash.storage.requests import RequestStore
from psihash.storage.rosters import RosterStore
from psihash.storage.sessions import SessionStore
from psihash.storage.watch_hits import WatchHitStore
from psihash.storage.watches import WatchStore
from psihash.storage.webhooks import WebhookStore
from psihash.storage.witnessing import WitnessingStore


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something. Until operators exist it is the user of the operating system."""

    name: str
    role: str = "single-operator"
    authentication: str = "os-user"
    operator: str = ""
    """Id of the operator who is logged in; empty where nobody is."""

    @property
    def public(self) -> str:
        """How documents that go to peers call the actor: an operator by its id, never by name."""
        return self.operator or self.name


@dataclass(frozen=True, slots=True)
class Stores:
    """All stores over one database."""

    database: Database
    holdings: Holdings
    peers: PeerStore
    agreements: AgreementStore
    commitments: CommitmentStore
    sessions: SessionStore
    ledger: LedgerStore
    leases: LeaseStore
    outbox: OutboxStore
    log: DatabaseLogStore
    checkpoints: PeerCheckpointStore
    operators: OperatorStore
    rosters: RosterStore
    requests: RequestStore
    witnessing: WitnessingStore
    exports: ExportStore
    keeping: KeepingStore
    hits: HitStore
    followups: FollowUpStore
    corrections: CorrectionStore
    watches: WatchStore
    watch_hits: WatchHitStore
    webhooks: WebhookStore
    contributions: ContributionStore
    central: CentralStore
    publications: PublicationStore
    central_runs: RunStore
    copies: CopyStore
    values: ValueStore
    entries: EntryStore
    changes: ChangeStore


class LazySigner:
    """Signs checkpoints; opens the keys only when it has to."""

    def __init__(self, public_key: bytes, key: Callable[[], Ed25519PrivateKey]) -> None:
        self._public_key, self._key = public_key, key

    @property
    def public_key(self) -> bytes:
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        return self._key().sign(message)


@dataclass
class Node:
    """One agency's node, opened from its home.

    ``keys`` asks for the passphrase at its first use, so that what needs no key asks for none.
    """

    home: Path
    settings: Settings
    card: Card
    ca_pem: bytes
    tls_pem: bytes
    stores: Stores
    directory: StoredDirectory
    engines: Registry
    clock: Clock
    actor: Actor
    load_keys: Callable[[], KeyRing]
    rng: Callable[[int], bytes] = field(default=os.urandom)
    ask: Callable[[str], str] | None = None
    """Asks the person at the terminal; None where there is none."""
    password_file: Path | None = None
    """Where the operator's password is read instead of being asked for."""
    unlocked: dict[str, Ed25519PrivateKey] = field(default_factory=dict, repr=False)
    """Operators' own keys that a password opened in this process, by operator."""
    verified_rosters: dict[str, VerifiedRoster] = field(default_factory=dict, repr=False)
    """Chains of operators that this process has verified, by agency."""
    refusals: Refusals = field(default_factory=Refusals, repr=False)
    """Documents of peers that came to nothing lately."""

    @property
    def agency(self) -> str:
        return self.card.agency

    @cached_property
    def keys(self) -> KeyRing:
        return self.load_keys()

    @cached_property
    def log(self) -> Log:
        signer = LazySigner(self.card.keys.log, lambda: self.keys.log)
        former = [key for key in self.log_keys if key != self.card.keys.log]
        return Log(self.stores.log, log_origin(self.agency), signer, self.rng, former)

    @cached_property
    def quiet(self) -> QuietRecords:
        """Records what others cause, once a minute each."""
        return QuietRecords(self.record)

    @property
    def own_cards(self) -> list[Card]:
        """Every card of this agency, the present one last."""
        former = [parse_card(card) for card in self.stores.witnessing.own_cards()]
        return [*(card for card in former if card.version < self.card.version), self.card]

    @property
    def log_keys(self) -> list[bytes]:
        """The public keys that signed this log, the present one last."""
        return list(dict.fromkeys(card.keys.log for card in self.own_cards))

    @property
    def leaf(self) -> bytes:
        """SHA-256 of this node's TLS certificate in DER."""
        return leaf_fingerprint(self.tls_pem)

    @property
    def side(self) -> Side:
        return Side(self.agency, self.card.fingerprint, self.leaf)

    def now(self) -> dt.datetime:
        return self.clock.now()

    def stamp(self) -> str:
        """Now, in the form of documents and rows."""
        return seconds(self.clock.now())

    def storage_key(self, purpose: str) -> bytes:
        """A 32-byte key for sealing one kind of secret in the store."""
        return sealing.derive(self.keys.storage, purpose)

    def record(
        self, event: Event, local: Mapping[str, Any], shared: Mapping[str, Any] | None = None
    ) -> Entry:
        """Append an entry: durable when this returns, or part of the transaction around it."""
        who = {
            "actor": {
                "name": self.actor.name,
                "role": self.actor.role,
                "authentication": self.actor.authentication,
            },
            "operation": event.led_operation.value,
        }
        return self.log.append(event, shared, who | dict(local), milliseconds(self.clock.now()))

    def all_peers(self) -> list[KnownPeer]:
        """Every peer there ever was, revoked ones too."""
        return self.directory.all()

    def acting(self, actor: Actor) -> Node:
        """The same node with somebody else at work, who has unlocked nothing yet and is not asked
        anything. For a process in which several people act at once."""
        return replace(
            self,
            actor=actor,
            load_keys=lambda: self.keys,
            ask=None,
            password_file=None,
            unlocked={},
        )

    def close(self) -> None:
        self.stores.database.close()
