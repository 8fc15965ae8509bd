"""Heads of a log that others hold, and how far a bundle was held against them.

A bundle's maker writes everything in it, ``made`` too, and can write its whole log anew. What gives
a second history away is a head that somebody else kept. So every head whose size a bundle reaches
must agree, whatever the bundle says about its age, and of the heads of one holder the largest
within reach must have been compared: it was proven to extend that holder's smaller ones. ``made``
excuses only that a bundle ends before a head.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from psihash import errors
from psihash.audit.note import parse_note
from psihash.audit.trust import KeyHistory, Trust
from psihash.audit.verify import CHECKPOINT_ROLLED_BACK, LOG_FORKED, LogFault

HEAD_UNPROVEN = errors.define(
    "head-unproven",
    "a bundle does not show that its log goes on from a head of it that others hold",
)

SKEW: Final = 3600
"""Seconds by which the clocks of a bundle's maker and of who holds a head may differ."""


@dataclass(frozen=True, slots=True)
class _Held:
    root: bytes
    timestamp: int | None
    """Seconds since 1970 by the holder's clock; None where it is not known since when."""
    alone: bool
    """Whether it must be compared even where a larger one of the same holder was."""
    needed: bool


@dataclass(frozen=True, slots=True)
class HeldCount:
    """How many heads that others hold were compared, and why others were not."""

    compared: int
    newer: int
    """Larger than all that the bundle reaches, and seen after it was made."""
    newest: int
    """Size of the largest of these; 0 for none."""
    unproven: int
    """Within reach, and not compared, because the bundle has no proof from them."""


class HeldHeads:
    """What is held of one log, by size."""

    def __init__(self, history: KeyHistory, trust: Trust) -> None:
        """Raises VerificationError where a note that others hold is not the log's own."""
        self._by_size: dict[int, list[_Held]] = {}
        self._compared: set[int] = set()
        for note in trust.witnessed:
            if parse_note(note.note).text.partition("\n")[0] == history.origin:
                opened = history.open(note.note)
                held = _Held(opened.root, note.timestamp, alone=True, needed=note.needed)
                self._by_size.setdefault(opened.size, []).append(held)
        for given in trust.cosigned:
            if given.origin == history.origin:
                held = _Held(given.root, given.timestamp, alone=False, needed=True)
                self._by_size.setdefault(given.size, []).append(held)

    def roots(self, size: int) -> list[bytes]:
        """The roots that others hold for ``size``; from here on these count as compared."""
        found = [held.root for held in self._by_size.get(size, ())]
        if found:
            self._compared.add(size)
        return list(dict.fromkeys(found))

    def compare(self, size: int, root: bytes) -> None:
        """Raise LogFault ``log-forked`` unless a signed head agrees with those held."""
        if any(other != root for other in self.roots(size)):
            raise LogFault(LOG_FORKED, f"others hold another head of size {size}", 0, size)

    def earliest(self, made: str) -> str:
        """The earliest time at which the bundle can have been made: what it says of itself, or the
        time at which a head within it was first seen."""
        seen = [
            held.timestamp
            for size in self._compared
            for held in self._by_size[size]
            if held.timestamp is not None
        ]
        latest = max(seen, default=0)
        return made if latest <= posix(made) else _text(latest)

    def finish(self, reach: int, made: str) -> HeldCount:
        """What was compared, of a bundle that ends at ``reach`` and was made at ``made`` at the
        earliest. Raises ``checkpoint-rolled-back`` and ``head-unproven``."""
        for size, held in sorted(self._by_size.items()):
            if size > reach and any(not _excused(each, made) for each in held):
                raise LogFault(
                    CHECKPOINT_ROLLED_BACK, f"the bundle ends at {reach}; others saw {size}", reach
                )
        # The tree of no entries is the same for everyone: nothing is to be proven from it.
        within = [size for size in self._by_size if 0 < size <= reach]
        missing = [size for size in within if size not in self._compared]
        self._require(within, missing)
        beyond = [size for size in self._by_size if size > reach]
        return HeldCount(
            compared=sum(len(self._by_size[size]) for size in self._compared),
            newer=sum(len(self._by_size[size]) for size in beyond),
            newest=max(beyond, default=0),
            unproven=sum(any(each.alone for each in self._by_size[size]) for size in missing),
        )

    def _require(self, within: list[int], missing: list[int]) -> None:
        chain = [size for size in within if not all(each.alone for each in self._by_size[size])]
        last = max(chain, default=0)
        for size in sorted(missing):
            alone = any(each.alone and each.needed for each in self._by_size[size])
            if alone or size == last:
                raise errors.VerificationError(
                    HEAD_UNPROVEN,
                    f"the bundle has no proof that it goes on from the head of size {size} that"
                    " others hold",
                    hint="ask for the whole log, or for a bundle made for who holds that head",
                )


def posix(text: str) -> int:
    """Whole seconds since 1970 of a time in the form of the log."""
    return int(dt.datetime.fromisoformat(text).timestamp())


def _excused(held: _Held, made: str) -> bool:
    return held.timestamp is not None and held.timestamp + SKEW > posix(made)


def _text(timestamp: int) -> str:
    # Later than the year 9999 is no time of a log.
    moment = dt.datetime.fromtimestamp(min(timestamp, 253_402_300_799), dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"
