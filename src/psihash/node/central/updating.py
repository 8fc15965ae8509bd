"""Bringing the local copy of a peer's central set up to date, and believing nothing of it before.

1. The centre's log is what it was, and longer: its head is taken as at any contact.
2. Each manifest is signed by the centre, stands in that log, and follows the one before.
3. Others have cosigned the log, as many as the settings want.
4. The newest manifest is within its time.
5. The pages have the roots that the manifests say, and stand in their order.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from psihash import errors
from psihash.audit.checkpoint import VerifiedCheckpoint, open_checkpoint
from psihash.audit.cosignature import Cosigner, cosignatures, cosigner_name
from psihash.audit.entry import StoredEntry, open_entry
from psihash.audit.event import Event
from psihash.audit.merkle import leaf_hash, verify_consistency, verify_inclusion
from psihash.audit.note import COSIGNATURE, decode_verifier_key
from psihash.central.layout import (
    Part,
    check_order,
    check_page,
    list_root,
    page_count,
    page_starts,
)
from psihash.central.manifest import (
    CHAIN_BROKEN,
    EQUIVOCATED,
    Manifest,
    check_current,
    check_next,
    check_seen,
    parse_manifest,
    verify_manifest,
)
from psihash.central.publishing import Place
from psihash.identity.cards import Card
from psihash.identity.trust import PeerStatus
from psihash.node import leasing
from psihash.node.central.building import Progress
from psihash.node.central.calls import Centre
from psihash.node.central.comparing import report
from psihash.node.node import Node
from psihash.node.oversight import cosigning, heads
from psihash.node.peering.channel import PEER_BUSY, PeerChannel
from psihash.storage.central_copy import Followed
from psihash.storage.central_pages import PublicationRow
from psihash.wire import central_codec as codec

NOT_IN_LOG = errors.define(
    "central-not-in-log", "a manifest of a central set does not stand in its centre's log"
)
COSIGNERS_MISSING = errors.define(
    "central-cosigners-missing",
    "fewer others have cosigned the centre's log than central_cosigners wants",
)
WRONG_PAGES = errors.define(
    "central-wrong-pages", "the pages of a central set are not those that its manifest names"
)

_WAIT_SECONDS: Final = 30.0
_PAUSE: Final = 0.2


def update(
    node: Node, channel: PeerChannel, agreement: str, progress: Progress | None = None
) -> list[Manifest]:
    """The publications of the centre's present epoch, verified and all here, in order.

    Raises VerificationError or ProtocolError with the cause where the centre lies, and what the
    connection raises."""
    centre = Centre(channel, agreement)
    card = channel.verified.card.card
    head = _head(node, channel, card)
    followed = _followed(node, card.agency)
    while True:
        shown = centre.publications(followed.epoch, followed.delta, head.size)
        if not shown.publications:
            break
        followed = _take(node, card, head, followed, shown)
    manifests = [
        parse_manifest(row.manifest)
        for row in node.stores.publications.of_epoch(card.agency, followed.epoch)
    ]
    if not manifests or manifests[0].delta != 0:
        raise errors.ProtocolError(CHAIN_BROKEN, "the centre has shown no whole epoch")
    check_current(manifests[0], manifests[-1], node.stamp())
    for manifest in manifests:
        _download(node, centre, manifest, progress)
    node.stores.publications.drop_before(card.agency, followed.epoch)
    return manifests


def _head(node: Node, channel: PeerChannel, card: Card) -> VerifiedCheckpoint:
    """The centre's head as of now, exchanged and cosigned as at any contact."""
    with _paired(node, card.agency):
        cosigning.over(node, channel)
        head = heads.held(node, card)
    if head is None:
        raise errors.ProtocolError(NOT_IN_LOG, "the centre shows no head of its log")
    return head


