"""The interface every engine implements (design: one party object per side and run).

A *run* is one engine execution for one algorithm with fresh secrets. Engines are sans-IO: frames
in, frames out. The session layer numbers, encrypts, resends and hashes frames; an engine only
computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from psihash import errors
from psihash.terms import Learn, Role, Rung

BAD_FRAME = errors.define(
    "psi-bad-frame", "an engine frame of the peer has a form that the engine does not allow"
)
OUT_OF_TURN = errors.define(
    "psi-out-of-turn", "an engine frame of the peer came at the wrong moment, twice or not at all"
)
OTHER_RUN = errors.define(
    "psi-other-run", "an engine frame was altered, or belongs to another run or to other terms"
)
WRONG_RUNG = errors.define("psi-wrong-rung", "an engine frame asks for another rung than agreed")
WRONG_COUNT = errors.define("psi-wrong-count", "the peer's list is longer or shorter than agreed")
WRONG_ORDER = errors.define(
    "psi-wrong-order", "the peer's list is not in ascending order, or holds an element twice"
)
BAD_POINT = errors.define("psi-bad-point", "the peer sent an element that is not in the group")
TOO_LARGE = errors.define("psi-too-large", "a list is larger than the engine serves")
RUNG_NOT_SERVED = errors.define("rung-not-served", "no engine that may be used serves this rung")
UNUSABLE = errors.define(
    "psi-party-unusable", "a run was used twice at once, out of order, or after it had failed"
)

Rng = Callable[[int], bytes]
"""``rng(n)`` gives n random bytes. ``os.urandom`` outside tests."""

MAX_FRAME_BYTES = 256 * 1024
"""No engine frame is larger: it bounds what a peer can make us buffer."""

TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Items:
    """One side's list for a run, in contiguous memory or a memory map.

    ``tokens`` has shape (n, 32), type uint8, rows distinct, padding dummies included.
    ``tags`` has shape (n,), type uint32, a series number per row; only at rung ``series``.
    """

    tokens: npt.NDArray[np.uint8]
    tags: npt.NDArray[np.uint32] | None = None

    def __len__(self) -> int:
        return int(self.tokens.shape[0])


@dataclass(frozen=True, slots=True)
class RunTerms:
    """What both sides fixed, in the signed transcript, before the first frame of this run."""

    context_kind: str
    """``session``, ``epoch`` or ``taskforce``."""
    context_id: bytes
    """Session id, epoch id or task-force run id: 32 bytes."""
    run: int
    """Number of this run within the context, from 0."""
    rung: Rung
    """``count``, ``series`` or ``items`` (``records`` is a step on top of ``items``)."""
    learn: Learn
    own_size: int
    """Size class of this side's list: exactly ``len(items)``."""
    peer_size: int
    """Size class of the peer's list. A peer that sends more or fewer is refused."""
    binding: bytes
    """Digest of the signed transcript: every tag and proof of the run is bound to it."""
    peer_public: bytes = b""
    """The peer's public key of this run as it stands in the transcript; empty where the engine
    has none at this rung."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What this side learned from one run. A side that does not learn has ``count=None``."""

    count: int | None = None
    positions: npt.NDArray[np.int64] | None = None
    """Rows of this side's own ``Items`` that the peer also has, ascending; at ``items`` only."""
    pair_counts: dict[tuple[int, int], int] | None = None
    """Matches per (own tag, peer tag); at ``series`` only."""
    pairs: bytes | None = None
    """One name for what matched, equal on both sides where both learn: at ``items`` a digest of
    the pairs of list positions, at ``series`` of the pair counts. None where there is none."""


class RunSecret(Protocol):
    """The secret of one side for one run, made before the transcript is signed."""

    @property
    def public(self) -> bytes:
        """What stands in the transcript for it."""

    def check_peer(self, public: bytes) -> None:
        """Raise ProtocolError unless ``public`` may be the other side's."""


class Progress(NamedTuple):
    """How far one side of a run is, in elements through the group; not a measure of time."""

    done: int
    total: int


class Party(Protocol):
    """One side of one run. One thread at a time; every iterator is drained before the next call.

    A party that raised is finished for good: it takes no more calls and gives no outcome.
    """

    def start(self) -> Iterator[bytes]:
        """The frames this side sends unasked."""

    def receive(self, frame: bytes) -> Iterator[bytes]:
        """Take one frame of the peer; yield answers. Raises ProtocolError on a bad frame."""

    @property
    def outcome(self) -> Outcome | None:
        """None until this side is finished: nothing more to send and nothing to wait for."""

    @property
    def progress(self) -> Progress:
        """May be read from another thread while a call is under way."""


@dataclass(frozen=True, slots=True)
class EngineProperties:
    """What an engine serves and promises; shown by ``doctor`` and written to the log."""

    rungs: frozenset[Rung]
    both_in_one_run: bool
    """Whether one run can let both sides learn; else ``both`` takes two runs."""
    security: str
    """One sentence: against whom each rung holds."""
    error_rate: str
    """Declared false-positive and false-negative rate."""
    max_items: int
    microseconds_per_item: float
    """Rough work of one run over both parties, per element of either list: multiply by
    ``own_size + peer_size`` for the estimate of a preflight."""
    bytes_per_item: float
    """Bytes on the wire in one run, per element of either list."""


class Engine(Protocol):
    """A way to compute an intersection."""

    @property
    def id(self) -> str:
        """``openmined-p256/1``: on the wire, in receipts, in the log."""

    @property
    def properties(self) -> EngineProperties: ...

    def secret(self, rung: Rung) -> RunSecret | None:
        """A fresh secret for one run at this rung; None where nothing of it is published."""

    def party(
        self, role: Role, items: Items, terms: RunTerms, rng: Rng, secret: RunSecret | None = None
    ) -> Party:
        """One side of one run. ``secret`` is what :meth:`secret` gave for it."""
