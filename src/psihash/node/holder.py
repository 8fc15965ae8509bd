"""What a session may ask of our holdings about items that matched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from psihash.hashset.store import HeldItem, HoldingsStore
from psihash.session.result import PeerRecord
from psihash.terms import AlgorithmId, CollectionKind


class NodeHolder:
    """Implements :class:`psihash.session.own.Holder` over the collections that are offered."""

    def __init__(
        self, holdings: HoldingsStore, collections: Sequence[str], contact: str | None
    ) -> None:
        self._holdings, self._collections, self._contact = holdings, list(collections), contact
        self._kinds = {name: holdings.collection(name).kind for name in collections}

    def collections_of(
        self, algorithm: AlgorithmId, digests: Sequence[bytes]
    ) -> list[tuple[str, ...]]:
        return self._holdings.collections_of(algorithm, digests, self._collections)

    def items(self, algorithm: AlgorithmId, digests: Sequence[bytes]) -> list[list[HeldItem]]:
        """For each digest the items that carry it: several may share one."""
        return self._holdings.held_items(algorithm, digests, self._collections)

    def records(
        self, algorithm: AlgorithmId, digests: Sequence[bytes]
    ) -> list[tuple[PeerRecord, ...]]:
        return [self._records(items) for items in self.items(algorithm, digests)]

    def series_of(self, algorithm: AlgorithmId, digests: Sequence[bytes]) -> list[tuple[str, ...]]:
        """A collection of kind ``series`` is one series; elsewhere the labels count, and what has
        none is in a series of the collection's own name."""
        return [
            tuple(sorted({name for item in items for name in self._series(item)}))
            for items in self.items(algorithm, digests)
        ]

    def _series(self, item: HeldItem) -> Iterator[str]:
        for name in item.collections:
            labels = {
                label for held, verdict in item.verdicts if held == name for label in verdict.series
            }
            if self._kinds[name] is CollectionKind.SERIES or not labels:
                yield name
            else:
                yield from labels

    def _records(self, items: list[HeldItem]) -> tuple[PeerRecord, ...]:
        names = dict.fromkeys(name for item in items for name in item.collections)
        return tuple(
            PeerRecord(
                collection=name,
                kind=self._kinds[name],
                verdicts=tuple(
                    dict.fromkeys(
                        verdict for item in items for held, verdict in item.verdicts if held == name
                    )
                ),
                contact=self._contact,
            )
            for name in names
        )
