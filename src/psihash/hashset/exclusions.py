"""Digests that say nothing about their file, and the reason why.

The empty file stands in real exports as "category 1" and then matches every empty file of a case;
all-zero and all-FF digests are what tools write when they could not read a file. Such items are
left out of every collection and counted, and the import report names the reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from psihash.hashset.model import Digest, Row
from psihash.terms import AlgorithmId

EMPTY_FILE: Final = "empty-file"
PLACEHOLDER: Final = "placeholder"
TRIVIAL_CONTENT: Final = "trivial-content"

_TRIVIAL_CONTENTS: Final = (b"\0", b"\n", b"\r\n", b" ", b"\xef\xbb\xbf")
"""One zero byte, an empty line in either spelling, one space, a byte order mark alone."""


def _trivial() -> dict[Digest, str]:
    table: dict[Digest, str] = {}
    for algorithm in AlgorithmId:
        size = algorithm.digest_bytes

        def digest(content: bytes, algorithm: AlgorithmId = algorithm) -> Digest:
            # MD5 and SHA-1 name known contents here; nothing is protected by them.
            raw = hashlib.new(algorithm.value, content, usedforsecurity=False).digest()
            return Digest(algorithm, raw)

        table[digest(b"")] = EMPTY_FILE
        table[Digest(algorithm, bytes(size))] = PLACEHOLDER
        table[Digest(algorithm, b"\xff" * size)] = PLACEHOLDER
        table.update(dict.fromkeys(map(digest, _TRIVIAL_CONTENTS), TRIVIAL_CONTENT))
    return table


TRIVIAL: Final[Mapping[Digest, str]] = MappingProxyType(_trivial())
"""Every digest that is always excluded, with its reason."""

# Digests of different algorithms differ in length, so the raw bytes are key enough, and faster.
_BY_RAW: Final = {digest.raw: reason for digest, reason in TRIVIAL.items()}


def exclusion_reason(row: Row) -> str | None:
    """Why the row's item is left out, or None. One trivial digest is enough."""
    for _, raw in row.digests:
        if raw in _BY_RAW:
            return _BY_RAW[raw]
    return None
