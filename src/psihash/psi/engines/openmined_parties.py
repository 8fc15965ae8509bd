"""The two sides of one run of ``openmined-p256/1``; the protocol stands in :mod:`.openmined`."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from psihash import errors
from psihash.psi.encoding import BAD_LIST, Bytes2D, elements
from psihash.psi.engine import OUT_OF_TURN, UNUSABLE, Items, Outcome, Progress, RunTerms
from psihash.psi.engines import openmined_library as library
from psihash.psi.engines.openmined_frames import (
    FRAME_POINTS,
    POINT_BYTES,
    Frames,
    Kind,
    ascending_order,
    check_ascending,
    check_on_curve,
    frame_offsets,
    is_ascending,
)
from psihash.terms import Rung

_SETUP_COPIES: Final = 16
"""The library copies the setup in each comparing call; the answers go in at most about 16 parts."""


class _Side(abc.ABC):
    """What both sides share: the order of calls and the masking of one's own list."""

    def __init__(self, items: Items, terms: RunTerms, frames: Frames, total: int) -> None:
        self._items = items
        self._terms = terms
        self._frames = frames
        self._total = total
        self._done = 0
        self._started = False
        self._in_call = False
        self._outcome: Outcome | None = None

    @property
    def outcome(self) -> Outcome | None:
        return self._outcome

    @property
    def progress(self) -> Progress:
        return Progress(self._done, self._total)

    def start(self) -> Iterator[bytes]:
        self._enter(started=False)
        self._started = True
        return self._leave(self._begin())

    def receive(self, frame: bytes) -> Iterator[bytes]:
        self._enter(started=True)
        if self._outcome is not None:
            self._outcome = None
            raise errors.ProtocolError(OUT_OF_TURN, "a frame came after the end of the run")
        return self._leave(self._take(frame))

    @abc.abstractmethod
    def _begin(self) -> Iterator[bytes]:
        """What this side sends unasked."""

    @abc.abstractmethod
    def _take(self, frame: bytes) -> Iterator[bytes]:
        """Check a frame at once; give back what follows from it."""

    def _enter(self, *, started: bool) -> None:
        # Whatever goes wrong inside a call leaves the flag up: a party that raised, or whose
        # answers were not drained, is not used again. It also keeps a second thread out of the
        # library's object, where two at once abort the process.
        if self._in_call or self._started is not started:
            raise errors.StateError(UNUSABLE, "this side of the run cannot take a call now")
        self._in_call = True

    def _leave(self, answers: Iterator[bytes]) -> Iterator[bytes]:
        yield from answers
        self._in_call = False

    def _masked(self, mask: Callable[[Bytes2D], Bytes2D]) -> Bytes2D:
        """The own list as points, row by row as ``mask`` gives them: (own_size, 33)."""
        terms = self._terms
        points = np.empty((terms.own_size, POINT_BYTES), dtype=np.uint8)
        for start in range(0, terms.own_size, FRAME_POINTS):
            rows = slice(start, start + FRAME_POINTS)
            mapped = elements(
                terms.context_kind, terms.context_id, terms.run, self._items.tokens[rows]
            )
            points[rows] = mask(mapped)
            self._done += len(mapped)
        return points


class Sender(_Side):
    def __init__(self, items: Items, terms: RunTerms) -> None:
        frames = Frames(terms, terms.own_size, terms.peer_size)
        super().__init__(items, terms, frames, terms.own_size + terms.peer_size)
        self._library = library.Sender(reveal=terms.rung is Rung.ITEMS)
        self._request = _List(Kind.REQUEST, terms.peer_size)

    def _begin(self) -> Iterator[bytes]:
        points, _ = _own_ascending(self._masked(self._library.mask))
        yield from self._frames.pack_list(Kind.SETUP, points)

    def _take(self, frame: bytes) -> Iterator[bytes]:
        self._request.take(self._frames, frame)
        check_ascending(self._request.with_last_frame())
        return self._respond() if self._request.complete else iter(())

    def _respond(self) -> Iterator[bytes]:
        answers = self._answers()
        if self._terms.rung is Rung.COUNT:
            # The library sorted each part; only the order over the whole list hides positions.
            points = np.concatenate(list(answers))
            yield from self._frames.pack_list(Kind.RESPONSE, points[ascending_order(points)])
        else:
            total = self._terms.peer_size
            for offset, points in zip(frame_offsets(total), answers, strict=True):
                yield self._frames.pack(Kind.RESPONSE, total, offset, points)
        self._outcome = Outcome()

    def _answers(self) -> Iterator[Bytes2D]:
        for offset in frame_offsets(self._terms.peer_size):
            points = self._library.answer(self._request.points[offset : offset + FRAME_POINTS])
            self._done += len(points)
            yield points


