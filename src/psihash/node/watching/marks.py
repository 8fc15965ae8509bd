"""Under what a contribution of ours is known again when the same items are given once more.

What was given is not kept when it has left. A mark is an HMAC over the digests of one collection,
under a key of this node: without the key it says nothing, and here it says only "the same again".
"""

from __future__ import annotations

import hmac
import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from psihash.canonical import framed
from psihash.casework.contribution import ContributionPart
from psihash.identity import sealing
from psihash.node.node import Node

_PURPOSE: Final = "contribution-marks"
_SEALED: Final = b"psihash/contribution-marks/1"


def of(node: Node, peer: str, parts: Iterable[ContributionPart]) -> set[str]:
    """One for each collection that the parts give to ``peer``, in hex."""
    rows: dict[int, list[str]] = defaultdict(list)
    for part in parts:
        names = [name.value for name in part.content.algorithms]
        for digests, _ in part.content.rows:
            pairs = zip(names, digests, strict=True)
            rows[part.content.collection].append(
                " ".join(f"{name}:{text}" for name, text in sorted(pairs) if text)
            )
    key = node.storage_key(_PURPOSE)
    return {
        hmac.digest(key, framed(peer.encode(), "\n".join(sorted(each)).encode()), "sha256").hex()
        for each in rows.values()
    }


def seal(node: Node, contribution: str, marks: set[str]) -> bytes:
    """What is kept of a contribution that left."""
    body = json.dumps(sorted(marks)).encode()
    return sealing.seal(node.storage_key(_PURPOSE), body, _SEALED + contribution.encode())


def kept(node: Node, contribution: str, sealed: bytes) -> set[str]:
    """What :func:`seal` kept."""
    key = node.storage_key(_PURPOSE)
    return set(json.loads(sealing.open_sealed(key, sealed, _SEALED + contribution.encode())))
