"""hashdeep: ``%%%%`` lines name the columns; the file name stands last and may hold commas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from psihash import errors
from psihash.hashset.digests import digest_or_reason
from psihash.hashset.formats import fields, names
from psihash.hashset.formats.base import NOT_A_LIST, SURE
from psihash.hashset.formats.table import one_per_algorithm
from psihash.hashset.formats.text import head_text, lines
from psihash.hashset.model import Digest, Reason, Refusal, Row
from psihash.terms import AlgorithmId

_MARK: Final = "%%%% "
_MAGIC: Final = "%%%% HASHDEEP-"
_MAX_COLUMNS: Final = 32
_NO_ROW: Final = ("", "%", "#", " ", "\t")
"""How a line begins that may be no row."""


class _Columns:
    """The columns that a ``%%%%`` line states."""

    def __init__(self, line: str) -> None:
        stated = [name.strip().lower() for name in line[len(_MARK) :].split(",")]
        if "filename" not in stated[:_MAX_COLUMNS]:
            raise errors.InputError(NOT_A_LIST, "a %%%% line of the list names no file name column")
        self.last = stated.index("filename")
        self.size = stated.index("size") if "size" in stated[: self.last] else None
        columns = list(enumerate(stated[: self.last]))
        known = [(index, names.algorithm_of(name)) for index, name in columns]
        self.digests = [(index, algorithm) for index, algorithm in known if algorithm]
        self.digests.sort(key=lambda pair: list(AlgorithmId).index(pair[1]))
        self.other = [(i, kind) for i, name in columns if (kind := names.other_kind(name))]
        self.one_each = len({algorithm for _, algorithm in self.digests}) == len(self.digests)

    def row(self, line: int, text: str) -> Row | Refusal:
        parts = text.split(",", self.last)
        if len(parts) <= self.last:
            return Refusal(Reason.BAD_RECORD, line)
        size = None
        if self.size is not None:
            size = fields.size(parts[self.size])
            if size is None:  # not the columns that were announced
                return Refusal(Reason.BAD_RECORD, line)
        found: list[Digest] = []
        for index, algorithm in self.digests:
            part = parts[index]
            if not part:
                continue
            result = digest_or_reason(part, algorithm)
            if not isinstance(result, Digest):
                return Refusal(result, line)
            found.append(result)
        other: tuple[tuple[str, str], ...] = ()
        if self.other:
            pairs = [(kind, fields.other_hash(parts[index])) for index, kind in self.other]
            other = tuple([(kind, value) for kind, value in pairs if value])
        if not found:
            return Refusal(Reason.UNKNOWN_ALGORITHM if other else Reason.NO_DIGEST, line)
        digests = tuple(found) if self.one_each else one_per_algorithm(found)
        if isinstance(digests, Reason):
            return Refusal(digests, line)
        return Row(digests, None, other, None, size)


class Hashdeep:
    name = "hashdeep"
    title = "hashdeep known-hashes file"
    suffixes = (".txt", ".hashdeep")
    example = (
        "%%%% HASHDEEP-1.0\n"
        "%%%% size,md5,sha1,filename\n"
        "## Invoked from: /home\n"
        "4,81dc9bdb52d04dc20036dbd8313ed055,7110eda4d09e062aa5e4a390b0a572ac0d2c0220,/a, b.jpg\n"
        "17,d93591bdf7860e1e4ee2fca799911215,,/c.jpg\n"
    )

    def sniff(self, head: bytes) -> int:
        return SURE if head_text(head).lstrip().startswith(_MAGIC) else 0

    def read(self, stream: BinaryIO) -> Iterator[Row | Refusal]:
        columns: _Columns | None = None
        for first, texts, refused in lines(stream):
            if refused:
                yield Refusal(refused, first)
                continue
            for line, text in enumerate(texts, first):
                if text[:1] in _NO_ROW:
                    if text.startswith(_MARK) and not text.startswith(_MAGIC):
                        columns = _Columns(text)
                    if not text[:1].isspace() or text.isspace():
                        continue
                if columns is None:
                    raise errors.InputError(
                        NOT_A_LIST, "the list has no %%%% line that names its columns"
                    )
                yield columns.row(line, text)


HASHDEEP: Final = Hashdeep()
