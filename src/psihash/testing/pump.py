"""Two parties of one session in one process: no threads, no sockets, faults by script.

Messages go through two real :class:`psihash.session.link.Link` objects in calls, as they do over a
network: the initiator calls with up to four messages, the responder answers with up to four. A
script says which call meets which fault. Parties come from :mod:`psihash.testing.memory`, or are
made over real nodes.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from psihash import errors, limits
from psihash.session.initiator import Initiator
from psihash.session.link import Link, Numbered
from psihash.session.machine import State
from psihash.session.party import PEER_ABORTED, Party
from psihash.session.responder import Responder

MAX_CALLS = 20_000
_PATIENCE = 30
"""Calls in a row in which nothing moves, before both sides give up."""


class Fault(enum.StrEnum):
    """What can happen to one call."""

    DROP_REQUEST = "drop-request"
    DROP_REPLY = "drop-reply"
    DUPLICATE = "duplicate"
    REPLAY = "replay"
    """An earlier call arrives again, late, and its answer is lost."""
    REORDER = "reorder"
    """Two messages of the call, or of its answer, change places."""
    TRUNCATE = "truncate"
    FLIP = "flip"
    ALTER_REPEAT = "alter-repeat"
    """A message arrives, then again with another content."""


HARMLESS = (Fault.DROP_REQUEST, Fault.DROP_REPLY, Fault.DUPLICATE, Fault.REPLAY)
"""Faults of a network, which a session must survive. The others are tampering."""


@dataclass(frozen=True, slots=True)
class Call:
    """One direction of one call. ``error`` is the code of a call that the responder refused."""

    ack: int
    messages: tuple[Numbered, ...]
    room: int
    ended: bool = False
    error: str = ""


@dataclass
class Script:
    """Which call (from 0) meets which fault; everything else follows from the seed."""

    faults: Mapping[int, Fault] = field(default_factory=dict)
    seed: int = 0
    rate: float = 0.0
    kinds: Sequence[Fault] = HARMLESS

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 - faults, not secrets

    def fault(self, call: int) -> Fault | None:
        if call in self.faults:
            return self.faults[call]
        return self.random.choice(self.kinds) if self.random.random() < self.rate else None


class End:
    """One party and its link. Works as a node's worker does, when it is told to."""

    def __init__(self, party: Party, opening: Iterator[bytes] = iter(())) -> None:  # noqa: B008
        self.party = party
        self.link = Link()
        self._saying = opening
        self._unsaid: bytes | None = None
        self._stop: errors.PsihashError | None = None
        self.error: errors.PsihashError | None = None
        """What ended the session here, other than the peer's own word."""

    @property
    def over(self) -> bool:
        """The party has come to its end, or can say nothing more."""
        return self.party.state.final or self.error is not None

    def stop(self, error: errors.PsihashError) -> None:
        """End the session here at the next chance."""
        self._stop = self._stop or error

    def deliver(self, ack: int, messages: Sequence[Numbered]) -> None:
        """Raises ProtocolError, and ends the session, where the numbering does not hold."""
        try:
            self.link.acknowledge(ack)
            self.link.take(messages)
        except errors.ProtocolError as error:
            self.stop(error)
            raise

    def work(self) -> None:
        """Handle and say whatever can be handled and said now."""
        try:
            while not self.over:
                if self._stop is not None:
                    raise self._stop
                if not self._say_all():
                    return
                message = self.link.next_message()
                if message is None:
                    return
                self._saying = self.party.receive(message)
        except errors.PsihashError as error:
            self._fail(error)

    def call(self, room: int) -> tuple[int, tuple[Numbered, ...]]:
        most = min(room, limits.MAX_MESSAGES_PER_CALL)
        return self.link.ack, tuple(self.link.outgoing(most))

    def _say_all(self) -> bool:
        """False where the link has no room for more."""
        while True:
            if self._unsaid is None:
                self._unsaid = next(self._saying, None)
            if self._unsaid is None:
                return True
            if not self.link.can_send:
                return False
            self.link.send(self._unsaid)
            self._unsaid = None

    def _fail(self, error: errors.PsihashError) -> None:
        self.error = error
        if self._unsaid is not None:
            # It is sealed under its number already: what comes behind it opens only after it.
            self.link.send(self._unsaid)
        try:
            farewell = self.party.fail(error)
        except errors.PsihashError:
            return  # the store is gone: nothing can be recorded, so nothing is said
        if farewell is not None:
            self.link.send(farewell)


