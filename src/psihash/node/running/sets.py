"""Our set for one session: digests, tokens and commitments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from psihash.agreement.state import Agreement
from psihash.node.node import Node
from psihash.node.running.commitments import Commitments
from psihash.node.running.held import Held
from psihash.node.running.holder import NodeHolder
from psihash.psi import encoding
from psihash.psi.series import merge_cells
from psihash.session.own import OfferedCollection, OwnAlgorithm, OwnSet
from psihash.terms import AlgorithmId, Rung


def own_set(
    node: Node, agreement: Agreement, algorithms: Sequence[AlgorithmId], rung: Rung
) -> OwnSet:
    """Everything that this side brings into a session under an agreement."""
    collections = offered_collections(node, agreement)
    held = {info.name for info in node.stores.holdings.collections()}
    # A collection that was removed since it was offered is an empty set under its pseudonym.
    names = [collection.name for collection in collections if collection.name in held]
    holder = NodeHolder(node.stores.holdings, names, node.card.contact)
    read = Held(node.stores.holdings)
    sets = {name: own_algorithm(read, name, names) for name in algorithms}
    if rung is Rung.SERIES:
        sets = {name: with_cells(holder, name, own) for name, own in sets.items()}
    commitments = Commitments(node, agreement, collections, algorithms, read)
    return OwnSet(
        collections=collections,
        algorithms=sets,
        commitments=commitments,
        keep=commitments.keep,
        holder=holder,
    )


def offered_collections(node: Node, agreement: Agreement) -> tuple[OfferedCollection, ...]:
    """What we offer under an agreement, in the order of the pseudonyms."""
    rows = sorted(node.stores.agreements.offered(agreement.id), key=lambda row: row.opaque_id)
    return tuple(OfferedCollection(row.opaque_id, row.collection, row.kind) for row in rows)


def own_algorithm(held: Held, algorithm: AlgorithmId, names: Sequence[str]) -> OwnAlgorithm:
    """Distinct digests over the union of collections, sorted, and their tokens."""
    digests = held.union(names, algorithm)
    return OwnAlgorithm(digests, encoding.tokens(algorithm, digests))


def with_cells(holder: NodeHolder, algorithm: AlgorithmId, own: OwnAlgorithm) -> OwnAlgorithm:
    column = holder.series_of(algorithm, own.digests)
    return replace(own, cells=merge_cells(column.of, column.series))
