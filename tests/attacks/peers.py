"""Dishonest peers. Each follows the protocol but for one thing, with valid keys of its own.

They are the product's own parties with a method exchanged, so that the honest side meets a peer
that gets everything else right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from psihash.session import messages as m
from psihash.session.initiator import Initiator
from psihash.session.machine import Input, Machine, State
from psihash.session.party import Party
from psihash.session.responder import Responder
from psihash.terms import Rung, SessionRole
from psihash.testing.memory import Bench, Meeting
from psihash.testing.pump import pump

_Party = TypeVar("_Party", bound=Party)


def between(
    made: Bench, rung: Rung, role: SessionRole, make: Callable[..., Any], *how: Any
) -> Meeting:
    """A session in which ``role`` is dishonest: ``make(party class, *how)``."""
    if role is SessionRole.INITIATOR:
        return made.meet(rung, initiator=make(Initiator, *how))
    return made.meet(rung, responder=make(Responder, *how))


def altering(base: type[_Party], change: Callable[[Any], Any]) -> type[_Party]:
    """A party that sends ``change(message)`` in place of each sealed message."""

    class Altering(base):  # type: ignore[misc, valid-type]
        def _send(self, event: Any, body: m.Sealed) -> bytes:
            return super()._send(event, change(body))  # type: ignore[no-any-return]

    return Altering


def altering_greeting(base: type[_Party], change: Callable[[Any], Any]) -> type[_Party]:
    """The same for its greeting, which it signs anew."""

    class Altering(base):  # type: ignore[misc, valid-type]
        def __init__(self, setting: Any, *more: Any) -> None:
            codec = _GreetingCodec(setting.codec, change)
            super().__init__(_with_codec(setting, codec), *more)

    return Altering


class _GreetingCodec:
    def __init__(self, codec: m.Codec, change: Callable[[Any], Any]) -> None:
        self._codec, self._change = codec, change

    def encode_greeting(self, message: m.Greeting) -> bytes:
        return self._codec.encode_greeting(self._change(message))

    def decode_greeting(self, data: bytes) -> m.Greeting:
        return self._codec.decode_greeting(data)

    def encode(self, message: m.Sealed) -> bytes:
        return self._codec.encode(message)

    def decode(self, data: bytes) -> m.Sealed:
        return self._codec.decode(data)


def _with_codec(setting: Any, codec: m.Codec) -> Any:
    return replace(setting, codec=codec)


def overriding(base: type[_Party], **methods: Callable[..., Any]) -> type[_Party]:
    """A party with some methods exchanged."""
    return type(f"Dishonest{base.__name__}", (base,), methods)


def blind(base: type[_Party]) -> type[_Party]:
    """A party that accepts whatever the other side says: it does not mind its own doing."""

    def nothing(self: Any, *_: Any) -> None:
        del self

    return overriding(base, _verify_check=nothing, _verify_receipt=nothing, _verify_confirm=nothing)


class _AnyOrder(Machine):
    """Moves on where the table has a row, and allows everything else."""

    def allows(self, event: Input) -> bool:
        del event
        return True

    def take(self, event: Input) -> State:
        self.state = self._table.get((self.state, event), self.state)
        return self.state


def without_table(base: type[_Party]) -> type[_Party]:
    """A party that sends and takes messages in any order."""

    class Lawless(base):  # type: ignore[misc, valid-type]
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.machine = _AnyOrder(self.role)

    return Lawless


def caught(meeting: Meeting, victim: SessionRole) -> str:
    """Run the session; the code with which the honest side ended it. Nothing is shown there, and
    its log says so."""
    pump(meeting.pair)
    place = list(SessionRole).index(victim)
    party, journal = meeting.parties[place], meeting.journals[place]
    end = (meeting.pair.initiator, meeting.pair.responder)[place]
    assert journal.visible is None
    assert party.receipts is None
    assert end.error is not None, f"the attack was not noticed: {party.state}"
    if journal.state != "settling":
        assert journal.codes == [end.error.code]
    return end.error.code
