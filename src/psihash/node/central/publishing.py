"""Publishing: the first set of an epoch, its deltas, and the change to a new epoch.

What takes long is done before and is of no effect by itself: values of the function lie in
partitions, pages under a number that no manifest names yet. Then one transaction writes the log
entry, the manifest and what stands; a process that is killed leaves what was before or what comes
after, and what it had computed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from psihash import errors
from psihash.agreement.times import add_days, parse_time, whole_seconds
from psihash.audit.event import Event
from psihash.bulk import Bytes2D, distinct_numbers
from psihash.canonical import framed
from psihash.central import derive
from psihash.central.canaries import SEED_BYTES
from psihash.central.layout import Part, list_root, pages, tag_numbers
from psihash.central.manifest import ListFacts, Manifest, sign_manifest
from psihash.central.publishing import (
    Change,
    Numbers,
    Place,
    make_lists,
)
from psihash.identity import sealing
from psihash.node import leasing
from psihash.node.central import taking_in
from psihash.node.central.building import (
    Executor,
    InProcess,
    Progress,
    own_group,
)
from psihash.node.central.making import Made, Making
from psihash.node.holding import held
from psihash.node.node import Node
from psihash.node.people.roles import use_case
from psihash.psi.voprf import SEED_BYTES as KEY_SEED_BYTES
from psihash.storage.central import BUILDING, CURRENT, EpochRow, Setup
from psihash.storage.central_pages import PublicationRow
from psihash.storage.leases import Lease

NOTHING_PUBLISHED = errors.define("central-nothing-published", "the centre has published nothing")

LEASE: Final = "central"
CANARIES_PURPOSE: Final = "central canaries"
_SECRETS_PURPOSE: Final = "central epoch"
_SECRETS_BYTES: Final = 2 * KEY_SEED_BYTES
_PAGES_AT_ONCE: Final = 4096
"""Pages written in one transaction: 50 MB."""


@dataclass(frozen=True, slots=True)
class Published:
    """A publication, as the centre sees it."""

    epoch: int
    delta: int
    reason: str
    """``delta``, or why there is a new epoch: ``first``, ``age``, ``erasure``, ``upgrade`` (of the
    store), or in the words of who asked for it."""
    items: int
    """Distinct digests that stand now."""
    added: int
    removed: int
    """Entries that this publication adds and takes back, canaries apart."""
    bytes: int
    """What a member downloads of it."""
    manifest: str
    """SHA-256 of the manifest, hex: the name that members can compare."""
    valid_until: str


@dataclass(frozen=True, slots=True)
class Secrets:
    """What an epoch keeps secret; nobody has them once it is over."""

    key_seed: bytes
    label_seed: bytes


@use_case("central publish")
def publish(
    node: Node, *, executor: Executor | None = None, progress: Progress | None = None
) -> Published:
    """Publish what is held: a delta; or a new epoch where there is none yet, where the present one
    is as old as it may get, or where something published was erased.

    Raises StateError ``no-central``, ``already-running``."""
    taking_in.finish(node, again=True)
    with _leased(node, executor, progress) as work:
        reason = _rotation_reason(node, work.setup)
        if reason is None:
            return work.publish(_current(node), "delta")
        return work.publish(_begun(node, reason), reason)


@use_case("central publish")
def rotate(
    node: Node,
    reason: str,
    *,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Published:
    """Begin a new epoch under a new key; the old key is destroyed."""
    taking_in.finish(node, again=True)
    with _leased(node, executor, progress) as work:
        return work.publish(_begun(node, reason), reason)


def secrets_of(node: Node, row: EpochRow) -> Secrets:
    """The secrets of an epoch that is not over."""
    if row.sealed_secrets is None:
        raise errors.StateError(NOTHING_PUBLISHED, "the epoch is over")
    key = node.storage_key(_SECRETS_PURPOSE)
    joined = sealing.open_sealed(key, row.sealed_secrets, _context(node, row.epoch))
    return Secrets(joined[:KEY_SEED_BYTES], joined[KEY_SEED_BYTES:])


def canary_seed(node: Node, setup: Setup) -> bytes:
    """From which the secret canaries come."""
    key = node.storage_key(CANARIES_PURPOSE)
    return sealing.open_sealed(key, setup.sealed_seed, node.agency.encode())


def _rotation_reason(node: Node, setup: Setup) -> str | None:
    current = node.stores.central.in_state(CURRENT)
    if current is None:
        return "first"
    if setup.erasure is not None:
        return "erasure"
    if not node.stores.values.has_any(current.epoch):
        return "upgrade"
    if node.now() >= epoch_end(current, setup):
        return "age"
    return None


def epoch_end(row: EpochRow, setup: Setup) -> dt.datetime:
    """When an epoch is as old as it may get."""
    return parse_time(whole_seconds(row.created)) + dt.timedelta(days=setup.epoch_days)


def _begun(node: Node, reason: str) -> EpochRow:
    """The epoch that is being built; where none is, a new one."""
    central = node.stores.central
    row = central.in_state(BUILDING)
    if row is None:
        epoch = max((each.epoch for each in central.epochs()), default=0) + 1
        joined = node.rng(_SECRETS_BYTES)
        public = derive.epoch_key(own_group(), node.agency, epoch, joined[:KEY_SEED_BYTES]).public
        key = node.storage_key(_SECRETS_PURPOSE)
        sealed = sealing.seal(key, joined, _context(node, epoch))
        with node.stores.database.transaction():
            node.stores.changes.follow()
            central.begin_epoch(sealed, public, reason, node.stamp(), epoch)
        row = central.in_state(BUILDING)
    if row is None:
        raise AssertionError("an epoch that was begun is there")
    return row


def _current(node: Node) -> EpochRow:
    row = node.stores.central.in_state(CURRENT)
    if row is None:
        raise errors.StateError(NOTHING_PUBLISHED, "the centre has published nothing yet")
    return row


@dataclass(slots=True)
class _Work:
    """One publication in the making, under the lease that keeps it alone."""

    node: Node
    setup: Setup
    executor: Executor
    progress: Progress | None
    lease: Lease

    def publish(self, row: EpochRow, reason: str) -> Published:
        """The next publication of an epoch."""
        node, epoch = self.node, row.epoch
        latest = node.stores.publications.latest(node.agency)
        going_on = latest is not None and latest.place.epoch == epoch
        delta = latest.place.delta + 1 if going_on and latest is not None else 0
        place = Place(node.agency, epoch, delta)
        secrets = secrets_of(node, row)
        work = Making(node, self.setup, place, row, self.executor, self.progress)
        made = work.made(secrets.key_seed, canary_seed(node, self.setup))
        staged = _stage(node, place, made.wanted, secrets.label_seed)
        manifest = _manifest(node, self.setup, row, place, staged.facts, latest)
        counts = {
            "items": made.items,
            "added": len(made.wanted.added) - made.canaries,
            "removed": len(made.wanted.removed),
        }
        local: dict[str, object] = {"reason": reason, **counts}
        if made.left_out:
            local["labels_left_out"] = made.left_out
        self._settle(manifest, made, staged.starts, local)
        _sweep(node, epoch)
        return Published(
            epoch,
            delta,
            reason,
            **counts,
            bytes=staged.bytes,
            manifest=manifest.digest.hex(),
            valid_until=manifest.valid_until,
        )

    def _settle(
        self,
        manifest: Manifest,
        made: Made,
        starts: npt.NDArray[np.uint32],
        local: dict[str, object],
    ) -> None:
        """The one step from before to after."""
        node, place = self.node, Place(manifest.centre, manifest.epoch, manifest.delta)
        signature = sign_manifest(manifest, node.keys.signing)
        publications = node.stores.publications
        shared = {"epoch": place.epoch, "delta": place.delta, "manifest": manifest.digest.hex()}
        with node.stores.database.transaction():
            node.stores.leases.check(self.lease, node.stamp())
            entry = node.record(Event.CENTRAL_PUBLISHED, local, shared)
            if entry.shared is None or entry.shared_blind is None:
                raise AssertionError("an entry that was just made has all its parts")
            publications.add(
                PublicationRow(
                    place,
                    manifest.to_bytes(),
                    signature,
                    manifest.digest,
                    entry.header,
                    entry.shared,
                    entry.shared_blind,
                    entry.seq,
                    node.stamp(),
                )
            )
            publications.completed(place, starts)
            node.stores.entries.add(place.epoch, place.delta, made.wanted)
            node.stores.central.published(place.epoch, made.seen, made.items)
            if place.delta == 0:
                erasure = self.setup.erasure
                node.stores.central.make_current(place.epoch, node.stamp(), erasure)
            node.stores.changes.trim()


@dataclass(frozen=True, slots=True, eq=False)
class _Staged:
    """The lists, whose pages are written."""

    facts: dict[Part, ListFacts]
    starts: npt.NDArray[np.uint32]
    bytes: int


def _stage(node: Node, place: Place, wanted: Change, label_seed: bytes) -> _Staged:
    """Make the lists and write their pages, which nothing names yet."""
    values, publications = node.stores.values, node.stores.publications
    texts = node.stores.central.labels(distinct_numbers(wanted.added.labels).tolist())

    def roots(items: Numbers) -> Bytes2D:
        return values.roots(place.epoch, items)

    lists = make_lists(place, roots, wanted, texts, label_seed, node.rng)
    publications.drop_pages(place.centre, place.epoch, place.delta)
    facts = {
        part: ListFacts(len(body), list_root(_written(node, place, part, body)))
        for part, body in lists.items()
    }
    starts = tag_numbers(lists[Part.ADDITIONS][:: Part.ADDITIONS.page_rows])
    return _Staged(facts, starts, sum(body.nbytes for body in lists.values()))


def _written(node: Node, place: Place, part: Part, body: Bytes2D) -> Iterator[bytes]:
    """The pages of a list, each of them written."""
    step = _PAGES_AT_ONCE * part.page_rows
    for number, at in enumerate(range(0, len(body), step)):
        some = pages(part, body[at : at + step])
        node.stores.publications.write(place, part, number * _PAGES_AT_ONCE, some)
        yield from some


def _manifest(
    node: Node,
    setup: Setup,
    row: EpochRow,
    place: Place,
    facts: dict[Part, ListFacts],
    latest: PublicationRow | None,
) -> Manifest:
    now = node.stamp()
    return Manifest(
        centre=node.agency,
        epoch=place.epoch,
        delta=place.delta,
        previous=b"" if latest is None else latest.digest,
        public_key=row.public_key,
        algorithms=setup.algorithms,
        lists=facts,
        published=now,
        valid_until=add_days(now, setup.valid_days),
    )


def _sweep(node: Node, epoch: int) -> None:
    """Erase what is left of epochs that are over."""
    stores = node.stores
    with stores.database.transaction():
        stores.values.drop_before(epoch)
        stores.entries.drop_before(epoch)
        stores.central.drop_unborn(epoch)
        stores.database.erased()
    stores.publications.drop_before(node.agency, epoch)


@contextmanager
def _leased(node: Node, executor: Executor | None, progress: Progress | None) -> Iterator[_Work]:
    """One publication at a time."""
    setup = node.stores.central.require()
    _ = node.keys  # asking for the passphrase must not hold the store locked
    lease = leasing.acquire(node, LEASE)
    with held(node, lease):
        yield _Work(node, setup, executor or InProcess(), progress, lease)


def _context(node: Node, epoch: int) -> bytes:
    return framed(node.agency.encode(), epoch.to_bytes(8, "big"))


def new_canary_seed(node: Node) -> bytes:
    """A fresh seed of canaries, sealed."""
    key = node.storage_key(CANARIES_PURPOSE)
    return sealing.seal(key, node.rng(SEED_BYTES), node.agency.encode())
