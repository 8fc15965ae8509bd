"""The committed set of a session, kept sealed so that a higher rung can run over the same set."""

from __future__ import annotations

import json

import numpy as np

from psihash.bulk import Bytes2D
from psihash.session.own import OwnSet
from psihash.storage.errors import damaged
from psihash.terms import AlgorithmId


def encode(own: OwnSet) -> bytes:
    """A JSON head line with widths and counts, then the raw digests of each algorithm, sorted."""
    head = {
        "version": 1,
        "collections": [[each.id, each.name, each.kind.value] for each in own.collections],
        "algorithms": [[name.value, len(part.digests)] for name, part in own.algorithms.items()],
    }
    body = b"".join(part.digests.tobytes() for part in own.algorithms.values())
    return json.dumps(head).encode() + b"\n" + body


def collections(data: bytes) -> tuple[str, ...]:
    """Our names of the collections that were in the set."""
    head = json.loads(data.partition(b"\n")[0])
    return tuple(name for _, name, _ in head["collections"])


def decode(data: bytes) -> dict[AlgorithmId, Bytes2D]:
    """The digests, sorted, shape (n, digest bytes), by algorithm. Raises StorageError."""
    line, _, body = data.partition(b"\n")
    found: dict[AlgorithmId, Bytes2D] = {}
    start = 0
    for word, count in json.loads(line)["algorithms"]:
        name = AlgorithmId(word)
        end = start + count * name.digest_bytes
        if end > len(body):
            raise damaged("snapshot")
        rows = np.frombuffer(body[start:end], dtype=np.uint8)
        found[name] = rows.reshape(-1, name.digest_bytes)
        start = end
    if start != len(body):
        raise damaged("snapshot")
    return found