class Receiver(_Side):
    def __init__(self, items: Items, terms: RunTerms) -> None:
        frames = Frames(terms, terms.peer_size, terms.own_size)
        super().__init__(items, terms, frames, 2 * terms.own_size)
        self._library = library.Receiver(reveal=terms.rung is Rung.ITEMS)
        self._setup = _List(Kind.SETUP, terms.peer_size)
        self._response = _List(Kind.RESPONSE, terms.own_size)
        self._compared = 0
        self._count = 0
        self._hits: list[npt.NDArray[np.int64]] = []

    def _begin(self) -> Iterator[bytes]:
        """Mask the own list while the sender masks its own. Nothing leaves yet."""
        self._own, self._rows = _own_ascending(self._masked(self._library.mask))
        yield from ()

    def _take(self, frame: bytes) -> Iterator[bytes]:
        if not self._setup.complete:
            check_on_curve(self._setup.take(self._frames, frame))
            check_ascending(self._setup.with_last_frame())
            return self._ask() if self._setup.complete else iter(())
        self._response.take(self._frames, frame)
        if self._terms.rung is Rung.COUNT:
            check_ascending(self._response.with_last_frame())
        self._compare()
        if self._response.complete:
            self._finish()
        return iter(())

    def _ask(self) -> Iterator[bytes]:
        self._library.keep_setup(self._setup.points)
        self._setup.forget()
        yield from self._frames.pack_list(Kind.REQUEST, self._own)

    def _compare(self) -> None:
        """Compare what has come since the last time, if it is enough or the last."""
        received = self._response.received
        enough = max(FRAME_POINTS, self._terms.peer_size // _SETUP_COPIES)
        if received - self._compared < enough and not self._response.complete:
            return
        part = self._response.points[self._compared : received]
        if self._terms.rung is Rung.COUNT:
            self._count += self._library.count(part)
        else:
            found = np.array(self._library.matches(part), dtype=np.int64)
            self._hits.append(self._rows[found + self._compared])
        self._compared = received
        self._done = self._terms.own_size + received

    def _finish(self) -> None:
        if self._terms.rung is Rung.COUNT:
            self._outcome = Outcome(count=self._count)
            return
        # The answers stand in the order of the request, so repeats show only now.
        answers = self._response.points
        check_ascending(answers[ascending_order(answers)])
        positions = np.sort(np.concatenate(self._hits))
        self._outcome = Outcome(count=len(positions), positions=positions)


class _List:
    """A list of the peer as it comes in, in one array of the agreed size."""

    def __init__(self, kind: Kind, total: int) -> None:
        self._kind = kind
        self._frame_start = 0
        self.received = 0
        self.complete = False
        self.points: Bytes2D = np.empty((total, POINT_BYTES), dtype=np.uint8)

    def take(self, frames: Frames, frame: bytes) -> Bytes2D:
        """Add the next frame; return its points. Raises ProtocolError."""
        total = len(self.points)
        points = frames.unpack(frame, self._kind, total, self.received)
        self._frame_start = self.received
        self.received += len(points)
        self.points[self._frame_start : self.received] = points
        self.complete = self.received == total
        return points

    def with_last_frame(self) -> Bytes2D:
        """The last frame's points and the one before them, where order can be wrong."""
        return self.points[max(0, self._frame_start - 1) : self.received]

    def forget(self) -> None:
        """Give the memory back."""
        self.points = self.points[:0]


def _own_ascending(points: Bytes2D) -> tuple[Bytes2D, npt.NDArray[np.int64]]:
    """The own list in ascending order, and from which row each point came."""
    rows = ascending_order(points)
    ordered = points[rows]
    if not is_ascending(ordered):
        raise errors.InputError(BAD_LIST, "the own list holds an element twice")
    return ordered, rows
