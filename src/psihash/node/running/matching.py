"""``psihash match``: open a session with a peer and drive it to its end."""

from __future__ import annotations

import contextlib
import datetime as dt
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from psihash import errors, limits
from psihash.agreement.clauses import CLAUSE_RUNG
from psihash.agreement.rules import check_active
from psihash.agreement.state import Agreement
from psihash.agreement.status import Status
from psihash.audit.event import Event
from psihash.identity.trust import KnownPeer, PeerStatus
from psihash.node import leasing
from psihash.node.agreeing import annexes, documents
from psihash.node.clock import seconds
from psihash.node.home.tls_probe import PEER_UNREACHABLE
from psihash.node.node import Node
from psihash.node.oversight import cosigning
from psihash.node.peering import contact, peers
from psihash.node.peering.channel import PEER_BUSY, PeerChannel
from psihash.node.people.roles import use_case
from psihash.node.people.session_approvals import APPROVAL_PENDING, SessionApprovals
from psihash.node.records import retention
from psihash.node.running import climbing, preflight, sessions, settling
from psihash.node.running.desk import SESSION_CANCELLED, NodeDesk, allowed_engines
from psihash.node.running.journal import NodeJournal
from psihash.node.running.worker import Worker
from psihash.session.initiator import Initiator, Wish
from psihash.session.link import Numbered
from psihash.session.machine import State
from psihash.session.party import Setting
from psihash.session.ports import Proposal
from psihash.session.result import SessionResult
from psihash.session.row_state import RowState
from psihash.session.runs import Progress
from psihash.storage.leases import Lease
from psihash.terms import Rung, SessionRole
from psihash.wire.codec import ProtobufCodec
from psihash.wire.v1 import peer_pb2 as pb

SESSION_LOST = errors.define("session-lost", "the peer no longer knows the session")
SESSION_IN_DOUBT = errors.define(
    "session-in-doubt", "the connection was lost at the very end; the peer knows how it ended"
)
OnProgress = Callable[[Progress], None]
_FAREWELL_SECONDS = 10.0
_ATTEMPTS = 4


@dataclass(slots=True)
class _Drive:
    """One session under way: its worker, and the channel to the peer."""

    node: Node
    channel: PeerChannel
    party: Initiator
    worker: Worker
    lease: Lease
    on_progress: OnProgress | None
    acked: int = 0
    moved: bool = True
    """Whether the last call brought either side anything."""
    more: bool = False
    """Whether the last call brought as much as a call can carry."""
    renewed: float = field(default_factory=time.monotonic)
    """When the lease was last renewed."""


