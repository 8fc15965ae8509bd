"""A member's connection to a centre in one process: every message goes through its bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from google.protobuf.message import Message

from psihash.identity.trust import VerifiedPeer, verify_peer
from psihash.node.central import centre, comparing
from psihash.node.node import Node
from psihash.node.oversight import cosigning
from psihash.node.peering.channel import PeerChannel
from psihash.wire import central_codec as codec
from psihash.wire import witness_codec
from psihash.wire.v1 import central_pb2 as pb


class Line:
    """Stands in for :class:`PeerChannel`. ``tamper`` sees (method, request, reply) of every call
    and gives what arrives; ``count`` is how often each method was called."""

    def __init__(
        self,
        member: Node,
        other: Node,
        tamper: Callable[[str, Any, Any], Any] | None = None,
    ) -> None:
        self._member, self._centre, self._tamper = member, other, tamper
        self.verified: VerifiedPeer = verify_peer(other.tls_pem, member.directory, member.now())
        self.count: dict[str, int] = {}
        self.bytes: dict[str, int] = {}

    def call_central(self, method: Callable[[Any], Any], request: Message) -> Any:
        return self._call(method, request, self._central)

    def call_witness(self, method: Callable[[Any], Any], request: Message) -> Any:
        return self._call(method, request, self._witness)

    def _call(
        self, method: Callable[[Any], Any], request: Message, answer: Callable[[str, Any], Any]
    ) -> Any:
        name = method(_Names())
        self.count[name] = self.count.get(name, 0) + 1
        reply = answer(name, _again(request))
        if self._tamper is not None:
            reply = self._tamper(name, request, reply)
        self.bytes[name] = self.bytes.get(name, 0) + reply.ByteSize()
        return _again(reply)

    def _central(self, name: str, request: Any) -> Any:
        node, peer = self._centre, self._member.agency
        match name:
            case "Enrol":
                tokens = centre.enrol(node, peer, codec.agreement(request.agreement))
                return pb.EnrolReply(canaries=tokens)
            case "Publications":
                return codec.shown_reply(centre.publications(node, peer, codec.wanted(request)))
            case "Pages":
                return pb.PagesReply(pages=centre.pages(node, peer, codec.pages_wanted(request)))
            case "Open":
                return pb.OpenReply(elements=centre.open_run(node, peer, codec.opening(request)))
            case "Compare":
                shown = comparing.answer(node, peer, codec.compared(request))
                return pb.CompareManifestsReply(shown=codec.comparing(shown))
            case _:
                elements, proof = centre.evaluate(node, peer, codec.batch(request))
                return pb.EvaluateReply(elements=elements, proof=proof)

    def _witness(self, name: str, request: Any) -> Any:
        node, card = self._centre, self._member.card
        match name:
            case "Greet":
                return cosigning.answer_greet(node, card, witness_codec.greet_nonce(request))
            case "Compare":
                return cosigning.answer_compare(node, card, witness_codec.comparing(request))
            case _:
                return cosigning.answer_deliver(node, card, witness_codec.parse_delivery(request))


def line(
    member: Node, other: Node, tamper: Callable[[str, Any, Any], Any] | None = None
) -> PeerChannel:
    """A connection from a member to a centre."""
    return cast(PeerChannel, Line(member, other, tamper))


class _Names:
    def __getattr__(self, name: str) -> str:
        return name


def _again(message: Any) -> Any:
    return type(message).FromString(message.SerializeToString())
