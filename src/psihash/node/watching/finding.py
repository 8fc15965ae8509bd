"""Watches by the beginning of their ids."""

from __future__ import annotations

from typing import Final

from psihash import errors
from psihash.node import prefixes
from psihash.node.node import Node
from psihash.storage.watches import WatchRow

UNKNOWN_WATCH = errors.define("unknown-watch", "no watch begins with that id")
AMBIGUOUS_WATCH = errors.define("ambiguous-watch", "several watches begin with that id")
WATCH_OVER = errors.define("watch-over", "the watch has ended, or waits for an approver")

ID_LETTER: Final = "w"
"""Ids begin with it, so that none is taken for that of a session."""

_WATCH: Final = prefixes.Kind("watch", UNKNOWN_WATCH, AMBIGUOUS_WATCH, "psihash watch list")


def find(node: Node, prefix: str) -> WatchRow:
    """A watch by its id or the beginning of it. Raises NotFoundError or InputError."""
    return _WATCH.pick(node.stores.watches.all(), prefix)


def is_watch(prefix: str) -> bool:
    """Whether an id that a person typed is that of a watch, and of no session."""
    return prefix.strip().lower().startswith(ID_LETTER)
