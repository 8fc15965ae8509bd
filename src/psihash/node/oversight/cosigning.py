"""One contact about logs with a peer: both heads are shown, checked and cosigned, heads of third
agencies compared. See ``proto/psihash/wire/v1/witness.proto``.

It runs under the lease of a session with that peer: two contacts at once would show heads in
another order than they were signed in, which looks like a log that was rolled back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from psihash import errors
from psihash.audit.checkpoint import open_checkpoint
from psihash.audit.cosignature import Cosigner, cosigner_name, verify_cosignature
from psihash.audit.entry import log_origin
from psihash.audit.event import Event
from psihash.identity.cards import Card
from psihash.identity.trust import PeerStatus
from psihash.node import leasing
from psihash.node.central import comparing
from psihash.node.clock import seconds
from psihash.node.node import Node
from psihash.node.oversight import gossip, heads
from psihash.node.peering import peers
from psihash.node.peering.channel import PEER_BUSY, PeerChannel
from psihash.storage.witnessing import CosignatureRow, GivenRow
from psihash.wire import witness_codec as codec
from psihash.wire.v1 import witness_pb2 as pb

DAILY_HOURS: Final = 24
RETRY_HOURS: Final = 4
"""After a failure; each one leaves an entry in the log."""


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What one contact brought."""

    peer: str
    own_size: int
    """Size of our head that the peer cosigned."""
    peer_size: int
    mutual: int
    """Third agencies that both know."""
    new_heads: int
    """Heads of these that were new here."""


def exchange(node: Node, agency: str) -> Exchanged:
    """Exchange and cosign with a peer now. Raises where it cannot be reached, where a session with
    it is under way, and where its log contradicts what is held of it."""
    known = peers.require(node, agency)
    with _leased(node, agency), PeerChannel(node, known) as channel:
        return over(node, channel)


def is_due(node: Node, agency: str) -> bool:
    """Whether there is something to say: a cosignature that the peer does not have, a proof that
    it owes, or a day without an exchange."""
    card = peers.require(node, agency).card.card
    if node.stores.witnessing.undelivered(card.keys.log_origin, 1) or gossip.asks(node, card):
        return True
    last = node.stores.witnessing.round(agency)
    return last is None or last.done is None or last.done < _ago(node, DAILY_HOURS)


def before_session(node: Node, agency: str, channel: PeerChannel) -> None:
    """Before a session is opened, under its lease: exchange what is due. A peer that does not
    answer this stops no session; a contradiction that is found does."""
    if is_due(node, agency):
        try:
            over(node, channel)
        except (errors.PeerError, errors.UnavailableError, errors.RefusedError):
            node.stores.witnessing.tried(agency, node.stamp(), done=False)


def daily(node: Node) -> list[Exchanged]:
    """Exchange with every active peer that it is time for; failures wait for a later round."""
    done = []
    for row in node.stores.peers.all(PeerStatus.ACTIVE):
        last = node.stores.witnessing.round(row.agency)
        recent = last is not None and last.tried > _ago(node, RETRY_HOURS)
        callable_ = peers.require(node, row.agency).card.card.endpoint is not None
        if recent or not callable_ or not is_due(node, row.agency):
            continue
        try:
            done.append(exchange(node, row.agency))
        except errors.PsihashError:
            node.stores.witnessing.tried(row.agency, node.stamp(), done=False)
    return done


def over(node: Node, channel: PeerChannel) -> Exchanged:
    """The three calls, over a channel that is open already."""
    card = channel.verified.card.card
    nonce = node.rng(gossip.NONCE_BYTES)
    greeting = codec.greeting(
        channel.call_witness(lambda stub: stub.Greet, pb.GreetRequest(nonce=nonce))
    )
    names = gossip.names(node, card.agency, nonce, greeting.nonce)
    mutual = {value: names[value] for value in greeting.known if value in names}
    note, size = own_head(node)
    asked = gossip.asks(node, card)
    known = heads.held(node, card)
    reply = codec.comparison(
        channel.call_witness(
            lambda stub: stub.Compare,
            pb.CompareRequest(
                nonce=nonce,
                checkpoint=note,
                consistency=_proof(node, greeting.held, size),
                held=0 if known is None else known.size,
                asks=asked,
                mutual=sorted(mutual),
                notes=gossip.notes(node, mutual.values()),
            ),
        )
    )
    received = take_cosignatures(node, card, reply.cosignatures)
    heads.accept(node, card, reply.checkpoint, reply.consistency)
    gossip.settle(node, card, asked, reply.proofs)
    by_origin = {each.keys.log_origin: each for each in mutual.values()}
    new = gossip.compare(node, card.agency, by_origin, reply.notes)
    given = _lines(node, card)
    channel.call_witness(
        lambda stub: stub.Deliver,
        codec.delivery(received, given, note, gossip.prove(node, reply.asks, size)),
    )
    _delivered(node, card, [row.size for row in given])
    comparing.over(node, channel, [each.agency for each in mutual.values()])
    node.stores.witnessing.tried(card.agency, node.stamp(), done=True)
    after = heads.held(node, card)
    return Exchanged(card.agency, size, 0 if after is None else after.size, len(by_origin), new)


