"""A centre for tests of the schedule: it says at once what stands, and can be made to fail."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence

from psihash.node.central.member import Progress
from psihash.node.central.outcome import CentralHit, RunOutcome, RunState
from psihash.node.node import Node
from psihash.session.result import MatchedItem
from psihash.terms import AlgorithmId


class Clock:
    """Stands still until it is moved."""

    def __init__(self, start: str) -> None:
        self._now = dt.datetime.fromisoformat(start).replace(tzinfo=dt.UTC)

    def now(self) -> dt.datetime:
        return self._now

    def to(self, text: str) -> None:
        self._now = dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)

    def ahead(self, **by: float) -> None:
        self._now += dt.timedelta(**by)


def md5(number: int) -> str:
    """The digest of an item of the fake centre."""
    return hashlib.md5(b"watched %d" % number).hexdigest()


def reference(number: int) -> str:
    return hashlib.sha256(b"reference %d" % number).hexdigest()[:32]


def item(number: int) -> MatchedItem:
    return MatchedItem(
        digests={AlgorithmId.MD5: md5(number)},
        matched_by=(AlgorithmId.MD5,),
        collections=("cases",),
        verdicts=(),
        peer_collections=(f"{number % 3:016x}",),
    )


class Centre:
    """Takes the place of ``member.run``."""

    def __init__(self, *holds: int) -> None:
        self.holds = set(holds)
        self.calls: list[RunState | None] = []
        self.before: Callable[[], None] = lambda: None
        """Called in every run; raises what the run shall end with."""

    def __call__(
        self,
        node: Node,
        peer: str,
        agreement: str,
        collections: Sequence[str],
        *,
        since: RunState | None,
        progress: Progress | None = None,
    ) -> RunOutcome:
        self.calls.append(since)
        self.before()
        known = frozenset() if since is None else since.references()
        hits = tuple(
            CentralHit(reference(n), n, item(n), 1, reference(n) not in known)
            for n in sorted(self.holds)
        )
        standing = b"".join(sorted(bytes.fromhex(hit.reference) for hit in hits))
        delta = 0 if since is None else since.delta + 1
        new = sum(hit.is_new for hit in hits)
        return RunOutcome(len(hits), new, hits, RunState(1, delta, standing), 64, 1, delta)
