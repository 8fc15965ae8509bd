"""A member's questions: padded, in random order, blinded each by itself, in batches.

The centre sees uniformly random points, as many as the size classes say. A batch is answered with
one proof; an answer whose proof does not hold under the epoch's key ends the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from psihash import errors
from psihash.bulk import Bytes2D, rows
from psihash.central import derive
from psihash.psi.encoding import dummies, permutation
from psihash.psi.engine import Rng
from psihash.psi.group import OUTPUT_BYTES, POINT_BYTES, Group, Rows
from psihash.psi.voprf import Blinded, Client, Mode

BAD_ANSWER = errors.define(
    "central-bad-answer", "the centre's answer does not fit the question: other sizes or numbers"
)

BATCH: Final = 8_192
"""Elements under one proof and in one call: 256 KiB."""


def batch_sizes(elements: int) -> list[int]:
    """How a run of ``elements`` elements is cut."""
    return [min(BATCH, elements - start) for start in range(0, elements, BATCH)]


class Questions:
    """One run: tokens (n, 32) of a member, filled up to ``elements``."""

    def __init__(
        self,
        group: Group,
        centre: str,
        epoch: int,
        public_key: bytes,
        tokens: Bytes2D,
        elements: int,
        rng: Rng,
    ) -> None:
        if len(tokens) > elements:
            raise ValueError("more tokens than the run has room for")
        self._client = Client(group, Mode.VOPRF, public_key)
        self._centre, self._epoch = centre, epoch
        self._count = len(tokens)
        self._order = permutation(elements, rng)
        padded = np.concatenate([tokens, dummies(elements - len(tokens), rng)])
        self._inputs = derive.inputs(centre, epoch, padded)[self._order]
        self._asked: Blinded | None = None
        self._outputs: list[bytes] = []

    def ask(self) -> Iterator[Rows]:
        """The batches; give :meth:`take` the answer to each before the next."""
        for start in range(0, len(self._inputs), BATCH):
            part = self._inputs[start : start + BATCH]
            self._asked = self._client.blind([row.tobytes() for row in part])
            yield self._asked.elements

    def take(self, evaluated: bytes, proof: bytes) -> None:
        """The answer to the batch that was asked last. Raises ProtocolError
        ``central-bad-answer``, ``group-bad-proof``, ``psi-bad-point``."""
        asked, self._asked = self._asked, None
        if asked is None or len(evaluated) != asked.elements.nbytes:
            raise errors.ProtocolError(BAD_ANSWER, "the answer is not one to what was asked")
        self._outputs += self._client.finalize(asked, rows(evaluated, POINT_BYTES), proof)

    def roots(self) -> Bytes2D:
        """The roots of the tokens, in their order."""
        if len(self._outputs) != len(self._order):
            raise errors.ProtocolError(BAD_ANSWER, "the centre has not answered everything")
        outputs = rows(b"".join(self._outputs), OUTPUT_BYTES)
        places = np.empty(len(self._order), np.int64)
        places[self._order] = np.arange(len(self._order))
        return derive.roots(self._centre, self._epoch, outputs[places[: self._count]])
