"""What a session said a peer has of ours, as far as a contribution has to know it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from psihash import errors
from psihash.casework.contribution import named
from psihash.node.casework.hits import NO_HITS
from psihash.node.node import Node
from psihash.node.records import sealed
from psihash.node.running import sessions, snapshot
from psihash.session.result import MatchedItem, SessionResult
from psihash.terms import AlgorithmId, Rung

SESSION_SET_GONE = errors.define(
    "session-set-gone", "what stood in the session's set is not kept any more"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """``collections`` are those of our set, and ``peer_collections`` what the peer called where the
    matched items of each stand."""

    session: str
    peer: str
    agreement: str
    collections: tuple[str, ...]
    peer_collections: Mapping[str, Counter[str]]
    found: frozenset[tuple[AlgorithmId, str]]
    """Every digest of a matched item, lower hex."""
    asked: frozenset[tuple[AlgorithmId, str]]

    def was_found(self, digests: Mapping[AlgorithmId, str]) -> bool:
        return not self.found.isdisjoint(digests.items())

    def was_missing(self, digests: Mapping[AlgorithmId, str]) -> bool:
        """Whether it was in the set, and the peer does not have it."""
        return not self.was_found(digests) and not self.asked.isdisjoint(digests.items())


def read(node: Node, prefix: str) -> Outcome:
    """The outcome of a completed session at rung items or above, of which this side learned.

    Raises NotFoundError, StateError (``no-result``, ``no-hits``, ``session-set-gone``)."""
    row = sessions.find(node, prefix)
    result = sessions.result(node, row.id)
    told = any(part.matched is not None for part in result.algorithms.values())
    if row.rung.height < Rung.ITEMS.height or not told:
        raise errors.StateError(
            NO_HITS,
            "the session does not tell which items the other side has",
            hint="match at rung items or records, so that this side learns",
        )
    kept = sealed.get(node, row.id, sealed.SNAPSHOT)
    if kept is None:
        raise errors.StateError(SESSION_SET_GONE, "the session's set is not kept any more")
    every = [*result.items, *result.quarantined]
    return Outcome(
        session=row.id,
        peer=row.peer,
        agreement=row.agreement,
        collections=snapshot.collections(kept),
        peer_collections=_places(result),
        found=frozenset(digest for item in every for digest in _digests(item)),
        asked=frozenset(
            (name, each.tobytes().hex())
            for name, rows in snapshot.decode(kept).items()
            for each in rows
        ),
    )


def _places(result: SessionResult) -> defaultdict[str, Counter[str]]:
    places: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for item in result.items:
        for own in item.collections:
            places[own].update(named(result.agreement, each) for each in item.peer_collections)
    return places


def _digests(item: MatchedItem) -> list[tuple[AlgorithmId, str]]:
    return [*item.digests.items(), *item.further_digests]
