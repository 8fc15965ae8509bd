"""Going up a rung: what a session leaves behind for one that builds on it, and what must be equal.

A climb runs over the commitments of the earlier session, so both sides put in what they put in
then: the same roots at the same sizes, the same algorithms, lists that are no longer. The earlier
session is named by its receipt, which both signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psihash import canonical, errors
from psihash.session.messages import Root, SetClass
from psihash.session.runs import Finding
from psihash.terms import AlgorithmId, Rung

UNKNOWN_PREVIOUS = errors.define(
    "unknown-previous",
    "no session between the two under this agreement completed with the receipt that was named",
)
PREVIOUS_ERASED = errors.define(
    "previous-erased", "what the session builds on was erased; only a new session can follow"
)
NOT_A_CLIMB = errors.define(
    "not-a-climb",
    "a session that builds on another goes to a higher rung, with the same algorithms and no "
    "longer lists",
)
ROOTS_CHANGED = errors.define(
    "roots-changed",
    "the roots are not the ones committed to, or not those of the session that this one builds on",
)
COUNT_CHANGED = errors.define(
    "count-changed",
    "the matches are not as many as in the session that this one builds on, over the same sets: "
    "one of the two sides did not follow the protocol",
)

_MAX_BYTES: Final = 4 * 1024 * 1024

TreeKey = tuple[str, AlgorithmId]


@dataclass(frozen=True, slots=True)
class Base:
    """What one side keeps, sealed, of a session that completed."""

    rung: Rung
    algorithms: tuple[AlgorithmId, ...]
    own_roots: tuple[Root, ...]
    peer_roots: tuple[Root, ...]
    own_classes: tuple[SetClass, ...]
    peer_classes: tuple[SetClass, ...]
    counts: Mapping[AlgorithmId, int]
    """Matched digests of each algorithm; empty where this side was not to learn them."""
    largest_own: int | None
    """Most matched digests of one algorithm in one collection or series of this side's own; None
    where this side does not know. What the peer says of its collections does not enter: below
    ``records`` nothing proves it."""
    plain_classes: tuple[SetClass, ...] = ()
    """The peer's classes where its lists were last shown without room for series numbers, in this
    session or in one that it builds on; empty where that never was."""

    @property
    def matched(self) -> int | None:
        """The most matched digests of one algorithm: so many items at least are in common."""
        return max(self.counts.values()) if self.counts else None

    @property
    def peer_trees(self) -> dict[TreeKey, tuple[int, bytes]]:
        return {
            (root.collection, root.algorithm): (root.size, root.root) for root in self.peer_roots
        }

    def to_json(self) -> bytes:
        return canonical.encode(
            {
                "rung": self.rung.value,
                "algorithms": [name.value for name in self.algorithms],
                "own_roots": [_root_dict(root) for root in self.own_roots],
                "peer_roots": [_root_dict(root) for root in self.peer_roots],
                "own_classes": _sizes(self.own_classes),
                "peer_classes": _sizes(self.peer_classes),
                "counts": {name.value: count for name, count in self.counts.items()},
                "largest_own": self.largest_own,
                "plain_classes": _sizes(self.plain_classes),
            }
        )

    @classmethod
    def from_json(cls, data: bytes) -> Base:
        value = canonical.decode(data, max_bytes=_MAX_BYTES)
        return cls(
            rung=Rung(value["rung"]),
            algorithms=tuple(AlgorithmId(name) for name in value["algorithms"]),
            own_roots=tuple(_root_from(root) for root in value["own_roots"]),
            peer_roots=tuple(_root_from(root) for root in value["peer_roots"]),
            own_classes=_classes(value["own_classes"]),
            peer_classes=_classes(value["peer_classes"]),
            counts={AlgorithmId(name): count for name, count in value["counts"].items()},
            # A session of an earlier version kept what the peer's labels said: that counts no more.
            largest_own=value.get("largest_own"),
            plain_classes=_classes(value["plain_classes"]),
        )


def check_upwards(base: Base, rung: Rung, algorithms: Sequence[AlgorithmId]) -> None:
    """Raise RefusedError unless a session at ``rung`` goes up from the one behind ``base``."""
    if rung.height <= base.rung.height or tuple(algorithms) != base.algorithms:
        raise errors.RefusedError(
            NOT_A_CLIMB, "a session that builds on another goes up, with the same algorithms"
        )


def check_classes(base: Base, rung: Rung, peer: Sequence[SetClass]) -> None:
    """Raise RefusedError where the peer's lists grew. At ``series`` each number has room of its
    own, so there a list may be longer than at other rungs, and is never shorter. Above it a list is
    as long as it was below it, where it was shown there: ``series`` is no way to widen it."""
    before = {entry.algorithm: entry.size_class for entry in base.peer_classes}
    plain = {entry.algorithm: entry.size_class for entry in base.plain_classes}
    for entry in peer:
        was = before[entry.algorithm]
        if rung is Rung.SERIES:
            fits = entry.size_class >= was
        elif plain:
            fits = entry.size_class == plain[entry.algorithm]
        else:
            fits = entry.size_class <= was
        if not fits:
            raise errors.RefusedError(
                NOT_A_CLIMB, "the peer's list is not as long as in the session before"
            )


def check_roots(base: Base, peer: Iterable[Root]) -> None:
    """Raise ProtocolError unless the peer shows the roots of the session before, at their sizes."""
    shown = {(root.collection, root.algorithm): (root.size, root.root) for root in peer}
    if shown != base.peer_trees:
        raise errors.ProtocolError(
            ROOTS_CHANGED, "the peer's roots are not those of the session that this one builds on"
        )


def check_counts(base: Base, found: Mapping[AlgorithmId, Finding]) -> None:
    """Raise ProtocolError where both sessions told this side how many, and the numbers differ."""
    for name, before in base.counts.items():
        count = found[name].count
        if count is not None and count != before:
            raise errors.ProtocolError(
                COUNT_CHANGED, "there are not as many matches as before over the same sets"
            )


def _root_dict(root: Root) -> dict[str, Any]:
    return {
        "collection": root.collection,
        "algorithm": root.algorithm.value,
        "size": root.size,
        "root": root.root.hex(),
    }


def _root_from(value: dict[str, Any]) -> Root:
    return Root(
        value["collection"],
        AlgorithmId(value["algorithm"]),
        value["size"],
        bytes.fromhex(value["root"]),
    )


def _sizes(classes: Iterable[SetClass]) -> list[list[Any]]:
    return [[entry.algorithm.value, entry.size_class] for entry in classes]


def _classes(value: list[list[Any]]) -> tuple[SetClass, ...]:
    return tuple(SetClass(AlgorithmId(name), size) for name, size in value)
