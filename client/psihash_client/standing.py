"""Whose decision it was that two agencies do not talk: both sides use the same codes for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from psihash import errors

if TYPE_CHECKING:
    from psihash.node.node import Node


@contextmanager
def saying_who(node: Node, peer: str) -> Iterator[None]:
    """Tell a refusal for the standing of an agency with both names: who refuses whom."""
    from psihash.identity import trust
    from psihash.node.peering import peers

    theirs = {
        trust.PEER_SUSPENDED: f"{peer} has suspended us",
        trust.PEER_REVOKED: f"{peer} has revoked us",
        trust.PEER_UNKNOWN: f"{peer} has not accepted our card",
    }
    try:
        yield
    except errors.RefusedError as fault:
        if fault.code not in theirs:
            raise
        here = peers.view(node, peer).status
        if here == trust.PeerStatus.SUSPENDED.value:
            message, hint = f"{peer} is suspended here", f"run `psihash peer resume {peer}`"
        elif here == trust.PeerStatus.REVOKED.value:
            message, hint = f"{peer} is revoked here", "this cannot be undone"
        else:
            message, hint = theirs[fault.code], "ask the other side"
        raise errors.RefusedError(fault.code, message, hint=hint) from None
