"""What tests of keeping and erasing share: a clock that is set, and a copy of everything."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

from psihash.node.node import Node
from psihash.storage.schema import metadata


def _soon() -> dt.datetime:
    """After the homes were made, whose entries have the machine's time."""
    return dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(hours=1)


@dataclass
class SetClock:
    """A clock that stands until it is set forward."""

    moment: dt.datetime = field(default_factory=_soon)

    def now(self) -> dt.datetime:
        return self.moment

    def forward(self, **more: float) -> None:
        self.moment += dt.timedelta(**more)


def everything(node: Node) -> Iterator[tuple[str, bytes]]:
    """(where, bytes): every file of the home, and every value of every row, however stored."""
    for path in sorted(node.home.rglob("*")):
        if path.is_file():
            yield path.name, path.read_bytes()
    with node.stores.database.reading() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(table.select()):
                yield table.name, b"\0".join(_bytes(value) for value in row)


def _bytes(value: object) -> bytes:
    match value:
        case bytes() | memoryview():
            return bytes(value)
        case str():
            return value.encode()
    return repr(value).encode()


def places_of(node: Node, secret: bytes) -> set[str]:
    """Where a value stands, raw, as hex or as base64."""
    forms = {secret, secret.hex().encode(), base64.b64encode(secret).rstrip(b"=")[:-1]}
    return {where for where, data in everything(node) if any(form in data for form in forms)}
