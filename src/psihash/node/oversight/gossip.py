"""Heads of third agencies: recognised without naming them, compared, and proven by their owner.

An agency is named by ``SHA-256(framed("psihash/gossip/1", caller's nonce, callee's nonce, origin,
log key))``. The key stands on its card, so only who has that card recognises the value; who has
not cannot try names. Values of one contact say nothing in another.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from psihash import canonical, errors
from psihash.audit.checkpoint import VerifiedCheckpoint, open_checkpoint
from psihash.audit.event import Event
from psihash.audit.merkle import PROOF_INVALID, verify_consistency
from psihash.identity.cards import Card
from psihash.node.node import Node
from psihash.node.oversight import heads
from psihash.node.oversight.heads import FORK, NOT_EXTENDED, ROLLED_BACK, UNPROVEN, Contradiction
from psihash.storage.witnessing import SeenHead
from psihash.wire.witness_codec import MAX_ASKS, MAX_KNOWN, MAX_NOTES, SizeProof

NONCE_BYTES: Final = 32
_PAD: Final = 32
"""The list of known agencies is filled up to a multiple of this: it shows a class only."""
_MAX_SEEN: Final = 256
"""Unproven heads kept of one log; a peer cannot fill the store with old ones."""


def answer_nonce(node: Node, caller: str, nonce: bytes) -> bytes:
    """The callee's nonce, the same each time it is asked within one contact."""
    key = node.storage_key("gossip-nonce")
    return hmac.digest(key, canonical.framed(caller.encode(), nonce), "sha256")


def names(node: Node, partner: str, caller: bytes, callee: bytes) -> dict[bytes, Card]:
    """Every third agency that this node knows, by the values of this contact."""
    found = {}
    for peer in node.all_peers():
        card = peer.card.card
        if card.agency in (partner, node.agency):
            continue
        for key in heads.log_keys(node, card):
            origin = card.keys.log_origin.encode()
            found[canonical.digest(b"psihash/gossip/1", caller, callee, origin, key)] = card
    return found


def padded(node: Node, values: Iterable[bytes]) -> list[bytes]:
    """The values among random ones, sorted."""
    real = sorted(values)[:MAX_KNOWN]
    filler = -len(real) % _PAD or (0 if real else _PAD)
    return sorted([*real, *(node.rng(32) for _ in range(filler))])


def notes(node: Node, cards: Iterable[Card]) -> list[bytes]:
    """The newest head held of each of these agencies."""
    origins = sorted({card.keys.log_origin for card in cards})[:MAX_NOTES]
    rows = (node.stores.checkpoints.latest(origin) for origin in origins)
    return [row.note for row in rows if row is not None]


def compare(node: Node, via: str, mutual: Mapping[str, Card], shown: Sequence[bytes]) -> int:
    """Compare heads that the peer ``via`` showed with those held; return how many were new here.

    ``mutual`` are the cards of the agencies that both know, by origin. A head that is of none of
    them, or that its log's key did not sign, is ignored and logged.
    """
    new, refused = 0, 0
    for note in shown[:MAX_NOTES]:
        origin = note.split(b"\n", 1)[0].decode(errors="replace")
        card = mutual.get(origin)
        try:
            if card is None:
                raise errors.VerificationError(PROOF_INVALID, "not an agency that both know")
            head = open_checkpoint(note, origin, *heads.log_keys(node, card))
        except errors.VerificationError:
            refused += 1
            continue
        new += _compare_one(node, via, card, head)
    if refused:
        node.record(Event.INCIDENT, {"peer": via, "what": "foreign-heads", "refused": refused})
    return new


def _compare_one(node: Node, via: str, card: Card, head: VerifiedCheckpoint) -> bool:
    known = heads.held(node, card)
    if known is not None and (known.size, known.root) == (head.size, head.root):
        return False
    seen = node.stores.witnessing.seen(head.origin)
    rivals = [
        open_checkpoint(each.note, head.origin, *heads.log_keys(node, card))
        for each in seen
        if each.size == head.size
    ]
    for other in ([] if known is None else [known]) + rivals:
        if other.size == head.size and other.root != head.root:
            heads.report(node, Contradiction(card.agency, FORK, other, head, via))
            return True
    if rivals or len(seen) >= _MAX_SEEN or head.size == 0:
        return False
    node.stores.witnessing.see(
        SeenHead(head.origin, head.size, head.root, head.note, via, node.stamp())
    )
    return True


def asks(node: Node, card: Card) -> list[int]:
    """Sizes of heads of a peer's log that others showed and that it has not proven yet."""
    unproven = node.stores.witnessing.seen(card.keys.log_origin, unproven_only=True)
    return sorted({head.size for head in unproven})[:MAX_ASKS]


def prove(node: Node, sizes: Sequence[int], size: int) -> list[SizeProof]:
    """Our own proofs from earlier sizes to the head of ``size``; none where we never had one."""
    wanted = [each for each in sizes[:MAX_ASKS] if 0 < each <= size]
    if not wanted:
        return []
    tree = node.log.tree(size)
    return [SizeProof(each, tuple(tree.consistency_proof(each))) for each in wanted]


def settle(node: Node, card: Card, asked: Sequence[int], proofs: Sequence[SizeProof]) -> None:
    """Hold the answers of a log's owner against the heads that others showed of it.

    The head that the proofs lead to is the one held of the owner, which was accepted just now.
    """
    current = heads.held(node, card)
    if current is None:
        return
    answers = {proof.size: proof.hashes for proof in proofs}
    for row in node.stores.witnessing.seen(card.keys.log_origin, unproven_only=True):
        if row.size not in asked:
            continue
        head = open_checkpoint(row.note, row.origin, *heads.log_keys(node, card))
        kind = _judge(head, current, answers.get(row.size))
        if kind is None:
            node.stores.witnessing.prove(row, node.stamp())
        else:
            heads.report(node, Contradiction(card.agency, kind, head, current, row.via))


def _judge(
    head: VerifiedCheckpoint, current: VerifiedCheckpoint, proof: tuple[bytes, ...] | None
) -> str | None:
    """None where the proof holds, else the kind of contradiction."""
    if head.size > current.size:
        return ROLLED_BACK
    if head.size == current.size:
        return None if head.root == current.root else FORK
    if proof is None:
        return UNPROVEN
    try:
        verify_consistency(head.size, head.root, current.size, current.root, proof)
    except errors.VerificationError as error:
        return NOT_EXTENDED if error.code == PROOF_INVALID else UNPROVEN
    return None
