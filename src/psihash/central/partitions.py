"""One partition of an epoch's values, as work that another process or machine can do.

What such a worker gets is bytes and nothing else: the secret of the epoch's key, and the inputs of
the function (:func:`psihash.central.derive.inputs`), which are bound to this centre and epoch. It
gets no token, no label, no name of a list, and not the secret of the labels, so it cannot make or
open a record. With the key it can test guesses at what is in its partition.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from psihash import errors
from psihash.bulk import Bytes2D, rows
from psihash.central import derive
from psihash.psi import groups
from psihash.psi.engine import TOKEN_BYTES
from psihash.psi.group import Group
from psihash.psi.voprf import Mode

EXECUTOR_WRONG = errors.define(
    "executor-wrong", "a worker's values of the central function are not those that they must be"
)

Rng = Callable[[int], bytes]

SAMPLE: Final = 16
"""Values of each partition that are computed again here: a worker under another version or another
key is found at once, and what it made never gets into the store."""


def work(centre: str, epoch: int, seed: bytes, inputs: bytes, group: str = "") -> bytes:
    """The roots of some inputs, 32 bytes each, in their order. ``seed`` as for
    :func:`psihash.central.derive.epoch_key`; ``group`` names an implementation, empty for the
    fastest."""
    best = groups.best(group)
    return _roots(best, centre, epoch, seed, rows(inputs, TOKEN_BYTES)).tobytes()


def accept(
    group: Group, centre: str, epoch: int, seed: bytes, inputs: bytes, roots: bytes, rng: Rng
) -> Bytes2D:
    """What a worker gave, after a look at a sample of it: the first, the last, and others that
    nobody can foresee. Raises VerificationError ``executor-wrong``."""
    asked = rows(inputs, TOKEN_BYTES)
    if len(roots) != len(inputs):
        raise _wrong()
    found = rows(roots, derive.ROOT_BYTES)
    drawn = np.frombuffer(rng(8 * SAMPLE), np.uint64) % np.uint64(max(len(asked), 1))
    places = np.unique(np.append(drawn.astype(np.int64), [0, len(asked) - 1]))[: len(asked)]
    expected = _roots(group, centre, epoch, seed, np.ascontiguousarray(asked[places]))
    if not np.array_equal(found[places], expected):
        raise _wrong()
    return found


def _roots(group: Group, centre: str, epoch: int, seed: bytes, inputs: Bytes2D) -> Bytes2D:
    key = derive.epoch_key(group, centre, epoch, seed)
    return derive.roots(centre, epoch, group.evaluate(Mode.VOPRF, key, inputs))


def _wrong() -> errors.VerificationError:
    return errors.VerificationError(
        EXECUTOR_WRONG,
        "a worker gave other values than it should",
        hint="let all workers run the same version of psihash as this node",
    )
