"""One side of one run of ``ecdh-ristretto255/1``; the protocol stands in :mod:`.ecdh`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from psihash import errors
from psihash.psi.engine import OUT_OF_TURN, UNUSABLE, Items, Outcome, Progress, Rng, RunTerms
from psihash.psi.engines.ecdh_compare import (
    counts_digest,
    counts_of_pairs,
    pairs_digest,
    pairs_in_common,
)
from psihash.psi.engines.ecdh_frames import Content, Frames, Kind, frame_offsets
from psihash.psi.engines.ecdh_lists import OwnList, PeerList
from psihash.psi.group import Group, Secret
from psihash.terms import Learn, Role, Rung

WINDOW: Final = 4
"""Answer frames that one side may be ahead of the other: what a side that stops can gain."""


class EcdhParty:
    """Implements :class:`psihash.psi.engine.Party`."""

    def __init__(
        self, group: Group, role: Role, items: Items, terms: RunTerms, rng: Rng, secret: Secret
    ) -> None:
        self._role, self._terms = role, terms
        self._peer = Role.SENDER if role is Role.RECEIVER else Role.RECEIVER
        both = terms.learn is Learn.BOTH
        self._learns = both or role is Role.RECEIVER
        self._answers = both or role is Role.SENDER
        sizes = (terms.own_size, terms.peer_size)
        self._out = Frames(terms, role, sizes)
        self._in = Frames(terms, self._peer, sizes[::-1])
        self._own = OwnList(group, secret, items, terms, rng)
        self._theirs = PeerList(group, secret, terms, role, rng)
        self._expected: Kind | None = Kind.LIST
        self._received = 0
        """Frames of the kind expected now."""
        self._sent = 0
        """Frames of answers."""
        self._done = 0
        self._started = False
        self._in_call = False
        self._outcome: Outcome | None = None

    @property
    def outcome(self) -> Outcome | None:
        return self._outcome

    @property
    def progress(self) -> Progress:
        own, peer = self._terms.own_size, self._terms.peer_size
        return Progress(self._done, own + peer + own * self._learns + peer * self._answers)

    def start(self) -> Iterator[bytes]:
        self._enter(started=False)
        self._started = True
        self._own.check()
        # One side after the other: two streams at once could wait for each other for ever.
        return self._leave(self._own_list() if self._role is Role.SENDER else iter(()))

    def receive(self, frame: bytes) -> Iterator[bytes]:
        self._enter(started=True)
        if self._outcome is not None:
            self._outcome = None
            raise errors.ProtocolError(OUT_OF_TURN, "a frame came after the end of the run")
        return self._leave(self._take(frame))

    def _enter(self, *, started: bool) -> None:
        # A party that raised, or whose answers were not drained, is not used again.
        if self._in_call or self._started is not started:
            raise errors.StateError(UNUSABLE, "this side of the run cannot take a call now")
        self._in_call = True

    def _leave(self, answers: Iterator[bytes]) -> Iterator[bytes]:
        yield from answers
        self._finish()
        self._in_call = False

    # -- what comes in ---------------------------------------------------------------------------

    def _take(self, frame: bytes) -> Iterator[bytes]:
        if self._expected is Kind.LIST:
            return self._take_list(frame)
        if self._expected is Kind.DIGEST:
            return self._take_digest(frame)
        return self._take_answer(frame)

    def _take_list(self, frame: bytes) -> Iterator[bytes]:
        offset, content = self._next(frame, Kind.LIST, self._terms.peer_size)
        self._theirs.take(content, offset)
        self._done += len(content.points)
        if self._received < len(frame_offsets(self._terms.peer_size)):
            return iter(())
        self._theirs.close()
        self._received = 0
        proven = self._terms.rung is Rung.ITEMS
        self._expected = None if not self._learns else Kind.ANSWER if proven else Kind.DIGEST
        return self._after_list()

    def _after_list(self) -> Iterator[bytes]:
        """The whole list of the peer is here; before this point nothing was answered."""
        if self._role is Role.RECEIVER:
            yield from self._own_list()
        if not self._answers:
            return
        if self._terms.rung is not Rung.ITEMS:
            yield self._out.pack_digest(self._theirs.answer_digest())
        if self._terms.rung is Rung.ITEMS or not self._learns:
            yield from self._answer()

    def _take_digest(self, frame: bytes) -> Iterator[bytes]:
        self._own.announce(self._in.unpack_digest(frame))
        self._expected = Kind.ANSWER
        return self._answer() if self._answers else iter(())

    def _take_answer(self, frame: bytes) -> Iterator[bytes]:
        offset, content = self._next(frame, Kind.ANSWER, self._terms.own_size)
        self._own.take(content, offset)
        self._done += len(content.points)
        if self._all_received:
            self._own.close()
        return self._answer() if self._answers else iter(())

    def _next(self, frame: bytes, kind: Kind, total: int) -> tuple[int, Content]:
        """Where the one frame that may come now begins, and its content."""
        if kind is not self._expected or self._received == len(frame_offsets(total)):
            raise errors.ProtocolError(OUT_OF_TURN, "a frame came that nothing asked for")
        offset = frame_offsets(total)[self._received]
        content = self._in.unpack(frame, kind, total, offset)
        self._received += 1
        return offset, content

    @property
    def _all_received(self) -> bool:
        last = len(frame_offsets(self._terms.own_size))
        return self._expected is Kind.ANSWER and self._received == last

    # -- what goes out ---------------------------------------------------------------------------

    def _own_list(self) -> Iterator[bytes]:
        total = self._terms.own_size
        for offset in frame_offsets(total):
            content = self._own.masked(offset, self._peer)
            self._done += len(content.points)
            yield self._out.pack(Kind.LIST, total, offset, content)

    def _answer(self) -> Iterator[bytes]:
        """As many answers as may have left by now."""
        total = self._terms.peer_size
        for offset in frame_offsets(total)[self._sent : self._allowed]:
            content = self._theirs.answer(offset)
            self._sent += 1
            self._done += len(content.points)
            yield self._out.pack(Kind.ANSWER, total, offset, content)

    @property
    def _allowed(self) -> int:
        """Lockstep: the share of the answers that has left here is at most four frames of the
        longer list ahead of the share that has come."""
        going = len(frame_offsets(self._terms.peer_size))
        coming = len(frame_offsets(self._terms.own_size))
        if not self._learns or self._all_received:
            return going
        taken = self._received if self._expected is Kind.ANSWER else 0
        longer = max(going, coming)
        share = (WINDOW * coming + taken * longer) * going
        return min(going, -(-share // (longer * coming)))

    # -- the end ---------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Compute the outcome once nothing is left to send or to wait for."""
        if self._outcome is not None or self._expected is Kind.LIST:
            return
        if self._learns and not self._all_received:
            return
        if self._answers and self._sent < len(frame_offsets(self._terms.peer_size)):
            return
        self._outcome = self._compare() if self._learns else Outcome()

    def _compare(self) -> Outcome:
        own, theirs = pairs_in_common(self._own.tags, self._theirs.tags())
        first = self._role is Role.RECEIVER
        if self._terms.rung is Rung.COUNT:
            return Outcome(count=len(own))
        if self._terms.rung is Rung.SERIES:
            counts = counts_of_pairs(self._own.numbers[own], self._theirs.numbers[theirs])
            turned = counts if first else {(b, a): n for (a, b), n in counts.items()}
            return Outcome(count=len(own), pair_counts=counts, pairs=counts_digest(turned))
        return Outcome(
            count=len(own),
            positions=np.sort(self._own.order[own]),
            pairs=pairs_digest(own, theirs) if first else pairs_digest(theirs, own),
        )
