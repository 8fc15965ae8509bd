"""The gRPC service ``Witnessing``: exchange of checkpoints with a peer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, TypeVar

import grpc

from psihash.identity.trust import VerifiedPeer
from psihash.node.node import Node
from psihash.node.oversight import cosigning
from psihash.wire import witness_codec as codec
from psihash.wire.v1 import witness_pb2 as pb

_Reply = TypeVar("_Reply")
_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class Gate(Protocol):
    """Proves who calls, keeps to the peer's share, and says errors by their code."""

    async def answer(self, context: _Context, work: Callable[[VerifiedPeer], _Reply]) -> _Reply: ...


class WitnessingService:
    """One method per RPC, behind the same gate as those of ``Peer``."""

    def __init__(self, node: Node, gate: Gate) -> None:
        self._node, self._gate = node, gate

    async def Greet(self, request: pb.GreetRequest, context: _Context) -> pb.GreetReply:
        def answer(peer: VerifiedPeer) -> pb.GreetReply:
            nonce = codec.greet_nonce(request)
            return cosigning.answer_greet(self._node, peer.card.card, nonce)

        return await self._gate.answer(context, answer)

    async def Compare(self, request: pb.CompareRequest, context: _Context) -> pb.CompareReply:
        def answer(peer: VerifiedPeer) -> pb.CompareReply:
            asked = codec.comparing(request)
            return cosigning.answer_compare(self._node, peer.card.card, asked)

        return await self._gate.answer(context, answer)

    async def Deliver(self, request: pb.DeliverRequest, context: _Context) -> pb.DeliverReply:
        def answer(peer: VerifiedPeer) -> pb.DeliverReply:
            delivered = codec.parse_delivery(request)
            return cosigning.answer_deliver(self._node, peer.card.card, delivered)

        return await self._gate.answer(context, answer)
