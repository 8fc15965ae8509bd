"""The lists of a publication and how they are cut, hashed and padded.

A publication is the first set of an epoch (delta 0) or one of its deltas. It has three lists of
rows of one width each:

* additions: a 24-bit tag and a capsule of 20 bytes for each entry, ascending;
* removals: a mark of 16 bytes for each entry that stands no more, ascending;
* series: a sealed record for each series that the additions name, by number.

Each is filled up to a size class with random rows and cut into pages. The root of a list is the
RFC 6962 root over its pages.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from psihash import errors
from psihash.audit.merkle import leaf_hash, root_of
from psihash.bulk import Bytes2D, rows
from psihash.terms import is_size_class

BAD_PAGE = errors.define(
    "central-bad-page", "a page of a central set has not the length that its manifest says"
)

TAG_BYTES: Final = 3
CAPSULE_BYTES: Final = 20
NUMBER_BYTES: Final = 4
SERIES_KEY_BYTES: Final = 16
ENTRY_BYTES: Final = TAG_BYTES + CAPSULE_BYTES
MARK_BYTES: Final = 16
RECORD_BYTES: Final = 384


class Part(enum.StrEnum):
    """A list of a publication."""

    ADDITIONS = "additions"
    REMOVALS = "removals"
    SERIES = "series"

    @property
    def width(self) -> int:
        return _WIDTHS[self]

    @property
    def page_rows(self) -> int:
        """Rows of a full page: about 12 KB, so that a look-up reads little."""
        return _PAGE_ROWS[self]


_WIDTHS: Final = {
    Part.ADDITIONS: ENTRY_BYTES,
    Part.REMOVALS: MARK_BYTES,
    Part.SERIES: RECORD_BYTES,
}
_PAGE_ROWS: Final = {Part.ADDITIONS: 512, Part.REMOVALS: 512, Part.SERIES: 32}


def page_count(part: Part, count: int) -> int:
    """Pages of a list of ``count`` rows."""
    return -(-count // part.page_rows)


def pages(part: Part, body: Bytes2D) -> list[bytes]:
    """A list cut into pages."""
    step = part.page_rows
    return [body[start : start + step].tobytes() for start in range(0, len(body), step)]


def check_page(part: Part, count: int, number: int, page: bytes) -> None:
    """Raise ProtocolError ``central-bad-page`` unless a page has its length in a list of
    ``count`` rows."""
    start = number * part.page_rows
    held = min(part.page_rows, count - start)
    if number < 0 or held <= 0 or len(page) != held * part.width:
        raise errors.ProtocolError(BAD_PAGE, "a page of the central set has the wrong length")


def list_root(every: Iterable[bytes]) -> bytes:
    """The root of a list from its pages in order."""
    return root_of(b"".join(map(leaf_hash, every)))


def tag_numbers(tags: Bytes2D) -> npt.NDArray[np.uint32]:
    """Tags (n, at least 3) as numbers, in the order of the bytes."""
    wide = np.zeros((len(tags), 4), dtype=np.uint8)
    wide[:, 1:] = tags[:, :TAG_BYTES]
    return wide.view(">u4").ravel().astype(np.uint32)


def page_starts(every: Iterable[bytes]) -> npt.NDArray[np.uint32]:
    """The tag of the first row of each page of additions."""
    heads = b"".join(page[:TAG_BYTES] for page in every)
    return tag_numbers(rows(heads, TAG_BYTES)) if heads else np.empty(0, np.uint32)


def check_class(count: int) -> int:
    """A list's length, which must be a size class. Raises InputError ``central-bad-page``."""
    if not is_size_class(count):
        raise errors.InputError(BAD_PAGE, "a list of a central set is not filled to a size class")
    return count


def check_order(every: Iterable[bytes]) -> None:
    """Raise ProtocolError ``central-bad-page`` unless the additions stand in the order of their
    tags: in a list of another order entries would be missed."""
    last = 0
    for page in every:
        tags = tag_numbers(rows(page, ENTRY_BYTES))
        if len(tags) and (int(tags[0]) < last or bool(np.any(tags[1:] < tags[:-1]))):
            raise errors.ProtocolError(BAD_PAGE, "the central set is not in its order")
        last = int(tags[-1]) if len(tags) else last
