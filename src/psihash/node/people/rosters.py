"""Rosters as this node holds them: its own, which it makes longer, and those of its peers."""

from __future__ import annotations

from collections.abc import Iterable

from psihash import errors
from psihash.agreement.roster import (
    TYPE,
    OperatorRecord,
    Roster,
    as_of,
    extend,
    parse_record,
)
from psihash.audit.event import Event
from psihash.identity.cards import parse_card
from psihash.identity.trust import PeerStatus
from psihash.node import taking
from psihash.node.memory import VerifiedRoster
from psihash.node.node import Node

OUTBOX_KIND = "operator"
FOREIGN_ROSTER = errors.define(
    "foreign-roster", "a record of operators is of another agency than the one that sent it"
)

__all__ = [
    "OUTBOX_KIND",
    "TYPE",
    "append",
    "of_peer",
    "own",
    "post_all",
    "take",
    "take_all",
    "then",
]


def own(node: Node) -> Roster | None:
    """This agency's roster, verified; None in single-operator mode."""
    return _load(node, node.agency)


def of_peer(node: Node, agency: str) -> Roster | None:
    """The longest roster that the peer has shown, verified again; None where it showed none."""
    return _load(node, agency)


def then(node: Node, moment: str) -> Roster | None:
    """The own roster as it was at a time."""
    held = own(node)
    return None if held is None else as_of(held, moment, _keys(node, node.agency))


def append(node: Node, record: OperatorRecord) -> Roster:
    """Make the own roster longer and leave the record for all peers. Call it in a transaction."""
    roster = extend(own(node), record, node.agency, _keys(node, node.agency))
    now = node.stamp()
    with node.stores.database.transaction():
        node.stores.rosters.append(node.agency, record.number, record.to_bytes(), now)
        for peer in node.stores.peers.all():
            if peer.status is not PeerStatus.REVOKED:
                node.stores.outbox.put(peer.agency, OUTBOX_KIND, record.to_bytes(), now)
    return roster


def post_all(node: Node, peer: str) -> None:
    """Leave the whole chain for a peer that may have none of it."""
    for body in node.stores.rosters.bodies(node.agency):
        node.stores.outbox.put(peer, OUTBOX_KIND, body, node.stamp())


def take(node: Node, agency: str, body: bytes) -> None:
    """Take a record that a peer sent. Idempotent; raises what is wrong with it, and what was held
    stays."""
    record = parse_record(body)
    if record.agency != agency:
        raise errors.RefusedError(FOREIGN_ROSTER, "the record is of another agency")
    of_peer(node, agency)  # a long one is verified before anything is locked
    with node.stores.database.transaction():
        held = of_peer(node, agency)
        after = extend(held, record, agency, _keys(node, agency))
        if after is held:
            return
        node.stores.rosters.append(agency, record.number, record.to_bytes(), node.stamp())
        node.record(
            Event.OPERATOR_CHANGED,
            {
                "peer": agency,
                "number": record.number,
                "operator": record.member.operator,
                "roles": [role.value for role in record.member.roles],
                "status": record.member.status.value,
            },
        )


def take_all(node: Node, agency: str, bodies: Iterable[bytes]) -> list[str]:
    """Take records from a peer; one code per record, empty where it was taken."""
    return taking.take_each(node, agency, bodies, take, "roster")


def _load(node: Node, agency: str) -> Roster | None:
    """Verified by this process once: a long chain has thousands of signatures, and its owner can
    have it asked for as often as it likes. What the store has is compared byte by byte with what
    was verified, so a row that somebody edited is found all the same."""
    bodies = tuple(node.stores.rosters.bodies(agency))
    if not bodies:
        return None
    source = _source(node, agency)
    seen = node.verified_rosters.get(agency)
    if seen is not None and (seen.bodies, seen.source) == (bodies, source):
        return seen.roster
    keys = _keys(node, agency)
    roster, done = None, 0
    # What held by some keys holds by more; what came since is all that is verified.
    if seen is not None and seen.keys <= set(keys) and seen.bodies == bodies[: len(seen.bodies)]:
        roster, done = seen.roster, len(seen.bodies)
    for body in bodies[done:]:
        roster = extend(roster, parse_record(body), agency, keys)
    if roster is None:
        raise AssertionError("a chain of records is a roster")
    node.verified_rosters[agency] = VerifiedRoster(bodies, source, frozenset(keys), roster)
    return roster


def _source(node: Node, agency: str) -> tuple[bytes, ...]:
    """What says which keys an agency has had: its cards, not parsed; of this agency the keys."""
    if agency == node.agency:
        return tuple(_keys(node, agency))
    former = node.stores.peers.history(agency)
    return (node.stores.peers.get(agency).card, *(each.card for each in reversed(former)))


def _keys(node: Node, agency: str) -> list[bytes]:
    """The signing keys that an agency has had, newest first."""
    if agency == node.agency:
        return [card.keys.signing for card in reversed(node.own_cards)]
    cards = map(parse_card, _source(node, agency))
    return list(dict.fromkeys(card.keys.signing for card in cards))
