"""Every list format that psihash reads, and how a file's content decides which one it is."""

from __future__ import annotations

import re
from typing import Final

from psihash import errors
from psihash.hashset.formats.base import (
    NOT_A_LIST,
    SNIFF_BYTES,
    TRUNCATED_LIST,
    UNKNOWN_FORMAT,
    Format,
)
from psihash.hashset.formats.csv_lists import CSV, GRIFFEYE, ICSE
from psihash.hashset.formats.digest_lines import BSD, MD5DEEP, PLAIN, has_several_digests
from psihash.hashset.formats.forensic import HASHKEEPER, ILOOK, NSRL
from psihash.hashset.formats.hashdeep import HASHDEEP
from psihash.hashset.formats.misp import MISP_LIST
from psihash.hashset.formats.rdsv3 import NSRL_RDSV3, SQLITE_MAGIC
from psihash.hashset.formats.text import head_lines, head_text
from psihash.hashset.formats.vics import VICS

__all__ = [
    "FORMATS",
    "NOT_A_LIST",
    "SNIFF_BYTES",
    "SQLITE_MAGIC",
    "TRUNCATED_LIST",
    "UNKNOWN_FORMAT",
    "Format",
    "by_name",
    "sniff",
]

FORMATS: Final[tuple[Format, ...]] = (
    VICS,
    ICSE,
    GRIFFEYE,
    NSRL,
    NSRL_RDSV3,
    HASHKEEPER,
    ILOOK,
    HASHDEEP,
    BSD,
    CSV,
    MISP_LIST,
    MD5DEEP,
    PLAIN,
)
"""In the order of preference where two are equally sure."""

_MAGICS: Final = (
    (b"PK\x03\x04", "a ZIP archive or an Office workbook: unpack it, or save the sheet as CSV"),
    (b"\x1f\x8b", "gzip data: unpack it first"),
    (b"BZh", "bzip2 data: unpack it first"),
    (b"\xfd7zXZ\x00", "xz data: unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document: save it as CSV"),
    (b"%PDF", "a PDF document"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x89PNG", "a picture"),
    (b"GIF8", "a picture"),
    (b"BM", "a picture or other binary data"),
    (b"RIFF", "a picture, sound or video"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)
_MARKUP: Final = re.compile(r"\s*<(?:!doctype|html|\?xml|[a-z]+[ >])", re.IGNORECASE)


def sniff(head: bytes) -> Format:
    """The format of a file that begins with ``head`` (its first ``SNIFF_BYTES``, or all of it).

    The name of the file plays no part. Raises InputError ``unknown-format`` and says what the
    content looks like.
    """
    best = max(FORMATS, key=lambda each: each.sniff(head))
    if best.sniff(head):
        return best
    raise errors.InputError(
        UNKNOWN_FORMAT,
        f"the content is not a list in any known format; it looks like {_looks_like(head)}",
        hint="see 'psihash formats' for what can be read; --format NAME states the format",
    )


def by_name(name: str) -> Format:
    """The format called ``name``, or InputError ``unknown-format``."""
    for each in FORMATS:
        if each.name == name:
            return each
    known = ", ".join(each.name for each in FORMATS)
    raise errors.InputError(UNKNOWN_FORMAT, "no format has that name", hint=f"known: {known}")


def _looks_like(head: bytes) -> str:
    """What a person would call the content, without quoting any of it."""
    if not head.strip():
        return "an empty file"
    for magic, words in _MAGICS:
        if head.startswith(magic):
            return words
    text = head_text(head)
    if _MARKUP.match(text):
        return "HTML or XML"
    if text.lstrip()[:1] in ("{", "["):
        return "JSON without media records"
    if "\0" in text or _is_binary(text):
        return "binary data"
    lines = [line for line in head_lines(head) if line.strip()]
    if any(map(has_several_digests, lines[:50])):
        return "several digests a line without a header: add one, such as 'md5,sha1,name'"
    return "text in which most lines begin with no digest and no line names a hash column"


def _is_binary(text: str) -> bool:
    odd = sum(not (char.isprintable() or char.isspace()) for char in text[:4096])
    return odd * 10 > len(text[:4096])
