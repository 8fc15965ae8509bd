"""Documents that wait for a peer whose sealing keys change: sealed anew, or said to be lost.

What lies in the outbox is sealed to the keys that the peer had when it was written. With other keys
the peer could not open it. Where the text is still here it is sealed to the new ones; where it is
not, it counts as not taken, so that it is shown with what to do (:mod:`.untaken`).
"""

from __future__ import annotations

from psihash import errors
from psihash.casework.documents import CaseDocument
from psihash.identity.card_model import Card
from psihash.node.casework import case_documents, case_taking
from psihash.node.casework.case_documents import OUTBOX_PREFIX
from psihash.node.node import Node
from psihash.storage.outbox import Outgoing

PEER_KEYS_CHANGED = errors.define(
    "peer-keys-changed",
    "a sealed document waited for a peer that has other keys by now, and its text is not here any "
    "more",
)


def reseal(node: Node, old: Card, new: Card) -> None:
    """Make what waits for a peer readable with its new card. Call it in the transaction in which
    the card is taken."""
    if _sealing(old) == _sealing(new):
        return
    for each in node.stores.outbox.waiting(new.agency):
        if not each.kind.startswith(OUTBOX_PREFIX):
            continue
        document = _text(node, each)
        if document is None:
            node.stores.outbox.remove(each.id)
            case_taking.refused(node, each.kind, PEER_KEYS_CHANGED)
        else:
            node.stores.outbox.replace(each.id, case_documents.closed(document, new))


def _sealing(card: Card) -> tuple[bytes, bytes]:
    return card.keys.sealing_x25519, card.keys.sealing_mlkem768


def _text(node: Node, waiting: Outgoing) -> CaseDocument | None:
    if waiting.session is None:
        return None
    return case_documents.kept(node, waiting.session, waiting.kind.removeprefix(OUTBOX_PREFIX))