@contextmanager
def _paired(node: Node, agency: str) -> Iterator[None]:
    """The lease of a contact with a peer; one that is under way is waited for."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            lease = leasing.acquire(node, leasing.pair(agency))
            break
        except errors.StateError:
            if time.monotonic() >= deadline:
                raise errors.UnavailableError(
                    PEER_BUSY, "a session between the two agencies is under way"
                ) from None
        time.sleep(_PAUSE)
    try:
        yield
    finally:
        leasing.give_back(node, lease)


def _followed(node: Node, centre: str) -> Followed:
    followed = node.stores.copies.followed(centre)
    if followed is None:
        return Followed(centre, 0, 0, b"", None, None)
    if followed.incident is not None:
        raise errors.VerificationError(
            EQUIVOCATED, "this centre signed two manifests with one number: its set is not used"
        )
    return followed


# -- manifests -------------------------------------------------------------------------------------


def _take(
    node: Node,
    card: Card,
    head: VerifiedCheckpoint,
    followed: Followed,
    shown: codec.Shown,
) -> Followed:
    """Verify manifests and keep them; the newest is followed from here on."""
    before = _before(node, followed)
    rows: list[PublicationRow] = []
    for wire in shown.publications:
        row, manifest = _verified(node, card, head, followed, wire)
        if before is None and manifest.delta != 0:
            raise errors.VerificationError(CHAIN_BROKEN, "the first manifest begins no epoch")
        if before is not None:
            check_next(before, manifest)
        if rows and row.sequence <= rows[-1].sequence:
            raise errors.VerificationError(CHAIN_BROKEN, "manifests are out of order in the log")
        rows.append(row)
        before = manifest
    _check_cosigned(node, card, head, shown, rows[-1].sequence)
    last = rows[-1]
    after = replace(followed, epoch=last.place.epoch, delta=last.place.delta, digest=last.digest)
    with node.stores.database.transaction():
        for row in rows:
            node.stores.publications.add(row)
        node.stores.copies.follow(after)
    return after


def _before(node: Node, followed: Followed) -> Manifest | None:
    if not followed.epoch:
        return None
    row = node.stores.publications.find(Place(followed.centre, followed.epoch, followed.delta))
    return None if row is None else parse_manifest(row.manifest)


def _verified(
    node: Node,
    card: Card,
    head: VerifiedCheckpoint,
    followed: Followed,
    wire: codec.PublicationWire,
) -> tuple[PublicationRow, Manifest]:
    """One manifest: by the centre, in its log, and not against what was seen."""
    verified = verify_manifest(wire.manifest, wire.signature, card.agency, card.keys.signing)
    manifest = verified.manifest
    if followed.epoch:
        try:
            check_seen((followed.epoch, followed.delta, followed.digest), manifest)
        except errors.VerificationError as error:
            report(node, followed, error.code, (wire.manifest, wire.signature), card.agency)
            raise
    entry = open_entry(
        StoredEntry(wire.header, leaf_hash(wire.header), wire.shared, wire.shared_blind, None, None)
    )
    named = {
        "epoch": manifest.epoch,
        "delta": manifest.delta,
        "manifest": manifest.digest.hex(),
    }
    right = (entry.origin, entry.event) == (card.keys.log_origin, Event.CENTRAL_PUBLISHED)
    if not right or entry.shared_facts() != named:
        raise errors.VerificationError(NOT_IN_LOG, "the log entry names another manifest")
    try:
        verify_inclusion(entry.seq, head.size, entry.leaf_hash, wire.inclusion, head.root)
    except errors.VerificationError:
        raise errors.VerificationError(
            NOT_IN_LOG, "the manifest does not stand in the centre's log"
        ) from None
    place = Place(manifest.centre, manifest.epoch, manifest.delta)
    row = PublicationRow(
        place,
        wire.manifest,
        wire.signature,
        manifest.digest,
        wire.header,
        wire.shared,
        wire.shared_blind,
        entry.seq,
        node.stamp(),
    )
    return row, manifest


def _check_cosigned(
    node: Node, card: Card, head: VerifiedCheckpoint, shown: codec.Shown, sequence: int
) -> None:
    """Enough others have seen the log with the newest of these manifests in it."""
    if not node.settings.central_cosigners:
        return
    count = 0
    if shown.checkpoint:
        checkpoint = open_checkpoint(
            shown.checkpoint, card.keys.log_origin, *heads.log_keys(node, card)
        )
        if sequence < checkpoint.size <= head.size:
            verify_consistency(
                checkpoint.size, checkpoint.root, head.size, head.root, shown.consistency
            )
            found = cosignatures(checkpoint, known_cosigners(node, card.agency))
            count = len({each.cosigner.name for each in found})
    if count < node.settings.central_cosigners:
        raise errors.VerificationError(
            COSIGNERS_MISSING,
            f"{count} others cosigned the centre's log; {node.settings.central_cosigners} must",
            hint="the centre's witness or other members may not have seen its log yet; try later",
        )


def known_cosigners(node: Node, centre: str) -> Sequence[Cosigner]:
    """Whose word about a centre's log counts here: other peers' and the witness's."""
    found = [
        Cosigner(cosigner_name(peer.card.agency), peer.card.card.keys.cosigning)
        for peer in node.all_peers()
        if peer.status is PeerStatus.ACTIVE and peer.card.agency != centre
    ]
    if node.settings.witness_key:
        found.append(Cosigner(*decode_verifier_key(node.settings.witness_key, COSIGNATURE)))
    return found


# -- pages -----------------------------------------------------------------------------------------


def _download(node: Node, centre: Centre, manifest: Manifest, progress: Progress | None) -> None:
    """Fetch what is missing of one publication, and verify all of it."""
    publications = node.stores.publications
    place = Place(manifest.centre, manifest.epoch, manifest.delta)
    row = publications.find(place)
    if row is not None and row.complete:
        return
    for part in Part:
        _fetch(node, centre, manifest, part, progress)
    counts = {part: page_count(part, manifest.lists[part].count) for part in Part}
    for part, count in counts.items():
        if list_root(publications.every(place, part, count)) != manifest.lists[part].root:
            publications.drop_pages(place.centre, place.epoch, place.delta)
            facts = {"peer": place.centre, "code": WRONG_PAGES, "what": part.value}
            node.record(Event.INCIDENT, facts)
            raise errors.VerificationError(
                WRONG_PAGES, "the pages are not those that the manifest names"
            )
    additions = counts[Part.ADDITIONS]
    check_order(publications.every(place, Part.ADDITIONS, additions))
    starts = page_starts(publications.every(place, Part.ADDITIONS, additions))
    publications.completed(place, starts)


def _fetch(
    node: Node, centre: Centre, manifest: Manifest, part: Part, progress: Progress | None
) -> None:
    """The pages of one list that are not here yet, in order."""
    publications, count = node.stores.publications, manifest.lists[part].count
    place = Place(manifest.centre, manifest.epoch, manifest.delta)
    total = page_count(part, count)
    first = publications.held(place, part)
    while first < total:
        wanted = codec.PagesWanted(
            "", place.epoch, place.delta, part, first, min(codec.MAX_PAGES, total - first)
        )
        found = centre.pages(wanted)
        if not 0 < len(found) <= wanted.count:
            raise errors.ProtocolError(WRONG_PAGES, "the centre gave another number of pages")
        for number, page in enumerate(found, first):
            check_page(part, count, number, page)
        publications.write(place, part, first, found)
        first += len(found)
        if progress is not None:
            progress("download", first, total)
