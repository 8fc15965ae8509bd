"""What a centre answers its members: canaries, manifests, pages, and evaluations."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np

from psihash import errors
from psihash.agreement.times import parse_time, whole_seconds
from psihash.audit.cosignature import attach
from psihash.audit.event import Event
from psihash.bulk import rows
from psihash.central import canaries, derive
from psihash.central.layout import page_count
from psihash.central.manifest import parse_manifest
from psihash.central.publishing import Place
from psihash.identity import signatures
from psihash.node.central import admission, permits
from psihash.node.central.building import own_group
from psihash.node.central.publishing import canary_seed, secrets_of
from psihash.node.node import Node
from psihash.node.peering import peers
from psihash.psi.group import POINT_BYTES
from psihash.psi.voprf import Mode, Server
from psihash.storage.central import CURRENT, EpochRow
from psihash.storage.central_pages import PublicationRow
from psihash.storage.central_runs import ANSWERS, RunRow
from psihash.wire import central_codec as codec

EPOCH_OVER = errors.define(
    "central-epoch-over", "the epoch that is asked about is not the centre's present one"
)
ROTATION_DUE = errors.define(
    "central-rotation-due",
    "the centre has erased something and must begin a new epoch before it answers again",
)
NO_SUCH_RUN = errors.define("central-no-such-run", "no such run was admitted for this member")
RUN_USED_UP = errors.define(
    "central-run-used-up", "a run has asked as many elements as it was admitted with"
)
NO_SUCH_PAGE = errors.define(
    "central-no-such-page", "the centre has no such page, or no such publication any more"
)

ROTATION_HOURS: Final = 48
"""How long the old key may answer after an erasure."""


def enrol(node: Node, peer: str, agreement: str) -> list[bytes]:
    """The values of a member's secret canaries."""
    permits.check(node, peer, agreement, peer)
    setup = node.stores.central.require()
    place = node.stores.central.place_of(peer, node.stamp(), canaries.PLACES)
    return [row.tobytes() for row in canaries.secret(canary_seed(node, setup), place)]


def publications(node: Node, peer: str, wanted: codec.Wanted) -> codec.Shown:
    """The manifests behind what a member has seen, with proofs to the head that it holds."""
    permits.check(node, peer, wanted.agreement, peer)
    store = node.stores.publications
    if wanted.epoch:
        found = store.after(node.agency, wanted.epoch, wanted.delta, codec.MAX_PUBLICATIONS)
    else:
        found = store.of_epoch(node.agency, _current(node).epoch)[: codec.MAX_PUBLICATIONS]
    found = [row for row in found if row.sequence < wanted.size]
    if not found:
        return codec.Shown((), b"", ())
    tree = node.log.tree(wanted.size)
    proofs = [tuple(tree.inclusion_proof(row.sequence)) for row in found]
    checkpoint, size = _cosigned(node, found[-1].sequence, wanted.size)
    consistency = tuple(tree.consistency_proof(size)) if 0 < size < wanted.size else ()
    shown = (_wire(row, proof) for row, proof in zip(found, proofs, strict=True))
    return codec.Shown(tuple(shown), checkpoint, consistency)


def pages(node: Node, peer: str, wanted: codec.PagesWanted) -> list[bytes]:
    """Some pages of the present epoch."""
    permits.check(node, peer, wanted.agreement, peer)
    place = Place(node.agency, wanted.epoch, wanted.delta)
    row = node.stores.publications.find(place)
    if row is None or wanted.epoch != _current(node).epoch:
        raise errors.RefusedError(EPOCH_OVER, "the epoch is over")
    count = page_count(wanted.part, parse_manifest(row.manifest).lists[wanted.part].count)
    stop = min(wanted.first + wanted.count, count)
    if wanted.first >= stop:
        raise errors.ProtocolError(NO_SUCH_PAGE, "there is no such page")
    return node.stores.publications.read(place, wanted.part, range(wanted.first, stop))


