"""Which of our items stand in the local copy of a central set, kept up to date.

What was asked is kept with the tag of the next entry that it may have, so a delta is looked up in
what we asked, and what is new in all publications; the rest is not touched.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from psihash.bulk import Bytes2D, rows
from psihash.central import canaries, derive, lookup
from psihash.central.layout import ENTRY_BYTES, Part, page_count, tag_numbers
from psihash.central.lookup import Numbers, Opening
from psihash.central.manifest import Manifest
from psihash.central.publishing import Place
from psihash.central.records import CANARY_TEXT, parse_text
from psihash.node.central.asking import Answered
from psihash.node.node import Node
from psihash.psi.engine import TOKEN_BYTES
from psihash.storage.central_copy import CANARY, AskedRow, OpenedRow, Standing
from psihash.storage.central_pages import PublicationStore


class StoredPages:
    """Implements :class:`psihash.central.lookup.Pages` over the store."""

    def __init__(self, store: PublicationStore, place: Place) -> None:
        self._store, self._place = store, place
        self._starts: npt.NDArray[np.uint32] | None = None

    def starts(self) -> npt.NDArray[np.uint32]:
        if self._starts is None:
            self._starts = self._store.starts(self._place)
        return self._starts

    def read(self, part: Part, numbers: Sequence[int]) -> list[bytes]:
        return self._store.read(self._place, part, numbers)


def settle(
    node: Node,
    agreement: str,
    manifests: Sequence[Manifest],
    answered: Answered,
    after: Standing,
) -> None:
    """Take in what an epoch's publications say about what was asked before and now; ``after`` is
    how far things are then.

    Call it inside a transaction: all of it holds, or nothing. Raises VerificationError
    ``central-canary-missed``."""
    epoch, copies = manifests[-1].epoch, node.stores.copies
    before = copies.standing(agreement)
    if before is None or before.epoch != epoch:
        before = Standing(epoch, -1, "")
    for manifest in manifests[before.delta + 1 :]:
        if manifest.delta:
            _look_through(node, agreement, manifest)
    _add(node, agreement, manifests, answered)
    first = 1 if answered.keys else before.delta + 1
    _take_back(node, agreement, manifests[max(first, 1) :])
    copies.stand(agreement, after)


def _look_through(node: Node, agreement: str, manifest: Manifest) -> None:
    """One delta, for what was asked before."""
    pages = _pages(node, manifest)
    count = page_count(Part.ADDITIONS, manifest.lists[Part.ADDITIONS].count)
    body = rows(b"".join(pages.read(Part.ADDITIONS, range(count))), ENTRY_BYTES)
    copies = node.stores.copies
    known = copies.with_tags(agreement, manifest.epoch, tag_numbers(body).tolist())
    roots = rows(b"".join(row.root for row in known), TOKEN_BYTES)
    slots = np.array([row.slot for row in known], np.int64)
    openings, reach = lookup.find(manifest, pages, roots, slots)
    keys = [row.key for row in known]
    _check_canaries(keys, openings, copies.canaries(agreement, manifest.epoch))
    copies.add_opened(agreement, manifest.epoch, _opened(keys, openings, manifest.delta))
    changed = np.flatnonzero(reach != slots)
    rows_after = _asked([keys[k] for k in changed], roots[changed], reach[changed])
    copies.moved(agreement, manifest.epoch, rows_after)


def _add(node: Node, agreement: str, manifests: Sequence[Manifest], answered: Answered) -> None:
    """What was asked now, in all publications."""
    copies, epoch = node.stores.copies, manifests[-1].epoch
    reach: Numbers = np.zeros(len(answered.keys), np.int64)
    expected = sum(name == CANARY for name, _ in answered.keys)
    for manifest in manifests if answered.keys else ():
        openings, reach = lookup.find(manifest, _pages(node, manifest), answered.roots, reach)
        _check_canaries(answered.keys, openings, expected)
        found = _opened(answered.keys, openings, manifest.delta)
        copies.add_opened(agreement, epoch, found)
    copies.add_asked(agreement, epoch, _asked(answered.keys, answered.roots, reach))


def _take_back(node: Node, agreement: str, manifests: Sequence[Manifest]) -> None:
    """What deltas removed."""
    if not manifests:
        return
    copies, epoch = node.stores.copies, manifests[-1].epoch
    standing = copies.opened(agreement, epoch)
    removed: dict[bytes, int] = {}
    for manifest in manifests:
        wanted = [row.mark for row in standing if row.delta < manifest.delta]
        marks = lookup.marks_in(manifest, _pages(node, manifest), wanted)
        removed |= dict.fromkeys(marks, manifest.delta)
    copies.take_back(agreement, epoch, removed, standing)


def _check_canaries(
    keys: Sequence[tuple[str, bytes]], openings: Sequence[Opening], expected: int
) -> None:
    """Every canary has exactly one entry in each publication, and it says that it is one; nothing
    else does."""
    found = [each.item for each in openings if keys[each.item][0] == CANARY]
    said = [each.item for each in openings if each.text == CANARY_TEXT]
    if found != said or len(found) != expected or len(set(found)) != expected:
        raise canaries.missed()


def _opened(
    keys: Sequence[tuple[str, bytes]], openings: Sequence[Opening], delta: int
) -> list[OpenedRow]:
    for text in {each.text for each in openings}:
        parse_text(text)
    return [
        OpenedRow(*keys[each.item], each.slot, delta, each.mark, each.text) for each in openings
    ]


def _asked(keys: Sequence[tuple[str, bytes]], roots: Bytes2D, reach: Numbers) -> list[AskedRow]:
    if not keys:
        return []
    tags = tag_numbers(derive.tags(np.ascontiguousarray(roots), reach.astype(np.uint16)))
    return [
        AskedRow(*key, root.tobytes(), slot, tag)
        for key, root, slot, tag in zip(keys, roots, reach.tolist(), tags.tolist(), strict=True)
    ]


def _pages(node: Node, manifest: Manifest) -> StoredPages:
    place = Place(manifest.centre, manifest.epoch, manifest.delta)
    return StoredPages(node.stores.publications, place)
