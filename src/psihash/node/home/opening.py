"""Making a home, and opening one: the composition root of everything below the shells."""

from __future__ import annotations

import getpass
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from psihash import errors
from psihash.audit.entry import log_origin
from psihash.audit.event import Event
from psihash.identity import authority, keys
from psihash.identity.cards import Card, card_json, make_card, parse_card
from psihash.identity.fingerprints import format_fingerprint
from psihash.node.clock import Clock, SystemClock
from psihash.node.home import files, passphrase, settings
from psihash.node.node import Actor, Node, Stores
from psihash.node.peering.directory import StoredDirectory
from psihash.node.people import login
from psihash.psi import registry
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
from psihash.terms import check_agency_id

HOME_EXISTS = errors.define("home-exists", "the directory already holds a psihash home")


@dataclass(frozen=True, slots=True)
class NewHome:
    """What ``psihash init`` is told."""

    agency: str
    name: str
    country: str
    endpoint: str | None = None
    contact: str | None = None
    passphrase_file: Path | None = None


@dataclass(frozen=True, slots=True)
class MadeHome:
    """What it made."""

    card: Card
    fingerprint: str
    passphrase_written: Path | None


def create(
    home: Path, new: NewHome, *, ask: passphrase.Ask | None = None, clock: Clock | None = None
) -> MadeHome:
    """Keys, certificates, card, settings and an empty store. The home appears whole or not:
    ``psihash.toml`` is written last."""
    clock = clock or SystemClock()
    check_agency_id(new.agency)
    if (home / settings.FILE_NAME).exists():
        raise errors.StateError(
            HOME_EXISTS, f"{home} is a psihash home already", hint="choose another --home"
        )
    secret, setting = passphrase.for_new_home(home, new.passphrase_file, ask)
    card, ring = _make_identity(home, new, secret, clock)
    chosen = settings.Settings(
        agency=new.agency, passphrase_file=setting, listen=_listen(new.endpoint)
    )
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database.open(settings.store_url(home, chosen))
    node = _assemble(home, chosen, card, clock, ask, database)
    node.load_keys = lambda: ring
    try:
        node.record(
            Event.NODE_CREATED,
            {"agency": card.agency, "card_fingerprint": format_fingerprint(card.fingerprint)},
        )
        node.log.checkpoint()  # a log is signed from its first entry on
    finally:
        node.close()
    files.write(home, settings.FILE_NAME, settings.render(chosen).encode(), secret=False)
    written = home / files.PASSPHRASE if setting == files.PASSPHRASE else None
    return MadeHome(card, format_fingerprint(card.fingerprint), written)


def _make_identity(
    home: Path, new: NewHome, secret: bytes, clock: Clock
) -> tuple[Card, keys.KeyRing]:
    ring, ca_key, now = keys.KeyRing.generate(), keys.new_p256_key(), clock.now()
    ca = authority.make_ca(ca_key, new.agency, new.name, new.country, now)
    tls = authority.issue_tls(ca, new.agency, ring.tls.public_key(), now)
    card = make_card(
        ring.signing,
        ring.card_keys(log_origin(new.agency)),
        version=1,
        agency=new.agency,
        name=new.name,
        country=new.country,
        ca_pem=ca.pem,
        now=now,
        endpoint=new.endpoint,
        contact=new.contact,
    )
    files.write(home, files.SIGNING_KEY, keys.encrypt_private(ring.signing, secret))
    files.write(home, files.CA_KEY, keys.encrypt_private(ca_key, secret))
    files.write(home, files.KEY_BOX, keys.seal_keys(ring))
    files.write(home, files.CA_CERTIFICATE, ca.pem, secret=False)
    files.write(home, files.TLS_CERTIFICATE, tls, secret=False)
    write_card(home, card)
    return card, ring


def write_card(home: Path, card: Card) -> None:
    """Keep the own card in the form in which people get it."""
    text = json.dumps(card_json(card), indent=2, ensure_ascii=False) + "\n"
    files.write(home, files.CARD, text.encode(), secret=False)


def _listen(endpoint: str | None) -> str:
    """Listen on the endpoint's port: on loopback only where the endpoint is loopback."""
    if endpoint is None:
        return settings.DEFAULT_LISTEN
    host, _, port = endpoint.rpartition(":")
    loopback = host in ("127.0.0.1", "localhost", "[::1]", "::1")
    return f"{host if loopback else '0.0.0.0'}:{port}"  # noqa: S104 - peers must reach it


def open_node(home: Path, *, ask: passphrase.Ask | None = None, clock: Clock | None = None) -> Node:
    """Open a home. Asks for no passphrase until a key is needed."""
    database = Database.open(settings.store_url(home, settings.load(home)))
    node = assembled(home, database, ask=ask, clock=clock)
    try:
        node.actor = login.current(node)
    except BaseException:
        node.close()
        raise
    return node


def assembled(
    home: Path,
    database: Database,
    *,
    ask: passphrase.Ask | None = None,
    clock: Clock | None = None,
) -> Node:
    """A home over its store, whose schema nobody has looked at, and nobody logged in."""
    try:
        chosen, card = settings.load(home), parse_card(files.read(home, files.CARD))
        return _assemble(home, chosen, card, clock or SystemClock(), ask, database)
    except BaseException:
        database.close()
        raise


def _assemble(
    home: Path,
    chosen: settings.Settings,
    card: Card,
    clock: Clock,
    ask: passphrase.Ask | None,
    database: Database,
) -> Node:
    stores = Stores(
        database=database,
        holdings=Holdings(database),
        peers=PeerStore(database),
        agreements=AgreementStore(database),
        commitments=CommitmentStore(database),
        sessions=SessionStore(database),
        ledger=LedgerStore(database),
        leases=LeaseStore(database),
        outbox=OutboxStore(database),
        log=DatabaseLogStore(database),
        checkpoints=PeerCheckpointStore(database),
        operators=OperatorStore(database),
        rosters=RosterStore(database),
        requests=RequestStore(database),
        witnessing=WitnessingStore(database),
        exports=ExportStore(database),
        keeping=KeepingStore(database),
        hits=HitStore(database),
        followups=FollowUpStore(database),
        corrections=CorrectionStore(database),
        watches=WatchStore(database),
        watch_hits=WatchHitStore(database),
        webhooks=WebhookStore(database),
        contributions=ContributionStore(database),
        central=CentralStore(database),
        publications=PublicationStore(database),
        central_runs=RunStore(database),
        copies=CopyStore(database),
        values=ValueStore(database),
        entries=EntryStore(database),
        changes=ChangeStore(database),
    )

    def load_keys() -> keys.KeyRing:
        secret = passphrase.find(home, chosen.passphrase_file, ask)
        signing = keys.load_ed25519(files.read(home, files.SIGNING_KEY), secret)
        return keys.open_keys(signing, files.read(home, files.KEY_BOX))

    return Node(
        home=home,
        settings=chosen,
        card=card,
        ca_pem=files.read(home, files.CA_CERTIFICATE),
        tls_pem=files.read(home, files.TLS_CERTIFICATE),
        stores=stores,
        directory=StoredDirectory(stores.peers),
        engines=_engines(),
        clock=clock,
        actor=Actor(_os_user()),
        load_keys=load_keys,
        ask=ask,
    )


def _engines() -> registry.Registry:
    engines = registry.default(os.environ.get("PSIHASH_GROUP", ""))
    # rbcl unpacks libsodium into a temporary file at import and leaves it there: 3 MB a process.
    library = sys.modules.get("rbcl._sodium")
    if library is not None and os.name == "posix":
        Path(library.lib_path).unlink(missing_ok=True)
    return engines


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"
