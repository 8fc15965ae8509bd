"""What a verified peer may ask of this node: documents, preflight, sessions, settlements.

Plain values in and out; the gRPC service in ``server/`` turns them into messages. Every method may
be called from several threads at once.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Sequence

from psihash import errors, limits
from psihash.agreement.rules import check_active
from psihash.audit.event import Event
from psihash.identity import signatures
from psihash.identity.trust import VerifiedPeer
from psihash.node import leasing
from psihash.node.agreeing import annexes, documents
from psihash.node.node import Node
from psihash.node.peering import contact
from psihash.node.peering.channel import PEER_BUSY, UNKNOWN_CHANNEL
from psihash.node.peering.contact import Acknowledgement
from psihash.node.records import retention
from psihash.node.running import preflight, sessions, settling
from psihash.node.running.desk import NO_SUCH_AGREEMENT, NodeDesk
from psihash.node.running.journal import NodeJournal
from psihash.node.running.worker import Worker
from psihash.session.deal import NONCE_BYTES
from psihash.session.link import Numbered
from psihash.session.messages import Receipt
from psihash.session.party import Setting
from psihash.session.responder import Responder
from psihash.session.row_state import RowState
from psihash.storage.leases import Lease
from psihash.terms import AlgorithmId, SessionRole
from psihash.wire.codec import ProtobufCodec

NODE_STOPPING = errors.define("node-stopping", "this node is being shut down")
SESSION_SUPERSEDED = errors.define(
    "session-superseded", "the peer has opened another session, so it has lost this one"
)
BAD_CALL = errors.define("bad-call", "a call's fields are out of range")

_SUPERSEDED_SECONDS = 5.0
_STOP_SECONDS = 10.0
"""How long a shut-down waits for sessions that compute."""


class Answering:
    """The responder side of a node, for as long as it serves."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._workers: dict[bytes, Worker] = {}
        self._used: set[bytes] = set()
        self._lock = threading.Lock()
        self._stopping = False
        self._opens: dict[str, deque[float]] = {}
        self._leases: dict[bytes, Lease] = {}
        self._lease = leasing.acquire(node, leasing.SERVE)
        settling.sweep(node, SessionRole.RESPONDER)

    # -- documents -------------------------------------------------------------------------------

    def sync(
        self, peer: VerifiedPeer, bodies: Sequence[bytes], received: Acknowledgement
    ) -> tuple[list[bytes], list[str], bytes]:
        """Take the peer's documents; give it what waits for it. Returns (documents, codes, our
        signature over what was taken)."""
        contact.confirm_signed(self._node, peer.card.card, received)
        codes = contact.take(self._node, peer.agency, bodies)
        annexes.refresh_all(self._node, peer.agency)
        waiting = [body for _, body in contact.outgoing(self._node, peer.agency)]
        return waiting, codes, contact.acknowledge(self._node, bodies).signature

    def preflight(
        self,
        peer: VerifiedPeer,
        agreement: str,
        asked: dict[AlgorithmId, preflight.Coverage],
    ) -> tuple[dict[AlgorithmId, preflight.Coverage], list[str]]:
        """Our coverage, to a peer that tells its own; our engines in any case."""
        engines = [engine.id for engine in self._node.engines.installed()]
        row = self._node.stores.agreements.find(agreement)
        if row is None or row.peer != peer.agency:
            raise errors.RefusedError(NO_SUCH_AGREEMENT, "no such agreement with this peer")
        loaded = documents.load(self._node, agreement)
        check_active(loaded, self._node.stamp())
        if not asked:
            return {}, engines
        self._node.record(
            Event.PREFLIGHT, {"peer": peer.agency, "agreement": agreement, "by": peer.agency}
        )
        return preflight.own_coverage(self._node, loaded), engines

    # -- sessions --------------------------------------------------------------------------------

    def exchange(
        self,
        peer: VerifiedPeer,
        channel: bytes,
        ack: int,
        messages: Sequence[Numbered],
        room: int,
        *,
        hold: bool,
    ) -> tuple[int, list[Numbered], bool]:
        """Carry numbered messages of one session; (ack, messages, finished)."""
        if len(channel) != NONCE_BYTES:
            raise errors.ProtocolError(BAD_CALL, "a channel has 32 bytes")
        if messages and messages[0].number == 1:
            self._end_superseded(peer.agency, channel)
        worker = self._worker(peer, channel, messages)
        worker.deliver(ack, messages)
        return worker.collect(room, limits.POLL_SECONDS if hold else 0.0)

    def _end_superseded(self, agency: str, channel: bytes) -> None:
        """A peer has one session under way, so where it opens another, the one that is here has
        lost its process over there."""
        with self._lock:
            if channel in self._used:
                return
            running = [
                worker
                for worker in self._workers.values()
                if worker.peer == agency and not worker.ended
            ]
        for worker in running:
            worker.stop(errors.PeerError(SESSION_SUPERSEDED, "the peer has opened another session"))
        for worker in running:
            worker.join(_SUPERSEDED_SECONDS)

    def _worker(self, peer: VerifiedPeer, channel: bytes, messages: Sequence[Numbered]) -> Worker:
        with self._lock:
            self._forget_ended()
            worker = self._workers.get(channel)
            if worker is not None and worker.peer == peer.agency:
                return worker
            first = bool(messages) and messages[0].number == 1
            # A channel is used once: a replayed hello opens nothing.
            if worker is not None or not first or channel in self._used:
                raise errors.PeerError(UNKNOWN_CHANNEL, "no such session is under way")
            if self._stopping:
                raise errors.UnavailableError(NODE_STOPPING, "this node is being shut down")
            self._require_room(peer.agency)
            lease = self._pair_lease(peer.agency)
            self._used.add(channel)
            worker = self._new_worker(peer, channel)
            self._workers[channel] = worker
            self._leases[channel] = lease
        worker.start()
        return worker

    def _pair_lease(self, agency: str) -> Lease:
        """One session with a peer at a time, whoever opened it."""
        try:
            return leasing.acquire(self._node, leasing.pair(agency))
        except errors.StateError:
            raise errors.UnavailableError(
                PEER_BUSY, "a session between the two agencies is under way"
            ) from None

    def _new_worker(self, peer: VerifiedPeer, channel: bytes) -> Worker:
        node, card = self._node, peer.card.card
        desk = NodeDesk(node, card, SessionRole.RESPONDER)
        setting = Setting(
            own_leaf=node.leaf,
            signing_key=node.keys.signing,
            peer_card=card,
            peer_leaf=peer.leaf_fingerprint,
            desk=desk,
            journal=NodeJournal(node, card, SessionRole.RESPONDER, desk),
            codec=ProtobufCodec(),
            rng=node.rng,
        )
        return Worker(
            node, peer.agency, Responder(setting, channel), lambda: self._release(channel)
        )

    def _require_room(self, agency: str) -> None:
        running = sum(1 for worker in self._workers.values() if not worker.ended)
        if running >= self._node.settings.max_sessions:
            raise errors.UnavailableError(PEER_BUSY, "as many sessions as allowed are running")
        opens = self._opens.setdefault(agency, deque(maxlen=limits.SESSION_OPENS_PER_MINUTE))
        if len(opens) == opens.maxlen and time.monotonic() - opens[0] < 60.0:
            raise errors.UnavailableError(PEER_BUSY, "this peer opens sessions too fast")
        opens.append(time.monotonic())

    def _forget_ended(self) -> None:
        for channel in [key for key, worker in self._workers.items() if worker.forgettable]:
            del self._workers[channel]

    def _release(self, channel: bytes) -> None:
        """A session is over: the next one with this peer may begin."""
        with self._lock:
            lease = self._leases.get(channel)
        if lease is not None:
            # Where the store cannot take it in, it is done again with the housekeeping.
            with contextlib.suppress(errors.StorageError):
                leasing.give_back(self._node, lease)
                self._leases.pop(channel, None)

    # -- the end ---------------------------------------------------------------------------------

    def settle(self, peer: VerifiedPeer, session: bytes) -> tuple[str, Receipt | None, bytes]:
        """How a session that this peer opened ended: (outcome, receipt, signature of "aborted").
        One that still runs here is ended first."""
        name = session.hex()
        self._end_if_running(peer.agency, session)
        row = self._node.stores.sessions.find(name)
        if row is None:
            return self._aborted(peer.agency, session)
        if row.peer != peer.agency or row.role is not SessionRole.RESPONDER:
            # About anything else there is nothing to sign: a word of ours must never be false.
            raise errors.PeerError(UNKNOWN_CHANNEL, "no such session was opened by this peer")
        if row.state != RowState.COMPLETED:
            if row.closed is None:
                settling.sweep_one(self._node, row)
            return self._aborted(peer.agency, session)
        own, _ = sessions.receipts(self._node, name)
        return "completed", own, b""

    def _aborted(self, agency: str, session: bytes) -> tuple[str, None, bytes]:
        """Our signed word, to this peer, that its session has no result here."""
        key, context = self._node.keys.signing, signatures.Context.CANCEL
        return "aborted", None, signatures.sign(key, context, settling.aborted(agency, session))

    def _end_if_running(self, agency: str, session: bytes) -> None:
        with self._lock:
            running = [
                worker
                for worker in self._workers.values()
                if worker.peer == agency and worker.party.session == session and not worker.ended
            ]
        for worker in running:
            worker.stop(errors.PeerError(UNKNOWN_CHANNEL, "the peer has lost the session"))
            worker.join(30.0)

    def housekeeping(self) -> None:
        """Now and then: hold the lease, forget and close what has ended, erase what is due.

        Raises StateError ``already-running`` where another process has taken over.
        """
        try:
            self._lease = leasing.renew(self._node, self._lease)
        except errors.StateError:
            # The machine slept past the lease. Nobody else took it, or this raises.
            self._lease = leasing.acquire(self._node, leasing.SERVE)
        with self._lock:
            self._forget_ended()
        self._hold_leases()
        self._close_orphans()
        retention.erase_due(self._node)

    def _hold_leases(self) -> None:
        """Of sessions under way; those of sessions that have ended are given back."""
        with self._lock:
            held = dict(self._leases)
            live = {key: worker for key, worker in self._workers.items() if not worker.ended}
        for channel, lease in held.items():
            worker = live.get(channel)
            if worker is None:
                self._release(channel)
                continue
            try:
                renewed = leasing.renew(self._node, lease)
            except errors.StateError as error:
                # The machine slept past the lease: another session may be under way by now.
                worker.stop(error)
                continue
            with self._lock:
                if channel in self._leases:
                    self._leases[channel] = renewed

    def _close_orphans(self) -> None:
        """Sessions whose worker ended while the store could not take that in."""
        rows = self._node.stores.sessions.all(open_only=True)
        with self._lock:  # after the rows: a session gets its row when it has a worker
            live = {worker.party.session for worker in self._workers.values() if not worker.ended}
        for row in rows:
            if row.role is SessionRole.RESPONDER and bytes.fromhex(row.id) not in live:
                settling.sweep_one(self._node, row)

    def stop(self) -> None:
        """End every session, open none any more, and give the peers a moment to learn of it."""
        with self._lock:
            self._stopping = True
            workers = [worker for worker in self._workers.values() if not worker.ended]
        for worker in workers:
            worker.stop(errors.UnavailableError(NODE_STOPPING, "this node is being shut down"))
        deadline = time.monotonic() + _STOP_SECONDS
        for worker in workers:
            worker.join(max(0.0, deadline - time.monotonic()))
        farewell = min(deadline, time.monotonic() + 2 * limits.POLL_SECONDS)
        while any(not worker.finished for worker in workers) and time.monotonic() < farewell:
            time.sleep(0.05)

    def close(self) -> None:
        """End every session and give the lease back."""
        self.stop()
        self._node.stores.leases.release(self._lease)
