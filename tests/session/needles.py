"""Looking for traces of items in bytes: digests, tokens, hashes of them, in any usual spelling."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from psihash.psi import encoding
from psihash.terms import AlgorithmId

PREFIX = 8
"""Bytes of a value that count as a trace of it."""
_HEX = 2 * PREFIX
_BASE64 = PREFIX * 8 // 6


def traces(algorithm: AlgorithmId, raw: bytes) -> Iterator[bytes]:
    """Everything that would tell of an item to whoever can guess it: its digest, its token, and
    the usual hashes of these and of their text."""
    token = encoding.token(algorithm, raw)
    text = raw.hex()
    for value in (raw, token, text.encode(), text.upper().encode(), token.hex().encode()):
        if value in (raw, token):
            yield value
        for name in ("md5", "sha1", "sha256"):
            yield hashlib.new(name, value, usedforsecurity=False).digest()


@dataclass(frozen=True)
class Needles:
    """Prefixes to look for, as bytes, hex and base64."""

    raw: frozenset[bytes]
    hexed: frozenset[bytes]
    base64: frozenset[bytes]

    @classmethod
    def of(cls, digests: Iterable[tuple[AlgorithmId, bytes]]) -> Needles:
        found = {trace[:PREFIX] for digest in digests for trace in traces(*digest)}
        coded = {base64.b64encode(each)[:_BASE64] for each in found}
        return cls(
            frozenset(found),
            frozenset(each.hex().encode() for each in found),
            frozenset(coded | {each.translate(bytes.maketrans(b"+/", b"-_")) for each in coded}),
        )

    def found_in(self, data: bytes) -> set[bytes]:
        """The prefixes that stand anywhere in ``data``."""
        lower = data.lower()
        return (
            _windows(data, PREFIX) & self.raw
            | _windows(lower, _HEX) & self.hexed
            | _windows(data, _BASE64) & self.base64
        )


def _windows(data: bytes, width: int) -> set[bytes]:
    return {data[at : at + width] for at in range(len(data) - width + 1)}
