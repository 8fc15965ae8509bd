"""Rosters as this node holds them: its own, which it makes longer, and those of its peers."""

from __future__ import annotations

from collections.abc import Iterable

from psihash import errors
from psihash.agreement.roster import (
    TYPE,
    OperatorRecord,
    Roster,
    extend,
    parse_record,
    replay,
)
from psihash.audit.event import Event
from psihash.identity.cards import parse_card
from psihash.identity.trust import PeerStatus
from psihash.node.node import Node

OUTBOX_KIND = "operator"
FOREIGN_ROSTER = errors.define(
    "foreign-roster", "a record of operators is of another agency than the one that sent it"
)

__all__ = ["OUTBOX_KIND", "TYPE", "append", "of_peer", "own", "post_all", "take", "take_all"]


def own(node: Node) -> Roster | None:
    """This agency's roster, verified; None in single-operator mode."""
    return _load(node, node.agency)


def of_peer(node: Node, agency: str) -> Roster | None:
    """The longest roster that the peer has shown, verified again; None where it showed none."""
    return _load(node, agency)


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
    codes = []
    for body in bodies:
        try:
            take(node, agency, body)
        except errors.PsihashError as error:
            codes.append(error.code)
        else:
            codes.append("")
    refused = sorted({code for code in codes if code})
    if refused:
        node.record(Event.INCIDENT, {"peer": agency, "what": "roster", "codes": refused})
    return codes


def _load(node: Node, agency: str) -> Roster | None:
    records = [parse_record(body) for body in node.stores.rosters.bodies(agency)]
    return replay(records, agency, _keys(node, agency)) if records else None


def _keys(node: Node, agency: str) -> list[bytes]:
    """The signing keys that an agency has had, newest first."""
    if agency == node.agency:
        return [card.keys.signing for card in reversed(node.own_cards)]
    cards = [node.stores.peers.get(agency).card]
    cards += [each.card for each in reversed(node.stores.peers.history(agency))]
    return list(dict.fromkeys(parse_card(card).keys.signing for card in cards))
