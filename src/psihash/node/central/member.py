"""One run of a member's standing query against the central set of a peer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from psihash import errors
from psihash.agreement.state import Agreement
from psihash.audit.event import Event
from psihash.central.manifest import Manifest
from psihash.node import leasing
from psihash.node.agreeing import annexes
from psihash.node.central import asking, hits, matching, permits
from psihash.node.central.building import Progress
from psihash.node.central.calls import Centre
from psihash.node.central.centre import EPOCH_OVER
from psihash.node.central.outcome import CentralHit, RunOutcome, RunState
from psihash.node.central.updating import update
from psihash.node.holding import held
from psihash.node.node import Node
from psihash.node.peering import contact, peers
from psihash.node.peering.channel import PeerChannel
from psihash.storage.central_copy import Standing
from psihash.storage.central_holdings import numbers_of, state_of
from psihash.storage.leases import Lease

__all__ = ["CentralHit", "Progress", "RunOutcome", "RunState", "run", "run_over"]

_WAIT_SECONDS: Final = 60.0
_PAUSE: Final = 0.2


def run(
    node: Node,
    peer: str,
    agreement: str,
    collections: Sequence[str],
    *,
    since: RunState | None,
    progress: Progress | None = None,
) -> RunOutcome:
    """Bring the local copy of the published set up to date, ask for what is new, and say what
    stands. Safe to repeat: a run that was cut leaves what was before, and what it downloaded.

    ``agreement`` is a full id. ``since`` is the state of the run before, None for the first. Raises
    psihash errors; a missed canary is VerificationError ``central-canary-missed``.
    """
    permits.check(node, peer, agreement, node.agency)
    with PeerChannel(node, peers.require(node, peer)) as channel:
        contact.exchange(node, peer, channel)
        return run_over(node, channel, agreement, collections, since=since, progress=progress)


def run_over(
    node: Node,
    channel: PeerChannel,
    agreement: str,
    collections: Sequence[str],
    *,
    since: RunState | None,
    progress: Progress | None = None,
) -> RunOutcome:
    """The same over a connection that is open already."""
    wanted = _Wanted(agreement, sorted(set(collections)), since or RunState(0, 0), progress)
    with _alone(node, agreement) as lease:
        try:
            return _run(node, channel, wanted, lease)
        except errors.RefusedError as error:
            if error.code != EPOCH_OVER:
                raise
        # The centre began a new epoch meanwhile.
        return _run(node, channel, wanted, lease)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a run is asked for."""

    agreement: str
    names: list[str]
    since: RunState
    progress: Progress | None


def _run(node: Node, channel: PeerChannel, wanted: _Wanted, lease: Lease) -> RunOutcome:
    peer, names = channel.verified.agency, wanted.names
    agreement = permits.check(node, peer, wanted.agreement, node.agency)
    asking.require_offered(node, agreement, names)
    agreement = annexes.refresh(node, agreement)
    manifests = update(node, channel, agreement.id, wanted.progress)
    newest = manifests[-1]
    new, after = _new(node, agreement, newest, names)
    centre = Centre(channel, agreement.id)
    answered = asking.ask(node, centre, agreement, newest, new, wanted.progress)
    with node.stores.database.transaction():
        node.stores.leases.check(lease, node.stamp())
        matching.settle(node, agreement.id, manifests, answered, after)
        node.stores.changes.trim()
        before = wanted.since.references()
        found = hits.standing(node, agreement.id, newest.epoch, names, before)
        outcome = _outcome(found, newest, answered.asked)
        node.record(
            Event.CENTRAL_RESULT,
            {
                "peer": peer,
                "agreement": agreement.id,
                "epoch": newest.epoch,
                "delta": newest.delta,
                "matched_items": outcome.matched_items,
                "new_items": outcome.new_items,
            },
        )
    return outcome


def _new(
    node: Node, agreement: Agreement, newest: Manifest, names: Sequence[str]
) -> tuple[asking.New, Standing]:
    """What was not asked yet, and how far things are when it is. Of a collection that was looked
    at before in this epoch only what changed is read."""
    copies, changes = node.stores.copies, node.stores.changes
    before = copies.standing(agreement.id)
    if before is None:
        # From here on changes are noted.
        before = Standing(0, -1, "")
        with node.stores.database.transaction():
            changes.follow()
            copies.stand(agreement.id, before)
    last = changes.newest()
    numbers = numbers_of(node.stores.database, names)
    scanned = state_of(node.stores.database, names)
    seen = dict(before.seen) if before.epoch == newest.epoch else {}
    partly = [name for name in names if numbers[name] in seen]
    since = min((seen[numbers[name]] for name in partly), default=last)
    changed = changes.since(since)
    if changed is None:
        partly = []
    look = asking.Look([name for name in names if name not in partly], partly, changed or {})
    algorithms = asking.algorithms_of(agreement, newest)
    new = asking.new_items(node, agreement, newest.epoch, algorithms, look)
    seen |= dict.fromkeys(numbers.values(), last)
    return new, Standing(newest.epoch, newest.delta, scanned, seen)


def _outcome(found: tuple[CentralHit, ...], newest: Manifest, asked: int) -> RunOutcome:
    references = sorted(bytes.fromhex(hit.reference) for hit in found)
    return RunOutcome(
        matched_items=len(found),
        new_items=sum(hit.is_new for hit in found),
        hits=found,
        state=RunState(newest.epoch, newest.delta, b"".join(references)),
        asked=asked,
        epoch=newest.epoch,
        delta=newest.delta,
    )


@contextmanager
def _alone(node: Node, agreement: str) -> Iterator[Lease]:
    """One run under an agreement at a time; another that is under way is waited for."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            lease = leasing.acquire(node, f"central:{agreement}")
            break
        except errors.StateError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_PAUSE)
    with held(node, lease):
        yield lease
