"""What one run against a central set tells the member, and what it keeps until the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from psihash import errors
from psihash.session.result import MatchedItem

BAD_RUN_STATE = errors.define(
    "central-bad-run-state", "what was kept of an earlier run against a central set is damaged"
)

REFERENCE_BYTES: Final = 16
_NUMBER_BYTES: Final = 8
_VERSION: Final = b"\x01"


@dataclass(frozen=True, slots=True)
class CentralHit:
    """One item of ours that the central set holds."""

    reference: str
    """32 hex digits: the hit's name. The same item has the same under one agreement, in every run
    and epoch, and another elsewhere. Only this node can compute it."""
    item_id: int
    """The item in our holdings."""
    item: MatchedItem
    """Digests, our collections, and in ``records`` one entry for each series at the centre."""
    epoch: int
    """The epoch in which it stands."""
    is_new: bool
    """Whether it did not stand after the run before."""


@dataclass(frozen=True, slots=True)
class RunState:
    """Where a run ended. Keep it with the query; hand it to the next run."""

    epoch: int
    delta: int
    known: bytes = b""
    """References of the hits that stood then, 16 bytes each, ascending."""

    def to_bytes(self) -> bytes:
        numbers = (self.epoch, self.delta)
        return _VERSION + b"".join(n.to_bytes(_NUMBER_BYTES, "big") for n in numbers) + self.known

    @classmethod
    def from_bytes(cls, data: bytes) -> RunState:
        """Inverse of :meth:`to_bytes`. Raises StorageError ``central-bad-run-state``."""
        start = 1 + 2 * _NUMBER_BYTES
        known = data[start:]
        rows = [known[at : at + REFERENCE_BYTES] for at in range(0, len(known), REFERENCE_BYTES)]
        whole = len(known) % REFERENCE_BYTES == 0 and rows == sorted(set(rows))
        if len(data) < start or data[:1] != _VERSION or not whole:
            raise errors.StorageError(BAD_RUN_STATE, "the state of an earlier run is damaged")
        epoch = int.from_bytes(data[1 : 1 + _NUMBER_BYTES], "big")
        return cls(epoch, int.from_bytes(data[1 + _NUMBER_BYTES : start], "big"), known)

    def references(self) -> frozenset[str]:
        """The references of the hits that stood."""
        text, width = self.known.hex(), 2 * REFERENCE_BYTES
        return frozenset(text[at : at + width] for at in range(0, len(text), width))


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """One run's result."""

    matched_items: int
    """Items of ours that stand in the central set now."""
    new_items: int
    """Of these, the ones that did not after the run before."""
    hits: tuple[CentralHit, ...]
    """All that stand, first those identified there and open here."""
    state: RunState
    asked: int
    """Elements that the centre was asked, padding included; 0 where there was nothing new."""
    epoch: int
    delta: int
    """The newest delta of the epoch that was taken in; 0 where there is none yet."""
