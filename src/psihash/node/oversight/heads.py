"""Heads of other agencies' logs: checked against the one held, kept, cosigned; contradictions.

Two signed heads that contradict each other are kept as evidence, and no session with that agency
runs until a person has decided (``psihash audit incident``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from psihash import canonical, errors
from psihash.audit.checkpoint import VerifiedCheckpoint, open_checkpoint
from psihash.audit.cosignature import cosign, cosigner_name
from psihash.audit.event import Event
from psihash.audit.verify import (
    CHECKPOINT_ROLLED_BACK,
    LOG_FORKED,
    check_peer_checkpoint,
)
from psihash.identity.cards import Card, parse_card
from psihash.node import prefixes
from psihash.node.clock import seconds
from psihash.node.node import LazySigner, Node
from psihash.node.peering import peers
from psihash.node.people.roles import use_case
from psihash.storage.checkpoints import PeerCheckpoint
from psihash.storage.witnessing import GivenRow, LogIncident

LOG_UNPROVEN = errors.define(
    "log-unproven",
    "an agency was seen with another head of its log elsewhere and has not proven that both are "
    "of one log",
)
UNKNOWN_INCIDENT = errors.define("no-such-incident", "no incident begins with that id")
AMBIGUOUS_INCIDENT = errors.define("ambiguous-incident", "several incidents begin with that id")
_INCIDENT: Final = prefixes.Kind(
    "incident", UNKNOWN_INCIDENT, AMBIGUOUS_INCIDENT, "psihash audit incident list"
)

FORK: Final = "fork"
"""Two signed heads of one size: proof against the log's key."""
NOT_EXTENDED: Final = "not-extended"
"""The proof from one head to the other does not hold."""
ROLLED_BACK: Final = "rolled-back"
"""A head is smaller than one shown before."""
UNPROVEN: Final = "unproven"
"""The agency did not prove that a head it signed is of the log that it shows here."""

PROOF_DAYS: Final = 2
"""How long an agency may owe the proof: daily exchanges give it two chances."""

MOST_OPEN: Final = 32
"""Contradictions of one agency that are kept until a person has decided."""

_CODES: Final = {
    FORK: LOG_FORKED,
    NOT_EXTENDED: LOG_FORKED,
    ROLLED_BACK: CHECKPOINT_ROLLED_BACK,
    UNPROVEN: LOG_UNPROVEN,
}


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two heads of one agency's log; ``via`` is who showed the second one."""

    agency: str
    kind: str
    held: VerifiedCheckpoint
    shown: VerifiedCheckpoint
    via: str


def log_keys(node: Node, card: Card) -> list[bytes]:
    """Every key that signed a peer's log as far as its cards here tell, the present one last."""
    former = [_log_key(row.card) for row in node.stores.peers.history(card.agency)]
    return list(dict.fromkeys((*former, card.keys.log)))


@lru_cache(maxsize=4096)
def _log_key(card: bytes) -> bytes:
    """Every contact asks for those of every peer; the same bytes are the same card."""
    return parse_card(card).keys.log


def held(node: Node, card: Card) -> VerifiedCheckpoint | None:
    """The newest head held of a peer's log."""
    row = node.stores.checkpoints.latest(card.keys.log_origin)
    if row is None:
        return None
    return open_checkpoint(row.note, card.keys.log_origin, *log_keys(node, card))


def accept(node: Node, card: Card, note: bytes, proof: Sequence[bytes]) -> GivenRow:
    """A head that a peer showed of its own log: check that it extends the one held, keep it, and
    cosign it, in one step that is durable when this returns.

    Raises VerificationError, with the incident recorded, where the log was rolled back, forked, or
    the head is malformed or not signed.
    """
    known: VerifiedCheckpoint | None = None
    new: VerifiedCheckpoint | None = None
    try:
        new = open_checkpoint(note, card.keys.log_origin, card.keys.log)
        with node.stores.database.transaction():
            known = held(node, card)
            check_peer_checkpoint(known, new, proof)
            node.stores.checkpoints.save(PeerCheckpoint(new.origin, new.size, new.root, note))
            return _cosigned(node, new)
    except errors.VerificationError as error:
        kind = _kind(error.code, known, new)
        if kind is None or known is None or new is None:
            node.quiet.record(Event.INCIDENT, peer=card.agency, code=error.code, what="head")
        else:
            report(node, Contradiction(card.agency, kind, known, new, card.agency))
        raise