# -- the other side --------------------------------------------------------------------------------


def answer_greet(node: Node, card: Card, nonce: bytes) -> pb.GreetReply:
    """What is held of the caller's log, and whom we know."""
    own = gossip.answer_nonce(node, card.agency, nonce)
    known = heads.held(node, card)
    return pb.GreetReply(
        nonce=own,
        held=0 if known is None else known.size,
        known=gossip.padded(node, gossip.names(node, card.agency, nonce, own)),
    )


def answer_compare(node: Node, card: Card, asked: codec.Comparing) -> pb.CompareReply:
    """Cosign the caller's head, show ours, and compare those of third agencies."""
    own = gossip.answer_nonce(node, card.agency, asked.nonce)
    names = gossip.names(node, card.agency, asked.nonce, own)
    mutual = {each.keys.log_origin: each for name in asked.mutual if (each := names.get(name))}
    with _leased(node, card.agency):
        heads.accept(node, card, asked.checkpoint, asked.consistency)
        gossip.compare(node, card.agency, mutual, asked.notes)
        note, size = own_head(node)
    return codec.compare_reply(
        _lines(node, card),
        note,
        _proof(node, asked.held, size),
        gossip.prove(node, asked.asks, size),
        gossip.notes(node, mutual.values()),
        gossip.ask_caller(node, card),
    )


def answer_deliver(node: Node, card: Card, delivered: codec.Delivery) -> pb.DeliverReply:
    """Take the caller's cosignatures and its answers."""
    take_cosignatures(node, card, delivered.cosignatures)
    _delivered(node, card, delivered.received)
    known = heads.held(node, card)
    if known is not None and delivered.checkpoint == known.note:
        gossip.settle(node, card, gossip.asked(node, card, known.size), delivered.proofs)
    node.stores.witnessing.tried(card.agency, node.stamp(), done=True)
    return pb.DeliverReply()


# -- both ------------------------------------------------------------------------------------------


def own_head(node: Node) -> tuple[bytes, int]:
    """Our log as it stands, signed, and its size."""
    note = node.log.checkpoint()
    return note, int(note.split(b"\n", 2)[1])


def take_cosignatures(node: Node, card: Card, lines: Sequence[tuple[int, bytes]]) -> list[int]:
    """Keep a peer's cosignatures on our checkpoints; return the sizes. One of a size that we never
    signed is ignored. Raises VerificationError, with the incident recorded, for one that does not
    hold."""
    cosigner = Cosigner(cosigner_name(card.agency), card.keys.cosigning)
    taken = []
    for size, line in lines:
        try:
            if keep_cosignature(node, size, line, cosigner):
                taken.append(size)
        except errors.VerificationError as error:
            node.quiet.record(Event.INCIDENT, peer=card.agency, code=error.code, what="cosignature")
            raise
    return taken


def keep_cosignature(node: Node, size: int, line: bytes, cosigner: Cosigner) -> bool:
    """Verify one cosignature on our checkpoint of ``size`` and keep it; False where we never
    signed one of that size."""
    note = node.stores.log.checkpoint(size)
    if note is None:
        return False
    checkpoint = open_checkpoint(note, log_origin(node.agency), *node.log_keys)
    found = verify_cosignature(checkpoint, line, cosigner)
    node.stores.witnessing.add_cosignature(
        CosignatureRow(size, cosigner.name, cosigner.key_id.hex(), found.timestamp, found.line)
    )
    return True


def _lines(node: Node, card: Card) -> list[GivenRow]:
    """What the owner of a log does not have yet of our cosignatures on it."""
    return node.stores.witnessing.undelivered(card.keys.log_origin, codec.MAX_LINES)


def _delivered(node: Node, card: Card, sizes: Sequence[int]) -> None:
    if sizes:
        node.stores.witnessing.delivered(card.keys.log_origin, list(sizes))


def _proof(node: Node, held: int, size: int) -> list[bytes]:
    """From what the other side holds. Where it says that it holds more than there is, it is left
    to refuse: either its word or our log is wrong."""
    return node.log.consistency(held, size) if 0 < held <= size else []


@contextmanager
def _leased(node: Node, agency: str) -> Iterator[None]:
    try:
        lease = leasing.acquire(node, leasing.pair(agency))
    except errors.StateError:
        raise errors.UnavailableError(
            PEER_BUSY, "a session between the two agencies is under way"
        ) from None
    try:
        yield
    finally:
        leasing.give_back(node, lease)


def _ago(node: Node, hours: int) -> str:
    return seconds(node.now() - dt.timedelta(hours=hours))
