"""A node with years of work behind it, made up: sessions, log entries, charges, results.

The entries are real (they verify, and the index of the log has them); they are written in bulk,
since one at a time would take an hour. Peers, agreements and people are made as people make them.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from psihash.agreement.roster import OperatorRole
from psihash.agreement.vocabulary import OpenedBy
from psihash.audit.entry import Entry, build_entry, log_origin
from psihash.audit.event import Event
from psihash.audit.merkle import Frontier
from psihash.hashset.model import Digest, Row, Verdict
from psihash.identity.fingerprints import format_fingerprint
from psihash.node.agreeing import agreements
from psihash.node.agreeing.agreements import Draft
from psihash.node.clock import milliseconds, seconds
from psihash.node.home import opening
from psihash.node.node import Actor, Node
from psihash.node.peering import peers
from psihash.node.people import login, operators, requests
from psihash.node.people.roles import RULE_ACTOR
from psihash.node.records import sealed
from psihash.session.messages import Receipt
from psihash.session.result import (
    AlgorithmResult,
    Link,
    MatchedItem,
    MatchedItems,
    PeerRecord,
    SessionResult,
)
from psihash.storage import log_index, tables_oversight
from psihash.storage.database import Database
from psihash.storage.tables import charges, log_entries, log_head, sessions
from psihash.storage.witnessing import CosignatureRow
from psihash.terms import AlgorithmId, CollectionKind, Learn, Rung, SessionRole, size_class

PASSWORD: Final = b"correct horse battery staple"
STAFF: Final = {"de Vries": "admin", "Jansen": "auditor", "Bakker": "analyst", "Visser": "approver"}
PEERS: Final = ("be-police", "de-bka", "se-noa", "fr-ocrvp")
PURPOSES: Final = (
    "Identify victims in seized material",
    "Find offenders who share new material",
)
DAYS: Final = 420
_BATCH: Final = 5_000


@dataclass
class SetClock:
    """A clock that stands where it is put."""

    moment: dt.datetime

    def now(self) -> dt.datetime:
        return self.moment


@dataclass
class History:
    """A filled node. ``items`` is a session with many items in its result."""

    node: Node
    clock: SetClock
    items: str = ""
    request: str = ""
    agreements: list[tuple[str, str, str]] = field(default_factory=list)
    """(peer, agreement, purpose)."""


def make(folder: Path, entries: int, sessions_: int, *, matched: int = 1_000) -> History:
    """A home in ``folder`` (its store by PSIHASH_STORE) with so many entries and sessions.

    ``matched`` items are in the one large result; others have a few."""
    rng, now = random.Random(7), dt.datetime.now(dt.UTC).replace(microsecond=0)  # noqa: S311
    clock = SetClock(now - dt.timedelta(days=DAYS))
    node = _home(folder / "home", "nl-police", clock)
    node.actor = Actor("de Vries")
    made = History(node, clock)
    _meet(made, folder)
    _agree(made)
    _employ(made)
    plan = list(_sessions(made, rng, sessions_, now))
    _write_log(made, rng, plan, entries, now)
    _write_rows(made, plan)
    clock.moment = now
    _cosign(made, plan)
    made.items = _results(made, plan, matched)
    made.request = _ask(made)
    node.log.checkpoint()
    node.actor = RULE_ACTOR
    return made


def _home(path: Path, agency: str, clock: SetClock) -> Node:
    secret = path.parent / "passphrase"
    secret.write_text("a passphrase for figures\n")
    new = opening.NewHome(agency, agency.upper(), agency[:2].upper(), passphrase_file=secret)
    opening.create(path, new, clock=clock)
    return opening.open_node(path, clock=clock)


def _meet(made: History, folder: Path) -> None:
    store = os.environ.pop("PSIHASH_STORE", None)  # the peers have stores of their own
    cards = []
    for name in PEERS:
        other = _home(folder / name, name, made.clock)
        cards.append((json.dumps(peers.own_card(other)).encode(), other.card.fingerprint))
        other.close()
    if store is not None:
        os.environ["PSIHASH_STORE"] = store
    for card, fingerprint in cards:
        peers.add(made.node, card, format_fingerprint(fingerprint))


def _agree(made: History) -> None:
    held = made.node.stores.holdings.begin_import(
        "Operation Lantern", CollectionKind.CASE, replace=False, dry_run=False,
        now=made.node.stamp(),
    )  # fmt: skip
    held.add([Row((Digest(AlgorithmId.MD5, bytes(15) + bytes([n])),), None) for n in range(9)])
    held.finish("a list", "0" * 64, 0, "lines")
    for number, peer in enumerate(PEERS):
        for purpose in PURPOSES[: 1 + number % 2]:
            draft = Draft(
                peer, purpose, f"NL-2026-{number}", "Wet politiegegevens, art. 17a", Rung.RECORDS,
                Learn.BOTH, ["Operation Lantern"], [AlgorithmId.MD5], opened_by=OpenedBy.EITHER,
            )  # fmt: skip
            agreement = agreements.propose(made.node, draft)
            made.agreements.append((peer, agreement.id, purpose))


def _employ(made: History) -> None:
    for name, role in STAFF.items():
        operators.add(made.node, name, [OperatorRole(role)], PASSWORD)
        if role == "admin":
            login.login(made.node, name, PASSWORD)
            row = made.node.stores.operators.named(name)
            assert row is not None
            made.node.unlocked[row.id] = login.open_key(made.node, row, PASSWORD)
    login.logout(made.node)


@dataclass(frozen=True)
class Planned:
    """One session to be."""

    id: str
    at: dt.datetime
    peer: str
    agreement: str
    purpose: str
    case: str
    rung: Rung
    role: SessionRole
    own: int
    theirs: int
    operator: str
    refused: bool


def _sessions(made: History, rng: random.Random, count: int, now: dt.datetime) -> Iterator[Planned]:
    start = made.clock.moment + dt.timedelta(hours=1)
    span = (now - start).total_seconds() - 86_400
    for number in range(count):
        at = start + dt.timedelta(seconds=span * (number + 0.5) / count)
        night = rng.random() < 0.02
        if at.weekday() > 4 and not night:
            at -= dt.timedelta(days=2)
        at = at.replace(hour=2 if night else 8 + number % 9, minute=rng.randrange(60))
        peer, agreement, purpose = made.agreements[rng.randrange(len(made.agreements))]
        usual = 20_000 * (1 + PEERS.index(peer))
        odd = rng.random() < 0.01
        yield Planned(
            id=f"{rng.getrandbits(256):064x}",
            at=at,
            peer=peer,
            agreement=agreement,
            purpose=purpose,
            case="" if rng.random() < 0.01 else f"NL-2026-{number % 180:03d}",
            rung=rng.choice((Rung.COUNT, Rung.SERIES, Rung.ITEMS, Rung.RECORDS)),
            role=rng.choice(list(SessionRole)),
            own=size_class(40 if odd else int(usual * rng.uniform(0.8, 1.6))),
            theirs=size_class(int(3 * usual * rng.uniform(0.8, 1.6))),
            operator="Bakker",
            refused=rng.random() < 0.03,
        )


def _write_log(
    made: History, rng: random.Random, plan: list[Planned], entries: int, now: dt.datetime
) -> None:
    store, database = made.node.stores.log, made.node.stores.database
    head = store.head()
    frontier, seq = Frontier.from_bytes(head.frontier), head.size
    events = sorted(_events(plan, entries - seq, rng, now), key=lambda e: e[0])
    batch: list[Entry] = []
    with database.transaction():
        for at, event, shared, local in events:
            batch.append(
                build_entry(
                    log_origin(made.node.agency), seq, milliseconds(at), event, shared, local,
                    os.urandom,
                )
            )  # fmt: skip
            frontier.append(batch[-1].leaf_hash)
            seq += 1
            if len(batch) == _BATCH:
                _flush(database, batch)
        _flush(database, batch)
        with database.transaction() as connection:
            connection.execute(log_head.update().values(size=seq, frontier=frontier.to_bytes()))


def _flush(database: Database, batch: list[Entry]) -> None:
    if batch:
        names = ("leaf_hash", "header", "shared", "shared_blind", "local", "local_blind")
        rows = [{"seq": each.seq} | {name: getattr(each, name) for name in names} for each in batch]
        with database.transaction() as connection:
            connection.execute(log_entries.insert(), rows)
            connection.execute(
                tables_oversight.log_index.insert(), [log_index.row_of(e) for e in batch]
            )
        batch.clear()


_Event = tuple[dt.datetime, Event, Mapping[str, Any] | None, Mapping[str, Any]]


def _events(
    plan: list[Planned], room: int, rng: random.Random, now: dt.datetime
) -> Iterator[_Event]:
    count = 0
    for each in plan:
        for event in _of_session(each):
            yield event
            count += 1
    for _ in range(room - count):
        each = plan[rng.randrange(len(plan))]
        at = each.at + (now - each.at) * rng.random() ** 4
        local = {"session": each.id, "peer": each.peer, "what": "hits", "actor": _actor("Bakker")}
        yield at, Event.CONSULTATION, None, local


def _actor(name: str) -> dict[str, str]:
    return {"name": name, "role": "analyst", "authentication": "password"}


def _of_session(each: Planned) -> Iterator[_Event]:
    who: dict[str, Any] = {
        "actor": _actor(each.operator),
        "peer": each.peer,
        "role": each.role.value,
        "agreement": each.agreement,
        "case": each.case,
        "purpose": each.purpose,
        "legal_basis": "Wet politiegegevens, art. 17a",
        "engine": "ecdh-ristretto255/1",
        "rung": each.rung.value,
        "learn": "both",
    }
    if each.refused:
        yield each.at, Event.SESSION_REFUSED, None, who | {"code": "clause-budget"}
        return
    approved = {"by": "person", "name": "Visser", "role": "approver", "reason": "fits the case"}
    approved["decided"] = seconds(each.at - dt.timedelta(minutes=20))
    ours, theirs = {"md5": each.own}, {"md5": each.theirs}
    sizes = [ours, theirs] if each.role is SessionRole.INITIATOR else [theirs, ours]
    shared: dict[str, Any] = {"session": each.id}
    opened = shared | {"size_classes": sizes, "rung": each.rung.value, "learn": "both"}
    yield (
        each.at,
        Event.SESSION_OPEN,
        opened,
        who
        | {
            "approved_by": approved,
            "approved_there_by": {"by": "rule", "rule": "agreed"},
            "own_items": {"md5": int(each.own * 0.9)},
        },
    )
    later = each.at + dt.timedelta(seconds=40)
    if each.rung is Rung.RECORDS:
        sent = shared | {"what": "records", "matches": 12, "by": "nl-police"}
        yield later, Event.DISCLOSURE, sent, who | {"recipient": each.peer}
    yield later, Event.SESSION_RECEIPT, None, who | shared
    yield (
        later + dt.timedelta(seconds=1),
        Event.SESSION_CLOSE,
        shared,
        who | {"counts": {"md5": 12}},
    )


def _write_rows(made: History, plan: list[Planned]) -> None:
    opened = [each for each in plan if not each.refused]
    with made.node.stores.database.transaction() as connection:
        connection.execute(
            sessions.insert(),
            [
                {
                    "id": each.id, "peer": each.peer, "agreement": each.agreement,
                    "role": each.role.value, "state": "completed", "rung": each.rung.value,
                    "engine": "ecdh-ristretto255/1", "opened": milliseconds(each.at),
                    "closed": milliseconds(each.at + dt.timedelta(seconds=41)),
                    "outcome": "completed",
                }
                for each in opened
            ],
        )  # fmt: skip
        connection.execute(
            charges.insert(),
            [
                {
                    "session": each.id, "opaque_id": owner, "algorithm": "md5", "peer": each.peer,
                    "agreement": each.agreement, "elements": size, "runs": 1,
                    "time": milliseconds(each.at),
                }
                for each in opened
                for owner, size in (("ours", each.own), ("theirs", each.theirs))
            ],
        )  # fmt: skip


def _cosign(made: History, plan: list[Planned]) -> None:
    """What the peers cosigned of the log, one head for each session."""
    size = made.node.stores.log.head().size
    with made.node.stores.database.transaction():
        for number, each in enumerate(plan, 1):
            made.node.stores.witnessing.add_cosignature(
                CosignatureRow(
                    size * number // len(plan),
                    f"psihash/cosigner/{each.peer}",
                    "00000000",
                    int(each.at.timestamp()),
                    b"made up",
                )
            )


def _results(made: History, plan: list[Planned], matched: int) -> str:
    """Results of the sessions that tell items; the newest at rung records is the large one."""
    chosen = [p for p in plan if not p.refused and p.rung.height >= Rung.ITEMS.height]
    large = next(each for each in reversed(chosen) if each.rung is Rung.RECORDS)
    node = made.node
    with node.stores.database.transaction():
        for each in chosen:
            result = _result(each, matched if each is large else 12)
            receipt = Receipt(b"{}", bytes(64))
            sealed.make_key(node, each.id)
            sealed.put(node, each.id, sealed.RESULT, result.to_json())
            sealed.put(node, each.id, sealed.RESULT_KEY, bytes(64))
            for name in (sealed.OWN_RECEIPT, sealed.PEER_RECEIPT):
                sealed.put(node, each.id, name, sealed.pack_receipt(receipt))
    return large.id


_OPEN: Final = tuple(
    (("Operation Lantern", Verdict(victim_identified=False, series=(f"Tulip {n}",))),)
    for n in range(6)
)
_KNOWN: Final = tuple(
    PeerRecord(
        f"Collection {n % 3}",
        CollectionKind.LIBRARY,
        (Verdict(victim_identified=n < 2, series=(f"Series {1200 + n}",), country="SE"),),
        "identification@partner.example",
    )
    for n in range(8)
)


def _result(each: Planned, count: int) -> SessionResult:
    records = each.rung is Rung.RECORDS
    items = MatchedItems.of(_item(each, number, records=records) for number in range(count))
    return SessionResult(
        session=each.id, peer=each.peer, agreement=each.agreement, role=each.role,
        rung=each.rung, learn=Learn.BOTH, engine="ecdh-ristretto255/1", case=each.case,
        peer_case="P-1", opened=seconds(each.at), closed=seconds(each.at),
        algorithms={AlgorithmId.MD5: AlgorithmResult(each.own, count)}, matched_items=count,
        matched_items_min=count, matched_items_max=count,
        links=(Link("Operation Lantern", "Collection 0", count),), items=items, receipt="",
    )  # fmt: skip


def _item(each: Planned, number: int, *, records: bool) -> MatchedItem:
    known = _KNOWN[number % len(_KNOWN)]
    return MatchedItem(
        digests={AlgorithmId.MD5: f"{int(each.id[:24], 16) + number:032x}"},
        matched_by=(AlgorithmId.MD5,),
        collections=("Operation Lantern",),
        verdicts=_OPEN[number % len(_OPEN)],
        peer_collections=(known.collection,),
        records=(known,) if records else (),
    )


def _ask(made: History) -> str:
    """A request that waits for the approver."""
    row = made.node.stores.operators.named("Bakker")
    assert row is not None
    login.login(made.node, row.name, PASSWORD)
    made.node.unlocked[row.id] = login.open_key(made.node, row, PASSWORD)
    peer, _, purpose = made.agreements[0]
    draft = Draft(
        peer, purpose, "NL-2026-181", "Wet politiegegevens, art. 17a", Rung.ITEMS, Learn.BOTH,
        ["Operation Lantern"], [AlgorithmId.MD5],
    )  # fmt: skip
    agreements.submit(made.node, draft)
    (waiting,) = requests.inbox(made.node)
    login.logout(made.node)
    made.node.unlocked.clear()
    return waiting.request
