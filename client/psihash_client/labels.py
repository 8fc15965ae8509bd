"""How words of the programs are written for people."""

from __future__ import annotations


def algorithm_name(algorithm: str) -> str:
    """``sha256`` as people write it: SHA-256."""
    name = algorithm.upper()
    return f"SHA-{name[3:]}" if name.startswith("SHA") else name


def short(identifier: str) -> str:
    """The first twelve digits of an id: enough to type, and unique in practice."""
    return identifier[:12]


def plural(count: int, one: str, many: str = "") -> str:
    """``1 item``, ``2 items``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
