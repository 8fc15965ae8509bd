"""Finding a collection by the name that somebody typed."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from psihash import errors
from psihash.hashset.store import CollectionInfo
from psihash.node.node import Node


def require_collection(node: Node, name: str) -> CollectionInfo:
    """One collection. Raises NotFoundError ``unknown-collection``, with the nearest name."""
    try:
        return node.stores.holdings.collection(name)
    except errors.NotFoundError as unknown:
        names = [each.name for each in node.stores.holdings.collections()]
        raise errors.NotFoundError(
            unknown.code, f"no collection '{name}' is held", hint=_nearest(name, names)
        ) from None


def _nearest(name: str, names: Sequence[str]) -> str:
    folded = {each.casefold(): each for each in names}
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    if close:
        return f"did you mean '{folded[close[0]]}'?"
    return "run `psihash collection list`"
