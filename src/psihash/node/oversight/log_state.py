"""The state of the log at a glance: how long it is, up to where it is signed, cosigned and
verified, and what contradicts itself."""

from __future__ import annotations

from dataclasses import dataclass

from psihash import errors
from psihash.audit.checkpoint import open_checkpoint
from psihash.audit.entry import log_origin
from psihash.node.node import Node
from psihash.node.oversight import auditing, heads
from psihash.node.oversight.auditing import CosignedBy
from psihash.node.people.roles import use_case
from psihash.storage import register


@dataclass(frozen=True, slots=True)
class Incident:
    """A log of a peer that contradicts itself."""

    id: str
    agency: str
    kind: str
    via: str
    found: str
    resolved: str | None
    resolver: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class LogState:
    origin: str
    entries: int
    indexed: int
    """Entries that the lists of the console cover: all of them, unless rows were lost."""
    signed: int
    """Entries under the newest checkpoint that the log's key signed."""
    cosigned: list[CosignedBy]
    incidents: list[Incident]

    @property
    def vouched(self) -> int:
        """Entries that somebody else cosigned."""
        return max((each.size for each in self.cosigned), default=0)


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification of the whole log found. ``code`` is empty where all of it holds."""

    at: str
    entries: int
    checkpoints: int
    unsigned: int
    erased_bodies: int
    code: str = ""
    problem: str = ""


@use_case("oversight")
def state(node: Node) -> LogState:
    """The log as it stands; nothing is verified but the newest checkpoint's signature."""
    with node.stores.database.reading():
        return _state(node)


def _state(node: Node) -> LogState:
    return LogState(
        origin=log_origin(node.agency),
        entries=node.stores.log.head().size,
        indexed=register.indexed(node.stores.database),
        signed=_signed(node),
        cosigned=auditing.cosigned_by(node),
        incidents=[
            Incident(
                each.id,
                each.agency,
                each.kind,
                each.via,
                each.found,
                each.resolved,
                each.resolver,
                each.reason,
            )
            for each in heads.incidents(node)
        ],
    )


def _signed(node: Node) -> int:
    note = node.stores.log.checkpoint(None)
    if note is None:
        return 0
    return open_checkpoint(note, log_origin(node.agency), *node.log_keys).size


def verify(node: Node) -> Verified:
    """Hash the whole log again; what is wrong with it is an answer, not an error. Takes about a
    second for ten thousand entries."""
    try:
        found = auditing.verify(node)
    except errors.VerificationError as error:
        return Verified(node.stamp(), 0, 0, 0, 0, error.code, error.message)
    return Verified(
        node.stamp(),
        found["size"],
        found["checkpoints"],
        found["unsigned"],
        found["erased_bodies"],
    )