def open_run(node: Node, peer: str, opening: codec.Opening) -> int:
    """Admit a run and charge it, once; returns how many elements may be asked in it.

    Raises RefusedError with the clause or limit that says no."""
    agreement = permits.check(node, peer, opening.agreement, peer)
    key = peers.require(node, peer).card.card.keys.signing
    context = signatures.Context.CENTRAL_RUN
    signatures.verify(key, context, opening.signed_bytes(), opening.signature)
    row = _answerable(node)
    if opening.epoch != row.epoch:
        raise errors.RefusedError(EPOCH_OVER, "the centre has another epoch now")
    permits.check_classes(agreement, peer, opening.classes)
    run, elements = opening.run.hex(), run_elements(opening)
    with node.stores.database.transaction():
        known = node.stores.central_runs.find(run)
        if known is not None:
            return _again(known, peer, opening)
        permits.charge(node, agreement, peer, run, opening.classes)
        admission.accept(node, peer, elements)
        node.stores.central_runs.add(
            RunRow(
                run, peer, agreement.id, ANSWERS, row.epoch, elements, opening.classes, node.stamp()
            )
        )
        node.record(Event.CENTRAL_RUN, {"peer": peer, "side": ANSWERS}, shared_facts(opening))
    return elements


def evaluate(node: Node, peer: str, asked: codec.Batch) -> tuple[bytes, bytes]:
    """The answer to one batch: (elements, proof). What a batch costs was charged when its run was
    admitted; the same batch again is answered again."""
    run = node.stores.central_runs.find(asked.run.hex())
    if run is None or run.peer != peer or run.side != ANSWERS:
        raise errors.RefusedError(NO_SUCH_RUN, "no such run was admitted")
    permits.check(node, peer, run.agreement, peer)
    row = _answerable(node)
    if run.epoch != row.epoch:
        raise errors.RefusedError(EPOCH_OVER, "the centre has another epoch now")
    elements = rows(asked.elements, POINT_BYTES)
    with admission.admit(node, peer, len(elements)):
        group = own_group()
        group.check(elements)
        digest = hashlib.sha256(asked.elements).digest()
        if not node.stores.central_runs.answer(
            run.run, asked.number, digest, len(elements), run.elements
        ):
            raise errors.RefusedError(RUN_USED_UP, "the run has asked all that was admitted")
        key = derive.epoch_key(group, node.agency, row.epoch, secrets_of(node, row).key_seed)
        evaluated, proof = Server(group, Mode.VOPRF, key).blind_evaluate(elements)
        return np.ascontiguousarray(evaluated).tobytes(), proof


def run_elements(opening: codec.Opening) -> int:
    """How many elements a run has: its classes, and the secret canaries beside them."""
    return sum(opening.classes.values()) + canaries.SECRET


def shared_facts(opening: codec.Opening) -> dict[str, object]:
    """What both logs say of a run, in equal bytes."""
    return {
        "run_id": opening.run.hex(),
        "agreement": opening.agreement,
        "epoch": opening.epoch,
        "classes": {name.value: count for name, count in sorted(opening.classes.items())},
    }


def _again(known: RunRow, peer: str, opening: codec.Opening) -> int:
    same = (known.peer, known.agreement, known.epoch, dict(known.classes)) == (
        peer,
        opening.agreement,
        opening.epoch,
        dict(opening.classes),
    )
    if not same or known.side != ANSWERS:
        raise errors.RefusedError(NO_SUCH_RUN, "another run has this id")
    return known.elements


def _current(node: Node) -> EpochRow:
    node.stores.central.require()
    row = node.stores.central.in_state(CURRENT)
    if row is None:
        raise errors.RefusedError(EPOCH_OVER, "the centre has published nothing yet")
    return row


def _answerable(node: Node) -> EpochRow:
    """The present epoch, where its key may still be used."""
    row, setup = _current(node), node.stores.central.require()
    if setup.erasure is not None:
        until = parse_time(whole_seconds(setup.erasure)) + dt.timedelta(hours=ROTATION_HOURS)
        if node.now() >= until:
            raise errors.RefusedError(ROTATION_DUE, "the centre must begin a new epoch first")
    return row


def _cosigned(node: Node, sequence: int, size: int) -> tuple[bytes, int]:
    """Of our checkpoints that cover an entry, and that a head of ``size`` extends, the one that
    most others cosigned; (empty, 0) where nobody did."""
    by_size: dict[int, list[bytes]] = {}
    for row in node.stores.witnessing.cosignatures(sequence + 1, size + 1):
        by_size.setdefault(row.size, []).append(row.line)
    if not by_size:
        return b"", 0
    best = max(by_size, key=lambda each: (len(by_size[each]), each))
    note = node.stores.log.checkpoint(best)
    return (b"", 0) if note is None else (attach(note, by_size[best]), best)


def _wire(row: PublicationRow, inclusion: Sequence[bytes]) -> codec.PublicationWire:
    return codec.PublicationWire(
        row.manifest, row.signature, row.header, row.shared, row.shared_blind, tuple(inclusion)
    )
