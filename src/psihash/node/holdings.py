"""What this agency holds: importing lists, showing, looking up, erasing."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from psihash import errors
from psihash.audit.event import Event
from psihash.hashset import formats as list_formats
from psihash.hashset.digests import parse_digest
from psihash.hashset.model import Digest
from psihash.hashset.store import CollectionInfo, HeldItem
from psihash.node import documents
from psihash.node.importing import import_files, loggable
from psihash.node.node import Node

__all__ = [
    "FormatView",
    "Offer",
    "RemovedCollection",
    "collection",
    "collections",
    "formats",
    "import_files",
    "lookup",
    "offers",
    "remove_collection",
]


@dataclass(frozen=True, slots=True)
class FormatView:
    """A list format as it is shown."""

    name: str
    title: str
    suffixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """An agreement in which one of our collections is offered."""

    agreement: str
    peer: str
    status: str


@dataclass(frozen=True, slots=True)
class RemovedCollection:
    """What an erasure did."""

    name: str
    items: int
    """Items that were in the collection."""
    items_erased: int
    """Of those, the ones that no other collection holds: they are gone."""
    offered: list[Offer]
    """Agreements that still name the collection; sessions under them can no longer include it."""


def collections(node: Node) -> list[CollectionInfo]:
    """All collections by name."""
    return node.stores.holdings.collections()


def collection(node: Node, name: str) -> CollectionInfo:
    """One collection. Raises NotFoundError ``unknown-collection``, with the nearest name."""
    try:
        return node.stores.holdings.collection(name)
    except errors.NotFoundError as unknown:
        names = [each.name for each in node.stores.holdings.collections()]
        raise errors.NotFoundError(
            unknown.code, f"no collection '{name}' is held", hint=_nearest(name, names)
        ) from None


def offers(node: Node, name: str) -> list[Offer]:
    """The agreements in which a collection is offered."""
    found = []
    for row in node.stores.agreements.all():
        if any(each.collection == name for each in node.stores.agreements.offered(row.id)):
            status = documents.load(node, row.id).state(node.stamp()).status
            found.append(Offer(row.id, row.peer, status.value))
    return found


def remove_collection(node: Node, name: str) -> RemovedCollection:
    """Erase a collection, and the items that nobody else holds. Always allowed: erasure is a duty
    (Directive (EU) 2016/680 Art. 16), whatever was offered. Raises NotFoundError."""
    with node.stores.database.transaction():
        info, offered = collection(node, name), offers(node, name)
        erased = node.stores.holdings.remove_collection(name)
        node.record(
            Event.ERASURE,
            {
                "collection": loggable(name),
                "items": info.items,
                "items_erased": erased,
                "offered_in": [{"agreement": each.agreement} for each in offered],
            },
        )
    return RemovedCollection(name, info.items, erased, offered)


def lookup(node: Node, text: str) -> tuple[Digest, HeldItem | None]:
    """What is held about one digest, in any usual spelling. Logged before it is answered, without
    the digest. Raises InputError ``bad-digest``."""
    digest = parse_digest(text.strip())
    item = node.stores.holdings.lookup(digest)
    facts = {"what": "lookup", "algorithm": digest.algorithm.value, "held": item is not None}
    node.record(Event.CONSULTATION, facts)
    return digest, item


def formats() -> list[FormatView]:
    """Every list format that can be imported."""
    return [FormatView(each.name, each.title, each.suffixes) for each in list_formats.FORMATS]


def _nearest(name: str, names: Sequence[str]) -> str:
    folded = {each.casefold(): each for each in names}
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    if close:
        return f"did you mean '{folded[close[0]]}'?"
    return "run `psihash collection list`"
