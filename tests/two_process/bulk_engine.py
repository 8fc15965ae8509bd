"""An engine for tests of the transport: many full frames, quickly or slowly, and no secrecy.

The sender sends its tokens in clear and then frames of filling; the receiver compares, and answers
with one frame when it has all of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from psihash import errors
from psihash.psi.engine import (
    BAD_FRAME,
    MAX_FRAME_BYTES,
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

_DONE = b"done"


class BulkEngine:
    """``frames`` of 256 KiB a run, with ``pause`` seconds of computing at both ends of each."""

    def __init__(self, frames: int, pause: float) -> None:
        self._frames, self._pause = frames, pause

    @property
    def id(self) -> str:
        return "bulk-test/1"

    @property
    def properties(self) -> EngineProperties:
        return EngineProperties(
            rungs=frozenset({Rung.COUNT, Rung.ITEMS}),
            both_in_one_run=False,
            security="none: for tests",
            error_rate="none",
            max_items=1 << 24,
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
        if role is Role.SENDER:
            return _Sender(items, self._frames, self._pause)
        return _Receiver(items, terms, self._frames, self._pause)


class _Sender:
    def __init__(self, items: Items, frames: int, pause: float) -> None:
        self._items, self._frames, self._pause = items, frames, pause
        self.outcome: Outcome | None = None

    @property
    def progress(self) -> Progress:
        return Progress(0, 1)

    def start(self) -> Iterator[bytes]:
        yield self._items.tokens.tobytes()
        for _ in range(self._frames):
            time.sleep(self._pause)
            yield bytes(MAX_FRAME_BYTES)

    def receive(self, frame: bytes) -> Iterator[bytes]:
        if frame != _DONE:
            raise errors.ProtocolError(BAD_FRAME, "not the answer of the test engine")
        self.outcome = Outcome()
        return iter(())


class _Receiver:
    def __init__(self, items: Items, terms: RunTerms, frames: int, pause: float) -> None:
        self._items, self._terms, self._left, self._pause = items, terms, frames + 1, pause
        self._theirs: set[bytes] | None = None
        self.outcome: Outcome | None = None

    @property
    def progress(self) -> Progress:
        return Progress(0, 1)

    def start(self) -> Iterator[bytes]:
        return iter(())

    def receive(self, frame: bytes) -> Iterator[bytes]:
        if self._theirs is None:
            if len(frame) != 32 * self._terms.peer_size:
                raise errors.ProtocolError(BAD_FRAME, "not the list of the test engine")
            self._theirs = {frame[at : at + 32] for at in range(0, len(frame), 32)}
        time.sleep(self._pause)
        self._left -= 1
        if self._left == 0:
            rows = [n for n, row in enumerate(self._items.tokens) if row.tobytes() in self._theirs]
            positions = np.array(rows, dtype=np.int64)
            items = self._terms.rung is Rung.ITEMS
            self.outcome = Outcome(len(rows), positions if items else None)
            yield _DONE
