"""The outgoing side of a connection: mutual TLS to exactly one peer, errors by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import grpc

from psihash import errors, limits
from psihash.audit.event import Event
from psihash.identity.authority import NODE_HOST
from psihash.identity.trust import KnownPeer, VerifiedPeer
from psihash.node.home import tls_probe
from psihash.node.node import Node
from psihash.node.peering import peers
from psihash.wire import services
from psihash.wire.fields import CODE

PEER_BUSY = errors.define("peer-busy", "the peer answers as many sessions as it can; try later")
PEER_FAULT = errors.define("peer-fault", "the peer's node had a fault; its own log names it")
UNKNOWN_CHANNEL = errors.define(
    "unknown-channel", "the call belongs to no session that the node knows (any more)"
)
CALL_REFUSED = errors.define("call-refused", "the peer's node refused the call")

_Reply = TypeVar("_Reply")

_TLS_CODES: Final = frozenset({tls_probe.TLS_FAILED, tls_probe.TLS_REFUSED})

OPTIONS: Final = [
    ("grpc.ssl_target_name_override", NODE_HOST),
    ("grpc.max_receive_message_length", limits.MAX_RPC_BYTES),
    ("grpc.max_send_message_length", limits.MAX_RPC_BYTES),
    ("grpc.max_metadata_size", 8192),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # Without this a dead peer is noticed only after 60 s, whatever the keepalive says.
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.enable_retries", 0),
    # A web proxy of the surroundings is no way to a peer; the certificate was looked at without.
    ("grpc.enable_http_proxy", 0),
]


class PeerChannel:
    """A connection to one peer, with its certificate verified before the first call."""

    def __init__(self, node: Node, peer: KnownPeer) -> None:
        self._node, self._peer = node, peer
        self._endpoint = peers.endpoint_of(peer)
        try:
            self.verified: VerifiedPeer = tls_probe.probe(node, peer, self._endpoint)
        except errors.PsihashError as error:
            self._record(error)
            raise
        self._open()

    def __enter__(self) -> PeerChannel:
        return self

    def __exit__(self, *exc: object) -> None:
        self._channel.close()

    def reconnect(self) -> None:
        """A fresh connection; raises where the peer cannot be reached or is not itself any more."""
        # The old channel stays until there is another: a closed one raises at every call.
        self.verified = tls_probe.probe(self._node, self._peer, self._endpoint)
        self._channel.close()
        self._open()

    def call(self, method: Callable[[Any], Callable[..., _Reply]], request: Any) -> _Reply:
        """One unary call with a deadline. ``method`` picks it from the stub."""
        return self._call(method(self._stub), request)

    def call_witness(self, method: Callable[[Any], Callable[..., _Reply]], request: Any) -> _Reply:
        """The same for the service ``Witnessing``."""
        return self._call(method(self._witnessing), request)

    def call_central(self, method: Callable[[Any], Callable[..., _Reply]], request: Any) -> _Reply:
        """The same for the service ``Central``."""
        return self._call(method(self._central), request)

    def _call(self, method: Callable[..., _Reply], request: Any) -> _Reply:
        try:
            return method(request, timeout=limits.CALL_SECONDS)
        except grpc.RpcError as fault:
            raise _named(fault) from None

    def _record(self, error: errors.PsihashError) -> None:
        """What fails inside the handshake cannot be seen, and logged, by the other side."""
        refused = not isinstance(error, errors.UnavailableError) or error.code in _TLS_CODES
        event = Event.AUTH_FAILURE if refused else Event.PEER_UNREACHABLE
        self._node.record(event, {"peer": self._peer.card.agency, "code": error.code})

    def _open(self) -> None:
        credentials = grpc.ssl_channel_credentials(
            root_certificates=self._peer.card.card.ca_pem,
            private_key=self._node.keys.tls_pem(),
            certificate_chain=self._node.tls_pem,
        )
        self._channel = grpc.secure_channel(self._endpoint, credentials, options=OPTIONS)
        self._stub = services.stub(self._channel, services.PEER)
        self._central = services.stub(self._channel, services.CENTRAL)
        self._witnessing = services.stub(self._channel, services.WITNESSING)


def _named(fault: grpc.RpcError) -> errors.PsihashError:
    """A status from the peer as an error of ours. Its text is a code of the tree or nothing."""
    status, details = fault.code(), fault.details() or ""
    said = details if CODE.fullmatch(details) else ""
    known = said if said in errors.CODES else ""
    if status is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return errors.UnavailableError(PEER_BUSY, "the peer is busy; try again in some minutes")
    if status in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED):
        return errors.RefusedError(
            known or CALL_REFUSED,
            f"the peer refused the call: {said or 'no reason given'}",
            hint="ask the other side to look into its log, or run `psihash doctor`",
        )
    if status in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        return errors.UnavailableError(
            tls_probe.PEER_UNREACHABLE, "the connection to the peer was lost"
        )
    if said:
        return errors.PeerError(known or PEER_FAULT, f"the peer answered: {said}")
    return errors.PeerError(PEER_FAULT, "the peer's node had a fault")
