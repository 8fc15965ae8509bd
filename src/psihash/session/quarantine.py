"""Items that match too much: a logo, a test image, a picture that a tool puts beside every case.

Such an item links every collection with every other and hides the links that mean something. So it
is set aside: counted and listed, but not among the links and the matched items. Each side decides
for itself, by its own collections that hold the item and by the labels of the peer's.
"""

from __future__ import annotations

from dataclasses import dataclass

from psihash.session.result import MatchedItems


@dataclass(frozen=True, slots=True)
class OverMatchRule:
    """When an item matches too much. The numbers come from the node's settings."""

    share: float
    """It stands in more than this share of all collections that a side offers; 1 or more means
    never."""
    collections: int
    """The share of a side counts if the side offers at least this many."""

    def holds(self, standing: int, offered: int) -> bool:
        """Whether an item in ``standing`` of ``offered`` collections matches too much."""
        return offered >= self.collections and standing > self.share * offered


def set_aside(
    items: MatchedItems, own: int, peer: int, rule: OverMatchRule
) -> tuple[MatchedItems, MatchedItems]:
    """(items to go on with, items that match too much), each in the given order. ``own`` and
    ``peer`` say how many collections the two sides offer."""
    # A few combinations of collections, many times each.
    stands = list(zip(items.collections, items.peer_collections, strict=True))
    over = {
        each
        for each in set(stands)
        if rule.holds(len(each[0]), own) or rule.holds(len(each[1]), peer)
    }
    if not over:
        return items, MatchedItems()
    aside = [place for place, each in enumerate(stands) if each in over]
    kept = [place for place, each in enumerate(stands) if each not in over]
    return items.at(kept), items.at(aside)
