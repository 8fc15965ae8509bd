"""The log: showing entries, and verifying that it is whole."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from psihash import errors
from psihash.audit.entry import Entry, log_origin, open_entry
from psihash.audit.verify import verify_log
from psihash.node.clock import seconds
from psihash.node.node import Node
from psihash.node.people.roles import use_case
from psihash.node.records.log_retention import erased_by
from psihash.node.running import sessions

BODY_MISSING = errors.define(
    "body-missing", "the body of a log entry was removed, and no entry says that it was erased"
)


@use_case("audit show")
def read(node: Node, session: str | None = None) -> Iterator[dict[str, Any]]:
    """What :func:`show` gives, for a person: the local parts name people, cases and reasons."""
    return show(node, session)


def show(node: Node, session: str | None = None) -> Iterator[dict[str, Any]]:
    """Entries in order; only those of one session if it is given (by id or prefix)."""
    wanted = None if session is None else sessions.find(node, session).id
    size = node.stores.log.head().size
    for stored in node.stores.log.entries(0, size):
        entry = open_entry(stored)
        shared, local = entry.shared_facts(), entry.local_facts()
        if wanted is None or wanted in (
            (shared or {}).get("session"),
            (local or {}).get("session"),
        ):
            yield {
                "seq": entry.seq,
                "time": entry.time,
                "event": entry.event.value,
                "operation": entry.event.led_operation.value,
                "shared": shared,
                "local": local,
            }


def verify(node: Node) -> dict[str, Any]:
    """Re-hash every entry and check every checkpoint; raises VerificationError with the cause.

    Bodies that were erased are accepted where an entry of the log says so; the others raise
    ``body-missing``.
    """
    store, bodies = node.stores.log, Bodies()
    found = verify_log(
        store.entries(0, store.head().size),
        (note for _, note in store.checkpoints()),
        log_origin(node.agency),
        node.log_keys,
        visit=bodies.see,
    )
    bodies.check()
    return {
        "ok": True,
        "origin": found.origin,
        "size": found.size,
        "root": found.root.hex(),
        "signed_size": found.signed_size,
        "checkpoints": found.checkpoints,
        "unsigned": found.unsigned,
        "erased_bodies": len(bodies.erased),
        "cosigned": [
            {"by": each.name, "size": each.size, "time": each.time} for each in cosigned_by(node)
        ],
    }


@dataclass(frozen=True, slots=True)
class CosignedBy:
    """The largest of our heads that someone cosigned, and when by their clock."""

    name: str
    size: int
    time: str


def cosigned_by(node: Node) -> list[CosignedBy]:
    """Who vouches for our log up to where, the furthest first."""
    newest = {row.cosigner: row for row in node.stores.witnessing.newest_cosignatures()}
    found = [
        CosignedBy(name, row.size, seconds(dt.datetime.fromtimestamp(row.timestamp, dt.UTC)))
        for name, row in newest.items()
    ]
    return sorted(found, key=lambda each: (-each.size, each.name))


class Bodies:
    """Which bodies are gone, and which the log says were erased."""

    def __init__(self) -> None:
        self.erased: list[int] = []
        self._said: list[tuple[int, int]] = []

    def see(self, entry: Entry) -> None:
        withheld = (
            entry.has_shared and entry.shared is None,
            entry.has_local and entry.local is None,
        )
        if any(withheld):
            self.erased.append(entry.seq)
        # An entry can only tell of entries in front of it.
        self._said += ((start, min(stop, entry.seq)) for start, stop in erased_by(entry))

    def check(self) -> None:
        said = sorted(self._said)
        at = 0
        for seq in self.erased:  # in ascending order, as the ranges
            while at < len(said) and said[at][1] <= seq:
                at += 1
            if at == len(said) or seq < said[at][0]:
                raise errors.VerificationError(
                    BODY_MISSING,
                    f"the body of entry {seq} is gone, and no entry says that it was erased",
                )
