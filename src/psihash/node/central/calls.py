"""The calls that a member makes to a centre, over one verified connection."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from psihash import errors
from psihash.node.peering.channel import PEER_BUSY, PeerChannel
from psihash.wire import central_codec as codec
from psihash.wire.v1 import central_pb2 as pb

_Reply = TypeVar("_Reply")

_PATIENCE: Final = 60.0
"""How long a centre may be busy before a run gives up."""
_PAUSE: Final = 0.25


class Centre:
    """A peer's central set, from afar. Whatever it answers is only well-formed."""

    def __init__(self, channel: PeerChannel, agreement: str) -> None:
        self._channel, self._agreement = channel, agreement

    @property
    def agency(self) -> str:
        return self._channel.verified.agency

    def enrol(self) -> tuple[bytes, ...]:
        request = pb.EnrolRequest(agreement=self._id)
        return codec.canaries(self._call(lambda stub: stub.Enrol, request))

    def publications(self, epoch: int, delta: int, size: int) -> codec.Shown:
        request = pb.PublicationsRequest(agreement=self._id, epoch=epoch, delta=delta, size=size)
        return codec.shown(self._call(lambda stub: stub.Publications, request))

    def pages(self, wanted: codec.PagesWanted) -> list[bytes]:
        request = pb.PagesRequest(
            agreement=self._id,
            epoch=wanted.epoch,
            delta=wanted.delta,
            part=wanted.part.value,
            first=wanted.first,
            count=wanted.count,
        )
        return codec.pages(self._call(lambda stub: stub.Pages, request))

    def open(self, opening: codec.Opening) -> int:
        return int(self._call(lambda stub: stub.Open, codec.open_request(opening)).elements)

    def evaluate(self, batch: codec.Batch) -> tuple[bytes, bytes]:
        request = pb.EvaluateRequest(run=batch.run, number=batch.number, elements=batch.elements)
        return codec.answer(self._call(lambda stub: stub.Evaluate, request))

    @property
    def _id(self) -> bytes:
        return bytes.fromhex(self._agreement)

    def _call(self, method: Callable[[Any], Callable[..., _Reply]], request: Any) -> _Reply:
        """One call; a centre that is busy is asked again for a while."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                return self._channel.call_central(method, request)
            except errors.UnavailableError as error:
                if error.code != PEER_BUSY or time.monotonic() >= deadline:
                    raise
            time.sleep(_PAUSE)
