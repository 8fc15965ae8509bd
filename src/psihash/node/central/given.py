"""What a member gives, beside what the centre holds already."""

from __future__ import annotations

from dataclasses import dataclass

from psihash.casework.contribution import PartContent
from psihash.hashset.model import Verdict
from psihash.node.central import arriving
from psihash.node.node import Node
from psihash.storage.contributions import TakenRow


@dataclass(slots=True)
class Beside:
    """One collection of a contribution."""

    held: int = 0
    """Items of it that stand in our lists."""
    contradicted: int = 0
    """Of those, the ones for which it says that the victim is identified where our lists say not,
    or the other way."""


def against(node: Node, row: TakenRow) -> tuple[Beside, ...]:
    """For each collection of a contribution that is here what our lists have of it."""
    names = [info.name for info in node.stores.holdings.collections()]
    found = tuple(Beside() for _ in arriving.head_of(node, row).collections)
    for content in arriving.contents_of(node, row):
        _look_up(node, content, names, found[content.collection])
    return found


def described(beside: Beside) -> str:
    """For the approver's page."""
    said = f"{beside.held:,} of them stand in our lists already"
    if not beside.contradicted:
        return f"{said}."
    return (
        f"{said}, AND OF {beside.contradicted:,} OF THOSE IT SAYS THE OPPOSITE OF OUR LISTS about "
        "whether the victim is identified."
    )


def _look_up(node: Node, content: PartContent, names: list[str], beside: Beside) -> None:
    held: set[int] = set()
    contradicted: set[int] = set()
    for column, algorithm in enumerate(content.algorithms):
        asked = {
            bytes.fromhex(digests[column]): place
            for place, (digests, _) in enumerate(content.rows)
            if digests[column]
        }
        order = sorted(asked)
        found = node.stores.holdings.held_columns(algorithm, order, names)
        for question, line in zip(found.places, found.rows, strict=True):
            place = asked[order[question]]
            held.add(place)
            said = content.verdicts[content.rows[place][1]]
            if any(_contradict(said, ours) for _, ours in found.verdicts[line]):
                contradicted.add(place)
    beside.held += len(held)
    beside.contradicted += len(contradicted)


def _contradict(one: Verdict, other: Verdict) -> bool:
    flags = {one.victim_identified, other.victim_identified}
    return flags == {True, False}
