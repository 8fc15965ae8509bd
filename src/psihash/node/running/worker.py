"""The thread that works for one session, and the link that the transport's calls go through.

Both sides use it: the responder's calls come in from gRPC, the initiator makes them itself. The
party belongs to the worker's thread alone; computing never stands in the way of a call.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from psihash import errors, limits
from psihash.audit.event import Event
from psihash.identity.trust import PEER_REVOKED, PEER_SUSPENDED, PeerStatus
from psihash.node.node import Node
from psihash.node.peering import peers
from psihash.node.running.desk import SESSION_CANCELLED, SESSION_TIMEOUT
from psihash.session.link import Link, Numbered
from psihash.session.party import Party
from psihash.session.row_state import RowState
from psihash.session.runs import Progress
from psihash.storage.sessions import SESSION_MOVED

SESSION_IDLE = errors.define("session-idle", "the peer was silent for too long")
INTERNAL = errors.define("internal", "a fault inside this node; its own log names the kind")

_DISMISSED = frozenset({PEER_SUSPENDED, PEER_REVOKED})
"""Ends after which the peer gets nothing more, not even a message that was ready."""

_FORGET_SECONDS = 60.0
_LOOK_SECONDS = 1.0


class Worker:
    """One session under way on this node."""

    def __init__(
        self, node: Node, peer: str, party: Party, on_end: Callable[[], None] | None = None
    ) -> None:
        """``on_end`` is called when the party has come to its end, from the worker's thread, before
        the session counts as ended: then the next one may begin."""
        self.peer = peer
        self.party = party
        self._node, self._on_end = node, on_end
        self._link = Link()
        self._changed = threading.Condition()
        self._heard = self._news = self._looked = time.monotonic()
        self._busy = True
        self._ended = False
        self._stop: errors.PsihashError | None = None
        self._thread = threading.Thread(target=self._work, name="psihash-session", daemon=True)
        self._opening: Iterator[bytes] = iter(())
        self._pending: bytes | None = None
        self._ahead = 0

    def start(self, opening: Iterator[bytes] = iter(())) -> None:  # noqa: B008 - empty for ever
        """Begin; ``opening`` is what this side says unasked."""
        self._opening = opening
        self._thread.start()

    @property
    def progress(self) -> Progress:
        return self.party.progress

    @property
    def ended(self) -> bool:
        """The party has come to its end; there may still be messages to deliver."""
        return self._ended

    @property
    def finished(self) -> bool:
        """Ended, and the peer has everything."""
        return self._ended and self._link.all_acknowledged

    @property
    def forgettable(self) -> bool:
        """Finished, or ended and nobody has asked for a minute."""
        silent = time.monotonic() - self._heard > _FORGET_SECONDS
        return self.finished or (self._ended and silent)

    # -- the transport's side --------------------------------------------------------------------

    def deliver(self, ack: int, messages: Sequence[Numbered]) -> None:
        """What the peer acknowledged and sent. Broken numbering ends the session."""
        with self._changed:
            self._heard = time.monotonic()
            before = self._link.ack
            try:
                self._link.acknowledge(ack)
                self._link.take(messages)
                if self._link.ack > before:
                    self._news = self._heard
            except errors.ProtocolError as error:
                self._stop = self._stop or error
                raise
            finally:
                self._changed.notify_all()

    def collect(self, room: int, hold: float) -> tuple[int, list[Numbered], bool]:
        """(ack, messages, finished): what to tell the peer, after waiting up to ``hold`` seconds
        for something to say."""
        most = min(room, limits.MAX_MESSAGES_PER_CALL)
        with self._changed:
            self._changed.wait_for(lambda: self._ended or (most > 0 and self._worth_a_call), hold)
            return self._link.ack, self._link.outgoing(most), self.finished

    def await_turn(self, seconds: float) -> bool:
        """Initiator: wait while the worker computes and has nothing to say. True when it waits
        for the peer, so that the peer may hold the call."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._waiting or self._worth_a_call or self._ended, seconds
            )
            return self._waiting and not self._link.outgoing(1)

    @property
    def _worth_a_call(self) -> bool:
        """There is something to say, and more is not about to come: a call costs as much as a
        third of a frame, so a worker that is busy gets to say two things at once."""
        return len(self._link.outgoing(2)) > (1 if self._busy else 0)

    @property
    def _waiting(self) -> bool:
        """The worker has nothing to do until the peer says something."""
        return not self._busy and self._link.idle

    @property
    def room(self) -> int:
        return self._link.room

    def stop(self, error: errors.PsihashError) -> None:
        """End the session for a reason of this node's own."""
        with self._changed:
            self._stop = self._stop or error
            self._changed.notify_all()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    # -- the worker's side -----------------------------------------------------------------------

    def _work(self) -> None:
        try:
            self._say_all(self._opening)
            while not self.party.state.final:
                self._say_all(self.party.receive(self._next()))
        except errors.PsihashError as error:
            self._fail(self._cause(error))
        except Exception as fault:  # noqa: BLE001 - whatever it is, the session ends and is logged
            self._log_fault(fault)
            self._fail(errors.PsihashError(INTERNAL, "a fault inside this node"))
        finally:
            try:
                if self._on_end is not None:
                    self._on_end()
            finally:
                with self._changed:
                    self._ended, self._busy = True, False
                    self._changed.notify_all()

    def _cause(self, error: errors.PsihashError) -> errors.PsihashError:
        """A cancellation may show first as a session that cannot move on."""
        if error.code == SESSION_MOVED and self._is_cancelled():
            return errors.StateError(SESSION_CANCELLED, "the session was cancelled here")
        return error

    def _log_fault(self, fault: Exception) -> None:
        """The kind of the fault only: its text could hold anything."""
        try:
            self._node.record(Event.INCIDENT, {"code": INTERNAL, "kind": type(fault).__name__})
        except errors.PsihashError:
            return

    def _fail(self, error: errors.PsihashError) -> None:
        try:
            farewell = self.party.fail(error)
        except errors.PsihashError:
            return  # the store is gone too; the next start sweeps the session
        if farewell is None or (self._pending is not None and error.code in _DISMISSED):
            return
        with self._changed:
            if self._pending is not None:
                # It is sealed before the farewell, which cannot be opened without it.
                self._link.send(self._pending)
            self._link.send(farewell)

    def _next(self) -> bytes:
        """The next message of the peer; raises when the session must end instead."""
        while True:
            self._look()
            with self._changed:
                if self._stop is not None:
                    raise self._stop
                message = self._link.next_message()
                self._busy = message is not None
                self._changed.notify_all()
                if message is not None:
                    return message
                self._changed.wait(_LOOK_SECONDS)

    def _say_all(self, answers: Iterator[bytes]) -> None:
        for self._pending in answers:
            self._look()
            while not self._say(self._pending):
                if self._is_overtaken():
                    return
                self._look()
            self._pending = None

    def _say(self, answer: bytes) -> bool:
        with self._changed:
            if self._stop is not None:
                raise self._stop
            if not self._link.can_send:
                self._changed.wait(_LOOK_SECONDS)
                return False
            self._link.send(answer)
            self._changed.notify_all()
            return True

    def _is_overtaken(self) -> bool:
        """Whether the peer has ended the session while this side waits for room to go on."""
        with self._changed:
            last, taken = self._link.last_waiting, self._link.ack
        if last is None or taken == self._ahead:
            return False
        self._ahead = taken
        return self.party.overtake(*last)

    def _look(self) -> None:
        """Once a second, between messages and while waiting: a long run is not left alone."""
        now = time.monotonic()
        if now - self._looked >= _LOOK_SECONDS:
            self._looked = now
            self._check()

    def _check(self) -> None:
        """Silence, expiry, cancellation, a peer that was suspended."""
        if time.monotonic() - self._heard > self._node.settings.session_idle_seconds:
            raise errors.UnavailableError(SESSION_IDLE, "the peer was silent for too long")
        if self.party.deal is None:
            # Before the deal nothing is charged, so nobody may sit there for long.
            if time.monotonic() - self._news > limits.HANDSHAKE_SECONDS:
                raise errors.UnavailableError(SESSION_IDLE, "the peer did not go on")
            return
        if self.party.receipts is not None:
            return
        if self.party.deal.expires <= self._node.stamp():
            raise errors.StateError(SESSION_TIMEOUT, "the session's time is over")
        if self._is_cancelled():
            raise errors.StateError(SESSION_CANCELLED, "the session was cancelled here")
        status = peers.require(self._node, self.peer).status
        if status is not PeerStatus.ACTIVE:
            raise errors.RefusedError(f"peer-{status.value}", "the peer is not active here")

    def _is_cancelled(self) -> bool:
        deal = self.party.deal
        row = None if deal is None else self._node.stores.sessions.find(deal.session_hex)
        return row is not None and row.state == RowState.CANCELLING
