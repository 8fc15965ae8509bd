"""Two real nodes in one process: their homes, an agreement, and sessions between them.

Making a home and opening its keys is slow on purpose (bcrypt), so homes are made once, with few
rounds, and the key rings are kept; a test gets copies.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

from psihash import errors
from psihash.agreement.state import Agreement
from psihash.hashset.model import Digest, Row, Verdict
from psihash.identity import keys
from psihash.identity.fingerprints import format_fingerprint
from psihash.identity.keys import KeyRing
from psihash.node.agreeing import agreements, annexes, documents
from psihash.node.clock import seconds
from psihash.node.home import opening
from psihash.node.node import Node
from psihash.node.peering import contact, peers
from psihash.node.running import sessions
from psihash.node.running.desk import NodeDesk
from psihash.node.running.journal import NodeJournal
from psihash.session.initiator import Initiator, Wish
from psihash.session.messages import Codec
from psihash.session.party import Party, Setting
from psihash.session.ports import Proposal
from psihash.session.responder import Responder
from psihash.session.result import SessionResult
from psihash.terms import AlgorithmId, CollectionKind, Learn, Rung, SessionRole
from psihash.testing.pump import Pair, pump
from psihash.wire.codec import ProtobufCodec
from tests.session.lists import digest

NAMES = ("nl-police", "be-police")
ENGINE = "openmined-p256/1"


@dataclass(frozen=True)
class Homes:
    """Two prepared homes that know each other, and their opened keys."""

    folder: Path
    rings: tuple[KeyRing, KeyRing]

    @classmethod
    def make(cls, folder: Path) -> Homes:
        with mock.patch.object(keys, "KDF_ROUNDS", 2):
            return cls._make(folder)

    @classmethod
    def _make(cls, folder: Path) -> Homes:
        for name in NAMES:
            opening.create(folder / name, opening.NewHome(name, name.upper(), name[:2].upper()))
        nodes = [opening.open_node(folder / name) for name in NAMES]
        for node, other in (nodes, nodes[::-1]):
            card = json.dumps(peers.own_card(other)).encode()
            peers.add(node, card, format_fingerprint(other.card.fingerprint))
        first, second = (node.keys for node in nodes)
        for node in nodes:
            node.close()
        return cls(folder, (first, second))

    def open(self, folder: Path) -> tuple[Node, Node]:
        """Copies of both, opened. The caller closes them."""
        nodes = []
        for name, ring in zip(NAMES, self.rings, strict=True):
            shutil.copytree(self.folder / name, folder / name)
            node = opening.open_node(folder / name)
            node.__dict__["keys"] = ring
            nodes.append(node)
        return nodes[0], nodes[1]


def row(number: int, algorithms: Iterable[AlgorithmId], verdict: Verdict | None = None) -> Row:
    """An item of :func:`tests.session.lists.digest` with some of its digests."""
    ordered = [name for name in AlgorithmId if name in set(algorithms)]
    return Row(tuple(Digest(name, digest(name, number)) for name in ordered), verdict)


def hold(
    node: Node, collection: str, rows: Iterable[Row], kind: CollectionKind = CollectionKind.CASE
) -> None:
    """Put rows into a collection, without a file."""
    run = node.stores.holdings.begin_import(
        collection, kind, replace=False, dry_run=False, now=node.stamp()
    )
    run.add(list(rows))
    run.finish("rows of a test", "0" * 64, 0, "rows")


def carry(one: Node, other: Node) -> list[str]:
    """What both have for each other, until neither has anything; returns the refusals' codes."""
    codes: list[str] = []
    for _ in range(8):
        moved = 0
        for giver, taker in ((one, other), (other, one)):
            waiting = [body for _, body in contact.outgoing(giver, taker.agency)]
            codes += contact.take(taker, giver.agency, waiting)
            contact.confirm_signed(giver, taker.card, contact.acknowledge(taker, waiting))
            moved += len(waiting)
        if not moved:
            break
    return [code for code in codes if code]


def carry_all(one: Node, other: Node) -> None:
    """The same, where nothing is to be refused."""
    codes = carry(one, other)
    assert codes == [], codes


