"""The committed set of a session, kept sealed so that a higher rung can run over the same set."""

from __future__ import annotations

import json

from psihash.session.own import OwnSet


def encode(own: OwnSet) -> bytes:
    """A JSON head line with widths and counts, then the raw digests of each algorithm, sorted."""
    head = {
        "version": 1,
        "collections": [[each.id, each.name, each.kind.value] for each in own.collections],
        "algorithms": [[name.value, len(part.digests)] for name, part in own.algorithms.items()],
    }
    body = b"".join(part.digests.tobytes() for part in own.algorithms.values())
    return json.dumps(head).encode() + b"\n" + body