@use_case("match")
def match(
    node: Node,
    peer: str,
    agreement: str,
    *,
    rung: Rung | None = None,
    engine: str = "auto",
    previous: str | None = None,
    on_progress: OnProgress | None = None,
) -> SessionResult:
    """Run one session as its initiator and return the result. Raises what ended it instead.

    ``previous`` is the session that this one builds on, or the beginning of its id.

    One process of a node matches with a peer at a time: a lease row keeps it to one.
    """
    known = peers.require(node, peer)
    if known.status is not PeerStatus.ACTIVE:
        raise errors.RefusedError(
            f"peer-{known.status.value}", f"{peer} is {known.status.value} here"
        )
    found = preflight.find(node, peer, agreement)
    wanted = rung or found.terms.rung
    try:
        chosen = _check_here(node, found, wanted, engine)
        receipt = climbing.receipt_of(node, previous)
        asked = _Asked(wanted, engine, receipt, on_progress)
        _require_approval(node, known, found, asked, chosen)
    except errors.PsihashError as error:
        _record_refusal(node, found, error)
        raise
    for attempt in range(_ATTEMPTS):
        try:
            return _match_once(node, known, found, asked)
        except errors.UnavailableError as error:
            # The other side may be opening a session with us at the same moment: both let go, and
            # come back at different times.
            if error.code != PEER_BUSY or attempt == _ATTEMPTS - 1:
                raise
        time.sleep(1.0 + 3.0 * secrets.randbelow(1000) / 1000)
    raise AssertionError("the last attempt returns or raises")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the operator asks for."""

    rung: Rung
    engine: str
    previous: bytes
    on_progress: OnProgress | None


def _require_approval(
    node: Node, known: KnownPeer, agreement: Agreement, asked: _Asked, engine: str
) -> None:
    """Our own approver is asked before the peer is called, where it is known by then what runs.

    Should the peer not have the engine, or show another annex, the approver is asked again."""
    agreement = annexes.refresh(node, agreement)
    if any(agreement.annex(agency) is None for agency in agreement.terms.agencies):
        return
    base, names = None, agreement.terms.algorithms
    if asked.previous:
        _, base = climbing.base_of(node, agreement, asked.previous, asked.rung, names)
    role, card = SessionRole.INITIATOR, known.card.card
    proposal = _proposal(node, agreement, asked, engine)
    SessionApprovals(node, card, role, agreement, proposal, base).ours()


def _check_here(node: Node, agreement: Agreement, rung: Rung, engine: str) -> str:
    """What can be refused without asking the peer is refused before it is asked. What is only
    missing may have been sent meanwhile. The engine that it will be, as far as it lies with us."""
    terms = agreement.terms
    if agreement.state(node.stamp()).status in (Status.EXPIRED, Status.REFUSED, Status.REVOKED):
        check_active(agreement, node.stamp())
    if rung.height > terms.rung.height:
        raise errors.RefusedError(
            CLAUSE_RUNG, f"the agreement allows rung {terms.rung.value} at most"
        )
    installed = [each.id for each in node.engines.installed()]
    allowed = allowed_engines(terms, installed)
    return node.engines.choose(rung, terms.learn, allowed, installed, engine).id


def _match_once(
    node: Node,
    known: KnownPeer,
    found: Agreement,
    asked: _Asked,
) -> SessionResult:
    peer = known.card.agency
    lease = leasing.acquire(node, leasing.pair(peer))
    try:
        settling.sweep(node, SessionRole.INITIATOR, peer)
        retention.erase_due(node)
        with PeerChannel(node, known) as channel:
            try:
                settling.settle(node, known.card.card, channel)
                contact.exchange(node, peer, channel)
                cosigning.before_session(node, peer, channel)
                found = documents.load(node, found.id)
                check_active(found, node.stamp())
                party = _initiator(node, channel, found, asked)
            except errors.PsihashError as error:
                _record_refusal(node, found, error)
                raise
            worker = Worker(node, peer, party)
            return _run(_Drive(node, channel, party, worker, lease, asked.on_progress))
    finally:
        leasing.give_back(node, lease)


def _record_refusal(node: Node, agreement: Agreement, error: errors.PsihashError) -> None:
    """A match that came to no session was attempted all the same."""
    facts = {
        "peer": agreement.peer_of(node.agency),
        "agreement": agreement.id,
        "role": SessionRole.INITIATOR.value,
        "code": error.code,
    }
    node.record(Event.SESSION_REFUSED, facts)


def _initiator(node: Node, channel: PeerChannel, agreement: Agreement, asked: _Asked) -> Initiator:
    terms = agreement.terms
    card = channel.verified.card.card
    _, engines = preflight.ask(node, channel, agreement, {})
    installed = [each.id for each in node.engines.installed()]
    chosen = node.engines.choose(
        asked.rung, terms.learn, allowed_engines(terms, installed), engines, asked.engine
    )
    desk = NodeDesk(node, card, SessionRole.INITIATOR)
    proposal = _proposal(node, agreement, asked, chosen.id)
    permit = desk.prepare(proposal)
    setting = Setting(
        own_leaf=node.leaf,
        signing_key=node.keys.signing,
        peer_card=card,
        peer_leaf=channel.verified.leaf_fingerprint,
        desk=desk,
        journal=NodeJournal(node, card, SessionRole.INITIATOR, desk),
        codec=ProtobufCodec(),
        rng=node.rng,
    )
    return Initiator(setting, Wish(node.side, proposal), permit)


def _proposal(node: Node, agreement: Agreement, asked: _Asked, engine: str) -> Proposal:
    terms = agreement.terms
    expires = node.now() + dt.timedelta(seconds=limits.SESSION_MAX_SECONDS)
    return Proposal(
        agreement=bytes.fromhex(agreement.id),
        initiator=node.agency,
        rung=asked.rung,
        learn=terms.learn,
        engine=engine,
        algorithms=terms.algorithms,
        peer_case="",
        expires=min(seconds(expires), terms.valid_until),
        previous_receipt=asked.previous,
    )


def _run(drive: _Drive) -> SessionResult:
    party, worker = drive.party, drive.worker
    worker.start(party.start())
    try:
        _pump(drive)
    except errors.PsihashError as error:
        worker.stop(error)
        worker.join(_FAREWELL_SECONDS)
        if error.code != PEER_UNREACHABLE:
            _last_words(drive)
    except BaseException:
        # Ctrl-C and faults of our own end the session on both sides too.
        worker.stop(errors.StateError(SESSION_CANCELLED, "the session was interrupted"))
        worker.join(_FAREWELL_SECONDS)
        _last_words(drive)
        raise
    if party.state is State.IN_DOUBT:
        _ask_how_it_ended(drive)
    if party.session is None or (party.receipts is None and party.state is not State.IN_DOUBT):
        raise _why(party)
    return sessions.result(drive.node, party.session.hex())


def _why(party: Initiator) -> errors.PsihashError:
    failure = party.failure
    if failure is not None and failure.code == APPROVAL_PENDING:
        return errors.RefusedError(
            APPROVAL_PENDING,
            "the other side's approver has not decided about this session yet; nothing was charged",
            hint="their approver has the request now: run the same command again later, or add "
            "`--wait 24` to wait 24 hours for it",
        )
    return failure or errors.PeerError(SESSION_LOST, "the session ended without a result")


def _pump(drive: _Drive) -> None:
    """Call the peer until the session is over and both have everything."""
    worker, pause = drive.worker, 0.0
    while not worker.finished:
        # While the peer has more to say it is fetched ahead, or the peer would stand still.
        hold = not (drive.more and worker.room) and worker.await_turn(limits.POLL_SECONDS)
        time.sleep(pause)
        ended = _exchange(drive, hold=hold)
        # A peer that has no room for what we say is not told again and again at full speed.
        pause = 0.0 if drive.moved else min(0.5, 2 * pause + 0.01)
        _renew(drive)
        if drive.on_progress is not None:
            drive.on_progress(worker.progress)
        if ended and worker.await_turn(limits.POLL_SECONDS) and not worker.ended:
            raise errors.PeerError(SESSION_LOST, "the peer ended the session without a word")


def _renew(drive: _Drive) -> None:
    """Each renewal waits for whoever writes to the store, so not at every call."""
    now = time.monotonic()
    if now - drive.renewed >= leasing.RENEW_SECONDS:
        drive.lease, drive.renewed = leasing.renew(drive.node, drive.lease), now


def _exchange(drive: _Drive, *, hold: bool) -> bool:
    """One call; whether the peer has ended the session and has nothing more to say."""
    reply = _call_with_retries(drive, _request(drive, room=drive.worker.room, hold=hold))
    received = [Numbered(each.number, each.body) for each in reply.messages]
    drive.worker.deliver(reply.ack, received)
    # A call that was held has waited already.
    drive.moved = bool(received) or reply.ack > drive.acked or hold
    drive.acked, drive.more = reply.ack, len(received) == limits.MAX_MESSAGES_PER_CALL
    return reply.ended and not received


def _request(drive: _Drive, *, room: int, hold: bool = False) -> pb.ExchangeRequest:
    ack, messages, _ = drive.worker.collect(limits.MAX_MESSAGES_PER_CALL, 0.0)
    return pb.ExchangeRequest(
        channel=drive.party.hello.nonce,
        ack=ack,
        messages=[pb.NumberedMessage(number=each.number, body=each.body) for each in messages],
        room=room,
        hold=hold,
    )


def _call_with_retries(drive: _Drive, request: pb.ExchangeRequest) -> pb.ExchangeReply:
    """Calls are idempotent, so a lost one is repeated until the peer is back or time is up."""
    deadline = time.monotonic() + drive.node.settings.reconnect_seconds
    pause = 0.1
    while True:
        try:
            reply: pb.ExchangeReply = drive.channel.call(lambda stub: stub.Exchange, request)
        except errors.UnavailableError as error:
            if not _passes(drive, error) or time.monotonic() > deadline:
                raise
        else:
            return reply
        time.sleep(pause)
        pause = min(2 * pause, 5.0)
        try:
            drive.channel.reconnect()
        except errors.UnavailableError:
            if time.monotonic() > deadline:
                raise


def _passes(drive: _Drive, error: errors.UnavailableError) -> bool:
    """A broken connection is repaired; a session under way waits out a peer that is busy."""
    under_way = drive.party.state not in (State.NEW, State.GREETING)
    return error.code == PEER_UNREACHABLE or (error.code == PEER_BUSY and under_way)


def _last_words(drive: _Drive) -> None:
    """Deliver the farewell, and what was said before it, if the peer can still be reached; do not
    insist."""
    deadline = time.monotonic() + _FAREWELL_SECONDS
    with contextlib.suppress(errors.PsihashError):
        while not drive.worker.finished and time.monotonic() < deadline:
            reply = drive.channel.call(lambda stub: stub.Exchange, _request(drive, room=0))
            drive.worker.deliver(reply.ack, [])
            if reply.ended:
                return
            time.sleep(0.1)


def _ask_how_it_ended(drive: _Drive) -> None:
    """Our receipt has left and theirs did not come: the responder knows, and decides."""
    session = drive.party.session
    if session is None:
        raise AssertionError("a session in doubt has an id")
    try:
        drive.channel.reconnect()
        settling.settle(drive.node, drive.channel.verified.card.card, drive.channel)
    except errors.PsihashError:
        raise errors.UnavailableError(
            SESSION_IN_DOUBT,
            "the connection was lost while the receipts were exchanged",
            hint="run `psihash match` again: it first asks the peer how this session ended",
        ) from None
    if drive.node.stores.sessions.get(session.hex()).state != RowState.COMPLETED:
        raise drive.party.failure or errors.PeerError(SESSION_LOST, "the peer ended the session")
