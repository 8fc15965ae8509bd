"""Members of one centre show each other what it published to them.

A centre could keep a second set for one member, in the same log: each manifest would stand there,
and neither member would see the other's. So at each exchange of checkpoints two agencies that both
know a centre compare the newest manifests that they have of it. Two that the centre signed with one
number are proof against it, and its set is used no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from psihash import errors
from psihash.audit.event import Event
from psihash.central.manifest import EQUIVOCATED, Manifest, parse_manifest, verify_manifest
from psihash.central.publishing import Place
from psihash.node.node import Node
from psihash.node.peering.channel import PeerChannel
from psihash.storage.central_copy import Followed
from psihash.storage.central_pages import PublicationRow
from psihash.wire import central_codec as codec
from psihash.wire.v1 import central_pb2 as pb

Signed = tuple[bytes, bytes]
"""(manifest, signature)."""


def over(node: Node, channel: PeerChannel, mutual: Sequence[str]) -> None:
    """Compare with a peer, over a channel that is open already, about the agencies that both
    know. A peer that does not answer this stops nothing."""
    shown = [_signed(row) for name in sorted(set(mutual)) for row in _newest(node, name)]
    if not shown:
        return
    request = pb.CompareManifestsRequest(shown=codec.comparing(shown[: codec.MAX_CENTRES]))
    try:
        reply = channel.call_central(lambda stub: stub.Compare, request)
        answered = codec.compared(reply)
    except (errors.PeerError, errors.RefusedError, errors.UnavailableError):
        return
    for each in answered:
        compare(node, channel.verified.agency, each)


def answer(node: Node, via: str, shown: Sequence[Signed]) -> list[Signed]:
    """Compare what a peer shows, and show ours of the same centres: in the same places, and the
    newest. Nothing is told of a centre that the peer does not show a true manifest of."""
    told: list[Signed] = []
    for each in shown[: codec.MAX_CENTRES]:
        manifest = compare(node, via, each)
        if manifest is None:
            continue
        place = Place(manifest.centre, manifest.epoch, manifest.delta)
        held = node.stores.publications.find(place)
        rows = _newest(node, manifest.centre) + ([] if held is None else [held])
        told += [_signed(row) for row in {row.place: row for row in rows}.values()]
    return told


def compare(node: Node, via: str, shown: Signed) -> Manifest | None:
    """Hold one manifest that a peer showed against what is held here; the manifest, where it is
    of a centre that is followed here and that signed it."""
    try:
        centre = parse_manifest(shown[0]).centre
        peer = node.directory.peer(centre)
        followed = node.stores.copies.followed(centre)
        if peer is None or followed is None or centre in (via, node.agency):
            return None
        key = peer.card.card.keys.signing
        manifest = verify_manifest(*shown, centre, key).manifest
    except errors.PsihashError:
        return None  # nobody is accused on a peer's word
    held = node.stores.publications.find(Place(centre, manifest.epoch, manifest.delta))
    if held is not None and held.digest != manifest.digest and followed.incident is None:
        report(node, followed, EQUIVOCATED, shown, via)
    return manifest


def report(node: Node, followed: Followed, code: str, shown: Signed, via: str) -> None:
    """What a centre signed against itself is kept in the log; where it equivocated, its set is
    used no more."""
    facts = {
        "peer": followed.centre,
        "code": code,
        "what": "central set",
        "via": via,
        "previous": followed.digest.hex(),
        "document": shown[0].hex(),
        "document_signature": shown[1].hex(),
    }
    with node.stores.database.transaction():
        node.record(Event.INCIDENT, facts)
        if code == EQUIVOCATED:
            node.stores.copies.follow(replace(followed, incident=node.stamp()))


def _newest(node: Node, centre: str) -> list[PublicationRow]:
    """The newest that is held of a centre that is followed here; none of another."""
    if node.stores.copies.followed(centre) is None:
        return []
    row = node.stores.publications.latest(centre)
    return [] if row is None else [row]


def _signed(row: PublicationRow) -> Signed:
    return row.manifest, row.signature