def _kind(
    code: str, known: VerifiedCheckpoint | None, new: VerifiedCheckpoint | None
) -> str | None:
    if code == CHECKPOINT_ROLLED_BACK:
        return ROLLED_BACK
    if code != LOG_FORKED or known is None or new is None:
        return None
    return FORK if known.size == new.size else NOT_EXTENDED


def _cosigned(node: Node, head: VerifiedCheckpoint) -> GivenRow:
    kept = node.stores.witnessing.given(head.origin, head.size)
    if kept is not None:
        return kept
    signer = LazySigner(node.card.keys.cosigning, lambda: node.keys.cosigning)
    made = cosign(head, cosigner_name(node.agency), signer, int(node.now().timestamp()))
    row = GivenRow(head.origin, head.size, head.root, made.timestamp, made.line)
    node.stores.witnessing.give(row)
    return row


def report(node: Node, found: Contradiction) -> None:
    """Keep the evidence and log it, once. An agency whose log has contradicted itself often and is
    waiting for a decision adds nothing by doing so again: that is logged once a minute."""
    if len(node.stores.witnessing.incidents(found.agency, open_only=True)) >= MOST_OPEN:
        code = _CODES[found.kind]
        node.quiet.record(Event.INCIDENT, peer=found.agency, code=code, what="more of the same")
        return
    pair = sorted((head.size, head.root) for head in (found.held, found.shown))
    parts = [size.to_bytes(8, "big") + root for size, root in pair]
    name = canonical.digest(b"psihash/log-incident/1", found.held.origin.encode(), *parts).hex()[
        :16
    ]
    incident = LogIncident(
        id=name,
        agency=found.agency,
        origin=found.held.origin,
        kind=found.kind,
        held=found.held.note,
        shown=found.shown.note,
        via=found.via,
        found=node.stamp(),
    )
    with node.stores.database.transaction():
        if node.stores.witnessing.add_incident(incident):
            node.record(
                Event.INCIDENT,
                {
                    "peer": found.agency,
                    "code": _CODES[found.kind],
                    "what": found.kind,
                    "incident": name,
                    "shown_by": found.via,
                    "sizes": [found.held.size, found.shown.size],
                },
            )


def require_whole(node: Node, agency: str) -> None:
    """Raise RefusedError where the agency's log contradicts itself and nobody has decided, or
    where it owes the proof that it does not."""
    if node.stores.witnessing.incidents(agency, open_only=True):
        raise errors.RefusedError(
            LOG_FORKED,
            f"the log of {agency} contradicts itself; sessions wait for a decision",
            hint="run `psihash audit incident list`",
        )
    card = peers.require(node, agency).card.card
    since = seconds(node.now() - dt.timedelta(days=PROOF_DAYS))
    for head in node.stores.witnessing.seen(card.keys.log_origin, unproven_only=True):
        if head.waits < since:
            raise errors.RefusedError(
                LOG_UNPROVEN,
                f"{agency} owes the proof that a head of its log seen elsewhere is of one log",
                hint=f"run `psihash audit cosign {agency}`",
            )


def incidents(node: Node, *, open_only: bool = False) -> list[LogIncident]:
    """Contradictions that were found, in the order found."""
    return node.stores.witnessing.incidents(open_only=open_only)


@use_case("incident decide")
def resolve(node: Node, prefix: str, reason: str, *, take_shown: bool = False) -> LogIncident:
    """A person decided that sessions may go on. ``take_shown`` puts the head that was shown in
    place of the one held: the log goes on from there, as after a restored backup."""
    incident = _INCIDENT.pick(incidents(node), prefix)
    card = peers.require(node, incident.agency).card.card
    with node.stores.database.transaction():
        decided = node.stores.witnessing.resolve(incident.id, node.stamp(), node.actor.name, reason)
        if take_shown:
            head = open_checkpoint(incident.shown, incident.origin, *log_keys(node, card))
            node.stores.checkpoints.replace(
                PeerCheckpoint(head.origin, head.size, head.root, head.note)
            )
        for seen in node.stores.witnessing.seen(incident.origin, unproven_only=True):
            if seen.note in (incident.held, incident.shown):
                node.stores.witnessing.prove(seen, node.stamp())
        node.record(
            Event.INCIDENT,
            {
                "peer": incident.agency,
                "what": "resolved",
                "incident": incident.id,
                "reason": reason,
                "goes_on_from": "shown" if take_shown else "held",
            },
        )
    return decided
