"""From a token to what is published about it, and what only its holder can compute.

::

    input  = SHA-256(framed("psihash/element/1", "epoch", epoch id, 0, token))
    y      = Finalize of RFC 9497 (64 bytes)
    root   = SHA-256(framed("psihash/central/root/1", epoch id, y))
    tag    = SHA-256(framed("psihash/central/tag/1", root || slot))[:3]
    mask   = SHA-256(framed("psihash/central/label/1", epoch id, delta, root || slot))[:20]
    mark   = SHA-256(framed("psihash/central/removed/1", root || slot))[:16]

with ``epoch id = SHA-256(framed("psihash/epoch/1", centre, epoch))``, eight big-endian bytes for
numbers and two for a slot. The slot counts the entries of one item within an epoch, over all its
publications, so no two entries share a tag, a mask or a mark; without the root nothing tells that
they belong together. The root is what both sides keep of y.

Arrays are C-contiguous ``uint8`` of shape (n, width); slots are ``uint16[n]``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from psihash import bulk
from psihash.bulk import Bytes2D
from psihash.canonical import digest, framed
from psihash.central.layout import CAPSULE_BYTES, MARK_BYTES, TAG_BYTES
from psihash.psi.encoding import elements
from psihash.psi.group import Group, Secret
from psihash.psi.voprf import Mode, derive_key
from psihash.terms import check_agency_id

CONTEXT_KIND: Final = "epoch"
ROOT_BYTES: Final = 32
MAX_SLOT: Final = 2**16 - 1

Slots = npt.NDArray[np.uint16]

_EPOCH: Final = b"psihash/epoch/1"
_KEY: Final = b"psihash/central/key/1"
_ROOT: Final = b"psihash/central/root/1"
_TAG: Final = b"psihash/central/tag/1"
_LABEL: Final = b"psihash/central/label/1"
_MARK: Final = b"psihash/central/removed/1"


def epoch_id(centre: str, epoch: int) -> bytes:
    """32 bytes that name one epoch of one centre."""
    return digest(_EPOCH, check_agency_id(centre).encode(), epoch.to_bytes(8, "big"))


def epoch_key(group: Group, centre: str, epoch: int, seed: bytes) -> Secret:
    """The epoch's key from its 32 secret bytes."""
    return derive_key(group, Mode.VOPRF, seed, framed(_KEY, epoch_id(centre, epoch)))


def inputs(centre: str, epoch: int, tokens: Bytes2D) -> Bytes2D:
    """What the function is evaluated on: (n, 32) to (n, 32). No other centre and no other epoch
    has the same, so an answer of one is of no use in another."""
    return elements(CONTEXT_KIND, epoch_id(centre, epoch), 0, tokens)


def roots(centre: str, epoch: int, outputs: Bytes2D) -> Bytes2D:
    """From outputs (n, 64) to roots (n, 32)."""
    return bulk.hash_rows(framed(_ROOT, epoch_id(centre, epoch)), outputs)


def own_roots(group: Group, key: Secret, centre: str, epoch: int, tokens: Bytes2D) -> Bytes2D:
    """What the holder of the key computes by itself: tokens (n, 32) to roots (n, 32)."""
    return roots(centre, epoch, group.evaluate(Mode.VOPRF, key, inputs(centre, epoch, tokens)))


def tags(found: Bytes2D, slots: Slots) -> Bytes2D:
    """The tags (n, 3) of roots at slots."""
    return _cut(framed(_TAG), found, slots, TAG_BYTES)


def masks(centre: str, epoch: int, delta: int, found: Bytes2D, slots: Slots) -> Bytes2D:
    """What hides the capsules (n, 20) that one publication has of roots at slots."""
    prefix = framed(_LABEL, epoch_id(centre, epoch), delta.to_bytes(8, "big"))
    return _cut(prefix, found, slots, CAPSULE_BYTES)


def marks(found: Bytes2D, slots: Slots) -> Bytes2D:
    """The marks (n, 16) by which entries are taken back."""
    return _cut(framed(_MARK), found, slots, MARK_BYTES)


def _cut(prefix: bytes, found: Bytes2D, slots: Slots, width: int) -> Bytes2D:
    wide = np.empty((len(found), ROOT_BYTES + 2), dtype=np.uint8)
    wide[:, :ROOT_BYTES] = found
    wide[:, ROOT_BYTES:] = slots.astype(">u2").view(np.uint8).reshape(-1, 2)
    return np.ascontiguousarray(bulk.hash_rows(prefix, wide)[:, :width])
