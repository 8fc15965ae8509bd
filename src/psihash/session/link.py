"""Numbered messages over a connection that may break: sans-IO, idempotent, in order.

Each side numbers what it sends from 1, keeps it until the other side acknowledges it, and re-sends
it byte for byte. What comes in is taken in order, once; the SHA-256 of every message is kept, and a
repeat that differs from the first is a protocol error. The link knows nothing of the content.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from psihash import errors, limits
from psihash.identity.hybrid import TAG_BYTES

LINK_ALTERED = errors.define(
    "link-altered", "the peer repeated a message number with another content"
)
LINK_ORDER = errors.define("link-order", "message numbers or acknowledgements do not fit")

MAX_MESSAGE = limits.MAX_SESSION_MESSAGE + TAG_BYTES


@dataclass(frozen=True, slots=True)
class Numbered:
    number: int
    body: bytes


class Link:
    """One side of a numbered exchange."""

    def __init__(self, *, room: int = 2 * limits.MAX_MESSAGES_PER_CALL) -> None:
        self._room = room
        self._unacked: deque[Numbered] = deque()
        self._sent = 0
        self._acked = 0
        self._received = 0
        self._digests: list[bytes] = []
        self._inbox: deque[bytes] = deque()

    # -- outgoing --------------------------------------------------------------------------------

    @property
    def can_send(self) -> bool:
        """Whether there is room for another message before some are acknowledged."""
        return len(self._unacked) < self._room

    @property
    def all_acknowledged(self) -> bool:
        return not self._unacked

    def send(self, body: bytes) -> None:
        self._sent += 1
        self._unacked.append(Numbered(self._sent, body))

    def outgoing(self, most: int) -> list[Numbered]:
        """The oldest messages that are not acknowledged yet; the same again until they are."""
        return [self._unacked[place] for place in range(min(most, len(self._unacked)))]

    def acknowledge(self, number: int) -> None:
        """The peer has everything up to ``number``."""
        if number > self._sent:
            raise errors.ProtocolError(LINK_ORDER, "the peer acknowledges what was never sent")
        while self._unacked and self._unacked[0].number <= number:
            self._unacked.popleft()
        self._acked = max(self._acked, number)

    # -- incoming --------------------------------------------------------------------------------

    @property
    def ack(self) -> int:
        """Highest number taken in order: what this side tells the peer."""
        return self._received

    @property
    def room(self) -> int:
        """How many messages this side can take now."""
        free = self._room - len(self._inbox)
        return max(0, min(limits.MAX_MESSAGES_PER_CALL, free))

    def take(self, messages: Sequence[Numbered]) -> None:
        """Accept consecutive messages; repeats are compared, what has no room is left out."""
        if len(messages) > limits.MAX_MESSAGES_PER_CALL:
            raise errors.ProtocolError(LINK_ORDER, "more messages in a call than allowed")
        for message in messages:
            if not self._take_one(message):
                return

    def _take_one(self, message: Numbered) -> bool:
        """False where there is no room for it, and so for none behind it."""
        if len(message.body) > MAX_MESSAGE:
            raise errors.ProtocolError(LINK_ORDER, "a message is larger than the protocol allows")
        digest = hashlib.sha256(message.body).digest()
        if 1 <= message.number <= self._received:
            if self._digests[message.number - 1] != digest:
                raise errors.ProtocolError(LINK_ALTERED, "a repeated message differs")
            return True
        if message.number != self._received + 1:
            raise errors.ProtocolError(LINK_ORDER, "a message number is missing or zero")
        if len(self._inbox) >= self._room:
            return False
        self._received += 1
        self._digests.append(digest)
        self._inbox.append(message.body)
        return True

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be handled."""
        return not self._inbox

    @property
    def last_waiting(self) -> tuple[bytes, int] | None:
        """The last message that waits to be handled, and how many wait before it."""
        return (self._inbox[-1], len(self._inbox) - 1) if self._inbox else None

    def next_message(self) -> bytes | None:
        """The next message for the session, or None."""
        return self._inbox.popleft() if self._inbox else None