def carry_annexes(one: Node, other: Node) -> None:
    """As before each session: annexes that sets have outgrown are issued anew and exchanged."""
    for node, peer in ((one, other), (other, one)):
        annexes.refresh_all(node, peer.agency)
    carry_all(one, other)


def agree(
    one: Node,
    other: Node,
    ours: Sequence[str],
    theirs: Sequence[str],
    *,
    rung: Rung = Rung.ITEMS,
    learn: Learn = Learn.BOTH,
    algorithms: Sequence[AlgorithmId] = (AlgorithmId.MD5,),
    case: str = "CASE-1",
    **more: Any,
) -> Agreement:
    """Terms that both signed, with both annexes."""
    draft = agreements.Draft(
        other.agency, "a test", case, "Art. 1", rung, learn, ours, algorithms, **more
    )
    made = agreements.propose(one, draft)
    carry_all(one, other)
    agreements.approve(other, made.id, theirs, case=None, legal_basis=None)
    carry_all(one, other)
    return documents.load(one, made.id)


@dataclass
class NodeMeeting:
    """One session between two nodes."""

    pair: Pair
    nodes: tuple[Node, Node]

    @property
    def parties(self) -> tuple[Party, Party]:
        return self.pair.initiator.party, self.pair.responder.party

    @property
    def codes(self) -> tuple[str | None, str | None]:
        first, second = (party.failure for party in self.parties)
        return (None if first is None else first.code, None if second is None else second.code)

    def results(self) -> tuple[SessionResult, SessionResult]:
        """Run it to its end; both results."""
        pump(self.pair)
        session = self.parties[0].session
        assert session is not None
        assert self.codes == (None, None), self.codes
        one, other = (sessions.result(node, session.hex()) for node in self.nodes)
        return one, other


def meet(
    one: Node,
    other: Node,
    agreement: Agreement,
    rung: Rung | None = None,
    *,
    codecs: tuple[Codec, Codec] | None = None,
    initiator: type[Initiator] = Initiator,
    responder: type[Responder] = Responder,
    desk: Callable[[Node, Any, SessionRole], NodeDesk] = NodeDesk,
    answering_desk: Callable[[Node, Any, SessionRole], NodeDesk] = NodeDesk,
    **changes: Any,
) -> NodeMeeting:
    """A session that is about to open; ``changes`` go into the proposal."""
    codecs = codecs or (ProtobufCodec(), ProtobufCodec())
    terms = agreement.terms
    proposal = Proposal(
        agreement=bytes.fromhex(agreement.id),
        initiator=one.agency,
        rung=rung or terms.rung,
        learn=terms.learn,
        engine=ENGINE,
        algorithms=terms.algorithms,
        peer_case="",
        expires=seconds(one.now() + dt.timedelta(hours=1)),
    )
    proposal = replace(proposal, **changes)
    asking = _setting(one, other, SessionRole.INITIATOR, codecs[0], desk)
    asked = _setting(other, one, SessionRole.RESPONDER, codecs[1], answering_desk)
    permit = asking.desk.prepare(proposal)
    party = initiator(asking, Wish(one.side, proposal), permit)
    return NodeMeeting(Pair(party, responder(asked, party.hello.nonce)), (one, other))


def _setting(
    own: Node,
    peer: Node,
    role: SessionRole,
    codec: Codec,
    make: Callable[[Node, Any, SessionRole], NodeDesk],
) -> Setting:
    desk = make(own, peer.card, role)
    return Setting(
        own_leaf=own.leaf,
        signing_key=own.keys.signing,
        peer_card=peer.card,
        peer_leaf=peer.leaf,
        desk=desk,
        journal=NodeJournal(own, peer.card, role, desk),
        codec=codec,
        rng=own.rng,
    )


def refused_codes(meeting: NodeMeeting) -> tuple[str | None, str | None]:
    """Run a session that should not come to a result; both codes."""
    pump(meeting.pair)
    assert all(party.receipts is None for party in meeting.parties)
    for node in meeting.nodes:
        session = meeting.parties[0].session
        if session is not None:
            try:
                sessions.result(node, session.hex())
            except errors.PsihashError:
                continue
            raise AssertionError("a session that failed shows a result")
    return meeting.codes
