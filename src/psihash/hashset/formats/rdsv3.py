"""NSRL RDSv3, a SQLite database: recognised here, read by ``psihash.storage`` from its path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from psihash import errors
from psihash.hashset.formats.base import NOT_A_LIST, SURE
from psihash.hashset.model import Refusal, Row

SQLITE_MAGIC: Final = b"SQLite format 3\x00"


class Rdsv3:
    name = "nsrl-rdsv3"
    title = "NSRL RDSv3 SQLite database"
    suffixes = (".db", ".sqlite")
    example = SQLITE_MAGIC.decode()

    def sniff(self, head: bytes) -> int:
        return SURE if head.startswith(SQLITE_MAGIC) else 0

    def read(self, stream: BinaryIO) -> Iterator[Row | Refusal]:  # noqa: ARG002
        raise errors.InputError(
            NOT_A_LIST,
            f"an {self.title} cannot be read as a stream",
            hint="give the path of the unpacked file",
        )


NSRL_RDSV3: Final = Rdsv3()
