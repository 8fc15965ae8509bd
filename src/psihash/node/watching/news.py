"""What of watches waits for a person: hits that nobody has decided, and runs that failed."""

from __future__ import annotations

from typing import Any

from psihash.node.node import Node


def summary(node: Node) -> dict[str, Any]:
    """What ``psihash inbox`` and ``psihash status`` say. Needs no key."""
    hits = node.stores.watch_hits.undecided()
    failed = {row.id: row.last_code for row in node.stores.watches.all() if row.last_code}
    return {"unconfirmed_hits": hits, "failed": failed}
