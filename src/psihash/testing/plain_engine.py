"""An engine without secrets, for tests of everything around an engine: milliseconds, no library.

The sender shows its elements in the clear and the receiver looks which of them are its own. That
protects nothing and is no use outside tests; elements, canaries, padding and the order of calls
are those of any engine. With ``both_in_one_run`` both sides show their elements and both learn.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from psihash import errors
from psihash.psi.encoding import elements
from psihash.psi.engine import (
    BAD_FRAME,
    OUT_OF_TURN,
    TOKEN_BYTES,
    WRONG_COUNT,
    EngineProperties,
    Items,
    Outcome,
    Party,
    Progress,
    Rng,
    RunSecret,
    RunTerms,
)
from psihash.terms import Role, Rung

_DONE: Final = b"done"


class PlainEngine:
    """Makes parties. ``chunk`` is the number of elements in a frame: small ones test streaming."""

    def __init__(self, *, both_in_one_run: bool = False, chunk: int = 40) -> None:
        self._both, self._chunk = both_in_one_run, chunk

    @property
    def id(self) -> str:
        return "plain-both/1" if self._both else "plain-one/1"

    @property
    def properties(self) -> EngineProperties:
        return EngineProperties(
            rungs=frozenset({Rung.COUNT, Rung.ITEMS}),
            both_in_one_run=self._both,
            security="none: everything is shown",
            error_rate="none",
            max_items=1 << 20,
            microseconds_per_item=1.0,
            bytes_per_item=32.0,
        )

    def secret(self, rung: Rung) -> RunSecret | None:
        del rung
        return None

    def party(
        self, role: Role, items: Items, terms: RunTerms, rng: Rng, secret: RunSecret | None = None
    ) -> Party:
        del rng, secret
        learns = self._both or role is Role.RECEIVER
        return PlainParty(
            items, terms, learns=learns, shows=self._both or not learns, cut=self._chunk
        )


class PlainParty:
    """One side of one run; it may show its elements, look at the peer's, or both."""

    def __init__(
        self, items: Items, terms: RunTerms, *, learns: bool, shows: bool, cut: int
    ) -> None:
        self._own = elements(terms.context_kind, terms.context_id, terms.run, items.tokens)
        self._terms, self._learns, self._shows, self._cut = terms, learns, shows, cut
        self._peer = bytearray()
        self.outcome: Outcome | None = None

    @property
    def progress(self) -> Progress:
        return Progress(len(self._peer) // TOKEN_BYTES, self._terms.peer_size)

    def start(self) -> Iterator[bytes]:
        if not self._shows:
            return
        # Sorted by the elements' own bytes, which are as good as random.
        rows = self._own[np.lexsort(self._own.T[::-1])]
        for at in range(0, len(rows), self._cut):
            yield rows[at : at + self._cut].tobytes()

    def receive(self, frame: bytes) -> Iterator[bytes]:
        if self.outcome is not None:
            raise errors.ProtocolError(OUT_OF_TURN, "a frame after the end of the run")
        if not self._learns:
            self._take_done(frame)
            return
        self._take(frame)
        if self.outcome is not None and not self._shows:
            yield _DONE

    def _take_done(self, frame: bytes) -> None:
        if frame != _DONE:
            raise errors.ProtocolError(OUT_OF_TURN, "the sender of a run takes no elements")
        self.outcome = Outcome()

    def _take(self, frame: bytes) -> None:
        if not frame or len(frame) % TOKEN_BYTES:
            raise errors.ProtocolError(BAD_FRAME, "a frame holds whole elements")
        self._peer += frame
        wanted = self._terms.peer_size * TOKEN_BYTES
        if len(self._peer) > wanted:
            raise errors.ProtocolError(WRONG_COUNT, "more elements than agreed")
        if len(self._peer) == wanted:
            self.outcome = self._compare()

    def _compare(self) -> Outcome:
        theirs = {
            bytes(self._peer[at : at + TOKEN_BYTES])
            for at in range(0, len(self._peer), TOKEN_BYTES)
        }
        found = [row for row, own in enumerate(self._own) if own.tobytes() in theirs]
        if self._terms.rung is Rung.COUNT:
            return Outcome(count=len(found))
        return Outcome(count=len(found), positions=np.array(found, dtype=np.int64))
