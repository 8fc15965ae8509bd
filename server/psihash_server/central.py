"""The gRPC service ``Central``: a member's runs against our central set."""

from __future__ import annotations

from typing import Any, TypeAlias

import grpc

from psihash.identity.trust import VerifiedPeer
from psihash.node.central import centre, comparing
from psihash.node.node import Node
from psihash.wire import central_codec as codec
from psihash.wire.v1 import central_pb2 as pb
from psihash_server.witnessing import Gate

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class CentralService:
    """One method per RPC, behind the same gate as those of ``Peer``."""

    def __init__(self, node: Node, gate: Gate) -> None:
        self._node, self._gate = node, gate

    async def Enrol(self, request: pb.EnrolRequest, context: _Context) -> pb.EnrolReply:
        def answer(peer: VerifiedPeer) -> pb.EnrolReply:
            agreement = codec.agreement(request.agreement)
            return pb.EnrolReply(canaries=centre.enrol(self._node, peer.agency, agreement))

        return await self._gate.answer(context, answer)

    async def Publications(
        self, request: pb.PublicationsRequest, context: _Context
    ) -> pb.PublicationsReply:
        def answer(peer: VerifiedPeer) -> pb.PublicationsReply:
            wanted = codec.wanted(request)
            return codec.shown_reply(centre.publications(self._node, peer.agency, wanted))

        return await self._gate.answer(context, answer)

    async def Pages(self, request: pb.PagesRequest, context: _Context) -> pb.PagesReply:
        def answer(peer: VerifiedPeer) -> pb.PagesReply:
            wanted = codec.pages_wanted(request)
            return pb.PagesReply(pages=centre.pages(self._node, peer.agency, wanted))

        return await self._gate.answer(context, answer)

    async def Open(self, request: pb.OpenRequest, context: _Context) -> pb.OpenReply:
        def answer(peer: VerifiedPeer) -> pb.OpenReply:
            opening = codec.opening(request)
            return pb.OpenReply(elements=centre.open_run(self._node, peer.agency, opening))

        return await self._gate.answer(context, answer)

    async def Evaluate(self, request: pb.EvaluateRequest, context: _Context) -> pb.EvaluateReply:
        def answer(peer: VerifiedPeer) -> pb.EvaluateReply:
            asked = codec.batch(request)
            elements, proof = centre.evaluate(self._node, peer.agency, asked)
            return pb.EvaluateReply(elements=elements, proof=proof)

        return await self._gate.answer(context, answer)

    async def Compare(
        self, request: pb.CompareManifestsRequest, context: _Context
    ) -> pb.CompareManifestsReply:
        def answer(peer: VerifiedPeer) -> pb.CompareManifestsReply:
            shown = comparing.answer(self._node, peer.agency, codec.compared(request))
            return pb.CompareManifestsReply(shown=codec.comparing(shown))

        return await self._gate.answer(context, answer)
