"""How words of the programs are written for people."""

from __future__ import annotations


def algorithm_name(algorithm: str) -> str:
    """``sha256`` as people write it: SHA-256."""
    name = algorithm.upper()
    return f"SHA-{name[3:]}" if name.startswith("SHA") else name


def short(identifier: str) -> str:
    """The first twelve digits of an id: enough to type, and unique in practice."""
    return identifier[:12]


def correction_hint(collection: str) -> list[str]:
    """What to do where something that matched before may have been erased from a collection."""
    return [
        "Some of it may have matched before. To tell the peers that it is erased:",
        f"  psihash correction notify --collection '{collection}' --reason erased --text TEXT",
    ]


def plural(count: int, one: str, many: str = "") -> str:
    """``1 item``, ``2 items``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
