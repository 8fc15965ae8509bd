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
from psihash.central.manifest import (
    EQUIVOCATED,
    Manifest,
    check_next,
    parse_manifest,
    verify_manifest,
)
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
    if followed.incident is None and _contradicts(node, manifest):
        report(node, followed, EQUIVOCATED, shown, via)
    return manifest


def _contradicts(node: Node, shown: Manifest) -> bool:
    """Whether a signed manifest and those that are held here cannot be of one chain.

    What is held has no gaps from the first on. So a manifest that lies within it is one of them,
    and one that names as the one before what another is known to follow is a second history,
    whatever number it has."""
    publications, centre = node.stores.publications, shown.centre
    latest = publications.latest(centre)
    if latest is None:
        return False
    held = publications.find(Place(centre, shown.epoch, shown.delta))
    if held is not None:
        return held.digest != shown.digest
    earliest = publications.after(centre, 0, 0, 1)[0].place
    if (earliest.epoch, earliest.delta) < shown.place < (latest.place.epoch, latest.place.delta):
        return True
    before = publications.with_digest(centre, shown.previous)
    return before is not None and (
        bool(publications.after(centre, before.place.epoch, before.place.delta, 1))
        or not _follows(before, shown)
    )


def _follows(before: PublicationRow, shown: Manifest) -> bool:
    try:
        check_next(parse_manifest(before.manifest), shown)
    except errors.VerificationError:
        return False
    return True


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
