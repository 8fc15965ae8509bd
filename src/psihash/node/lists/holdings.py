"""What this agency holds: importing lists, showing, looking up, erasing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from psihash import errors
from psihash.agreement.status import Status
from psihash.audit.event import Event
from psihash.hashset import formats as list_formats
from psihash.hashset.digests import parse_digest
from psihash.hashset.exclusions import TRIVIAL
from psihash.hashset.model import Digest
from psihash.hashset.store import CollectionInfo, HeldItem
from psihash.node.agreeing import agreements, documents
from psihash.node.central import setting_up
from psihash.node.lists.importing import PartlyImportedError, import_files, loggable
from psihash.node.lists.naming import require_collection as collection
from psihash.node.node import Node
from psihash.node.people.roles import use_case
from psihash.psi.registry import serves
from psihash.storage.tables import exclusions
from psihash.terms import AlgorithmId, Rung, parse_algorithm

COLLECTION_OFFERED = errors.define(
    "collection-offered", "a collection that is to be erased is offered in a running agreement"
)

# A name that begins with a letter and is longer than a byte: colons may part a digest's bytes.
_NAMED: Final = re.compile(
    r"(?P<algorithm>[A-Za-z][A-Za-z0-9_/ -]{2,9})\s*[:=]\s*(?P<digest>.+)", re.DOTALL
)
_OVER: Final = frozenset({Status.EXPIRED.value, Status.REFUSED.value, Status.REVOKED.value})

__all__ = [
    "FormatView",
    "Found",
    "Offer",
    "PartlyImportedError",
    "RemovedCollection",
    "collection",
    "collections",
    "formats",
    "import_files",
    "lookup",
    "offers",
    "remove_collection",
    "shortcomings",
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
    revoked: list[Offer]
    """Agreements that offered the collection and were ended for it, as they stand now."""


def collections(node: Node) -> list[CollectionInfo]:
    """All collections by name."""
    return node.stores.holdings.collections()


def offers(node: Node, name: str) -> list[Offer]:
    """The agreements in which a collection is offered."""
    found = []
    for row in node.stores.agreements.all():
        if any(each.collection == name for each in node.stores.agreements.offered(row.id)):
            status = documents.load(node, row.id).state(node.stamp()).status
            found.append(Offer(row.id, row.peer, status.value))
    return found


@use_case("collection remove")
def remove_collection(node: Node, name: str, *, force: bool = False) -> RemovedCollection:
    """Erase a collection, the items that nobody else holds, and what commitments keep of it.

    Erasure is always possible (Directive (EU) 2016/680 Art. 16), but an agreement that offers the
    collection cannot outlive it: with ``force`` such agreements are revoked in the same step.
    Raises NotFoundError, StateError ``collection-offered`` without ``force``.
    """
    info, offered = collection(node, name), offers(node, name)
    live = [each for each in offered if each.status not in _OVER]
    if live and not force:
        raise errors.StateError(
            COLLECTION_OFFERED,
            f"'{name}' is offered in agreements that are not over: "
            + ", ".join(f"{each.agreement[:12]} with {each.peer}" for each in live),
            hint="--force revokes them and erases the collection",
        )
    if live:
        _ = node.keys  # revoking signs; asking for the passphrase must not hold the store locked
    with node.stores.database.transaction():
        for each in live:
            agreements.revoke(node, each.agreement, "a collection that was offered is erased")
        for each in offered:
            node.stores.commitments.erase(each.agreement)
        erased = node.stores.holdings.remove_collection(name)
        setting_up.note_erasure(node, name)
        node.record(
            Event.ERASURE,
            {
                "collection": loggable(name),
                "items": info.items,
                "items_erased": erased,
                "revoked": [{"agreement": each.agreement} for each in live],
            },
        )
    ended = {each.agreement for each in live}
    after = [each for each in offers(node, name) if each.agreement in ended]
    return RemovedCollection(name, info.items, erased, after)


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a look-up."""

    digest: Digest
    item: HeldItem | None
    excluded: str | None
    """Why the digest is in no collection, where it stands on the exclusion list."""


@use_case("lookup")
def lookup(node: Node, text: str) -> Found:
    """What is held about one digest, in any usual spelling, also as ``md5:HEX`` and ``sha1=HEX``.

    Logged before it is answered, without the digest. Raises InputError ``bad-digest``."""
    digest = _digest(text.strip())
    item = node.stores.holdings.lookup(digest)
    facts = {"what": "lookup", "algorithm": digest.algorithm.value, "held": item is not None}
    node.record(Event.CONSULTATION, facts)
    return Found(digest, item, _excluded(node, digest))


def _digest(text: str) -> Digest:
    named = _NAMED.fullmatch(text)
    if named is None:
        return parse_digest(text)
    try:
        algorithm = parse_algorithm(named["algorithm"])
    except errors.InputError:
        return parse_digest(text)
    return parse_digest(named["digest"], algorithm)


def _excluded(node: Node, digest: Digest) -> str | None:
    if digest in TRIVIAL:
        return TRIVIAL[digest]
    listed = sa.select(exclusions.c.reason).where(
        exclusions.c.algorithm == digest.algorithm.value, exclusions.c.raw == digest.raw
    )
    with node.stores.database.reading() as connection:
        return connection.scalar(listed)


def shortcomings(
    node: Node, names: Sequence[str], algorithms: Sequence[AlgorithmId], rung: Rung
) -> list[str]:
    """Why an agreement over these collections may find nothing, in words. The proposal stands
    all the same: engines can be installed and lists imported until a session is opened."""
    found = []
    if not any(serves(engine, rung) for engine in node.engines.installed()):
        found.append(
            f"no engine that is installed here serves the rung '{rung.value}': until one is, no "
            "session can be opened (`psihash doctor` lists the engines)"
        )
    for name in dict.fromkeys(names):
        covered = collection(node, name).coverage
        absent = [each.value for each in algorithms if not covered.get(each)]
        if absent:
            found.append(
                f"'{name}' has no {' and no '.join(absent)} digest: it cannot match by "
                f"{'it' if len(absent) == 1 else 'them'}"
            )
    return found


def formats() -> list[FormatView]:
    """Every list format that can be imported."""
    return [FormatView(each.name, each.title, each.suffixes) for each in list_formats.FORMATS]
