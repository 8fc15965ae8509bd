"""One entry of the table of parsers, and how an input is judged."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass

from psihash.errors import PsihashError

MEMORY = 4 * 1024 * 1024
"""What a parser may hold at most beside its input, in bytes; a bomb takes more."""

MEMORY_PER_BYTE = 100
"""What a parser may hold for each byte of its input: JSON of empty objects takes about 80."""


@dataclass(frozen=True)
class Parser:
    """Something that reads bytes of a peer or of a file.

    ``covers`` names the functions of psihash that it drives, with module and class. ``valid`` gives
    inputs that it takes, to be mutated; ``accepts`` is false where they only have the right shape.
    ``slow`` parsers get fewer examples, ``streams`` takes files of any size, line by line.
    """

    name: str
    covers: tuple[str, ...]
    valid: Callable[[], list[bytes]]
    parse: Callable[[bytes], object]
    accepts: bool = True
    slow: bool = False
    streams: bool = False

    def __repr__(self) -> str:
        return self.name


def judge(parser: Parser, data: bytes) -> PsihashError | None:
    """Parse, in bounded memory: a value, or a PsihashError, which is returned. Needs tracemalloc
    to be running."""
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    refused = None
    try:
        parser.parse(data)
    except PsihashError as error:
        refused = error
    peak = tracemalloc.get_traced_memory()[1] - before
    assert peak <= MEMORY + MEMORY_PER_BYTE * len(data), f"{peak:,} bytes for {len(data):,}"
    return refused


def text(data: bytes) -> str:
    """Any text at all, lone surrogates too: what a terminal or a file may give."""
    return data.decode("utf-8", "surrogateescape")


def join(*parts: bytes) -> bytes:
    """Several arguments as one input."""
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)


def cut(data: bytes, count: int) -> list[bytes]:
    """The inverse of :func:`join` for any bytes at all: exactly ``count`` parts."""
    parts = []
    for _ in range(count):
        size = int.from_bytes(data[:2], "big")
        parts.append(data[2 : 2 + size])
        data = data[2 + size :]
    return parts
