"""Sessions whose end was lost: ask the responder, whose receipt decides; sweep after a crash."""

from __future__ import annotations

from psihash import canonical, errors
from psihash.audit.event import Event
from psihash.identity import signatures
from psihash.identity.cards import Card
from psihash.node.node import Node
from psihash.node.peering.channel import PeerChannel
from psihash.node.records import sealed
from psihash.session import facts, receipt
from psihash.session.messages import Receipt
from psihash.session.row_state import RowState
from psihash.storage.sessions import SessionRow
from psihash.terms import SessionRole
from psihash.wire.codec import decode_receipt
from psihash.wire.v1 import peer_pb2 as pb

PROCESS_DIED = errors.define("process-died", "the process that ran the session ended before it did")
SETTLED_ABORTED = errors.define(
    "settled-aborted", "the responder says that the session did not complete"
)
BAD_SETTLEMENT = errors.define(
    "bad-settlement", "the peer's answer about a lost session is malformed"
)


def aborted(initiator: str, session: bytes) -> bytes:
    """What a responder signs (context ``psihash/cancel/1``) when a session has no result there."""
    return canonical.framed(b"aborted", initiator.encode(), session)


def sweep(node: Node, role: SessionRole, peer: str | None = None) -> None:
    """Close this side's sessions whose process is gone. The caller holds the lease over them.

    An initiator's session whose receipt has left stays in doubt until the peer was asked.
    """
    for row in node.stores.sessions.all(peer=peer, open_only=True):
        if row.role is role and row.state != RowState.SETTLING:
            _abort(node, row, PROCESS_DIED)


def sweep_one(node: Node, row: SessionRow) -> None:
    """Close one session whose process is known to be gone."""
    _abort(node, row, PROCESS_DIED)


def settle(node: Node, peer: Card, channel: PeerChannel) -> None:
    """Ask ``peer`` about every session with it that is in doubt, and end each of them."""
    for row in node.stores.sessions.all(peer=peer.agency, state=RowState.SETTLING):
        own = sealed.receipt(node, row.id, sealed.OWN_RECEIPT)
        if own is None or row.role is not SessionRole.INITIATOR:
            _abort(node, row, PROCESS_DIED)
            continue
        reply = channel.call(
            lambda stub: stub.Settle,
            pb.SettleRequest(session=bytes.fromhex(row.id)),
        )
        if reply.outcome == "aborted":
            signatures.verify(
                peer.keys.signing,
                signatures.Context.CANCEL,
                aborted(node.agency, bytes.fromhex(row.id)),
                reply.aborted_signature,
            )
            _abort(node, row, SETTLED_ABORTED, signature=reply.aborted_signature.hex())
        elif reply.outcome == "completed":
            _complete(node, row, own, decode_receipt(reply.receipt), peer)
        else:
            raise errors.ProtocolError(BAD_SETTLEMENT, "the peer's answer is malformed")


def _complete(node: Node, row: SessionRow, own: Receipt, said: Receipt, peer: Card) -> None:
    receipt.verify_signature(peer.keys.signing, said)
    try:
        receipt.check(receipt.document(own), said)
    except errors.ProtocolError as error:
        # Its signed word is no receipt of this session, and it will say nothing else.
        _abort(node, row, error.code)
        return
    with node.stores.database.transaction():
        sealed.put(node, row.id, sealed.PEER_RECEIPT, sealed.pack_receipt(said))
        node.stores.sessions.close(row.id, RowState.COMPLETED, "completed", node.stamp())
        shared = facts.closed(SessionRole.INITIATOR, own, said)
        node.stores.sessions.set_receipt(row.id, shared["receipt"])
        node.record(Event.SESSION_CLOSE, _local(row) | {"settled": "later"}, shared)


def _abort(node: Node, row: SessionRow, code: str, *, signature: str | None = None) -> None:
    with node.stores.database.transaction():
        if node.stores.sessions.get(row.id).closed is not None:
            return  # its worker was faster
        evidence = None if signature is None else _evidence(node, row, signature)
        node.stores.sessions.close(row.id, RowState.ABORTED, code, node.stamp(), evidence)
        node.stores.sessions.erase(row.id, node.stamp())
        shared = facts.ended(bytes.fromhex(row.id), "aborted")
        local = _local(row) | {"code": code, "by": node.agency}
        if signature is not None:
            local["peer_signature"] = signature
        node.record(Event.SESSION_ABORT, local, shared)


def _evidence(node: Node, row: SessionRow, signature: str) -> bytes:
    """Our receipt, which the responder had, and its signed word that there is no result. Kept
    outside what is erased: should the word be a lie, this shows who said it."""
    own = sealed.receipt(node, row.id, sealed.OWN_RECEIPT)
    return canonical.encode(
        {
            "own_receipt": "" if own is None else own.body.decode(),
            "own_signature": "" if own is None else own.signature.hex(),
            "aborted_signature": signature,
        }
    )


def _local(row: SessionRow) -> dict[str, str]:
    return {
        "peer": row.peer,
        "role": row.role.value,
        "agreement": row.agreement,
        "engine": row.engine,
        "rung": row.rung.value,
    }
