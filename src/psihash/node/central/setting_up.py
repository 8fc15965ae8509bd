"""Making a node a centre, and how that stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from psihash import errors
from psihash.audit.event import Event
from psihash.central.manifest import EPOCH_DAYS, parse_manifest
from psihash.node.central.publishing import epoch_end, new_canary_seed
from psihash.node.clock import milliseconds, seconds
from psihash.node.lists.importing import loggable
from psihash.node.lists.naming import require_collection
from psihash.node.node import Node
from psihash.node.people.roles import use_case
from psihash.storage.central import CURRENT, Setup
from psihash.terms import AlgorithmId

BAD_SETUP = errors.define("central-bad-setup", "a number for a centre is out of range")

ALGORITHMS: Final = (AlgorithmId.MD5, AlgorithmId.SHA1)
VALID_DAYS: Final = 7
"""How long a publication may be the newest: a member that is shown nothing newer for longer takes
the set for frozen."""


@dataclass(frozen=True, slots=True)
class CentreStatus:
    """A centre as it stands."""

    collections: list[str] | None
    """None for all."""
    algorithms: list[str]
    epoch: int | None
    """None where nothing was published yet."""
    delta: int | None
    manifest: str | None
    published: str | None
    valid_until: str | None
    epoch_until: str | None
    """When the next publication is a new epoch."""
    rotation_due: str | None
    """When something published was erased that waits for a new epoch."""
    members: int
    """Members that ever enrolled."""


@use_case("central init")
def init(
    node: Node,
    *,
    collections: Sequence[str] | None = None,
    algorithms: Sequence[AlgorithmId] = ALGORITHMS,
    contact: str | None = None,
    epoch_days: int = EPOCH_DAYS,
    valid_days: int = VALID_DAYS,
) -> CentreStatus:
    """Make this node a centre. Without collections all that are held are published, later ones
    too; ``contact`` stands in every record, else that of the card.

    Raises StateError ``central-exists``, NotFoundError, InputError ``central-bad-setup``."""
    if not 1 <= valid_days <= epoch_days <= EPOCH_DAYS or not algorithms:
        raise errors.InputError(
            BAD_SETUP,
            f"a publication is valid for at least a day, an epoch for {EPOCH_DAYS} at most, and at "
            "least one algorithm is published",
        )
    for name in collections or ():
        require_collection(node, name)
    chosen = None if not collections else tuple(dict.fromkeys(collections))
    setup = Setup(
        sealed_seed=new_canary_seed(node),
        collections=chosen,
        algorithms=tuple(name for name in AlgorithmId if name in algorithms),
        contact=(node.card.contact or "") if contact is None else contact,
        epoch_days=epoch_days,
        valid_days=valid_days,
        created=node.stamp(),
    )
    with node.stores.database.transaction():
        node.stores.central.set_up(setup)
        node.record(
            Event.CONFIG_CHANGE,
            {
                "what": "central set",
                "collections": None if chosen is None else [loggable(name) for name in chosen],
                "algorithms": [name.value for name in setup.algorithms],
            },
        )
    return status(node)


def status(node: Node) -> CentreStatus:
    """Raises StateError ``no-central``."""
    setup = node.stores.central.require()
    latest = node.stores.publications.latest(node.agency)
    current = node.stores.central.in_state(CURRENT)
    manifest = None if latest is None else parse_manifest(latest.manifest)
    return CentreStatus(
        collections=None if setup.collections is None else list(setup.collections),
        algorithms=[name.value for name in setup.algorithms],
        epoch=None if manifest is None else manifest.epoch,
        delta=None if manifest is None else manifest.delta,
        manifest=None if manifest is None else manifest.digest.hex(),
        published=None if manifest is None else manifest.published,
        valid_until=None if manifest is None else manifest.valid_until,
        epoch_until=None if current is None else seconds(epoch_end(current, setup)),
        rotation_due=setup.erasure,
        members=node.stores.central.members(),
    )


def note_erasure(node: Node, collection: str) -> None:
    """A collection was erased: where it is published, the next publication is a new epoch. Call it
    in the transaction of the erasure."""
    setup = node.stores.central.setup()
    if setup is None or node.stores.central.in_state(CURRENT) is None:
        return
    if setup.collections is None or collection in setup.collections:
        node.stores.central.note_erasure(milliseconds(node.now()))
