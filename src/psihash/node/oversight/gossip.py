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
from psihash.storage.seen_heads import SeenHead
from psihash.wire.witness_codec import MAX_ASKS, MAX_KNOWN, MAX_NOTES, SizeProof

NONCE_BYTES: Final = 32
_PAD: Final = 32
"""The list of known agencies is filled up to a multiple of this: it shows a class only."""
_KEYS_NAMED: Final = 4
"""Of each agency's log, the newest ones: the list has room for every agency, however often one of
them changes its keys."""
_MAX_WAITING: Final = 4
"""Unproven heads kept of one log for each peer that showed them: the oldest ones and the newest."""


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
        for key in heads.log_keys(node, card)[-_KEYS_NAMED:]:
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
    found: dict[str, list[VerifiedCheckpoint]] = {}
    refused = 0
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
        found.setdefault(origin, []).append(head)
    if refused:
        node.quiet.record(Event.INCIDENT, also={"refused": refused}, peer=via, what="foreign-heads")
    return sum(_compare_log(node, via, mutual[origin], found[origin]) for origin in found)


def _compare_log(node: Node, via: str, card: Card, shown: Sequence[VerifiedCheckpoint]) -> int:
    """Of the heads that one peer showed of one log, how many were new."""
    known = heads.held(node, card)
    seen = node.stores.witnessing.seen(card.keys.log_origin)
    others = [] if known is None else [known]
    sizes = {head.size for head in shown}
    others += [
        open_checkpoint(row.note, row.origin, *heads.log_keys(node, card))
        for row in seen
        if row.size in sizes
    ]
    # With each other too: an honest peer shows one head of a log; several are compared too.
    new = 0
    for head in shown:
        rival = next((o for o in others if o.size == head.size and o.root != head.root), None)
        others.append(head)
        if rival is not None:
            heads.report(node, Contradiction(card.agency, FORK, rival, head, via))
            new += 1
        elif head.size and not _is_known(head, known, seen, via):
            _keep(node, head, via)
            new += 1
    return new


def _is_known(
    head: VerifiedCheckpoint, known: VerifiedCheckpoint | None, seen: Sequence[SeenHead], via: str
) -> bool:
    """Whether there is nothing to find out about a head: it is the one held, its owner has proven
    it, or this peer showed it before. That *another* peer showed it is not enough: the row is that
    peer's, which could have it replaced."""
    if known is not None and (known.size, known.root) == (head.size, head.root):
        return True
    return any(
        (row.size, row.root) == (head.size, head.root) and (row.proven or row.via == via)
        for row in seen
    )


def _keep(node: Node, head: VerifiedCheckpoint, via: str) -> None:
    """Keep a head until its owner has proven it. No peer takes the room of another one; a peer's
    newest head takes the place of its newest one before, and nothing is lost by that: an honest
    peer's later head extends its earlier ones, and the proof of it proves them. The proof is due
    since the one replaced was shown, so that no stream of new heads puts it off."""
    rows = node.stores.witnessing.seen(head.origin, unproven_only=True)
    own = sorted((row for row in rows if row.via == via), key=lambda row: (row.seen, row.size))
    last = own[-1] if len(own) >= _MAX_WAITING else None
    now = node.stamp()
    waits = now if last is None else last.waits
    node.stores.witnessing.see(
        SeenHead(head.origin, head.size, head.root, head.note, via, now, waits), last
    )


def asks(node: Node, card: Card, within: int | None = None) -> list[int]:
    """Sizes of heads of a peer's log that others showed and that it has not proven yet, those
    first that wait longest; ``within`` a head's size where it is given."""
    unproven = node.stores.witnessing.seen(card.keys.log_origin, unproven_only=True)
    sizes = [head.size for head in unproven if within is None or head.size <= within]
    return sorted(list(dict.fromkeys(sizes))[:MAX_ASKS])


def ask_caller(node: Node, card: Card) -> list[int]:
    """The same for a peer that calls and has shown its head just now, and remember what it is
    asked: it answers with its next call.

    Its head may be older by now than one that somebody else was shown in the meantime: it is asked
    about larger ones another time.
    """
    current = heads.held(node, card)
    if current is None:
        return []
    sizes = asks(node, card, current.size)
    if sizes:
        node.stores.witnessing.ask(card.keys.log_origin, sizes, current.size)
    return sizes


def asked(node: Node, card: Card, size: int) -> list[int]:
    """What a caller was asked when it showed its head of this size: whoever shows us another head
    before the answer comes makes nobody owe a proof that it was not asked for."""
    unproven = node.stores.witnessing.seen(card.keys.log_origin, unproven_only=True)
    return sorted({head.size for head in unproven if head.asked == size})


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