class Pair:
    """Initiator and responder, and the calls between them."""

    def __init__(self, initiator: Initiator, responder: Responder) -> None:
        self.initiator = End(initiator, initiator.start())
        self.responder = End(responder)
        self.calls = 0
        self._past: list[Call] = []

    @property
    def over(self) -> bool:
        return self.initiator.over and self.responder.over

    @property
    def delivered(self) -> bool:
        return all(end.link.all_acknowledged for end in (self.initiator, self.responder))

    @property
    def position(self) -> tuple[int, int, State, State]:
        """Changes whenever the session moves on."""
        first, second = self.initiator, self.responder
        return first.link.ack, second.link.ack, first.party.state, second.party.state

    def request(self) -> Call:
        """What the initiator's next call says."""
        self.initiator.work()
        ack, messages = self.initiator.call(limits.MAX_MESSAGES_PER_CALL)
        return Call(ack, messages, self.initiator.link.room)

    def answer(self, request: Call) -> Call:
        """The responder's answer to a call that arrives."""
        end = self.responder
        try:
            end.deliver(request.ack, request.messages)
        except errors.ProtocolError as error:
            end.work()
            return Call(0, (), 0, ended=True, error=error.code)
        end.work()
        ack, messages = end.call(request.room)
        return Call(ack, messages, 0, ended=end.over and end.link.all_acknowledged)

    def take(self, reply: Call) -> None:
        """The answer arrives at the initiator."""
        end = self.initiator
        if reply.error:
            end.stop(errors.PeerError(PEER_ABORTED, "the responder refused the call"))
        else:
            try:
                end.deliver(reply.ack, reply.messages)
            except errors.ProtocolError:
                end.work()
                return
        end.work()
        if reply.ended and not reply.messages and not end.over and end.link.all_acknowledged:
            self.cut_initiator()

    def call(self, fault: Fault | None = None, script: Script | None = None) -> None:
        """One call there and back, through ``fault``."""
        request = self.request()
        self._past.append(request)
        self.calls += 1
        chance = script.random if script is not None else random.Random(0)  # noqa: S311
        match fault:
            case Fault.DROP_REQUEST:
                return
            case Fault.DROP_REPLY:
                self.answer(request)
                return
            case Fault.DUPLICATE:
                self.answer(request)
            case Fault.REPLAY:
                self.answer(chance.choice(self._past))
            case Fault.ALTER_REPEAT:
                self._alter_repeat(request, chance)
                return
            case Fault.REORDER | Fault.TRUNCATE | Fault.FLIP:
                self._tamper(request, fault, chance)
                return
            case None:
                pass
        self.take(self.answer(request))

    def cut_initiator(self, error: errors.PsihashError | None = None) -> None:
        """The initiator gives up, of itself or because nothing comes any more."""
        self.initiator.stop(error or _lost())
        self.initiator.work()

    def cut_responder(self, error: errors.PsihashError | None = None) -> None:
        self.responder.stop(error or _lost())
        self.responder.work()

    def cut(self) -> None:
        """The connection is gone for good: each side waits in vain and gives up."""
        self.cut_initiator()
        self.cut_responder()

    def _tamper(self, request: Call, fault: Fault, chance: random.Random) -> None:
        least = 2 if fault is Fault.REORDER else 1
        there = len(request.messages) >= least and chance.random() < 0.5
        if there:
            self.take(self.answer(tampered(request, fault, chance)))
            return
        reply = self.answer(request)
        self.take(tampered(reply, fault, chance) if len(reply.messages) >= least else reply)

    def _alter_repeat(self, request: Call, chance: random.Random) -> None:
        reply = self.answer(request)
        if request.messages and chance.random() < 0.5:
            self.take(self.answer(tampered(request, Fault.FLIP, chance)))
            return
        self.take(reply)
        if reply.messages:
            self.take(tampered(reply, Fault.FLIP, chance))


def tampered(call: Call, fault: Fault, chance: random.Random) -> Call:
    """The call with two messages exchanged, or one of them cut or with one bit turned."""
    messages = list(call.messages)
    place = chance.randrange(len(messages))
    if fault is Fault.REORDER:
        other = (place + 1) % len(messages)
        messages[place], messages[other] = messages[other], messages[place]
    else:
        message = messages[place]
        messages[place] = replace(message, body=_broken(message.body, fault, chance))
    return replace(call, messages=tuple(messages))


def _broken(body: bytes, fault: Fault, chance: random.Random) -> bytes:
    place = chance.randrange(len(body))
    if fault is Fault.TRUNCATE:
        return body[:place]
    return body[:place] + bytes([body[place] ^ 1 << chance.randrange(8)]) + body[place + 1 :]


def swap(one: Pair, other: Pair) -> None:
    """One call of each of two sessions, with the bodies of their messages exchanged."""
    first, second = one.request(), other.request()
    if len(first.messages) != len(second.messages):
        raise ValueError("swap sessions that stand at the same point")
    one.take(one.answer(_with_bodies(first, second)))
    other.take(other.answer(_with_bodies(second, first)))


def _with_bodies(call: Call, other: Call) -> Call:
    pairs = zip(call.messages, other.messages, strict=True)
    return replace(call, messages=tuple(replace(a, body=b.body) for a, b in pairs))


def pump(pair: Pair, script: Script | None = None, *, most: int = MAX_CALLS) -> Pair:
    """Call until both sides have come to their end and heard of it; then, or after ``most``
    calls, whoever still waits gives up."""
    script = script or Script()
    idle = 0
    for _ in range(most):
        before = pair.position
        pair.call(script.fault(pair.calls), script)
        idle = idle + 1 if pair.position == before else 0
        if (pair.over and pair.delivered) or idle > _PATIENCE:
            break
    pair.cut()
    return pair


def _lost() -> errors.PsihashError:
    return errors.PeerError(PEER_ABORTED, "the other side is gone")
